"""What a deployment will do, as a person reads it: the same lines for `diff`, `--dry-run` and the question.

Pure. Changes that cannot be undone are said in words and stand out: data that is lost, a URL that changes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from lambdify.cli.console import Line
from lambdify.cli.plan import costs
from lambdify.cli.plan.costs import Cost
from lambdify.cli.plan.drift import Drift
from lambdify.cli.plan.rights import Right, compare
from lambdify.cli.stacks.changes import Body, Change, Property, UrlChange, find_url_change, format_value

SIGNS = {"Add": ("+", "added"), "Modify": ("~", "changed"), "Remove": ("-", "removed")}
SIGNS["Import"] = ("=", "changed")
LIMITS = ("MemorySize", "Timeout", "EphemeralStorage", "ReservedConcurrentExecutions")
"""Properties for which a function has a Lambda of its own."""
WIDEST = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a deployment will do."""

    changes: tuple[Change, ...]
    rights: tuple[Right, ...]
    url_change: UrlChange | None
    costs: tuple[Cost, ...]
    """Costs after the deployment."""
    monthly: float
    """Sum of the known costs, in USD a month."""
    monthly_before: float
    lambdas: Mapping[str, str] = field(default_factory=dict)
    """Functions that get a Lambda of their own, by the names of these, and why."""
    mails: tuple[str, ...] = ()
    """Addresses that alarms are sent to from now on, once they have confirmed it."""


def make(changes: tuple[Change, ...], before: Body, after: Body, *, kept: int) -> Preview:
    """Return the preview of changes between two templates; `kept` is the number of releases that are kept."""
    now, then = costs.estimate_idle(before, kept=kept), costs.estimate_idle(after, kept=kept)
    return Preview(
        changes=changes,
        rights=compare(before, after),
        url_change=find_url_change(before, after, changes),
        costs=then,
        monthly=round(costs.total(then), 2),
        monthly_before=round(costs.total(now), 2),
        lambdas=find_new_lambdas(before, after),
        mails=tuple(address for address in _find_mails(after) if address not in _find_mails(before)),
    )


def _find_mails(body: Body) -> list[str]:
    """Return the addresses that topics of a template send mail to."""
    subscriptions = (
        each.get("Properties", {})
        for each in body.get("Resources", {}).values()
        if each["Type"] == "AWS::SNS::Subscription"
    )
    return [str(each.get("Endpoint")) for each in subscriptions if each.get("Protocol") == "email"]


def find_new_lambdas(before: Body, after: Body) -> dict[str, str]:
    """Return the Lambdas beside the app's that a change makes, by name, and the limits that are their own."""
    there, wanted = before.get("Resources", {}), after.get("Resources", {})
    app = wanted.get("Function", {}).get("Properties", {})
    new: dict[str, str] = {}
    for name, each in wanted.items():
        if each["Type"] != "AWS::Lambda::Function" or name == "Function" or name in there:
            continue
        if name not in {f"Function{alias.removeprefix('Alias')}" for alias in wanted}:
            continue  # the project's own
        own = each["Properties"]
        limits = [f"{limit} {_limit(own[limit])}" for limit in LIMITS if own.get(limit) != app.get(limit)]
        new[str(own["FunctionName"])] = ", ".join(limits)
    return new


def _limit(value: object) -> str:
    return format_value(value["Size"] if isinstance(value, Mapping) and "Size" in value else value)


def summarize(preview: Preview) -> list[Line]:
    """Return the lines before the question of `deploy`: resources, property names, dangers, rights, costs."""
    width = max((len(each.resource) for each in preview.changes), default=0)
    lines = []
    for change in preview.changes:
        sign, style = SIGNS.get(change.action, ("~", "changed"))
        names = ", ".join(dict.fromkeys(each.path.split(".")[0] for each in change.properties))
        if change.only_refers:
            continue
        about = f"{change.kind}{f'  ({names})' if names else ''}{_outcome(change)}"
        lines.append(Line(f"{sign} {change.resource:<{width}}  {about}", _style(change, style)))
    return [
        *lines,
        *_lambdas(preview),
        *_mails(preview),
        *_dangers(preview),
        *_rights(preview.rights),
        *_costs(preview, details=False),
    ]


