"""REMOTE_USER, for a WSGI app that takes the word of the front end's authorizer for who its client is.

Imported where the project asks for it. It has to ask: an app that knows REMOTE_USER (Django's
RemoteUserMiddleware) logs in whoever it names, and makes an account for whom it does not know.

Rules
1. It is the principal of a Lambda authorizer, the `sub` of a token, or the ARN of an IAM identity, from the
   part of the event that a client cannot write. Headers count for nothing, `x-amzn-oidc-identity` of a load
   balancer neither: it is worth as much as the signature beside it, which an app has to check.
2. Where nobody was let in by name, there is no REMOTE_USER.
3. Text in environ holds bytes as latin-1 (https://peps.python.org/pep-3333/#unicode-issues).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lambdify.adapter.wsgi import App, Environ

PLACES = (
    ("authorizer", "principalId"),
    ("authorizer", "claims", "sub"),
    ("authorizer", "jwt", "claims", "sub"),
    ("authorizer", "lambda", "principalId"),
    ("authorizer", "iam", "userArn"),
    ("identity", "userArn"),
    ("identity", "principal"),
)
"""Ways into `requestContext`; the pages that tell of them are linked in the modules of `event_sources`."""


def add_user(app: App) -> App:
    """The app, which finds REMOTE_USER in environ."""

    def with_user(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        user = find_user(environ["aws.event"].get("requestContext"))
        if user:
            environ["REMOTE_USER"] = user.encode().decode("latin-1")
        return app(environ, start_response)

    return with_user


def find_user(context: object) -> str:
    """Whom the front end let in, by an event's requestContext; "" for nobody."""
    for place in PLACES:
        found: Any = context
        for key in place:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return found
    return ""
