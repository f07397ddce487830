"""The ways to an account that people have: profiles, single sign-on, roles, second factors; partitions."""

import hashlib
import json
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import ClassVar

import pytest
from moto import mock_aws
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.aws import translated
from lambdify.cli.calls import invocation
from lambdify.cli.deploy import deploy
from lambdify.cli.errors import AwsError, CredentialsError
from lambdify.cli.undeploy import undeploy

pytestmark = pytest.mark.slow

IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::123456789012:user/ann</Arn>"
    b"<UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.fixture
def config(monkeypatch, tmp_path):
    """`config("[profile acme]...")`: ~/.aws/config of somebody, and a home folder to keep things in."""

    def write(text):
        (tmp_path / "config").write_text(text)

    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return write


@pytest.fixture
def connect(make_settings):
    """`connect("acme")`: the account that the profile of that name leads to."""

    def connect(profile, region=""):
        return aws.connect(make_settings(overrides={"profile": profile, "region": region}))

    return connect


SSO = """
[profile acme]
region = eu-west-1
sso_session = work
sso_account_id = 123456789012
sso_role_name = deployer
[sso-session work]
sso_region = eu-west-1
sso_start_url = https://acme.awsapps.com/start
"""


def test_a_profile_without_a_login_says_how_to_log_in_to_it(config, connect):
    config(SSO)
    with pytest.raises(CredentialsError) as caught:
        connect("acme")
    assert caught.value.hint == "Log in: `aws sso login --profile acme`."


def test_the_profile_of_the_environment_is_named_as_well(config, connect, monkeypatch):
    config(SSO)
    monkeypatch.setenv("AWS_PROFILE", "acme")
    with pytest.raises(CredentialsError, match="SSO") as caught:
        connect("")
    assert "--profile acme" in caught.value.hint


def test_of_a_profile_that_there_is_not_the_nearest_is_told(config, connect):
    config("[profile acme-production]\nregion = eu-west-1\n")
    with pytest.raises(CredentialsError) as caught:
        connect("acme-prodution")
    assert caught.value.hint == 'Did you mean "acme-production"?'


def test_where_no_profile_is_near_all_are_told(config, connect):
    config("[profile one]\n[profile two]\n")
    with pytest.raises(CredentialsError) as caught:
        connect("acme")
    assert "Name a profile (one, two)" in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "[profile acme\n",
        "[profile acme]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = other\n",
    ],
)
def test_a_configuration_that_makes_no_sense_is_one_of_credentials(config, connect, text):
    config(text)
    with pytest.raises(CredentialsError) as caught:
        connect("acme", "eu-west-1")
    assert "~/.aws/config" in caught.value.hint


ROLE = """
[profile base]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = secret
[profile acme]
region = eu-west-1
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = base
"""


def test_a_profile_may_assume_a_role(config, connect):
    config(ROLE)
    with mock_aws():
        account = connect("acme")
    assert account.region == "eu-west-1"
    assert ":assumed-role/deployer/" in account.caller


def test_a_role_is_kept_where_the_aws_cli_keeps_it_and_read_by_nobody_else(config, connect, tmp_path):
    config(ROLE)
    with mock_aws():
        connect("acme")
    (kept,) = (tmp_path / ".aws" / "cli" / "cache").iterdir()
    assert json.loads(kept.read_text())["Credentials"]["AccessKeyId"]
    assert kept.stat().st_mode & 0o077 == 0


def test_where_there_is_no_home_a_role_is_assumed_all_the_same(config, connect, tmp_path, monkeypatch):
    config(ROLE)
    monkeypatch.setenv("HOME", str(tmp_path / "config"))
    with mock_aws():
        assert ":assumed-role/deployer/" in connect("acme").caller


def test_keys_of_the_environment_do_not_stand_in_for_a_profile_that_is_named(config, connect, monkeypatch):
    config(ROLE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "other")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    with mock_aws():
        assert ":assumed-role/deployer/" in connect("acme").caller


def test_a_second_factor_needs_somebody_to_ask(config, make_settings, tmp_path):
    config(ROLE + "mfa_serial = arn:aws:iam::123456789012:mfa/ann\n")
    # In a session without a terminal, as in CI: getpass would ask at the terminal that runs the tests.
    code = (
        "from lambdify.cli import aws, settings; from pathlib import Path; import sys\n"
        "overrides = {'profile': 'acme', 'function.python': '3.13'}\n"
        "aws.connect(settings.load(Path(sys.argv[1]), overrides=overrides))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", code, make_settings().root],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
        check=False,
    )
    assert 'CredentialsError: The profile "acme" needs a code of its MFA device' in asked.stderr


