"""[hooks] template in a deployment: before anything is uploaded, in the diff, and in what runs."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli.deploy import deploy
from lambdify.cli.errors import AfterHookFailed, HookFailed, PreviewsLeft
from lambdify.cli.hooks.commands import after_undeploy
from lambdify.cli.plan import diff, preview
from lambdify.cli.previews import Preview, check, prune

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

INFRA = """
def template(body, stage):
    resources = body["Resources"]
    resources["Function"]["Properties"]["MemorySize"] = 1024
    resources["Orders"] = {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"QueueName": f"orders-{stage}"},
    }
    return body
"""


@pytest.fixture
def stage(account, make_settings):
    """`stage("the code of infra.py")`: the stage with that function; None is one without."""

    def stage(code):
        named = {"hooks.template": "infra.py:template"} if code else {}
        # As many environments as by default: the golden text is what a user reads.
        settings = make_settings(overrides={"warm.concurrency": 7, **named})
        if code:
            (settings.root / "infra.py").write_text(code)
        return stage_in(account, settings)

    return stage


def test_one_that_fails_stops_before_anything_is_uploaded(account, stage, make_bundle, talk, inventory):
    for code in (
        "def template(body): 1 / 0",
        "def template(body): del body['Resources']['Alias']; return body",
    ):
        with pytest.raises(HookFailed):
            deploy(stage(code), make_bundle, talk.console, yes=True)
        with pytest.raises(HookFailed):
            diff.compute(stage(code), make_bundle, talk.console)
    assert inventory(account) == {}


def test_what_it_does_is_seen_in_the_diff_and_reaches_the_traffic(
    account, stage, make_bundle, talk, functions, golden
):
    deploy(stage(None), make_bundle, talk.console, yes=True)
    found = diff.compute(stage(INFRA), make_bundle, talk.console)
    shown = "\n".join(line.text for line in preview.show_in_full(found.preview, found.drift))
    named = re.sub(r"Version[0-9a-f]{12}", "Version...", f"{shown}\n")
    # The two versions stand in the order of their digests.
    golden("diff-of-a-hook.txt", re.sub(r"(\+ Version.*\n)(- Version.*\n)", r"\2\1", named))

    deployed = deploy(stage(INFRA), make_bundle, talk.console, yes=True)
    assert deployed.version == "2"
    live = account.client("lambda").get_function_configuration(FunctionName="shop-dev", Qualifier="live")
    assert live["MemorySize"] == 1024
    assert account.client("sqs").get_queue_url(QueueName="orders-dev")
    assert talk.said.count("infra.py:template added") == 2, "once for the diff, once for the deployment"

    again = deploy(stage(INFRA), make_bundle, talk.console, yes=True)
    assert not again.changed
    without = diff.compute(stage(None), make_bundle, talk.console, drift=False)
    assert {each.resource for each in without.preview.changes} >= {"Orders", "Function"}


def test_previews_that_are_pruned_run_their_hook_each_and_one_that_fails_keeps_none(
    account, make_settings, make_bundle, talk, functions
):
    hook = {"hooks.after_undeploy": 'echo "$LAMBDIFY_STAGE" >> gone; [ "$LAMBDIFY_STAGE" != dev ]'}
    for name in ("dev", "live"):
        deploy(stage_in(account, make_settings(name, hook)), make_bundle, talk.console, yes=True)
    stage = stage_in(account, make_settings("staging", hook))
    there = [
        Preview(stage=name, changed_at=datetime.now(UTC), state="", endpoint="")
        for name in ("dev", "live", "staging")
    ]

    def run_hook(preview):
        after_undeploy(preview.settings, talk.console, {})

    pruned = prune(there, stage, talk.console, afterwards=run_hook)
    assert (pruned.removed, pruned.left, pruned.hooks_failed) == (("dev", "live"), ("staging",), ("dev",))
    assert (stage.settings.root / "gone").read_text() == "dev\nlive\n", "never for what is still there"
    assert "warning: shop-dev is gone, and stays so. But [hooks] after_undeploy failed" in talk.said
    with pytest.raises(PreviewsLeft):
        check(pruned)
    with pytest.raises(AfterHookFailed, match="for previews that are gone: dev"):
        check(replace(pruned, left=()))
