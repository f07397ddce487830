"""The way to AWS: who we are there, and what AWS's errors become."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore import exceptions
from botocore.utils import parse_timestamp

from lambdify.cli import aws
from lambdify.cli.aws import attempt, translated
from lambdify.cli.errors import AccessDenied, AwsError, CredentialsError, RegionError


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.fixture
def nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return f"http://127.0.0.1:{port}"


def test_without_a_region_the_error_says_where_to_set_one(make_settings, keys):
    with pytest.raises(RegionError) as caught:
        aws.connect(make_settings(overrides={"region": ""}))
    assert "AWS_REGION" in caught.value.hint
    assert caught.value.exit_code == 31


def test_a_region_that_cannot_be_a_host_name_is_refused(make_settings, keys, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "not a region")
    with pytest.raises(RegionError, match="not a region"):
        aws.connect(make_settings(overrides={"region": ""}))


def test_without_credentials_the_error_says_where_to_get_some(make_settings):
    with pytest.raises(CredentialsError) as caught:
        aws.connect(make_settings())
    assert "--local" in caught.value.hint
    assert caught.value.during == "connecting to AWS"
    assert caught.value.exit_code == 30


def test_without_either_one_error_says_how_to_get_both(make_settings):
    with pytest.raises(CredentialsError, match="no credentials, and no region is set") as caught:
        aws.connect(make_settings(overrides={"region": ""}))
    assert "`aws configure sso`" in caught.value.hint
    assert "AWS_REGION=eu-central-1" in caught.value.hint


@pytest.mark.parametrize("region", ["eu-central-1", ""])
def test_profiles_that_are_there_are_named(make_settings, monkeypatch, tmp_path, region):
    (tmp_path / "config").write_text("[profile work]\n[profile home]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(CredentialsError) as caught:
        aws.connect(make_settings(overrides={"region": region}))
    assert 'Name a profile (work, home): profile = "work" in lambdify.toml' in caught.value.hint


def test_a_profile_that_does_not_exist_is_named(make_settings):
    with pytest.raises(CredentialsError, match="acme-production"):
        aws.connect(make_settings(overrides={"profile": "acme-production"}))


@pytest.mark.slow
def test_an_endpoint_that_nobody_listens_on_is_named(make_settings, keys, monkeypatch, nobody_listens):
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody_listens)
    with pytest.raises(AwsError, match=nobody_listens) as caught:
        aws.connect(make_settings())
    assert "AWS_ENDPOINT_URL" in caught.value.hint


@pytest.mark.slow
def test_a_region_that_does_not_exist_is_refused_with_the_nearest_one(make_settings, keys):
    with pytest.raises(RegionError, match='no region "eu-centrl-1"') as caught:
        aws.connect(make_settings(overrides={"region": "eu-centrl-1"}))
    assert caught.value.hint == 'Did you mean "eu-central-1"?'


@pytest.mark.cloud
@pytest.mark.slow
def test_the_account_knows_its_number_region_and_partition(account):
    assert account.account_id.isdecimal()
    assert len(account.account_id) == 12
    assert (account.region, account.partition) == ("eu-central-1", "aws")


@pytest.mark.cloud
@pytest.mark.slow
def test_a_client_is_made_once(account):
    assert account.client("s3") is account.client("s3")
    assert account.client("lambda").meta.region_name == "eu-central-1"


@pytest.mark.cloud
@pytest.mark.slow
def test_an_invocation_may_take_as_long_as_a_function_may_run(account):
    """A client that gives up sooner would invoke a second time."""
    assert account.client("lambda").meta.config.read_timeout > 900
    assert account.client("s3").meta.config.read_timeout == 60


@pytest.mark.cloud
@pytest.mark.slow
def test_the_endpoint_variable_of_boto3_works_by_itself(cloud, make_settings, keys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    assert aws.connect(make_settings()).account_id == "123456789012"


@pytest.mark.cloud
@pytest.mark.slow
def test_the_region_is_that_of_the_settings_or_else_of_the_environment(
    cloud, make_settings, keys, monkeypatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    none = make_settings(overrides={"region": ""})
    assert aws.connect(none).region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert aws.connect(none).region == "eu-west-2"
    assert aws.connect(make_settings()).region == "eu-central-1"


@pytest.mark.cloud
@pytest.mark.slow
def test_a_profile_brings_its_region_and_its_keys(cloud, make_settings, monkeypatch, tmp_path):
    config = tmp_path / "config"
    config.write_text(
        "[profile acme]\nregion = sa-east-1\naws_access_key_id = 111122223333\n"
        f"aws_secret_access_key = secret\nendpoint_url = {cloud}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    account = aws.connect(make_settings(overrides={"region": "", "profile": "acme"}))
    assert (account.account_id, account.region) == ("111122223333", "sa-east-1")


@pytest.mark.cloud
@pytest.mark.slow
def test_given_credentials_keep_the_configuration_of_the_user_out(
    cloud, make_settings, monkeypatch, nobody_listens
):
    monkeypatch.setenv("AWS_PROFILE", "one-that-does-not-exist")
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody_listens)
    monkeypatch.setenv("HTTP_PROXY", nobody_listens)
    account = aws.connect(make_settings(), endpoint_url=cloud, credentials=("210987654321", "secret"))
    assert account.account_id == "210987654321"


@pytest.mark.parametrize(
    ("code", "message", "cause", "said"),
    [
        (
            "ExpiredToken",
            "The security token included in the request is expired",
            CredentialsError,
            "expired",
        ),
        ("InvalidClientTokenId", "The security token is invalid.", CredentialsError, "token is invalid"),
        ("RegionDisabledException", "STS is not activated in this region", RegionError, "not activated"),
        ("ThrottlingException", "Rate exceeded", AwsError, "is throttling GetBucketPolicy"),
        ("InternalError", "We encountered an internal error", AwsError, r"internal error \(InternalError\)"),
    ],
)
def test_each_refusal_becomes_the_error_of_its_cause(stubbed, code, message, cause, said):
    stubbed.refuses("s3.get_bucket_policy", code, message)
    with pytest.raises(cause, match=said) as caught, translated(during="looking"):
        stubbed.account.client("s3").get_bucket_policy(Bucket="shop-bucket")
    assert type(caught.value) is cause
    assert caught.value.during == "looking"


def test_a_fault_of_aws_is_told_as_one_that_passes(stubbed):
    stubbed.refuses("s3.get_bucket_policy", "InternalError", "We encountered an internal error", 500)
    with pytest.raises(AwsError) as caught, translated(during=""):
        stubbed.account.client("s3").get_bucket_policy(Bucket="shop-bucket")
    assert caught.value.hint == "That is a fault of AWS, which passes: try again in a minute."


def test_a_denial_names_the_action_that_is_missing(stubbed):
    stubbed.refuses(
        "s3.create_bucket",
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:CreateBucket on resource: "
        '"arn:aws:s3:::lambdify" because no identity-based policy allows the s3:CreateBucket action',
        403,
    )
    with pytest.raises(AccessDenied, match="AWS refused s3:CreateBucket") as caught, translated(during=""):
        stubbed.account.client("s3").create_bucket(Bucket="lambdify")
    assert "s3:CreateBucket" in caught.value.hint
    assert caught.value.exit_code == 32


def test_a_denial_without_a_reason_names_the_operation(stubbed):
    stubbed.refuses("s3.get_object", "AccessDenied", "Access Denied", 403)
    with pytest.raises(AccessDenied, match="the action behind GetObject"), translated(during=""):
        stubbed.account.client("s3").get_object(Bucket="lambdify", Key="key")


def test_a_denial_of_a_head_request_names_the_permission_which_is_called_otherwise(stubbed):
    stubbed.refuses("s3.head_bucket", "403", "Forbidden", 403)
    with pytest.raises(AccessDenied, match="AWS refused s3:ListBucket"), translated(during=""):
        stubbed.account.client("s3").head_bucket(Bucket="lambdify")


def test_a_head_request_that_is_refused_without_a_word_is_one_with_expired_credentials(stubbed):
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html: a bare 400, without a body."""
    stubbed.refuses("s3.head_bucket", "400", "Bad Request", 400)
    with pytest.raises(CredentialsError, match="credentials have expired") as caught, translated(during=""):
        stubbed.account.client("s3").head_bucket(Bucket="lambdify")
    assert "Log in again" in caught.value.hint


