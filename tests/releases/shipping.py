"""What the tests of releases tell a stage to do, and how its functions answer."""

from datetime import UTC, datetime

from waiting import nap

from lambdify.cli.stacks.stack import Stack

KEEP_WARM = {"lambdify": "keep-warm"}
ONE_WARM = {"warm.concurrency": 1}
"""Each version is called by its trial alone: test_warm_up.py is about several."""
SMOKE = {"release.smoke": "/health"}
SHIFT = {"release.shift": "40% every 2 minutes"}
DEPLOYED = Stack(
    name="shop-dev",
    id="arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1",
    state="UPDATE_COMPLETE",
    reason="",
    outputs={
        "Endpoint": "https://abc.execute-api.eu-central-1.amazonaws.com",
        "Version": "6",
        "Published": "7",
        "App": "shop/dev/app-7.zip",
        "PublishedCommands": "4",
    },
    parameters={},
    tags={},
    changed_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def answer_with(statuses):
    """Versions that answer with these statuses; every other one is fine."""

    def answer(version, event):
        if event == KEEP_WARM:
            return {"lambdify": "warm"}
        return {"statusCode": statuses.get(version, 200), "body": f"I am {version}"}

    return answer


def kill(seconds):
    """What `sleep` is to a process that is killed in the middle of a shift."""
    if seconds >= 60:
        raise SystemExit
    nap(seconds)


class Minutes:
    """`sleep` for a shift: what happens in each of its minutes."""

    def __init__(self, *happenings):
        self._happenings = iter(happenings)

    def __call__(self, seconds):
        if seconds < 60:
            nap(seconds)
            return
        assert seconds == 60
        next(self._happenings)()
