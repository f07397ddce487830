"""The access keys of a local cloud: made at its start, valid for it only, and gone with it."""

import base64
import secrets
from typing import NamedTuple


class Credentials(NamedTuple):
    """An access key, which signs requests to AWS's APIs of the local cloud."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        """Return the id without the secret, which stays out of logs and tracebacks."""
        return f"Credentials(key_id={self.key_id!r}, secret=...)"


def make() -> Credentials:
    """Return new random keys. The id looks neither like a key id of AWS nor like an account's number."""
    key_id = f"LAMBDIFY{base64.b32encode(secrets.token_bytes(10)).decode()}"
    return Credentials(key_id, secrets.token_urlsafe(30))
