"""Links in a project: where they may lead, and why one is not followed.

Deployment tools and servers follow links, as in a repository of several projects that share a folder. But a
link can lead to any file of this machine. So links are followed within the git repository that the project is
in; who wants more has to name the link.
"""

from collections.abc import Collection, Container
from pathlib import Path

NOWHERE = "a link that leads nowhere"
OUTSIDE = "a link out of the project"
CIRCLE = "a link to a folder it lies in"


def refusal(link: Path, root: Path, within: Collection[Path], above: Container[Path]) -> str:
    """Return the reason why a link is not followed; "" if it is.

    `within` are the folders that it may lead into, `above` those that it was reached through; all are without
    links, as `root`, the project's folder, is.
    """
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):
        return NOWHERE
    if not any(target.is_relative_to(each) for each in within):
        return OUTSIDE
    around = target in above or root.is_relative_to(target) or link.parent.resolve().is_relative_to(target)
    return CIRCLE if around else ""
