"""The project's function for the template: what it may change, what it may not, and nothing else."""

import copy
import json
import os
import socket

import pytest

from lambdify.cli.errors import HookFailed
from lambdify.cli.hooks import needs, versions
from lambdify.cli.hooks.commands import Machine
from lambdify.cli.hooks.template import amend

HERE = Machine(name="anvil", environ=dict(os.environ))
TOPIC = """
def template(body, stage):
    body["Resources"]["Orders"] = {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": stage}}
    body["Resources"]["Function"]["Properties"]["MemorySize"] = 1024
    return body
"""


@pytest.fixture
def run(make_settings, write, talk):
    """`run("def template(body): ...", overrides)`: the template as that function makes it."""

    def run(code, overrides=None, function="template", stage="dev"):
        overrides = {**(overrides or {}), "hooks.template": f"infra.py:{function}"}
        settings = make_settings(stage, overrides)
        if code is not None:
            (settings.root / "infra.py").write_text(code)
        return amend(write(overrides, stage=stage), settings, talk.console, HERE)

    return run


def version_of(written):
    return next(name for name in written.body["Resources"] if name.startswith("Version"))


# -------------------------------------------------------------------- what it may do


def test_without_one_the_template_stays_what_it_is(make_settings, write, talk):
    written = write()
    assert amend(written, make_settings(), talk.console, HERE) is written
    assert talk.said == ""


@pytest.mark.slow
def test_what_it_returns_is_applied_and_said(run, write, talk, complaints):
    made = run(TOPIC, stage="live")
    assert made.body["Resources"]["Orders"]["Properties"]["DisplayName"] == "live"
    assert json.loads(made.text) == made.body
    assert "Running infra.py:template over the template on anvil" in talk.said
    assert (
        f"infra.py:template added Orders, {version_of(made)}; changed Alias, Function; removed" in talk.said
    )
    assert complaints(made, "eu-central-1") == []


@pytest.mark.slow
def test_a_lambda_that_it_changes_gets_a_version_that_everything_leads_to(run, write):
    before, after = write(), run(TOPIC)
    old, new = version_of(before), version_of(after)
    assert (old != new, after.version, len(old)) == (True, new, len(new))
    assert old not in after.text
    assert run(TOPIC).text == after.text, "the same for the same"
    other = run(TOPIC.replace("1024", "2048"))
    assert version_of(other) not in (old, new)


@pytest.mark.slow
def test_what_is_no_part_of_a_version_leaves_it(run, write):
    other = TOPIC.replace("Function", "LogGroup").replace("MemorySize", "RetentionInDays")
    made = run(other)
    assert version_of(made) == version_of(write())
    assert made.body["Resources"]["LogGroup"]["Properties"]["RetentionInDays"] == 1024


@pytest.mark.slow
def test_it_may_be_made_of_several_files_and_of_what_is_not_a_plain_function(run, make_settings):
    root = make_settings().root
    (root / "parts.py").write_text(
        "class Add:\n    def __call__(self, body, *, more=1):\n        return body\n"
    )
    made = run("import dataclasses, parts\nadd = parts.Add()\n", function="add")
    assert made.body["Resources"]


LAMBDAS = {
    "functions": {"report": {"handler": "shop.reports:nightly", "memory": 2048}},
    "commands.timeout": 60,
    "tasks.workers": 2,
}


def test_every_lambda_has_a_version_of_its_own(write):
    before = write(LAMBDAS)
    body = copy.deepcopy(before.body)
    body["Resources"]["FunctionReport"]["Properties"]["Timeout"] = 7
    after = versions.renew(before, body)
    new = {name for name in after.body["Resources"] if name not in before.body["Resources"]}
    (version,) = new
    assert version.startswith("VersionReport")
    assert after.version == before.version
    body["Resources"]["Layer"]["Properties"]["Description"] = "other"
    after = versions.renew(before, body)
    assert {each[:-12] for each in set(after.body["Resources"]) - set(before.body["Resources"])} == {
        "Version",
        "VersionReport",
        "VersionTasks",
        "VersionCommands",
    }


