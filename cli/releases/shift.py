"""[release] shift: traffic moves to a new version in steps, and back if a rollback trigger fires.

    10 % ──each minute──▶ well? ──▶ 20 % ──each minute──▶ well? ──▶ ... ──▶ all

Rules:
- The process that deploys leads the shift. It can die, so each step has a time limit. When that has passed
  and no next step was made, AWS takes the traffic back (template/rollback_alarm.py).
- Traffic that somebody else has moved meanwhile is left as it is.
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
"""Minutes that the next step may be late: CloudFormation may take that long to apply it."""


def step_timeout(minutes: int) -> timedelta:
    """Return the time after which a step of so many minutes is overdue: nobody leads the shift any more."""
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
    """Give the published version more and more of the traffic, up to the last step before all of it.

    `on_step` is called with the percentage of each step. Raises ReleaseFailed if a rollback trigger fires and
    Interrupted on Ctrl-C, after all traffic was given back; StackBusy if somebody else moves the traffic
    meanwhile, which is then left as it is.
    """
    old, new = deployed.live, deployed.published
    began = datetime.now(UTC)
    reason = ""
    try:
        if traffic.is_split(deployed):
            # AWS may have taken the traffic back without the stack. CloudFormation would then see no change
            # in a first step of the same weight, so the stack takes the traffic back too.
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
    """Watch a step for its minutes; return why the shift has to end, or "". Raises StackBusy."""
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
    """Take the traffic back. If AWS refuses, warn and return False: the caller raises why it was taken back.

    Raises Interrupted, and StackBusy if somebody else has moved the traffic by now.
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
