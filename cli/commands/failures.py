"""lambdify failures: the events and tasks that were given up; see them, send them again, drop them."""

from typing import TYPE_CHECKING

import click

from lambdify.cli.command_line import arguments, help_page
from lambdify.cli.command_line.arguments import Flags
from lambdify.cli.commands import open_stage
from lambdify.cli.errors import UsageError

if TYPE_CHECKING:
    from lambdify.cli.command_line.session import Session

stage_option = click.option(
    "-s", "--stage", metavar="STAGE", help="The stage, when it is not the default one."
)
ids = click.argument("ids", nargs=-1, metavar="[ID]...")


@click.group(
    "failures",
    cls=help_page.CommandGroup,
    default="list",
    examples=(
        ("lambdify failures", "what the default stage gave up, when and why"),
        ("lambdify failures show 1a2b3c4d", "the event, and the traceback"),
        ("lambdify failures retry", "send all of them again, once the cause is mended"),
    ),
)
def command() -> None:
    """Show, retry or drop the events and tasks that were given up.

    They are in the stage's queue of what failed, for 14 days.
    """


@command.command("list")
@arguments.stage
@click.option(
    "--most", type=click.IntRange(1, 1000), default=100, show_default=True, metavar="N", help="Show no more."
)
@arguments.on_account
@arguments.json
@arguments.common
def list_failures(flags: Flags, stage: str | None, most: int, local: bool, **overrides: str | None) -> None:
    """Show what was given up, when, and why. `lambdify failures` alone does the same."""
    from lambdify.cli.command_line import answers
    from lambdify.cli.failed_events import queue, view

    session = open_stage(flags, stage, local, **overrides)
    console = session.console
    with console.step(f"Looking at what failed in {session.stage.name}"):
        found = queue.look(session.stage, most=most)
    shown = view.show_all(found.failures) if found.failures else "Nothing has failed for good."
    console.answer(shown, [answers.to_json(each) for each in found.failures])
    if len(found.failures) < found.total:
        console.note(f"About {found.total} in all.")
    if found.failures:
        option = f" --stage {session.settings.stage}"
        console.note(
            f"`lambdify failures show {found.failures[0].short_id}{option}` shows all of one, "
            f"`lambdify failures retry{option}` sends them again."
        )


@command.command("show")
@click.argument("begin", metavar="ID")
@stage_option
@arguments.on_account
@arguments.json
@arguments.common
def show(flags: Flags, begin: str, stage: str | None, local: bool, **overrides: str | None) -> None:
    """Show all that is known of one: the traceback, and the event."""
    from lambdify.cli.command_line import answers
    from lambdify.cli.failed_events import queue, view
    from lambdify.cli.failures import places

    session = open_stage(flags, stage, local, **overrides)
    found = queue.find(session.stage, begin)
    if found is None:
        raise _unknown([begin], session)
    owns = places.files_of(session.settings.root)
    session.console.answer(view.show(found, owns), answers.to_json(found))


@command.command("retry")
@ids
@stage_option
@arguments.on_account
@arguments.json
@arguments.common
def retry(
    flags: Flags, ids: tuple[str, ...], stage: str | None, local: bool, **overrides: str | None
) -> None:
    """Send them again to where they came from: all, or some.

    An event goes to its function, a task or a message to its queue. Each is tried as often as the first time.
    The records of a batch are read from their stream again, and the function is called with them at once.
    """
    from lambdify.cli.failed_events import resending
    from lambdify.cli.stacks import stack

    session = open_stage(flags, stage, local, **overrides)
    deployed = stack.fetch(session.stage)
    with session.console.step(f"Sending again what failed in {session.stage.name}"):
        sent, refused = resending.retry(session.stage, deployed, ids)
    for why in refused.values():
        session.console.warn(f"Not sent: {why}")
    if ids and not sent and not refused:
        raise _unknown(ids, session)
    value = {"sent": [each.id for each in sent], "kept": list(refused)}
    session.console.answer(f"{len(sent)} sent again.", value)


@command.command("drop")
@ids
@stage_option
@click.option("-y", "--yes", is_flag=True, help="Do it without asking.")
@arguments.on_account
@arguments.json
@arguments.common
def drop(
    flags: Flags, ids: tuple[str, ...], stage: str | None, yes: bool, local: bool, **overrides: str | None
) -> None:
    """Delete them for good: all, or some."""
    from lambdify.cli.errors import Declined
    from lambdify.cli.failed_events import resending

    session = open_stage(flags, stage, local, **overrides)
    name = session.stage.name
    what = f"{len(ids)} of what failed" if ids else "all that failed"
    if not (yes or local) and not session.console.confirm(f"Delete {what} in {name}? It cannot be got back."):
        raise Declined("Nothing was deleted.")
    dropped = resending.drop(session.stage, ids)
    if ids and not dropped:
        raise _unknown(ids, session)
    session.console.answer(f"{len(dropped)} deleted.", {"dropped": [each.id for each in dropped]})


def _unknown(ids: "list[str] | tuple[str, ...]", session: "Session") -> UsageError:
    return UsageError(
        f"Nothing that failed in {session.stage.name} has the id {', '.join(ids)}.",
        hint=f"`lambdify failures list {session.settings.stage}` shows what there is.",
    )
