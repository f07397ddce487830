"""Secrets of a stage: stored at a place of its own, declared, listed and taken away; never shown."""

import io
import json
from datetime import UTC, datetime

import pytest
from stages import stage_in

from lambdify.cli import secrets, settings
from lambdify.cli.command_line import answers
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import Declined, SecretMissing, SettingsError, UsageError
from lambdify.cli.secrets import declaration

VALUE = "hunter2-\N{SNOWMAN}\nline two"
LINE = 'API_KEY = "ssm:/shop/{stage}/API_KEY"\n'


@pytest.fixture
def write(tmp_path):
    """`write(text)`: the project has this lambdify.toml; the value loads the settings of a stage of it."""

    def write(text=""):
        (tmp_path / "lambdify.toml").write_text(f'name = "shop"\nregion = "eu-central-1"\n{text}')
        return lambda stage=None: settings.load(tmp_path, stage=stage)

    return write


def stored(account, name):
    found = account.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]
    return found["Type"], found["Value"]


def set_secret(account, chosen, name, value):
    parameter = secrets.put(stage_in(account, chosen), name, value)
    declaration.declare(chosen, name)
    return parameter


# -------------------------------------------------------------------- set


@pytest.mark.cloud
def test_each_stage_has_a_value_of_its_own_and_one_line_declares_them_all(write, account, tmp_path):
    load = write()
    assert set_secret(account, load(), "API_KEY", VALUE) == "/shop/dev/API_KEY"
    assert set_secret(account, load("live"), "API_KEY", "other") == "/shop/live/API_KEY"
    assert stored(account, "/shop/dev/API_KEY") == ("SecureString", VALUE)
    assert stored(account, "/shop/live/API_KEY") == ("SecureString", "other")
    text = (tmp_path / "lambdify.toml").read_text()
    assert text.endswith(f"\n[secrets]\n{LINE}")
    assert text.count("API_KEY") == LINE.count("API_KEY")
    assert load("live").secrets == {"API_KEY": "ssm:/shop/live/API_KEY"}
    set_secret(account, load(), "API_KEY", "changed")
    assert stored(account, "/shop/dev/API_KEY") == ("SecureString", "changed")
    assert (tmp_path / "lambdify.toml").read_text() == text


def test_the_call_is_one_that_aws_takes_and_its_key_is_awss_own(write, stubbed):
    stubbed.answers(
        "ssm.put_parameter",
        {"Version": 1, "Tier": "Standard"},
        Name="/shop/dev/API_KEY",
        Value="x",
        Type="SecureString",
        Overwrite=True,
    )
    assert secrets.put(stage_in(stubbed.account, write()()), "API_KEY", "x") == "/shop/dev/API_KEY"


