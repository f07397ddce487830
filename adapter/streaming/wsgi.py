"""What a WSGI app says, sent on while it says it; imported where responses are streamed.

The end is sent before the iterable is closed: what the app does there is nothing that its client waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdify.adapter.wsgi import Answer, find_code

if TYPE_CHECKING:
    from lambdify.adapter.streaming import Reply


class StreamedAnswer(Answer):
    """An answer that is sent on as the app gives it."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def write(self, chunk: bytes) -> None:
        """Send a piece of the body on, and wait until it is taken."""
        if chunk:
            self._begin()
            self._reply.send(self._reply.pack(chunk))

    def begun(self) -> bool:
        """Whether the headers are sent."""
        return self._reply.begun

    def end(self) -> None:
        """Send the end of the body."""
        super().end()
        self._begin()
        self._reply.send(self._reply.pack(b"", last=True))

    def _begin(self) -> None:
        if not self._reply.begun:
            self._reply.begin(find_code(self.status), self.headers)
