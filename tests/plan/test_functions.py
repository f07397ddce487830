"""What a deployment with functions says before it does anything: Lambdas of their own, and costs."""

import pytest

from lambdify.cli.plan import costs, preview

NIGHTLY = {"handler": "shop.reports:nightly", "schedule": [{"cron": "0 6 * * *"}]}


def shown(before, after):
    """The lines of `diff`, for a change from one template to another."""
    what = preview.make((), before.body if before else {}, after.body, kept=5)
    return [line.text for line in preview.show_in_full(what, None)]


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"timeout": 900}, "Timeout 900"),
        ({"memory": 2048, "storage": 1024}, "MemorySize 2048, EphemeralStorage 1024"),
        ({"reserved_concurrency": 1}, "ReservedConcurrentExecutions 1"),
    ],
)
def test_a_function_that_gets_a_lambda_of_its_own_is_said_with_the_limits(write, limits, why):
    functions = {"functions": {"report": {**NIGHTLY, **limits}, "resize": {"handler": "shop.images:resize"}}}
    lines = [each for each in shown(None, write(functions)) if "Lambda of its own" in each]
    assert lines == [f"A Lambda of its own: shop-dev-report ({why})"]


def test_one_that_is_there_already_or_shares_the_apps_is_not(write):
    there = write({"functions": {"report": {**NIGHTLY, "timeout": 900}}})
    shared = write({"functions": {"report": NIGHTLY}})
    for before, after in ((there, there), (None, shared), (there, shared), (None, write())):
        assert not [each for each in shown(before, after) if "Lambda of its own" in each]


def test_so_are_the_lambdas_of_tasks_and_commands(write):
    lines = shown(None, write({"tasks.workers": 2, "commands.timeout": 900}))
    assert [each.partition(" (")[0] for each in lines if "Lambda of its own" in each] == [
        "A Lambda of its own: shop-dev-commands",
        "A Lambda of its own: shop-dev-tasks",
    ]


def test_a_function_of_the_projects_own_resources_is_none_of_ours(write):
    own = {"Type": "AWS::Lambda::Function", "Properties": {"Role": "arn", "Code": {"ZipFile": ""}}}
    assert not [each for each in shown(None, write({"resources": {"Mailer": own}})) if "of its own" in each]


def test_a_schedule_that_calls_a_function_keeps_nothing_warm(write):
    every = {**NIGHTLY, "schedule": [{"every": "10 minutes"}]}
    found = costs.estimate_idle(write({"functions": {"report": every}}).body, kept=5)
    calls = {each.what: each.monthly for each in found if "calls" in each.what}
    assert list(calls) == ["keep-warm calls", "calls by Schedule1Report"]
    assert calls["calls by Schedule1Report"] is None