@pytest.mark.parametrize(
    ("error", "cause", "hint"),
    [
        (exceptions.NoCredentialsError(), CredentialsError, "profile"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="x"), CredentialsError, "profile"),
        (exceptions.UnauthorizedSSOTokenError(), CredentialsError, "aws sso login"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), CredentialsError, "sso login"),
        (exceptions.EndpointConnectionError(endpoint_url="https://s3"), AwsError, "network"),
        (exceptions.ConnectTimeoutError(endpoint_url="https://s3"), AwsError, "network"),
        (exceptions.ReadTimeoutError(endpoint_url="https://s3"), AwsError, "network"),
        (exceptions.ConnectionClosedError(endpoint_url="https://s3"), AwsError, "network"),
        (exceptions.ProxyConnectionError(proxy_url="http://proxy"), AwsError, "proxy"),
        (exceptions.ParamValidationError(report="Missing Bucket"), AwsError, ""),
    ],
)
def test_each_failure_of_boto3_becomes_the_error_of_its_cause(error, cause, hint):
    with pytest.raises(cause) as caught, translated(during="calling"):
        raise error
    assert type(caught.value) is cause
    assert hint in caught.value.hint
    assert caught.value.during == "calling"


def test_only_the_refusal_that_was_named_means_nothing_there(stubbed):
    s3 = stubbed.account.client("s3")
    stubbed.refuses("s3.head_object", "404", "Not Found", 404)
    assert attempt(s3.head_object, none_if="^404:", Bucket="bucket", Key="key") is None
    stubbed.refuses("s3.head_object", "403", "Forbidden", 403)
    with pytest.raises(exceptions.ClientError):
        attempt(s3.head_object, none_if="^404:", Bucket="bucket", Key="key")


