"""A version becomes a release: it is tried, gets the traffic, and what is older than what is kept goes.

    published ──record──▶ try ──▶ shift ──▶ move ──▶ record ──▶ prune
                           └─ fails: traffic stays, the record says why, the command ends with an error

A stage that is new has nothing to fall back to: its first version has the traffic before it is tried.
"""

from lambdify.cli import releases
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.errors import Interrupted, LambdifyError, StackBusy
from lambdify.cli.releases import Release, pruning, shift, traffic, trial
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep


def release(
    deployed: Stack, settings: Settings, account: Account, console: Console, *, sleep: Sleep
) -> Release:
    """Make a release of the version that the stack has published.

    Raises AppBroken or ReleaseFailed when it does not work, StackBusy when somebody else deployed meanwhile,
    and what `traffic.move` raises; the release has failed then, and is recorded so.
    """
    begun = releases.begin(deployed, settings, account)
    version, had = deployed.published, deployed.live
    try:
        trial.run(version, deployed, settings, account, console)
        if version != had:
            _give_traffic(begun, deployed, settings, account, console, sleep)
    except Interrupted:
        releases.end(begun, "unfinished", settings, account, reason="Ctrl-C")
        raise
    except KeyboardInterrupt:
        releases.end(begun, "unfinished", settings, account, reason="Ctrl-C")
        goes_on = "The command goes on to its end, if it was running. " if settings.release.command else ""
        again = f"{goes_on}`lambdify deploy {settings.stage}` tries it again."
        raise Interrupted(_fate(version, had), hint=again) from None
    except LambdifyError as error:
        # Whoever moved the traffic away has said so in the record: a rollback, for one.
        if not isinstance(error, StackBusy) or not releases.is_ended(begun, settings, account):
            releases.end(begun, "failed", settings, account, reason=error.message)
        raise _told(error, version, had, begun.number) from error
    done = releases.end(begun, "live", settings, account)
    console.note(f"Release {done.number} is live: version {version}.")
    pruning.prune(settings, account, console, had=had)
    return done


def _give_traffic(
    begun: Release,
    deployed: Stack,
    settings: Settings,
    account: Account,
    console: Console,
    sleep: Sleep,
) -> None:
    plan, version = settings.release.shift, deployed.published

    def note(percent: int) -> None:
        # Where this process is killed, the record says how far it came.
        releases.end(begun, "unfinished", settings, account, reason=f"its shift came to {percent}%")

    if plan is not None:
        shift.run(plan, deployed, settings, account, console, sleep=sleep, tell=note)
    with console.step(f"Giving the traffic to version {version}"):
        traffic.move(version, deployed, settings, account, console, sleep=sleep)


def _told(error: LambdifyError, version: str, had: str, number: int) -> LambdifyError:
    """The error, with what it means for the traffic."""
    # Where somebody else came in between, the traffic is theirs.
    fate = "" if isinstance(error, StackBusy) else f"{_fate(version, had)} "
    hint = f"Release {number} has failed. {fate}{error.hint}".rstrip()
    return type(error)(error.message, hint=hint, during=error.during)


def _fate(version: str, had: str) -> str:
    if version == had:
        return f"Version {version} has the traffic all the same: there is no other one."
    return f"Traffic stays with version {had}; version {version} gets none."
