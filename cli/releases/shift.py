"""[release] shift: traffic moves to a new version in parts, and back when errors come.

    10 % ──wait──▶ errors? ──▶ 20 % ──wait──▶ errors? ──▶ ... ──▶ all

Errors are what Lambda counts as such for the version: it raised, died, ran out of time or did not start. (The
app's own 500s are answers.) CloudWatch has them a minute or two later, which is why `minutes` are whole.
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from datetime import UTC, datetime, timedelta

from lambdify.cli import template
from lambdify.cli.aws import Account, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import Interrupted, LambdifyError, ReleaseFailed, StackBusy
from lambdify.cli.releases import traffic
from lambdify.cli.settings import Settings
from lambdify.cli.settings.tables import Shift
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep


def run(
    plan: Shift, deployed: Stack, settings: Settings, account: Account, console: Console, *, sleep: Sleep
) -> None:
    """Give the published version more and more of the traffic, short of all of it.

    Raises ReleaseFailed when it has errors, and Interrupted on Ctrl-C, with all traffic where it was; and
    StackBusy when somebody else moves traffic meanwhile, which is left as they want it.
    """
    old, new = deployed.live, deployed.published
    began = datetime.now(UTC)
    reason = ""
    try:
        for percent in range(plan.percent, 100, plan.percent):
            label = f"{percent}% of the traffic to version {new}, for {plan.minutes} min"
            with console.step(label):
                share = percent / 100
                moved = traffic.move(old, deployed, settings, account, console, sleep=sleep, share=share)
                sleep(plan.minutes * 60)
            traffic.check_unmoved(moved, settings, account)
            if errors := count_errors(new, began, settings, account):
                reason = (
                    f"Version {new} had {errors} error{'s'[: errors > 1]} with {percent}% of the traffic."
                )
                break
    except (KeyboardInterrupt, Interrupted):
        reason = f"Version {new} got a part of the traffic when Ctrl-C came."
        _return(old, deployed, settings, account, console, sleep)
        raise Interrupted(
            f"{reason} All of it goes to version {old} again.",
            hint=f"`lambdify deploy {settings.stage}` begins anew.",
        ) from None
    except StackBusy:
        raise
    except LambdifyError:
        _return(old, deployed, settings, account, console, sleep)
        raise
    if reason:
        _return(old, deployed, settings, account, console, sleep)
        raise ReleaseFailed(
            reason,
            hint=f"`lambdify logs {settings.stage} --since 1h` shows them.",
            during=f"shifting traffic to version {new} of {settings.full_name}",
        )


@translated(during="counting the errors of the new version")
def count_errors(version: str, since: datetime, settings: Settings, account: Account) -> int:
    """How many errors CloudWatch knows of the version behind the alias."""
    name = settings.full_name
    dimensions = {
        "FunctionName": name,
        "Resource": f"{name}:{template.ALIAS}",
        "ExecutedVersion": version,
    }
    found = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        # Whole minutes are what is kept.
        StartTime=since.replace(second=0, microsecond=0),
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )
    return int(sum(point["Sum"] for point in found["Datapoints"]))


def _return(
    version: str, deployed: Stack, settings: Settings, account: Account, console: Console, sleep: Sleep
) -> None:
    with console.step(f"All traffic to version {version} again"):
        traffic.take_back(version, deployed, settings, account, console, sleep=sleep)
