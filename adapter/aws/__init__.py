"""Calls to AWS from inside the function: signed JSON over HTTPS, with the standard library only.

The adapter needs few calls: it fetches secrets, and invokes the function itself to keep it warm. boto3 is in
the runtime, but its import takes ten times as long at a cold start (280 ms of CPU against 25 ms, boto3 1.43
on CPython 3.11).

The signature is Signature Version 4:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
Where credentials and addresses come from:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html (SnapStart's)
https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
"""

import hashlib
import hmac
import http.client
import json
import os
import time
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from lambdify.adapter.errors import AdapterError

TIMEOUT = 5.0
"""Seconds for one response; an init may take ten."""
TRIES = 3
PAUSE = 0.2
"""Seconds before the second try; twice as many before the third."""


class CallFailed(AdapterError):
    """A call to AWS failed. The text says why, and holds no secret value."""


class Credentials(NamedTuple):
    """The keys of the function's role."""

    access_key: str
    secret_key: str
    token: str


class Request(NamedTuple):
    """One call, not yet signed."""

    service: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


def call(service: str, operation: str, arguments: dict[str, Any]) -> Any:
    """Return the response of a service with the JSON protocol. `operation`: "AmazonSSM.GetParameters".

    Throttling, internal errors of the service and broken connections are tried again. Raises CallFailed.
    """
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": operation}
    request = Request(service, "/", headers, json.dumps(arguments).encode())
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            connection = send(request)
            try:
                response = connection.getresponse()
                status, answer = response.status, response.read()
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            status, answer, why = 0, b"", f"{type(error).__name__}: {error}"
        else:
            if status == 200:
                return json.loads(answer)
            why = _explain(status, answer)
        if status not in (0, 429) and status < 500 and b"Throttl" not in answer:
            break
    raise CallFailed(f"{operation.rpartition('.')[2]}: {why}")


def send(request: Request) -> http.client.HTTPConnection:
    """Sign and send a request. Return its connection, whose response is still to be read. Raises OSError."""
    region = os.environ["AWS_REGION"]
    scheme, host = find_address(request.service, region)
    headers = sign(request, host, region, find_credentials(), time.gmtime())
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    connection = kind(host, timeout=TIMEOUT)
    try:
        connection.request("POST", request.path, request.body, headers)
    except BaseException:
        connection.close()
        raise
    return connection


def sign(
    request: Request, host: str, region: str, credentials: Credentials, now: time.struct_time
) -> dict[str, str]:
    """Return the headers of a POST, with the signature."""
    moment, day = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y%m%d", now)
    headers = {**request.headers, "host": host, "x-amz-date": moment}
    if credentials.token:
        headers["x-amz-security-token"] = credentials.token
    names = sorted(headers)
    canonical = "\n".join((
        "POST",
        quote(request.path, safe="/~"),
        "",
        *(f"{name}:{headers[name]}" for name in names),
        "",
        ";".join(names),
        hashlib.sha256(request.body).hexdigest(),
    ))  # fmt: skip
    scope = f"{day}/{region}/{request.service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return headers


def find_credentials() -> Credentials:
    """Return the role's credentials, from the environment, or with SnapStart from the URL in it.

    Raises CallFailed.
    """
    environ = os.environ
    if "AWS_ACCESS_KEY_ID" in environ:
        return Credentials(
            environ["AWS_ACCESS_KEY_ID"],
            environ["AWS_SECRET_ACCESS_KEY"],
            environ.get("AWS_SESSION_TOKEN", ""),
        )
    address = urlsplit(environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", ""))
    if not address.hostname:
        raise CallFailed("the environment holds no credentials of the function's role")
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT)
    try:
        token = environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
        connection.request("GET", address.path, headers={"authorization": token})
        found = json.loads(connection.getresponse().read())
        return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise CallFailed(f"the role's credentials could not be read: {type(error).__name__}") from None
    finally:
        connection.close()


def find_address(service: str, region: str) -> tuple[str, str]:
    """Return scheme and host of a service: from the environment, or else AWS's own."""
    named = f"AWS_ENDPOINT_URL_{service.upper().replace('SECRETSMANAGER', 'SECRETS_MANAGER')}"
    chosen = os.environ.get(named) or os.environ.get("AWS_ENDPOINT_URL")
    if chosen:
        address = urlsplit(chosen)
        return address.scheme, address.netloc
    # https://docs.aws.amazon.com/amazonguide/latest/ug/china.html: China has a domain of its own.
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return "https", f"{service}.{region}.{domain}"


def _explain(status: int, answer: bytes) -> str:
    """Return type and message of AWS's error; the HTTP status if it has none."""
    try:
        said = json.loads(answer)
        kind = said.get("__type", "").rpartition("#")[2]
        return f"{kind}: {said.get('message') or said.get('Message', '')}"
    except (ValueError, AttributeError):
        return f"status {status}"
