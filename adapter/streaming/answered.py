"""Keeps AWS's loop from posting a result for an invocation whose response was streamed.

AWS's runtime client posts what a handler returns. A handler that has answered over a connection of its own
has nothing more to say, and the Runtime API would refuse it.
"""

from functools import wraps
from typing import Any

from lambdify.adapter.errors import AdapterError

_answered: set[str] = set()
"""Ids of invocations whose response was streamed."""


def add(request_id: str) -> None:
    """Note that an invocation is answered."""
    _answered.add(request_id)


def leave_out(client: Any) -> None:
    """Replace `post_invocation_result` of AWS's client, a class. Raises AdapterError if it is missing."""
    post = getattr(client, "post_invocation_result", None)
    if post is None:
        raise AdapterError("this runtime's LambdaRuntimeClient has no post_invocation_result to replace")

    @wraps(post)
    def post_unless_answered(self: object, invoke_id: str, *result: object, **named: object) -> object:
        if invoke_id in _answered:
            _answered.remove(invoke_id)
            return None
        return post(self, invoke_id, *result, **named)

    client.post_invocation_result = post_unless_answered
