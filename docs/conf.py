"""The site of these documents: `make docs`. Warnings are errors."""

project = "lambdify"
author = "the authors of lambdify"
copyright = author  # noqa: A001 - Sphinx's name for it
html_title = "lambdify"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
# A link to a heading is "page.md#the-heading", as on GitHub.
myst_heading_anchors = 3
# Blocks without a language are terminals, with what is typed and what comes: nothing to colour.
highlight_language = "none"
html_theme = "furo"
html_static_path: list[str] = []
html_show_sphinx = False
html_copy_source = False
html_show_copyright = False
