"""lambdify package: pack the bundle that `deploy` would upload, and report its content. No AWS calls."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lambdify.cli.console import Console
from lambdify.cli.failures.project import look_at
from lambdify.cli.hooks.commands import before_package
from lambdify.cli.packing.bundle import build_cache, bundle, zips
from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.bundle.sizes import UNZIPPED_LIMIT
from lambdify.cli.packing.report import report
from lambdify.cli.packing.report.report import Report
from lambdify.cli.settings import Settings, conflicts
from lambdify.cli.settings.tables import Form
from lambdify.cli.storage import caches, folders, seal

if TYPE_CHECKING:
    from lambdify.cli.packing.inventory.audit import Audit
    from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured


def package(settings: Settings, out: Path | None, console: Console, *, upgrade: bool = False) -> Bundle:
    """Find the app, pack it into `out` (None: the project's `.lambdify/build`), show and return the bundle.

    The project's own commands run first ([hooks] before_package). With `upgrade`, requirements without a lock
    file are resolved again. Raises HookFailed.
    """
    before_package(settings, console)
    with caches.in_use(), zips.in_use(settings.root):
        packed = _pack(settings, out, console, upgrade=upgrade)
    zips.sweep(settings.root, packed.written)
    conflicts.check_form(settings, packed.form)
    report.show(packed, look_at(settings, packed), console)
    return packed


def _pack(settings: Settings, out: Path | None, console: Console, *, upgrade: bool) -> Bundle:
    folder = out or folders.workspace(settings.root) / "build"
    packed = None if upgrade else bundle.find(settings, folder, console)
    if packed is None:
        # Not at the top: if nothing has changed, detection is not needed.
        from lambdify.cli.detection import choice
        from lambdify.cli.rehearsal import question

        if unsealed := seal.remove_unsealed(settings.root):
            console.warn(
                f"What {folders.WORKSPACE}/ keeps was not made by you on this machine, or by an older "
                f"lambdify ({', '.join(unsealed)}): it counts for nothing, and is made or resolved anew."
            )
        candidate = choice.choose_app(settings, console)
        caches.sweep(settings.root, folder)
        ask = partial(question.ask, settings)
        packed = bundle.pack(settings, candidate, folder, console, upgrade=upgrade, ask=ask)
    return packed


def write_bill(settings: Settings, packed: Bundle, console: Console) -> Path:
    """Write the bill of materials of a bundle beside the zips, and return its path."""
    from lambdify.cli.packing.inventory import bill

    path = packed.app.path.with_name(bill.NAME)
    with console.step("Writing the bill of materials"):
        bill.write(packed, settings.name, path)
    return path


def audit(settings: Settings, packed: Bundle, console: Console) -> "Audit":
    """Return what OSV knows against the distributions of a bundle, and tell what is not too much.

    Without [build] audit every advisory is. Raises AuditUnanswered.
    """
    from lambdify.cli.packing.inventory import audit as audits

    distributions = packed.dependencies.distributions
    build = settings.build
    host = urlsplit(build.audit_service).hostname
    with console.step(f"Asking {host} about {len(distributions)} distributions"):
        found = audits.run(
            distributions, build.audit_service, limit=build.audit or "low", ignore=build.audit_ignore
        )
    audits.show(found, console)
    return found


def require_audit(settings: Settings, packed: Bundle, console: Console) -> None:
    """Return if [build] audit asks for nothing, or nothing reaches it.

    Raises AdvisoryFound and AuditUnanswered.
    """
    if settings.build.audit:
        refuse(audit(settings, packed, console))


def refuse(found: "Audit") -> None:
    """Raise AdvisoryFound if something of an audit reaches its limit."""
    from lambdify.cli.packing.inventory import audit as audits

    audits.require(found)


def last_form(settings: Settings) -> Form | None:
    """Return the form of the last build of these settings, even if the project has changed since; or None."""
    recalled = build_cache.find_previous(settings, settings.root / folders.WORKSPACE / "build", Bundle)
    return recalled[0].form if recalled else None


def examine(settings: Settings, packed: Bundle, console: Console, *, profile: bool) -> Report:
    """Show a report on a bundle, write it beside the zips, and return it; `profile` adds a cold start."""
    from lambdify.cli.packing.report import page, savings

    start = _measure(settings, packed, console) if profile else None
    found = Report(
        name=settings.full_name,
        runtime=packed.target.runtime,
        architecture=packed.target.architecture,
        limit=UNZIPPED_LIMIT,
        unzipped=sum(part.unzipped for part in packed.parts),
        zipped=sum(part.zipped for part in packed.parts),
        archives=packed.archives,
        parts=packed.parts,
        cold_start=start,
        advice=savings.find(packed, start),
        page=packed.app.path.with_name(page.NAME),
    )
    page.write(found, found.page)
    report.show_in_full(found, console)
    return found


def _measure(settings: Settings, packed: Bundle, console: Console) -> "ColdStart | NotMeasured":
    from lambdify.cli.local.functions import runtime_client
    from lambdify.cli.packing.report import cold_start
    from lambdify.cli.programs import pythons

    minor = packed.target.python
    with console.step("Measuring the cold start"), caches.in_use():
        python = pythons.find(minor)
        if python is None:
            missing = f"this machine has no Python {minor}; `uv python install {minor}` changes that"
            return cold_start.NotMeasured(reason=missing)
        return cold_start.measure(packed, settings.environment, python, runtime_client.fetch(python, minor))
