"""Calls to AWS: signed as AWS's own SDK signs them, tried again where that helps, and silent about values."""

import time
from datetime import UTC, datetime

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from lambdify.adapter.aws import (
    CallFailed,
    Credentials,
    Request,
    call,
    find_address,
    find_credentials,
    send,
    sign,
)

from .aws_service import HANG_UP, AwsService
from .conftest import Serve

ARN_PATH = (
    "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ashop%3Alive/invocations"
)


@pytest.mark.parametrize("token", ["", "a/token+with=signs"])
@pytest.mark.parametrize(("service", "path"), [("ssm", "/"), ("secretsmanager", "/"), ("lambda", ARN_PATH)])
def test_a_call_is_signed_as_the_sdk_signs_it(service, path, token):
    request = Request(service, path, {"content-type": "application/x-amz-json-1.1"}, b'{"Names": ["/a"]}')
    host = f"{service}.eu-west-1.amazonaws.com"
    ours = sign(request, host, "eu-west-1", Credentials("AKID", "secret", token), time.gmtime())

    theirs = AWSRequest("POST", f"https://{host}{path}", dict(request.headers), request.body)
    signer = SigV4Auth(BotocoreCredentials("AKID", "secret", token or None), service, "eu-west-1")
    theirs.context["timestamp"] = theirs.headers["X-Amz-Date"] = ours["x-amz-date"]
    if token:
        theirs.headers["X-Amz-Security-Token"] = token
    canonical = signer.canonical_request(theirs)
    signature = signer.signature(signer.string_to_sign(theirs, canonical), theirs)
    assert ours["authorization"].endswith(f"Signature={signature}")
    assert (
        f"Credential=AKID/{datetime.now(UTC):%Y%m%d}/eu-west-1/{service}/aws4_request"
        in ours["authorization"]
    )


def test_what_the_service_answers_comes_back(serve):
    service = serve((200, {"Parameters": []}))
    assert call("ssm", "AmazonSSM.GetParameters", {"Names": ["/a"]}) == {"Parameters": []}
    ((operation, headers, arguments),) = service.asked
    assert (operation, arguments) == ("AmazonSSM.GetParameters", {"Names": ["/a"]})
    assert headers["x-amz-security-token"] == "token-of-the-role"


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        (500, {}),
        (503, {}),
        (429, {"message": "slow down"}),
        (400, {"__type": "com.amazon#ThrottlingException", "message": "Rate exceeded"}),
        HANG_UP,
    ],
)
def test_what_passes_is_tried_again(serve, trouble):
    service = serve(trouble, trouble, (200, {"Parameters": []}))
    assert call("ssm", "AmazonSSM.GetParameters", {}) == {"Parameters": []}
    assert len(service.asked) == 3


@pytest.mark.slow
def test_what_stays_ends_the_call_with_aws_s_reason(serve):
    service = serve((500, {"__type": "InternalServerError", "message": "An error occurred"}))
    with pytest.raises(CallFailed, match=r"^GetParameters: InternalServerError: An error occurred$"):
        call("ssm", "AmazonSSM.GetParameters", {})
    assert len(service.asked) == 3


def test_a_refusal_is_not_asked_for_twice(serve):
    denied = {"__type": "AccessDeniedException", "Message": "User is not authorized to perform that"}
    service = serve((400, denied))
    with pytest.raises(CallFailed, match="GetParameters: AccessDeniedException: User is not authorized"):
        call("ssm", "AmazonSSM.GetParameters", {})
    assert len(service.asked) == 1


@pytest.mark.parametrize("said", ["not what JSON of AWS looks like", 3, None])
def test_an_answer_of_another_kind_is_told_by_its_status(serve, said):
    serve((403, said))
    with pytest.raises(CallFailed, match="GetParameters: status 403"):
        call("ssm", "AmazonSSM.GetParameters", {})


@pytest.mark.slow
def test_nobody_there_is_told(serve):
    serve((200, {})).close()
    with pytest.raises(CallFailed, match="GetParameters: ConnectionRefusedError"):
        call("ssm", "AmazonSSM.GetParameters", {})


def test_an_address_for_one_service_goes_before_that_for_all(monkeypatch, serve):
    service = serve((200, {"SecretValues": []}))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", service.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert call("secretsmanager", "secretsmanager.BatchGetSecretValue", {}) == {"SecretValues": []}


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "ssm.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "ssm.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "ssm.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_every_partition_has_its_address(monkeypatch, region, host):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert find_address("ssm", region) == ("https", host)


def test_a_request_that_could_not_be_sent_leaves_no_connection(serve):
    serve((200, {}))
    with pytest.raises(ValueError, match="Invalid header"):
        send(Request("ssm", "/", {"x-amz-target": "a\r\nb"}, b""))


# -------------------------------------------------------------------- the credentials of SnapStart


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> Serve:
    """The environment of a function that was restored from a snapshot."""

    def start(*answers) -> AwsService:
        service = serve(*answers)
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/2021-04-23/credentials")
        monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let-me")
        return service

    return start


def test_a_restored_environment_asks_for_its_credentials(restored):
    service = restored((200, {"AccessKeyId": "AKID", "SecretAccessKey": "key", "Token": "token"}))
    assert find_credentials() == Credentials("AKID", "key", "token")
    ((path, headers, _),) = service.asked
    assert (path, headers["authorization"]) == ("/2021-04-23/credentials", "let-me")


@pytest.mark.parametrize("answer", [(200, {"Token": "only"}), HANG_UP])
def test_credentials_that_cannot_be_read_are_told_without_them(restored, answer):
    restored(answer)
    with pytest.raises(CallFailed, match=r"^the role's credentials could not be read: \w+$"):
        find_credentials()


def test_no_credentials_at_all_are_told(monkeypatch, serve):
    serve((200, {}))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(CallFailed, match="no credentials"):
        find_credentials()