def show_in_full(preview: Preview, drift: Drift | None) -> list[Line]:
    """Return the lines of `lambdify diff`: every value before and after, rights, costs and drift."""
    lines = [] if preview.changes else [Line("Nothing would change.")]
    for change in preview.changes:
        sign, style = SIGNS.get(change.action, ("~", "changed"))
        style = "quiet" if change.only_refers else _style(change, style)
        lines.append(Line(f"{sign} {change.resource}  {change.kind}{_outcome(change)}", style))
        lines += _values(change.properties)
    return [
        *lines,
        *_lambdas(preview),
        *_mails(preview),
        *_dangers(preview),
        *_rights(preview.rights),
        *_costs(preview, details=True),
        *_drift(drift),
    ]


def _style(change: Change, usual: str) -> str:
    return "danger" if change.loses_data or change.replaced else usual


def _outcome(change: Change) -> str:
    if change.only_refers:
        return "  only where it refers to what changes"
    if change.action == "Import":
        return "  is there already, and is taken over"
    if change.replaced is None:
        return "  may be replaced"
    if change.replaced:
        return "  is replaced" + (", the old one stays" if change.kept else "")
    return "  stays in the account" if change.action == "Remove" and change.kept else ""


def _values(properties: Sequence[Property]) -> list[Line]:
    width = max((len(each.path) for each in properties), default=0)
    return [Line(f"    {each.path:<{width}}  {_pair(each)}") for each in properties]


def _pair(changed: Property) -> str:
    """Return both values; of long ones, the part where they begin to differ."""
    before, after = format_value(changed.before), format_value(changed.after)
    if max(len(before), len(after)) <= WIDEST:
        return f"{before} → {after}"
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    start = max(0, len(list(alike)) - WIDEST // 4)
    return f"{_cut(before, start)} → {_cut(after, start)}"


def _cut(value: str, start: int) -> str:
    part = value[start : start + WIDEST]
    return f"{'…' if start and part else ''}{part}{'…' if start + WIDEST < len(value) else ''}"


def _lambdas(preview: Preview) -> Iterator[Line]:
    for name, why in preview.lambdas.items():
        yield Line(f"A Lambda of its own: {name}{f' ({why})' if why else ''}", "added")


def _mails(preview: Preview) -> Iterator[Line]:
    for address in preview.mails:
        yield Line(f"{address} gets a mail from AWS: no alarm comes before its link was followed.", "added")


def _dangers(preview: Preview) -> Iterator[Line]:
    for change in preview.changes:
        if change.loses_data:
            yield Line(
                f"! What {change.resource} holds is deleted with it, and cannot be got back.", "danger"
            )
    if preview.url_change and preview.url_change.after == "none":
        yield Line(f"! The {preview.url_change.before} goes: its URL will answer nobody.", "danger")
    elif preview.url_change:
        yield Line(
            f"! The URL changes ({preview.url_change.before} → {preview.url_change.after}): clients of "
            "the old one, and domains that point to it, get no answer.",
            "danger",
        )


def _rights(rights: Sequence[Right]) -> Iterator[Line]:
    if rights:
        yield Line("Rights", "title")
    for right in rights:
        sign, style = ("+", "added") if right.added else ("-", "removed")
        yield Line(f"  {sign} {right.resource}: {right.text}", style)


def _costs(preview: Preview, *, details: bool) -> Iterator[Line]:
    then, now = costs.format_dollars(preview.monthly), costs.format_dollars(preview.monthly_before)
    change = f", {now} before" if then != now and preview.monthly_before else ""
    if not details:
        if preview.monthly >= 1 or change:
            yield Line(f"Billed when idle: {then} a month{change} ({costs.basis()})", "quiet")
        return
    yield Line(f"Billed when idle: {then} a month{change}", "title")
    for cost in preview.costs:
        amount = "not known" if cost.monthly is None else costs.format_dollars(cost.monthly)
        yield Line(f"  {amount:>12}  {cost.what}: {cost.why}")
    yield Line(f"  ({costs.basis()})", "quiet")


def _drift(drift: Drift | None) -> Iterator[Line]:
    if drift is None:
        return
    if not drift.known:
        yield Line(f"Changed by hand: not known, {drift.reason}", "quiet")
    elif not drift.resources:
        yield Line("Changed by hand: nothing", "quiet")
    else:
        yield Line("Changed by hand since it was deployed", "title")
    for each in drift.resources:
        yield Line(f"  {each.resource}  {each.kind}{'  was deleted' if each.deleted else ''}", "changed")
        yield from (Line(f"  {line.text}") for line in _values(each.properties))
