"""Notes: Markdown in, HTML out that cannot carry a script (nh3 is a compiled HTML sanitizer)."""

import nh3
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

markdown = MarkdownIt("commonmark")


def render_notes(text: str) -> SafeString:
    """The notes as HTML, fit to be put into a page as they are."""
    return mark_safe(nh3.clean(markdown.render(text)))
