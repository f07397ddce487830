"""Calls to AWS from inside the function: signed JSON over HTTPS, with the standard library only.

The adapter needs few calls: it fetches secrets, hands tasks to their queue, and invokes the function itself
to keep it warm. boto3 is in the runtime, but its import takes ten times as long at a cold start (280 ms of
CPU against 25 ms, boto3 1.43 on CPython 3.11).

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
import select
import time
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from lambdify.adapter.errors import AdapterError

TIMEOUT = 5.0
"""Seconds for one response; an init may take ten."""
TRIES = 3
PAUSE = 0.2
"""Seconds before the second try; twice as many before the third."""
IDLE = 15.0
"""Seconds for which a connection is used again. A process that was frozen longer may not hear of its end."""

JSON_1_0 = ("sqs", "dynamodb")
"""Services whose protocol is JSON 1.0; that of the others is 1.1."""
KEPT = ("sqs", "dynamodb", "scheduler")
"""Services that are called while the app answers requests, so that their connections are kept."""


class CallFailed(AdapterError):
    """A call to AWS failed. The text says why, and holds no secret value."""

    def __init__(self, text: str, code: str = "") -> None:
        """`code` is AWS's name for the error, such as "ConflictException"; "" if it has told none."""
        super().__init__(text)
        self.code = code


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
    version = "1.0" if service in JSON_1_0 else "1.1"
    headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": operation}
    request = Request(service, "/", headers, json.dumps(arguments).encode())
    return ask(request, operation.rpartition(".")[2])


def ask(request: Request, operation: str) -> Any:
    """Return the response to a request, read as JSON; else do as `call` does. `operation` is for errors."""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(PAUSE * 2 ** (attempt - 1))
        try:
            status, kind, answer = _exchange(request)
        except (OSError, http.client.HTTPException) as error:
            status, code, answer, why = 0, "", b"", f"{type(error).__name__}: {error}"
        else:
            if status == 200:
                return json.loads(answer)
            code, why = _explain(status, kind, answer)
        if status not in (0, 429) and status < 500 and b"Throttl" not in answer:
            break
    raise CallFailed(f"{operation}: {why}", code)


class Idle(NamedTuple):
    """A connection that has answered, and waits for the next request."""

    since: float
    connection: http.client.HTTPConnection


_idle: dict[tuple[int, str, str], list[Idle]] = {}
"""Idle connections to the services in KEPT, by process, scheme and host."""


def _exchange(request: Request) -> tuple[int, str, bytes]:
    """Return status, type of the error and body of a response. Raises OSError, HTTPException.

    A connection of before is used again, unless it is too old or the service has ended it: a TLS handshake
    takes longer than a call. If the service ends it just then, the request is sent once more.
    """
    scheme, host = find_address(request.service, os.environ["AWS_REGION"])
    waiting = _idle.setdefault((os.getpid(), scheme, host), [])
    while (connection := _take(waiting)) is not None:
        with suppress(ConnectionError, http.client.BadStatusLine):
            return _read(_send(request, connection, host), request, waiting)
    return _read(send(request), request, waiting)


def _take(waiting: list[Idle]) -> http.client.HTTPConnection | None:
    """Return the last connection that still stands, and close those that do not; None without one."""
    with suppress(IndexError):  # several threads may take
        while True:
            since, connection = waiting.pop()
            if time.time() - since < IDLE and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()
    return None


def _read(
    connection: http.client.HTTPConnection, request: Request, waiting: list[Idle]
) -> tuple[int, str, bytes]:
    """Return the response on a connection, which then waits for the next request, or is closed."""
    kept = False
    try:
        response = connection.getresponse()
        answer = response.read()
        kept = request.service in KEPT and not response.will_close
        return response.status, response.headers.get("x-amzn-errortype", ""), answer
    finally:
        if kept:
            waiting.append(Idle(time.time(), connection))
        else:
            connection.close()


def send(request: Request) -> http.client.HTTPConnection:
    """Sign and send a request. Return its connection, whose response is still to be read. Raises OSError."""
    scheme, host = find_address(request.service, os.environ["AWS_REGION"])
    kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
    return _send(request, kind(host, timeout=TIMEOUT), host)


def _send(request: Request, connection: http.client.HTTPConnection, host: str) -> http.client.HTTPConnection:
    """Send a signed request on the connection, which is closed if that fails. Return the connection."""
    try:
        headers = sign(request, host, os.environ["AWS_REGION"], find_credentials(), time.gmtime())
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


def _explain(status: int, kind: str, answer: bytes) -> tuple[str, str]:
    """Return AWS's code of an error, and type and message; the HTTP status if it has none."""
    try:
        said = json.loads(answer)
        code = (kind.partition(":")[0] or said.get("__type", "")).rpartition("#")[2]
        return code, f"{code}: {said.get('message') or said.get('Message', '')}"
    except (ValueError, AttributeError):
        return "", f"status {status}"