class ThrottlesTwice(BaseHTTPRequestHandler):
    """STS, as it answers when it is asked too often."""

    asked = 0

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        ThrottlesTwice.asked += 1
        throttled = self.asked <= 2
        body = THROTTLED if throttled else IDENTITY
        self.send_response(400 if throttled else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


THROTTLED = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Slower</Message></Error></ErrorResponse>"
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:sts::123456789012:user/ann</Arn>"
    b"<UserId>A</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


@pytest.mark.slow
def test_a_throttled_call_is_made_again_and_the_arn_tells_the_partition(make_settings):
    with ThreadingHTTPServer(("127.0.0.1", 0), ThrottlesTwice) as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        url = f"http://127.0.0.1:{server.server_port}"
        account = aws.connect(make_settings(), endpoint_url=url, credentials=("key", "secret"))
        server.shutdown()
    assert ThrottlesTwice.asked == 3
    assert account.partition == "aws-cn"


@pytest.mark.parametrize(
    "value",
    [
        *("2026-11-29T12:00:00Z", "2026-11-29T12:00:00.1Z", "2026-02-28T23:59:59.999999Z"),
        *("2026-11-29T12:00:00.123+0000", "2026-11-29T12:00:00+02:00", "Sun, 29 Nov 2026 12:00:00 GMT"),
        *("1764417600", "20261129", 1764417600, 1764417600.5),
    ],
)
def test_every_form_of_a_time_is_read_as_botocore_reads_it(make_settings, keys, moto, value):
    client = aws.connect(make_settings()).client("cloudformation")
    read = client._response_parser._timestamp_parser(value)
    assert read == parse_timestamp(value)
    assert read.utcoffset() == parse_timestamp(value).utcoffset()


def test_what_is_no_time_is_refused_as_botocore_refuses_it(make_settings, keys, moto):
    client = aws.connect(make_settings()).client("cloudformation")
    for value in ("2026-13-29T12:00:00Z", "soon"):
        with pytest.raises(ValueError):
            client._response_parser._timestamp_parser(value)
