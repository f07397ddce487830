"""A finding: what was looked at, whether it is well, what to do if it is not; and how findings are shown."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lambdify.cli.console import Line
from lambdify.cli.redaction import redact

State = Literal["ok", "warning", "failed"]
"""warning: some commands will do without, others not; failed: a deployment would not succeed."""
SIGNS = {"ok": ("✓", "added"), "warning": ("!", "changed"), "failed": ("✗", "danger")}
"""The sign of each state, and the style of its line."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    said: str
    way_out: str = ""
    """What to do; "" if nothing has to be done."""

    def __post_init__(self) -> None:
        # What others say, an engine or AWS, may quote an address with a password.
        for field in ("said", "way_out"):
            object.__setattr__(self, field, redact(getattr(self, field)))


def succeeds(found: Sequence[Finding]) -> bool:
    """Whether nothing failed."""
    return all(each.state != "failed" for each in found)


def show(found: Sequence[Finding]) -> list[Line]:
    """Return a table: a line for each finding, its way out below it, and a summary."""
    width = max(len(each.name) for each in found)
    lines = []
    for each in found:
        sign, style = SIGNS[each.state]
        lines.append(Line(f"{sign} {each.name:{width}}  {each.said}", style if each.state != "ok" else ""))
        if each.way_out:
            lines.append(Line(f"  {'':{width}}  → {each.way_out}", "quiet" if each.state == "ok" else ""))
    return [*lines, Line(_summarize(found), "title")]


def to_value(found: Sequence[Finding]) -> dict[str, Any]:
    """Return the findings for --json."""
    return {"ok": succeeds(found), "findings": [asdict(each) for each in found]}


def _summarize(found: Sequence[Finding]) -> str:
    failed = [each.name for each in found if each.state == "failed"]
    if failed:
        return f"In the way of a deployment: {', '.join(failed)}."
    warned = ", ".join(each.name for each in found if each.state == "warning")
    return f"Nothing is in the way of a deployment{f'; to know: {warned}' if warned else ''}."
