"""The audit: what is known against the distributions of a bundle, and whether it is too much.

    distributions ─▶ questions ─▶ osv ─▶ records ─▶ findings, worst first ─▶ below the limit, or AdvisoryFound

One cause often has several records, GitHub's and the index's own: those that name each other are one finding.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lambdify.cli.console import Console
from lambdify.cli.errors import AdvisoryFound
from lambdify.cli.packing.inventory import osv, severity
from lambdify.cli.packing.inventory.osv import Asked, Record
from lambdify.cli.packing.inventory.severity import Severity
from lambdify.cli.packing.wheels.distributions import Distribution

MAX_LINES = 10
"""Findings that an error lists; more are counted."""
PAGE = "https://osv.dev/vulnerability/"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is known against one distribution."""

    name: str
    version: str
    id: str
    """GitHub's id if there is one, since it leads to the most readable page."""
    aliases: tuple[str, ...]
    severity: Severity
    summary: str
    fixed: str
    """The next version without it; "" if there is none."""
    url: str
    ignored: bool
    """Whether [build] audit_ignore names it."""


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The answer: what is known, and of what nothing was asked."""

    service: str
    limit: Severity
    asked: int
    """Distributions that were asked about."""
    not_asked: tuple[str, ...]
    """Those that are built from folders of this machine: the index's package of that name is another one."""
    findings: tuple[Finding, ...]
    """The worst first."""
    needless: tuple[str, ...]
    """Ids of [build] audit_ignore that nothing has any more."""

    @property
    def refused(self) -> tuple[Finding, ...]:
        """The findings that reach the limit and are not ignored."""
        return tuple(
            each for each in self.findings if not each.ignored and severity.reaches(each.severity, self.limit)
        )


def run(
    distributions: Sequence[Distribution],
    service: str,
    *,
    limit: Severity,
    ignore: Sequence[str] = (),
    seconds: float = osv.LIMIT,
) -> Audit:
    """Return what the service knows of the distributions. Raises AuditUnanswered."""
    asked = {each: _ask(each) for each in distributions if each.origin != "folder"}
    records = osv.find(list(dict.fromkeys(asked.values())), service, limit=seconds)
    with osv.understood(service):
        findings = [
            finding
            for each, question in asked.items()
            for finding in _findings(each, records[question], frozenset(ignore))
        ]
    named = {name for each in findings for name in (each.id, *each.aliases)}
    return Audit(
        service=service,
        limit=limit,
        asked=len(asked),
        not_asked=tuple(f"{each.name} {each.version}" for each in distributions if each not in asked),
        findings=tuple(sorted(findings, key=_worst_first)),
        needless=tuple(each for each in ignore if each not in named),
    )


def show(audit: Audit, console: Console) -> None:
    """Tell what is known but not refused, and of what nothing was asked."""
    refused = audit.refused
    for each in audit.findings:
        if each.ignored:
            console.note(f"accepted: {describe(each)}")
        elif each not in refused:
            console.warn(describe(each))
    if audit.not_asked:
        console.note(f"Not asked about, since they are built from folders here: {', '.join(audit.not_asked)}")
    for name in audit.needless:
        console.note(f"[build] audit_ignore: nothing that is packed has {name} any more.")
    if not audit.findings:
        console.note(f"No advisory is known of the {audit.asked} distributions that were asked about.")


def require(audit: Audit) -> None:
    """Return if nothing reaches the limit. Raises AdvisoryFound."""
    refused = audit.refused
    if not refused:
        return
    lines = [describe(each) for each in refused[:MAX_LINES]]
    if len(refused) > MAX_LINES:
        lines.append(f"and {len(refused) - MAX_LINES} more")
    first = refused[0]
    raised = _raise(refused)
    accepted = f'[build] audit_ignore = ["{first.id}"] accepts one that cannot harm this app.'
    raising = f"Require {', '.join(raised[:MAX_LINES])}, and lock again. " if raised else ""
    word = "advisory" if len(refused) == 1 else "advisories"
    raise AdvisoryFound(
        f"{len(refused)} {word} of what is packed, {_describe_limit(audit.limit)}:\n" + "\n".join(lines),
        hint=raising + accepted,
    )


