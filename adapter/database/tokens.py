"""Passwords for databases that know IAM: RDS, Aurora and Aurora DSQL.

A token is a signed URL without its scheme. AWS is not asked for it, so each connection gets one of its own.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.Connecting.html
    https://docs.aws.amazon.com/aurora-dsql/latest/userguide/SECTION_authentication-token.html
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from lambdify.adapter.aws import Credentials
    from lambdify.adapter.database import Database

LASTS = 900
"""Seconds that a token opens connections for: as long as RDS allows."""
ADMIN = "admin"
"""The user of a DSQL cluster that has an action of its own."""
EMPTY = hashlib.sha256(b"").hexdigest()


def make(database: Database, now: float | None = None) -> str:
    """Return the password for a connection that is opened by `now`, in seconds since 1970, or soon after it.

    Raises CallFailed if there are no credentials of the function's role.
    """
    if database.kind == "dsql":
        action = "DbConnectAdmin" if database.user == ADMIN else "DbConnect"
        return _sign("dsql", database.host, {"Action": action}, database.region, now)
    host = f"{database.host}:{database.port}"
    return _sign("rds-db", host, {"Action": "connect", "DBUser": database.user}, database.region, now)


def _sign(service: str, host: str, query: dict[str, str], region: str, now: float | None) -> str:
    access_key, secret_key, session = _find_credentials()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    signed = {
        **query,
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(LASTS),
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": session} if session else {}),
    }
    line = "&".join(f"{name}={quote(signed[name], safe='-_.~')}" for name in sorted(signed))
    request = f"GET\n/\n{line}\nhost:{host}\n\nhost\n{EMPTY}"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return f"{host}/?{line}&X-Amz-Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"


def _find_credentials() -> Credentials | tuple[str, str, str]:
    """Return the role's credentials as they are now: Lambda may renew them."""
    environ = os.environ
    if "AWS_ACCESS_KEY_ID" in environ:
        session = environ.get("AWS_SESSION_TOKEN", "")
        return environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], session
    from lambdify.adapter.aws import find_credentials  # an HTTP client, which only SnapStart needs

    return find_credentials()
