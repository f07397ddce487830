"""lambdify check: is this app right for Lambda?"""

from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import make_console

if TYPE_CHECKING:
    from lambdify.cli.check.cost import Estimate
    from lambdify.cli.settings import Settings


@click.command(
    "check",
    cls=help_page.Command,
    examples=(
        ("lambdify check", "the default stage"),
        ("lambdify check --no-rehearsal", "reads the code, and packs nothing"),
        ("lambdify check --strict", "for CI: what surprises counts as well"),
        ("lambdify check --log access.log", "and what a month like that would cost"),
        ("lambdify check production --json", "for a program"),
    ),
)
@arguments.stage
@click.option("--strict", is_flag=True, help="Exit with 1 for what will surprise, too.")
@click.option("--no-rehearsal", is_flag=True, help="Only read: do not pack the app and start it here.")
@click.option(
    "--requests", type=click.IntRange(min=1), metavar="N", help="Tell what so many requests a month cost."
)
@click.option(
    "--log",
    type=click.File("rb"),
    metavar="FILE",
    help='Tell what a month like that of an access log costs; "-" is stdin.',
)
@arguments.json
@arguments.common
@click.pass_context
def command(
    context: click.Context,
    flags: Flags,
    stage: str | None,
    strict: bool,
    no_rehearsal: bool,
    requests: int | None,
    log: BinaryIO | None,
) -> None:
    """Tell what of the app will fail on Lambda, or work otherwise than on a server.

    The code is read; then it is packed and started once on this machine, in a process that can do no harm.
    Exits with 1 if something will fail. docs/check.md has all rules; [check] ignore leaves some out.
    """
    from lambdify.cli import package as room
    from lambdify.cli.check import cost_view, examination, report, start
    from lambdify.cli.command_line import session
    from lambdify.cli.detection import choice
    from lambdify.cli.plan import pitfalls
    from lambdify.cli.rehearsal.start import rehearse
    from lambdify.cli.runtime import choice as runtime

    console = make_console(flags)
    settings, chosen = runtime.settle(session.load_settings(stage, {}))
    runtime.tell(chosen, console)
    app = choice.choose_app(settings, console)
    settings = replace(settings, app=app.app)
    pitfalls.warn(settings, console, local=False)
    price = _estimate(settings, requests, log)
    found = examination.examine(settings, app)
    started = None
    if not no_rehearsal:
        started = start.attempt(settings, lambda: room.package(settings, None, console), rehearse)
    value = {**report.to_value(found, started), "cost": cost_view.to_value(price) if price else None}
    console.answer([*report.show(found, started), *(cost_view.show(price) if price else ())], value)
    if found.count("stops") or (started and started.stops) or (strict and found.count("surprises")):
        context.exit(1)


def _estimate(settings: "Settings", requests: int | None, log: BinaryIO | None) -> "Estimate | None":
    """Return what a month costs, by a number of requests or a log; by both, of so many like the log's."""
    if requests is None and log is None:
        return None
    from datetime import UTC, datetime

    from lambdify.cli.check import access_log, cost

    traffic = cost.read(log, settings) if log else cost.assume(requests or 0)
    if log and requests:
        traffic = access_log.scale(traffic, requests)
    return cost.estimate(traffic, settings, today=datetime.now(UTC).date())
