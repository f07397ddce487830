"""lambdify deploy: package the app, apply what changed, print the endpoint."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console, settle_warmth
from lambdify.cli.errors import AppCannotStart, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from lambdify.cli.command_line.session import Session
    from lambdify.cli.deploy import Deployment
    from lambdify.cli.packing.bundle.bundle import Bundle
    from lambdify.cli.settings import Settings


@click.command(
    "deploy",
    cls=help_page.Command,
    examples=(
        ("lambdify deploy", "the default stage"),
        ("lambdify deploy production --yes", "another one, without a question"),
        ('curl "$(lambdify deploy --local)"', "the answer is the URL and nothing else"),
    ),
)
@arguments.stage
@click.option("-y", "--yes", is_flag=True, help="Apply the changes without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--take-over", is_flag=True, help="Replace another project that was deployed to the stage.")
@click.option(
    "--refresh", is_flag=True, help="Start anew, though nothing has changed, as after a rotated secret."
)
@click.option("--wait", is_flag=True, help="Wait for another deployment of the stage to end.")
@arguments.on_account
@click.option("--port", type=int, metavar="N", help="Port of the endpoint, with --local.")
@click.option("--no-rehearsal", is_flag=True, help="Do not start the app on this machine first.")
@arguments.upgrade
@arguments.verbose
@arguments.json
@arguments.common
def command(
    flags: Flags,
    stage: str | None,
    yes: bool,
    dry_run: bool,
    take_over: bool,
    refresh: bool,
    wait: bool,
    local: bool,
    port: int | None,
    no_rehearsal: bool,
    upgrade: bool,
    **overrides: str | None,
) -> None:
    """Package the app, apply what changed, print the endpoint."""
    from contextlib import nullcontext
    from dataclasses import asdict
    from functools import partial

    from lambdify.cli import deploy as room
    from lambdify.cli.command_line.session import load_settings
    from lambdify.cli.hooks.commands import after_deploy

    if port is not None and not local:
        raise UsageError("--port is for the local cloud.", hint="Add --local, or leave --port out.")
    given = {**overrides, "local.port": port}
    session = _prepare(flags, stage, given, local=local, dry_run=dry_run, yes=yes)
    console = session.console
    if dry_run:
        from lambdify.cli.commands import diff

        diff.answer(session, drift=False, upgrade=upgrade, refresh=refresh)
        return

    def run(session: "Session") -> "Deployment":
        # The local cloud costs nothing and belongs to nobody else, so nothing is asked there.
        return room.deploy(
            session.stage,
            lambda: _pack(session, upgrade=upgrade),
            console,
            rehearse=nullcontext if no_rehearsal else partial(_rehearse, session),
            yes=yes or local,
            wait=wait,
            take_over=take_over,
            refresh=refresh,
            find_address=session.address,
        )

    read = partial(load_settings, stage, given)
    deployed = _run_with_variables(run, session, read, ask=not yes)
    if deployed.release:
        _remember(deployed.release, session.settings, local=local)
    if deployed.changed:
        console.note(f"Next: {_suggest(session.settings.stage, first=deployed.release == 1, local=local)}")
    try:
        after_deploy(session.settings, console, {**session.variables(), **_describe(deployed)})
    finally:
        # The deployment stands, whatever its hook does.
        console.answer(_write_answer(deployed, session), asdict(deployed))


def _write_answer(deployed: "Deployment", session: "Session") -> str:
    """Return the address that was deployed; where there is none, what to call, after a note on it."""
    if deployed.endpoint:
        return deployed.endpoint
    if session.settings.app:
        session.console.note("There is no address to show. This is what an event source calls:")
        return deployed.alias
    session.console.note(f"There is no web app. {_suggest_call(session.settings)} calls a function:")
    return "\n".join(deployed.functions[name] for name in session.settings.functions)


def _describe(deployed: "Deployment") -> dict[str, str]:
    """Return what [hooks] after_deploy is told of the deployment."""
    return {
        "LAMBDIFY_ENDPOINT": deployed.endpoint,
        "LAMBDIFY_RELEASE": str(deployed.release or ""),
        "LAMBDIFY_VERSION": deployed.version,
        "LAMBDIFY_CHANGED": "1" if deployed.changed else "",
    }


def _prepare(
    flags: Flags,
    stage: str | None,
    overrides: "Mapping[str, object]",
    *,
    local: bool,
    dry_run: bool,
    yes: bool,
) -> "Session":
    """Return the session of the stage, with its app and its Python; warn of what may surprise."""
    from dataclasses import replace

    from lambdify.cli.check import notice
    from lambdify.cli.command_line.session import connect, load_settings, settle_python
    from lambdify.cli.detection import choice
    from lambdify.cli.plan import pitfalls, sources
    from lambdify.cli.runtime import choice as runtime

    console = make_console(flags)
    settings, chosen = runtime.settle(load_settings(stage, overrides))
    if local:
        pitfalls.check_local(settings)
    # The app is looked for first: this needs no account, so a missing account must not hide its errors.
    app = choice.choose_app(settings, console)
    settings = replace(settings, app=app.app)
    pitfalls.warn(settings, console, local=local)
    notice.tell(settings, app, console)
    session = connect(settings, console, local=local, start=not dry_run)
    session = settle_warmth(settle_python(session, chosen, run=local and not dry_run))
    if not local:
        pitfalls.check(session.stage)
    if settings.functions and not dry_run:
        sources.check(session.stage, console, yes=yes or local, local=local)
    return session


def _run_with_variables(
    run: "Callable[[Session], Deployment]", session: "Session", read: "Callable[[], Settings]", *, ask: bool
) -> "Deployment":
    """Deploy; if variables are missing, offer to set them, and deploy with them. Raises what `run` raises."""
    from lambdify.cli.command_line import missing_variables

    while True:
        try:
            return run(session)
        except AppCannotStart as error:
            if not ask or not missing_variables.offer(error, session.stage, session.console):
                raise
        session = missing_variables.read_again(session, read())


def _remember(release: int, settings: "Settings", *, local: bool) -> None:
    """Keep the number of a release for who completes a line."""
    from lambdify.cli.command_line import known_releases

    known = known_releases.recall(settings.root, settings.stage, local=local)
    if release not in known:
        known_releases.remember(settings.root, settings.stage, {**known, release: ""}, local=local)


def _suggest_call(settings: "Settings") -> str:
    """Return the line that calls the first function."""
    return f"`lambdify invoke --function {next(iter(settings.functions))} --stage {settings.stage}`"


def _suggest(stage: str, *, first: bool, local: bool) -> str:
    """Return what may be typed after a deployment."""
    back = f"`lambdify undeploy {stage}`" if first else f"`lambdify rollback {stage}`"
    away = "takes it away" if first else "takes it back"
    # Without backquotes no --local is added: this one is about AWS.
    further = f'"lambdify deploy {stage}" puts it on AWS' if local else f"{back} {away}"
    return (
        f"`lambdify logs {stage} --follow` shows its log, `lambdify status {stage}` how it does; {further}."
    )


def _pack(session: "Session", *, upgrade: bool) -> "Bundle":
    """Return the bundle, after its audit where [build] audit asks for one."""
    from lambdify.cli import package as room

    bundle = room.package(session.settings, None, session.console, upgrade=upgrade)
    room.require_audit(session.settings, bundle, session.console)
    return bundle


def _rehearse(session: "Session", bundle: "Bundle") -> "AbstractContextManager[None]":
    from lambdify.cli.rehearsal import gate, start

    return gate.pass_through(bundle, session.settings, session.console, start.rehearse)
