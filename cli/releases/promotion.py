"""Promotion of a version to a release: it is tried, gets the traffic, and old releases are pruned.

    published ──record──▶ try ──▶ warm up ──▶ shift ──▶ move ──▶ record ──▶ prune
                           └─ fails: traffic stays, the record says why, the command ends with an error

A new stage has no other version to fall back to: its first version has the traffic before it is tried.
"""

from collections.abc import Sequence

from lambdify.cli import hints, releases
from lambdify.cli.artifacts import published
from lambdify.cli.console import Console
from lambdify.cli.errors import Interrupted, LambdifyError, StackBusy
from lambdify.cli.releases import Release, pruning, shift, traffic, trial, warm_up
from lambdify.cli.stacks import aliases, stack
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage


def release(
    deployed: Stack, stage: Stage, console: Console, *, url: str, sleep: Sleep
) -> tuple[Release, Stack]:
    """Make a release of the version that the stack has published; return it, and the stack afterwards.

    `url` is where visitors find the app. Raises AppBroken or ReleaseFailed if the version does not work,
    StackBusy if somebody else deployed meanwhile, and what `traffic.move` raises. The release is then
    recorded as failed.
    """
    begun = releases.begin(deployed, stage)
    version, tried = deployed.published, deployed
    try:
        trial.run(version, deployed, stage, console, url=url)
        warm_up.start(version, stage, console)
        published.publish(begun.files, stage)
        if not aliases.is_current(deployed):
            deployed = _give_traffic(begun, deployed, stage, console, sleep)
    except Interrupted:
        releases.end(begun, "unfinished", stage, reason="Ctrl-C")
        _take_back_files(tried, begun, stage, console)
        raise
    except KeyboardInterrupt:
        releases.end(begun, "unfinished", stage, reason="Ctrl-C")
        goes_on = (
            "The command goes on to its end, if it was running. " if stage.settings.release.command else ""
        )
        again = f"{goes_on}`{stage.command('deploy')}` tries it again."
        raise Interrupted(_describe_outcome(tried), hint=again) from None
    except LambdifyError as error:
        # A rollback that moved the traffic away has recorded the final state already: it is kept.
        if not isinstance(error, StackBusy) or not releases.is_ended(begun, stage):
            _record(begun, error, stage, console)
        # If somebody else deployed in between, they decide about the traffic, so nothing is said of it here.
        outcome = "" if isinstance(error, StackBusy) else _describe_outcome_now(tried, stage)
        if not isinstance(error, StackBusy):
            _take_back_files(tried, begun, stage, console)
        raise _add_outcome(error, outcome, begun.number) from error
    done = releases.end(begun, "live", stage)
    console.note(f"Release {done.number} is live: version {version}.")
    pruning.prune(deployed, stage, console, previous=aliases.read(tried))
    return done, deployed


def _give_traffic(
    begun: Release,
    deployed: Stack,
    stage: Stage,
    console: Console,
    sleep: Sleep,
) -> Stack:
    """Move all traffic to what is published, that of the web app in steps if the settings ask for it."""
    plan, version = stage.settings.release.shift, deployed.published

    def note(percent: int) -> None:
        # If this process is killed, the record says how far the shift came.
        releases.end(begun, "unfinished", stage, reason=f"its shift came to {percent}%")

    if plan is not None and version != deployed.live:
        shift.run(plan, deployed, stage, console, sleep=sleep, on_step=note)
        # During the shift, keep-warm calls were parted like all others.
        warm_up.start(version, stage, console)
    functions = {each.name: each.published for each in aliases.functions(deployed)}
    with console.step(f"Giving the traffic to version {version}"):
        return traffic.move(version, deployed, stage, console, sleep=sleep, functions=functions)


def _take_back_files(tried: Stack, begun: Release, stage: Stage, console: Console) -> None:
    """Show the files again of the release that keeps the traffic. If AWS refuses that too, only warn."""
    if not begun.files or aliases.is_current(tried):
        return
    try:
        live = releases.find_live(stage, tried)
        published.publish(live.files if live else "", stage)
    except LambdifyError as refused:
        console.warn(
            f"The static files of release {begun.number} could not be taken back: {refused.message} "
            f"`{stage.command('rollback')}` tries it again."
        )


def _record(begun: Release, error: LambdifyError, stage: Stage, console: Console) -> None:
    """Record that the release has failed. If AWS refuses that too, only warn: the first error counts."""
    try:
        releases.end(begun, "failed", stage, reason=error.message)
    except LambdifyError as refused:
        console.warn(f"Nor could it be recorded that release {begun.number} has failed: {refused.message}")


def _add_outcome(error: LambdifyError, outcome: str, number: int) -> LambdifyError:
    """Return the error with a hint that says what it means for the traffic."""
    hint = hints.join(f"Release {number} has failed.", outcome, error.hint)
    return type(error)(error.message, hint=hint, during=error.during)


def _describe_outcome_now(tried: Stack, stage: Stage) -> str:
    """Say where the traffic is after a failure, also when a part of it could not be taken back."""
    version, previous = tried.published, tried.live
    if stage.settings.release.shift is not None and version != previous:
        try:
            split, goes = traffic.is_split(stack.fetch(stage)), "goes"
        except LambdifyError:
            split, goes = True, "may go"
        if split:
            return (
                f"A part of the traffic {goes} to version {version}: "
                f"{traffic.rollback_hint(previous, stage.settings)}"
            )
    return _describe_outcome(tried, _find_new(tried, stage))


def _find_new(tried: Stack, stage: Stage) -> Sequence[str]:
    """Return the names of functions that lead to what was published and to nothing of before."""
    current = [each for each in aliases.functions(tried) if each.is_current]
    if not current or aliases.is_current(tried):
        return ()
    try:
        live = releases.find_live(stage, tried)
    except LambdifyError:
        return ()
    return [each.name for each in current if live and live.functions.get(each.name) != each.code]


def _describe_outcome(tried: Stack, new: Sequence[str] = ()) -> str:
    """Say where the traffic stays; `new` are functions that no version of before knows."""
    version, previous = tried.published, tried.live
    held = [each.name for each in aliases.functions(tried) if not each.is_current]
    if version != previous:
        text = f"Traffic stays with version {previous}; version {version} gets none."
    elif held:
        text = f"What they had before stays with {', '.join(held)}."
    else:
        return f"Version {version} has the traffic all the same: there is no other one."
    return f"{text} New functions have no other one: {', '.join(new)}." if new else text