REFUSED = {
    "no name of a variable": ("1KEY", "x", "cannot be the name of an environment variable"),
    "lambda's own": ("AWS_REGION", "x", "Lambda itself sets AWS_REGION"),
    "empty": ("API_KEY", "", "is empty"),
    "zero byte": ("API_KEY", "a\0b", "zero byte"),
    "typed in another encoding": ("API_KEY", "\udce9", "is not UTF-8"),
    "long": ("API_KEY", "\N{SNOWMAN}" * 1366, "has 4098 bytes; Parameter Store takes 4096"),
    "shared": ("SHARED", "x", r"lambdify.toml, line 4: the value of SHARED is at ssm:/shop/shared"),
    "plain too": ("PLAIN", "x", r"lambdify.toml, line 6: \[environment\] sets PLAIN too"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_stored_is_refused_before_aws_is_asked_and_its_value_is_not_told(write, stubbed, case):
    name, value, message = REFUSED[case]
    chosen = write('[secrets]\nSHARED = "ssm:/shop/shared"\n[environment]\nPLAIN = "y"\n')()
    with pytest.raises((UsageError, SettingsError), match=message) as caught:
        secrets.put(stage_in(stubbed.account, chosen), name, value)
    assert len(value) < 2 or value not in str(caught.value) + caught.value.hint


@pytest.mark.parametrize(
    "arguments", [["API_KEY", "hunter2"], ["API_KEY=hunter2"], ["API_KEY", "=", "hunter2"]]
)
def test_a_value_that_is_typed_as_an_argument_is_refused_and_not_repeated(lambdify, golden, arguments):
    done = lambdify("secrets", "set", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    golden("secrets-argument.txt", done.stderr)


def test_a_project_whose_name_no_parameter_may_begin_with_has_another_path(make_settings):
    assert make_settings(overrides={"name": "AWS-shop"}).secrets_path == "/app-AWS-shop/dev"
    assert make_settings(overrides={"name": "shop-aws"}).secrets_path == "/shop-aws/dev"


def test_the_stage_of_a_source_is_filled_in_wherever_the_secret_is(write):
    everywhere = '[secrets]\nKEY = "secretsmanager:shop-{stage}#key"\n'
    load = write(f'{everywhere}[stages.live.secrets]\nPIN = "ssm:/pin/{{stage}}"\n')
    assert load("live").secrets == {"KEY": "secretsmanager:shop-live#key", "PIN": "ssm:/pin/live"}
    with pytest.raises(SettingsError, match="does not say where the secret is"):
        write('[secrets]\nKEY = "ssm:/{region}/key"\n')()


# -------------------------------------------------------------------- list


@pytest.mark.cloud
def test_the_list_says_where_each_is_since_when_and_who_declares_it_and_no_value(write, account):
    load = write('[secrets]\nOTHER = "secretsmanager:vault#key"\nNOWHERE = "ssm:/nowhere"\n')
    account.client("secretsmanager").create_secret(Name="vault", SecretString='{"key": "hunter2"}')
    set_secret(account, load(), "API_KEY", VALUE)
    secrets.put(stage_in(account, load()), "FORGOTTEN", "hunter2")
    secrets.put(stage_in(account, load("live")), "NOT_OURS", "hunter2")
    stage = stage_in(account, load())
    found = secrets.find_all(stage)
    assert [(each.name, each.source, each.declared, each.stored) for each in found] == [
        ("API_KEY", "ssm:/shop/dev/API_KEY", "lambdify.toml, line 6", True),
        ("FORGOTTEN", "ssm:/shop/dev/FORGOTTEN", "", True),
        ("NOWHERE", "ssm:/nowhere", "lambdify.toml, line 5", False),
        ("OTHER", "secretsmanager:vault#key", "lambdify.toml, line 4", True),
    ]
    now = datetime.now(UTC)
    assert all(abs((now - each.changed).total_seconds()) < 300 for each in found if each.stored)
    shown = secrets.show(found, stage) + json.dumps([answers.to_json(each) for each in found])
    assert "hunter2" not in shown
    assert shown.split("\n")[3].split() == [
        "NOWHERE",
        "missing",
        "ssm:/nowhere",
        "lambdify.toml,",
        "line",
        "5",
    ]


def test_no_call_of_the_list_could_show_a_value(write, stubbed):
    """Of whoever lists secrets, not even the right to read one is asked for."""
    chosen = write('[secrets]\nPIN = "ssm:/shop/{stage}/PIN"\n')()
    path = {"Key": "Path", "Option": "OneLevel", "Values": ["/shop/dev"]}
    named = {"Key": "Name", "Option": "Equals", "Values": ["/shop/dev/PIN"]}
    changed = datetime(2026, 11, 1, tzinfo=UTC)
    for rule in (path, named):
        described = {"Parameters": [{"Name": "/shop/dev/PIN", "LastModifiedDate": changed}]}
        stubbed.answers("ssm.describe_parameters", described, ParameterFilters=[rule])
    (secret,) = secrets.find_all(stage_in(stubbed.account, chosen))
    assert (secret.changed, secret.declared) == (changed, "lambdify.toml, line 4")


def test_a_secret_that_waits_for_its_deletion_is_missing(write, stubbed):
    chosen = write('[secrets]\nPIN = "secretsmanager:gone"\n')()
    deleted = {"Name": "gone", "DeletedDate": datetime(2026, 11, 1, tzinfo=UTC)}
    stubbed.answers("secretsmanager.describe_secret", deleted, SecretId="gone")
    with pytest.raises(SecretMissing, match=r"PIN \(secretsmanager:gone\)"):
        secrets.require(stage_in(stubbed.account, chosen))


def test_more_secrets_than_one_filter_takes_are_asked_for_in_parts(write, stubbed):
    lines = "".join(f'N{number:02} = "ssm:/many/{number:02}"\n' for number in range(60))
    chosen = write(f"[secrets]\n{lines}")()
    for part in (range(50), range(50, 60)):
        names = [f"/many/{number:02}" for number in part]
        stubbed.answers(
            "ssm.describe_parameters",
            {"Parameters": [{"Name": name} for name in names]},
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": names}],
        )
    secrets.require(stage_in(stubbed.account, chosen))


# -------------------------------------------------------------------- what is missing

MISSING = """
[secrets]
API_KEY = "ssm:/shop/{stage}/API_KEY"
SHARED = "ssm:/shared"
TOKEN = "secretsmanager:vault#token"
"""


@pytest.mark.cloud
def test_a_deployment_without_a_value_ends_before_anything_is_packed_or_made(
    write, account, inventory, talk, golden
):
    def pack():
        raise AssertionError("packed")

    stage = stage_in(account, write(MISSING)())
    with pytest.raises(SecretMissing) as caught:
        deploy(stage, pack, talk.console, yes=True)
    assert caught.value.exit_code == 34
    golden("secrets-missing.txt", f"{caught.value.message}\n{caught.value.hint}\n")
    assert inventory(account) == {}
    secrets.put(stage, "API_KEY", VALUE)
    with pytest.raises(SecretMissing, match=r"no value of SHARED \(ssm:/shared\), TOKEN"):
        secrets.require(stage)


def test_whoever_may_not_list_parameters_may_deploy_all_the_same(write, stubbed):
    stubbed.refuses("ssm.describe_parameters", "AccessDeniedException", "not authorized")
    secrets.require(stage_in(stubbed.account, write(MISSING)()))


# -------------------------------------------------------------------- unset


@pytest.mark.cloud
def test_value_and_line_go_and_the_line_stays_while_another_stage_may_need_it(write, account, talk, tmp_path):
    load = write(f"[secrets]\n{LINE}")
    secrets.put(stage_in(account, load()), "API_KEY", VALUE)
    removal = secrets.unset(stage_in(account, load()), "API_KEY", talk.console)
    assert (removal.deleted, removal.line.text, removal.kept) == (True, LINE.strip(), "")
    assert load().secrets == {}
    assert account.client("ssm").describe_parameters()["Parameters"] == []

    load = write(f"[secrets]\n{LINE}[stages.live]\nprotect = true\n")
    removal = secrets.unset(stage_in(account, load()), "API_KEY", talk.console)
    assert (removal.deleted, removal.line, removal.kept) == (False, None, "lambdify.toml, line 4")
    assert "API_KEY" in load().secrets


@pytest.mark.cloud
def test_a_value_elsewhere_stays_and_only_its_line_goes(write, account, talk):
    load = write('[secrets]\nSHARED = "ssm:/shared"\n[stages.dev.secrets]\nOWN = "ssm:/own"\n')
    for name in ("/shared", "/own"):
        account.client("ssm").put_parameter(Name=name, Value="x", Type="SecureString")
    for name, line in (("SHARED", 'SHARED = "ssm:/shared"'), ("OWN", 'OWN = "ssm:/own"')):
        removal = secrets.unset(stage_in(account, load()), name, talk.console)
        assert (removal.deleted, removal.line.text) == (False, line)
    assert load().secrets == {}
    assert len(account.client("ssm").describe_parameters()["Parameters"]) == 2


def test_what_is_neither_declared_nor_stored_is_missing(write, stubbed, talk):
    stubbed.answers("ssm.describe_parameters", {"Parameters": []})
    with pytest.raises(SecretMissing, match="shop-dev has no secret API_KEY"):
        secrets.unset(stage_in(stubbed.account, write()()), "API_KEY", talk.console)


def release_of(stubbed, names):
    """The next look at the live release finds it, with these secrets."""
    stubbed.finds_stage({"Version": "7"})
    listed = [{"Key": "shop/dev/releases/00003.json"}]
    stubbed.answers("s3.list_objects_v2", {"IsTruncated": False, "Contents": listed})
    live = {
        "number": 3,
        "at": "2026-11-01T08:00:00+00:00",
        "by": "",
        "commit": "",
        "dirty": False,
        "stack": "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-dev/1",
        "version": "7",
        "artifacts": [],
        "settings": {"secrets": names},
        "state": "live",
        "reason": "",
    }
    stubbed.answers("s3.get_object", {"Body": io.BytesIO(json.dumps(live).encode())})


@pytest.mark.parametrize("reply", ["n\n", "y\n"])
def test_what_the_live_release_reads_is_deleted_only_by_who_says_so(write, stubbed, talk_to, reply):
    chosen = write(f"[secrets]\n{LINE}")()
    stubbed.answers("ssm.describe_parameters", {"Parameters": [{"Name": "/shop/dev/API_KEY"}]})
    release_of(stubbed, ["API_KEY"])
    talk = talk_to(reply)
    if reply == "n\n":
        with pytest.raises(Declined, match="API_KEY of shop-dev was not deleted"):
            secrets.unset(stage_in(stubbed.account, chosen), "API_KEY", talk.console)
    else:
        stubbed.answers("ssm.delete_parameter", {}, Name="/shop/dev/API_KEY")
        assert secrets.unset(stage_in(stubbed.account, chosen), "API_KEY", talk.console).deleted
    assert "reads API_KEY whenever it starts" in talk.said
