"""[release] shift: traffic moves to a new version in parts, and back when something speaks against it.

    10 % ──each minute──▶ well? ──▶ 20 % ──each minute──▶ well? ──▶ ... ──▶ all

Rules:
- Whoever deploys leads: the process that runs this. It can die; so each step says until when it may stand,
  and AWS takes the part back then, if nobody has moved it on (template/rollback_alarm.py).
- Traffic that somebody else has moved meanwhile is left as they want it.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lambdify.cli.console import Console
from lambdify.cli.errors import Interrupted, LambdifyError, ReleaseFailed, StackBusy
from lambdify.cli.releases import rollback_triggers, traffic
from lambdify.cli.settings.tables import Shift
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage

MINUTE = 60.0
_RETURN_LABEL = "All traffic to version {version} again"
GRACE_MINUTES = 10
"""Minutes that a step may be late: CloudFormation may take some for the next one."""


def step_timeout(minutes: int) -> timedelta:
    """How long a step of so many minutes may stand before it is clear that nobody leads the shift."""
    return timedelta(minutes=minutes * 1.25 + GRACE_MINUTES)


def run(
    plan: Shift,
    deployed: Stack,
    stage: Stage,
    console: Console,
    *,
    sleep: Sleep,
    on_step: Callable[[int], object],
) -> None:
    """Give the published version more and more of the traffic, short of all of it; `tell` hears each percent.

    Raises ReleaseFailed when something speaks against it, and Interrupted on Ctrl-C, with all traffic where
    it was; and StackBusy when somebody else moves traffic meanwhile, which is left as they want it.
    """
    old, new = deployed.live, deployed.published
    began = datetime.now(UTC)
    reason = ""
    try:
        if traffic.is_split(deployed):
            # The stack must not find, at the first step, that nothing changes: AWS may have taken it back.
            with console.step(_RETURN_LABEL.format(version=old)):
                traffic.take_back(old, deployed, stage, console, sleep=sleep)
        rollback_triggers.warn_of_alarms(stage, console)
        for percent in range(plan.percent, 100, plan.percent):
            label = f"{percent}% of the traffic to version {new}, for {plan.minutes} min"
            with console.step(label):
                until = datetime.now(UTC) + step_timeout(plan.minutes)
                weight = percent / 100
                moved = traffic.move(old, deployed, stage, console, sleep=sleep, weight=weight, until=until)
                on_step(percent)
                reason = _watch_step(plan.minutes, moved, began, stage, sleep)
            if reason:
                reason = f"{reason} It had {percent}% of the traffic."
                break
    except (KeyboardInterrupt, Interrupted):
        reason = f"Version {new} got a part of the traffic when Ctrl-C came."
        if not _return_traffic(old, deployed, stage, console, sleep):
            raise Interrupted(reason, hint=traffic.rollback_hint(old, stage.settings)) from None
        raise Interrupted(
            f"{reason} All of it goes to version {old} again.",
            hint=f"`{stage.command('deploy')}` begins anew.",
        ) from None
    except StackBusy:
        raise
    except LambdifyError:
        _return_traffic(old, deployed, stage, console, sleep)
        raise
    if reason:
        _return_traffic(old, deployed, stage, console, sleep)
        raise ReleaseFailed(
            reason,
            hint=f"`{stage.command('logs')} --since 1h` shows what it wrote.",
            during=f"shifting traffic to version {new} of {stage.name}",
        )


def _watch_step(minutes: int, moved: Stack, began: datetime, stage: Stage, sleep: Sleep) -> str:
    """Let a step stand for its minutes; what speaks against going on, "" for nothing. Raises StackBusy."""
    for _ in range(minutes):
        sleep(MINUTE)
        traffic.check_unmoved(moved, stage)
        if not traffic.fetch_weights(stage):
            return (
                f"AWS gave all traffic to version {moved.live} again, since nobody had led the shift for "
                "too long: this machine may have slept."
            )
        if found := rollback_triggers.find(moved.published, began, stage):
            return found
    return ""


def _return_traffic(version: str, deployed: Stack, stage: Stage, console: Console, sleep: Sleep) -> bool:
    """Take the traffic back; False where AWS refuses that too: why it had to be is the error, and not this.

    Raises Interrupted, and StackBusy when it is somebody else's by now.
    """
    try:
        with console.step(_RETURN_LABEL.format(version=version)):
            traffic.take_back(version, deployed, stage, console, sleep=sleep)
    except (Interrupted, StackBusy):
        raise
    except LambdifyError as error:
        console.warn(f"The traffic could not be taken back: {error.message}")
        return False
    return True