def describe(finding: Finding) -> str:
    """Return a finding as a line."""
    also = next((each for each in finding.aliases if each.startswith("CVE-")), "")
    ids = f"{finding.id} ({also})" if also else finding.id
    fixed = f"fixed in {finding.fixed}" if finding.fixed else "no version without it"
    grade = "severity unknown" if finding.severity == "unknown" else finding.severity
    summary = f": {finding.summary}" if finding.summary else ""
    return f"{finding.name} {finding.version}, {grade}, {ids}, {fixed}{summary}"


def _raise(findings: Sequence[Finding]) -> list[str]:
    """Return the requirements that lead past all findings that a version fixes."""
    fixed: dict[str, Version] = {}
    for each in findings:
        if each.fixed:
            fixed[each.name] = max(Version(each.fixed), fixed.get(each.name, Version(each.fixed)))
    return [f"{name}>={version}" for name, version in sorted(fixed.items())]


def _describe_limit(limit: Severity) -> str:
    return "whatever their severity" if limit == "low" else f'{limit} or above ([build] audit = "{limit}")'


def _ask(distribution: Distribution) -> Asked:
    """Return the question about a distribution. Advisories know no local versions: 2.1+cpu is 2.1."""
    try:
        version = Version(distribution.version).public
    except InvalidVersion:
        version = distribution.version
    return Asked(canonicalize_name(distribution.name), version)


def _findings(
    distribution: Distribution, records: Sequence[Record], ignore: frozenset[str]
) -> Iterator[Finding]:
    for group in _same_cause(records):
        names = {str(name) for each in group for name in (each["id"], *(each.get("aliases") or ()))}
        group.sort(key=lambda each: _readable(str(each["id"])))
        first = str(group[0]["id"])
        texts = (str(each.get("summary") or "") for each in group)
        yield Finding(
            name=distribution.name,
            version=distribution.version,
            id=first,
            aliases=tuple(sorted(names - {first})),
            severity=severity.highest(map(severity.of, group)),
            summary=" ".join(next(filter(None, texts), "").split()),
            fixed=_next_fixed(distribution, group),
            url=PAGE + first,
            ignored=not names.isdisjoint(ignore),
        )


def _same_cause(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records in groups, in each those that share a name."""
    groups: list[tuple[set[str], list[Record]]] = []
    for record in records:
        names = {str(record["id"]), *map(str, record.get("aliases") or ())}
        same = [group for group in groups if not names.isdisjoint(group[0])]
        groups = [group for group in groups if names.isdisjoint(group[0])]
        merged = [record, *(each for _, members in same for each in members)]
        groups.append((names.union(*(known for known, _ in same)), merged))
    return [members for _, members in groups]


def _readable(name: str) -> tuple[int, str]:
    order = ("GHSA-", "PYSEC-", "CVE-")
    return next((place for place, start in enumerate(order) if name.startswith(start)), len(order)), name


def _next_fixed(distribution: Distribution, group: Iterable[Record]) -> str:
    """Return the lowest version above the packed one that an advisory calls fixed; "" if there is none."""
    name = canonicalize_name(distribution.name)
    try:
        packed = Version(distribution.version)
    except InvalidVersion:
        return ""
    fixed = {version for record in group for version in _fixed(record, name) if version > packed}
    return str(min(fixed, default=""))


def _fixed(record: Record, name: str) -> Iterator[Version]:
    for affected in record.get("affected") or ():
        package: Mapping[str, Any] = affected.get("package") or {}
        if package.get("ecosystem") != "PyPI" or canonicalize_name(str(package.get("name"))) != name:
            continue
        for span in affected.get("ranges") or ():
            events = span.get("events") or () if span.get("type") == "ECOSYSTEM" else ()
            for text in (each["fixed"] for each in events if "fixed" in each):
                try:
                    yield Version(str(text))
                except InvalidVersion:
                    continue


def _worst_first(finding: Finding) -> tuple[int, str, str]:
    return -severity.ORDER.index(finding.severity), canonicalize_name(finding.name), finding.id