def test_a_rest_api_that_it_changes_is_deployed_anew_with_the_methods_that_were_added(write):
    before = write({"http.endpoint": "rest-api"})
    body = copy.deepcopy(before.body)
    body["Resources"]["Ping"] = {"Type": "AWS::ApiGateway::Method", "Properties": {"HttpMethod": "GET"}}
    after = versions.renew(before, body)
    (old,) = (each for each in before.body["Resources"] if each.startswith("RestDeployment"))
    (new,) = (each for each in after.body["Resources"] if each.startswith("RestDeployment"))
    assert old != new
    assert after.body["Resources"][new]["DependsOn"] == ["RestRoot", "RestProxy", "Ping"]
    assert after.body["Resources"]["RestStage"]["Properties"]["DeploymentId"] == {"Ref": new}


# -------------------------------------------------------------------- what it may not do


def change(body, path, value):
    """The body with another value at "Resources.Function.Properties.Handler"; None takes it away."""
    changed = copy.deepcopy(body)
    *folders, last = path.split(".")
    inner = changed
    for name in folders:
        inner = inner.setdefault(name, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return changed


REFUSED = {
    "Resources.Alias": (None, "removed Alias (AWS::Lambda::Alias)"),
    "Resources.LogGroup": (None, "removed LogGroup (AWS::Logs::LogGroup)"),
    "Resources.FunctionReport": (None, "removed FunctionReport (AWS::Lambda::Function)"),
    "Resources.Alias.Properties.Name": ("other", "changed Alias"),
    "Resources.Alias.Properties.FunctionVersion": ("1", "changed Alias"),
    "Resources.Function.Type": ("AWS::Serverless::Function", "changed Type of Function"),
    "Resources.Function.Condition": ("Sometimes", "changed Condition of Function"),
    "Resources.Function.Properties.FunctionName": ("other", "changed FunctionName of Function"),
    "Resources.Function.Properties.Handler": ("app.handler", "changed Handler of Function"),
    "Resources.Function.Properties.Code": ({"ZipFile": "x"}, "changed Code of Function"),
    "Resources.Function.Properties.PackageType": ("Image", "added PackageType to Function"),
    "Resources.Function.Properties.LoggingConfig": ({"LogGroup": "x"}, "changed LoggingConfig of Function"),
    "Resources.Function.Properties.Layers": (["arn:x"], "took the layer with the dependencies from Function"),
    "Resources.Function.Properties.Environment.Variables.LAMBDIFY_TASKS": (
        None,
        "changed LAMBDIFY_TASKS of Function",
    ),
    "Resources.Role.Properties.RoleName": ("other", "changed RoleName of Role"),
    "Resources.LogGroup.Properties.LogGroupName": ("/x", "changed LogGroupName of LogGroup"),
    "Resources.Schedule.Properties.Name": ("x", "changed Name of Schedule"),
    "Resources.FailedQueue.Properties.QueueName": ("x", "changed QueueName of FailedQueue"),
    "Resources.Api.Properties.Tags": ({"lambdify:stage": "x"}, "gave Api a tag lambdify:..."),
    "Resources.Function.Properties.Tags": (
        [{"Key": "lambdify:project", "Value": "x"}],
        "gave Function a tag lambdify:...",
    ),
    "Resources.RestApi": ({"Type": "AWS::SNS::Topic"}, "added RestApi"),
    "Resources.Mine": ({"Properties": {}}, "left Mine without a Type, or with Properties that are no table"),
    "Resources.Function.Properties": (
        [],
        "left Function without a Type, or with Properties that are no table",
    ),
    "Resources.Other": ("AWS::SNS::Topic", "made str of Other in Resources"),
    "Resources.Alias.": (1, "changed Alias"),
    "Outputs.Mine": (1, "made int of Mine in Outputs"),
    "Resources.Function.Properties.Environment": (
        [],
        "changed LAMBDIFY_TASKS of Function",
    ),
    "Resources.FunctionTasks.Properties.Layers": (
        "x",
        "took the layer with the dependencies from FunctionTasks",
    ),
    "Parameters.Live": (None, "removed Live in Parameters"),
    "Parameters.Live.Default": ("7", "changed Live in Parameters"),
    "Parameters.Mine": ({"Type": "String"}, "added the parameter Mine without a Default"),
    "Conditions.LiveIsPublished": (None, "removed LiveIsPublished in Conditions"),
    "Outputs.Alias": (None, "removed Alias in Outputs"),
    "Outputs.Image": ({"Value": "x"}, "added the output Image"),
    "Outputs": (None, "removed Outputs"),
    "Resources": ([], "removed Resources"),
    "Transform": ("AWS::Serverless-2016-10-31", "added Transform"),
}


@pytest.mark.parametrize("path", REFUSED)
def test_what_lambdify_itself_needs_cannot_be_taken_away_unsaid(write, make_settings, path):
    value, why = REFUSED[path]
    overrides = {**LAMBDAS, "hooks.template": "infra.py:template"}
    before = write(overrides).body
    with pytest.raises(HookFailed) as caught:
        needs.check(before, change(before, path, value), make_settings(overrides=overrides))
    assert caught.value.message == f"[hooks] template: infra.py:template {why}."
    assert caught.value.hint.endswith("Nothing was uploaded or changed.")


ALLOWED = {
    "Description": "ours",
    "Metadata": {"x": 1},
    "Resources.Mine": {"Type": "AWS::SNS::Topic"},
    "Resources.Orders": None,
    "Outputs.OrdersUrl": None,
    "Outputs.Mine": {"Value": "x"},
    "Parameters.Mine": {"Type": "String", "Default": "x"},
    "Resources.Function.Properties.Timeout": 7,
    "Resources.Function.Properties.Environment.Variables.DEBUG": "1",
    "Resources.Function.Properties.Tags": [{"Key": "team", "Value": "web"}],
    "Resources.Function.Properties.Layers": [{"Ref": "Layer"}, "arn:x"],
    "Resources.Role.Properties.Policies": [],
    "Resources.FailedQueue.DeletionPolicy": "Retain",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_the_rest_is_the_projects_own(write, make_settings, path):
    own = {
        "resources": {"Orders": {"Type": "AWS::SQS::Queue"}},
        "outputs": {"OrdersUrl": {"Value": {"Ref": "Orders"}}},
        "hooks.template": "infra.py:template",
    }
    before = write({**LAMBDAS, **own}).body
    needs.check(before, change(before, path, ALLOWED[path]), make_settings(overrides={**LAMBDAS, **own}))


# -------------------------------------------------------------------- what fails


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (None, "there is no infra.py in"),
        ("x = 1", "the file has no function template"),
        ("template = 1", "the file has no function template"),
        ("def template(body): 1 / 0", "ZeroDivisionError: division by zero"),
        ("import nothing_like_this", "No module named 'nothing_like_this'"),
        ("def template(body)\n", "SyntaxError"),
        ("def template(body): return None", "it returned NoneType and no dict"),
        ("def template(body): return {'Resources': {1, 2}}", "cannot be written as JSON"),
        ("def template(body): return body | {'Metadata': float('nan')}", "cannot be written as JSON"),
        ("import os\ndef template(body): os._exit(3)", "it ended with 3, and returned nothing"),
        ("import sys\ndef template(body): sys.exit()", "SystemExit"),
        (
            "import random\ndef template(body): return body | {'Metadata': {'x': random.random()}}",
            "two different templates for the same one",
        ),
        ("def template(body): del body['Resources']['Alias']; return body", "removed Alias"),
    ],
)
@pytest.mark.slow
def test_a_function_that_fails_is_told_with_its_reason(run, code, why):
    with pytest.raises(HookFailed) as caught:
        run(code)
    assert why in caught.value.message
    assert caught.value.exit_code == 19


