"""Parts of an answer that a service may refuse: they are left out, and it is told."""

from collections.abc import Callable
from typing import TypeVar

from lambdify.cli.errors import AccessDenied, AwsError

T = TypeVar("T")


def unless_refused(read: Callable[[], T], what: str, left_out: list[str]) -> T | None:
    """Return what `read` returns; None, with the reason in `left_out`, if a service refuses it."""
    try:
        return read()
    except (AccessDenied, AwsError) as error:
        left_out.append(f"{what}: {error.message}")
        return None
