"""What there is of a stage's names: which are served, their certificates, the records that they want."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lambdify.cli.domains import certificates, names, zones
from lambdify.cli.domains.certificates import Certificate
from lambdify.cli.errors import CertificatePending, UsageError
from lambdify.cli.formatting import columns
from lambdify.cli.stacks import stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

PATIENCE = 3600.0
"""Seconds that `domain --wait` waits at most."""
SERVED, READY, WAITING, UNKNOWN = "served", "ready", "waiting", "unknown"
MEANINGS = {
    SERVED: "served",
    READY: "has its certificate: the next deployment serves it",
    WAITING: "waits for its certificate",
    UNKNOWN: "has no certificate yet: the next deployment asks for one",
}
WHOSE = {True: "deploy", False: "you"}
THERE = {True: "yes", False: "no", None: "?"}


@dataclass(frozen=True, kw_only=True)
class Name:
    """A name of [domain]."""

    name: str
    state: str
    """A key of MEANINGS."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record that has to be in the DNS."""

    name: str
    kind: str
    """"CNAME", "A and AAAA", or "ALIAS or ANAME" for the top of a zone that others have."""
    value: str
    purpose: str
    """"certificate" or "address"."""
    ours: bool
    """Whether `deploy` writes it, in a hosted zone of this account."""
    seen: bool | None
    """Whether it is there; None if that is not known."""


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate of the stage."""

    arn: str
    status: str
    names: tuple[str, ...]
    expires: datetime | None
    failure: str


@dataclass(frozen=True, kw_only=True)
class State:
    """All that there is."""

    names: tuple[Name, ...]
    records: tuple[Record, ...]
    certificates: tuple[Issued, ...]

    @property
    def json(self) -> dict[str, Any]:
        """The state for --json. Programs depend on these names: new ones may be added, none changed."""
        found = asdict(self)
        for each in found["certificates"]:
            each["expires"] = each["expires"].isoformat() if each["expires"] else None
        return found


def fetch(stage: Stage, known: Sequence[Certificate] | None = None) -> State:
    """Return the state. Raises UsageError for a stage without names, SettingsError for a wrong zone.

    `known` are its certificates, if the caller has found them already.
    """
    domain = stage.settings.domain
    known = find_certificates(stage) if known is None else known
    existing = stack.find(stage)
    targets = names.targets(existing) if existing else {}
    usable = [each for each in known if each.status in (certificates.ISSUED, certificates.PENDING)]
    zoned = zones.find(stage)
    records = [*_proofs(usable, set(zoned)), *_addresses(targets, set(zoned))]
    served = set(targets)
    if domain.path and existing and "://" in existing.outputs.get("Endpoint", ""):
        served = {*domain.names}
    return State(
        names=tuple(Name(name=name, state=_state(name, served, usable)) for name in domain.names),
        records=tuple({(each.name, each.kind): each for each in records}.values()),
        certificates=tuple(
            Issued(
                arn=each.arn,
                status=each.status,
                names=tuple(sorted(each.names)),
                expires=each.expires,
                failure=each.failure,
            )
            for each in known
        ),
    )


def wait(stage: Stage, known: Sequence[Certificate], sleep: Sleep) -> list[Certificate]:
    """Return the `known` certificates when that of the names is issued, as it is then.

    Raises CertificateRefused, CertificatePending.
    """
    wanted = frozenset(stage.settings.domain.names)
    exact = [each for each in known if each.names == wanted or stage.settings.domain.certificate]
    if not exact:
        raise CertificatePending(
            f"No certificate was asked for yet for {', '.join(stage.settings.domain.names)}.",
            hint=f"`{stage.command('deploy')}` asks for it.",
        )
    issued = [each for each in exact if each.is_issued]
    found = issued[-1] if issued else certificates.check(exact[-1])
    found = certificates.await_issue(found, stage, sleep, patience=PATIENCE)
    if not found.is_issued:
        missing = ", ".join(sorted(found.names - found.proved))
        raise CertificatePending(
            f"The certificate is not issued yet: ACM has not seen the records of {missing}.",
            hint=f"`{stage.command('domain')}` shows what to write; ACM looks for three days.",
        )
    return [found if each.arn == found.arn else each for each in known]


def check(known: Sequence[Certificate]) -> None:
    """Raise CertificateRefused where ACM has refused the last certificate that was asked for."""
    if known and not any(each.is_issued for each in known):
        certificates.check(known[-1])


def show(state: State) -> str:
    """Return the state as text."""
    lines = columns(("NAME", "STATE"), [(each.name, MEANINGS[each.state]) for each in state.names])
    for each in state.certificates:
        until = f", until {each.expires:%Y-%m-%d}" if each.expires else ""
        why = f": {each.failure}" if each.failure else ""
        lines += ["", f"{each.arn}", f"  {each.status}{why}{until}, for {', '.join(each.names)}"]
    rows = [
        (each.kind, each.name, each.value, each.purpose, WHOSE[each.ours], THERE[each.seen])
        for each in state.records
    ]
    if rows:
        lines += ["", *columns(("RECORD", "NAME", "VALUE", "FOR", "WRITTEN BY", "SEEN"), rows)]
    return "\n".join(lines)


def find_certificates(stage: Stage) -> list[Certificate]:
    """Return those that can serve the names, the newest last: the one that the settings name, or the stage's.

    Raises UsageError for a stage without names.
    """
    domain = stage.settings.domain
    if not domain.names:
        raise UsageError(
            f"{stage.name} has no names of its own.",
            hint='Write names = ["shop.example"] in lambdify.toml, under [domain].',
        )
    if domain.path:
        return []
    if domain.certificate:
        named = certificates.read(domain.certificate, stage)
        return [named] if named else []
    return [each for each in certificates.find(stage) if certificates.may_serve(each, stage)]


def _state(name: str, served: set[str], known: list[Certificate]) -> str:
    if name in served:
        return SERVED
    if any(each.is_issued and each.covers(name) for each in known):
        return READY
    return WAITING if any(each.covers(name) for each in known) else UNKNOWN


def _proofs(known: list[Certificate], zoned: set[str]) -> Iterator[Record]:
    for each in known:
        for name, (record, value) in sorted(each.records.items()):
            yield Record(
                name=record,
                kind="CNAME",
                value=value,
                purpose="certificate",
                ours=name in zoned,
                seen=name in each.proved or each.is_issued,
            )


def _addresses(targets: dict[str, str], zoned: set[str]) -> Iterator[Record]:
    for name, target in targets.items():
        ours = name in zoned
        kind = "A and AAAA" if ours else names.kind_of(name)
        yield Record(
            name=name, kind=kind, value=target, purpose="address", ours=ours, seen=True if ours else None
        )