@pytest.mark.slow
def test_it_can_write_nothing_and_reach_nobody(run, make_settings, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        reach = f"import socket\ndef template(body): socket.create_connection(('127.0.0.1', {port}))"
        with pytest.raises(HookFailed, match="ConnectionRefusedError") as caught:
            run(reach)
        assert caught.value.hint.startswith(f"It wanted to connect: 127.0.0.1:{port}. It takes the template")
        with pytest.raises(BlockingIOError):
            listener.accept()
    mark = make_settings().root / "mark"
    with pytest.raises(HookFailed, match="Read-only file system"):
        run(f"def template(body): open({str(mark)!r}, 'w')")
    with pytest.raises(HookFailed, match="ZeroDivisionError"):
        run(f"import os\ndef template(body): os.system('touch {mark}') and 1 / 0")
    assert not mark.exists()
    secret = tmp_path / "elsewhere.txt"
    secret.write_text("x")
    with pytest.raises(HookFailed, match="FileNotFoundError"):
        run(f"def template(body): open({str(secret)!r})")


@pytest.mark.slow
def test_what_it_prints_is_part_of_the_story(run, talk):
    run("def template(body):\n    print('hello from here')\n    return body\n")
    assert "  hello from here\n" in talk.said
    assert "infra.py:template changed no resource." in talk.said
