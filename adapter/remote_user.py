"""REMOTE_USER for WSGI apps that trust the front end's authorizer.

It is off unless the project sets it: an app that uses REMOTE_USER (Django's RemoteUserMiddleware) logs in the
user that it names, and creates an account for a new one.

Rules
1. REMOTE_USER is the principal of a Lambda authorizer, the `sub` of a token, or the ARN of an IAM identity,
   from the part of the event that a client cannot write. Headers are ignored, even `x-amzn-oidc-identity` of
   a load balancer: an app would have to check the signature in the header beside it.
2. If the front end let nobody in by name, there is no REMOTE_USER.
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
"""Paths in `requestContext`; the modules of `event_sources` link to AWS's pages about them."""


def add_user(app: App) -> App:
    """Return the app, wrapped so that it finds REMOTE_USER in environ."""

    def with_user(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        user = find_user(environ["aws.event"].get("requestContext"))
        if user:
            environ["REMOTE_USER"] = user.encode().decode("latin-1")
        return app(environ, start_response)

    return with_user


def find_user(context: object) -> str:
    """Return the user in an event's requestContext; "" if there is none."""
    for place in PLACES:
        found: Any = context
        for key in place:
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return found
    return ""
