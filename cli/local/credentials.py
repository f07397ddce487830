"""Keys of a local cloud: made for it, good for it alone, and gone with it."""

import base64
import secrets
from typing import NamedTuple


class Credentials(NamedTuple):
    """What requests to AWS's APIs of the cloud are signed with."""

    key_id: str
    secret: str

    def __repr__(self) -> str:
        """The secret stays out of logs and tracebacks."""
        return f"Credentials(key_id={self.key_id!r}, secret=...)"


def make() -> Credentials:
    """Keys that nobody else has. The id cannot be taken for one of AWS's, nor for an account's number."""
    key_id = f"LAMBDIFY{base64.b32encode(secrets.token_bytes(10)).decode()}"
    return Credentials(key_id, secrets.token_urlsafe(30))