# -------------------------------------------------------------------- ways that are gone to the end


class Portal(BaseHTTPRequestHandler):
    """The portal of single sign-on, which gives keys to whoever has a token; and STS, which takes them."""

    seen: ClassVar[list] = []

    def do_GET(self):
        Portal.seen.append((self.path, self.headers["x-amz-sso_bearer_token"]))
        keys = {
            "accessKeyId": "ASIASSO",
            "secretAccessKey": "s",
            "sessionToken": "of-sso",
            "expiration": 4e12,
        }
        self._answer(json.dumps({"roleCredentials": keys}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        Portal.seen.append((self.headers["Authorization"], self.headers["X-Amz-Security-Token"]))
        self._answer(IDENTITY)

    def _answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def portal(monkeypatch):
    """Where AWS's portal and STS are in this test."""
    Portal.seen.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield Portal.seen
        server.shutdown()
        thread.join()


def log_in(home, expires):
    """What `aws sso login` leaves."""
    folder = home / ".aws" / "sso" / "cache"
    folder.mkdir(parents=True)
    token = {"accessToken": "token-of-ann", "expiresAt": expires, "region": "eu-west-1"}
    name = hashlib.sha1(b"work").hexdigest()
    (folder / f"{name}.json").write_text(json.dumps(token))


def from_home(profile, make_settings):
    """The account that a profile leads to, or what to do; botocore looks for the home folder only once."""
    code = (
        "from lambdify.cli import aws, settings; from lambdify.cli.errors import CredentialsError\n"
        "from pathlib import Path; import sys\n"
        "overrides = {'profile': sys.argv[2], 'function.python': '3.13'}\n"
        "try: print(aws.connect(settings.load(Path(sys.argv[1]), overrides=overrides)).account_id)\n"
        "except CredentialsError as error: print(error.hint)"
    )
    program = [sys.executable, "-c", code, make_settings().root, profile]
    return subprocess.run(program, stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout.strip()


def test_whoever_is_logged_in_to_a_profile_gets_its_role_from_the_portal(
    config, make_settings, portal, tmp_path
):
    config(SSO)
    log_in(tmp_path, "2199-01-01T00:00:00Z")
    assert from_home("acme", make_settings) == "123456789012"
    asked, signed = portal
    assert asked == (
        "/federation/credentials?role_name=deployer&account_id=123456789012",
        "token-of-ann",
    )
    assert "Credential=ASIASSO/" in signed[0]
    assert signed[1] == "of-sso"


def test_a_login_that_has_run_out_says_how_to_renew_it(config, make_settings, portal, tmp_path):
    config(SSO)
    log_in(tmp_path, "2001-01-01T00:00:00Z")
    assert from_home("acme", make_settings) == "Log in: `aws sso login --profile acme`."
    assert portal == []


@pytest.mark.cloud
@pytest.mark.slow
def test_a_deployment_runs_with_a_role_that_a_profile_assumes(
    cloud, config, connect, monkeypatch, make_settings, make_bundle, functions, talk, inventory
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    config(ROLE.replace("AKIAIOSFODNN7EXAMPLE", "123456789012"))
    account = connect("acme")
    assert ":assumed-role/deployer/" in account.caller
    settings = make_settings(overrides={"profile": "acme"})
    assert deploy(stage_in(account, settings), make_bundle, talk.console, yes=True).version == "1"
    assert inventory(account)["functions"] == ["shop-dev"]
    undeploy(stage_in(account, settings), talk.console, yes=True)
    assert inventory(account) == {}


@pytest.mark.cloud
@pytest.mark.slow
def test_a_deployment_runs_with_nothing_but_the_environment(
    cloud, monkeypatch, make_settings, make_bundle, functions, talk, inventory
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "100000800001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = make_settings(overrides={"region": ""})
    account = aws.connect(settings)
    deployment = deploy(stage_in(account, settings), make_bundle, talk.console, yes=True)
    assert (deployment.region, account.account_id) == ("eu-west-1", "100000800001")
    assert inventory(account)["buckets"] == ["lambdify-100000800001-eu-west-1"]
    undeploy(stage_in(account, settings), talk.console, yes=True)
    assert inventory(account) == {}


@pytest.mark.slow
@pytest.mark.parametrize(("region", "partition"), [("us-gov-west-1", "aws-us-gov"), ("cn-north-1", "aws-cn")])
def test_a_stage_lives_in_the_other_partitions(
    region, partition, monkeypatch, make_settings, make_bundle, talk, inventory
):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    settings = make_settings(overrides={"region": region})
    # Imported when it is needed: it is large.
    from . import second_judge

    with mock_aws(config={"lambda": {"use_docker": False}}):
        second_judge.teach(monkeypatch)
        account = aws.connect(settings)
        deployment = deploy(
            stage_in(account, settings),
            make_bundle,
            talk.console,
            yes=True,
            sleep=lambda _: None,
        )
        assert deployment.alias.startswith(f"arn:{partition}:lambda:{region}:")
        undeploy(stage_in(account, settings), talk.console, yes=True, sleep=lambda _: None)
        assert inventory(account) == {}


# -------------------------------------------------------------------- what is sent is checked before


def test_every_client_checks_its_calls_against_the_model_of_aws(monkeypatch, connect):
    """So no test, of whichever command, passes with a call that AWS does not know."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        account = connect("", "eu-central-1")
    for client in (account.client("s3").head_bucket, account.without_retries("lambda").invoke):
        with (
            pytest.raises(AwsError, match='Unknown parameter in input: "Bukcet"'),
            translated(during="asking"),
        ):
            client(Bukcet="shop")


# -------------------------------------------------------------------- partitions


@pytest.mark.parametrize(
    ("region", "partition", "domain"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
    ],
)
def test_each_partition_has_its_own_arns_and_hosts(monkeypatch, connect, region, partition, domain):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with mock_aws():
        account = connect("", region)
    assert account.partition == partition
    for service in ("lambda", "cloudformation", "logs", "cloudwatch", "apigatewayv2"):
        assert account.client(service).meta.endpoint_url.endswith(f".{region}.{domain}")


# -------------------------------------------------------------------- what is sent once


class Lambda(BaseHTTPRequestHandler):
    """STS; and a Lambda that carries an invocation out, or is too busy, and whose answer does not arrive."""

    protocol_version = "HTTP/1.1"
    busy = 0
    invoked = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if "/functions/" not in self.path:
            self.answer(200, IDENTITY)
        elif Lambda.busy:
            Lambda.busy -= 1
            self.answer(429, b"{}", {"x-amzn-errortype": "TooManyRequestsException"})
        else:
            Lambda.invoked += 1
            self.close_connection = True

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {**(headers or {}), "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def dropping(make_settings):
    """An account whose Lambda is `Lambda`."""
    Lambda.busy = Lambda.invoked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Lambda) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, args=(0.02,)).start()
        url = f"http://127.0.0.1:{server.server_port}"
        yield aws.connect(make_settings(), endpoint_url=url, credentials=("key", "secret"))
        server.shutdown()


def test_an_invocation_whose_connection_breaks_is_not_sent_a_second_time(dropping):
    with pytest.raises(AwsError, match="Connection was closed") as caught:
        invocation.call("shop-dev", b"{}", dropping)
    assert Lambda.invoked == 1
    assert caught.value.during == "invoking shop-dev"


def test_an_invocation_that_lambda_had_no_room_for_is_sent_again(dropping):
    Lambda.busy = 2
    pauses = []
    with pytest.raises(AwsError, match="Connection was closed"):
        invocation.call("shop-dev", b"{}", dropping, sleep=pauses.append)
    assert (Lambda.invoked, pauses) == (1, [1, 2])


def test_a_function_that_has_no_room_for_long_is_an_error_that_says_so(dropping):
    Lambda.busy = 100
    with pytest.raises(AwsError, match="throttling Invoke"):
        invocation.call("shop-dev", b"{}", dropping, sleep=lambda _: None)
    assert Lambda.invoked == 0


def test_a_client_that_sends_once_waits_for_as_long_as_a_function_may_run(dropping):
    assert dropping.without_retries("lambda").meta.config.read_timeout > 900
    assert dropping.without_retries("lambda") is dropping.without_retries("lambda")
