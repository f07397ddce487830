"""Sends a WSGI app's response while the app makes it; imported only if responses are streamed.

The end is sent before the iterable is closed, so that the client does not wait for the app's `close()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdify.adapter.wsgi import Answer, find_code

if TYPE_CHECKING:
    from lambdify.adapter.streaming import Reply


class StreamedAnswer(Answer):
    """An answer that is sent as the app gives it."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def write(self, chunk: bytes) -> None:
        """Send a piece of the body, and wait until it is read. Raises ClientGone, ProtocolBroken."""
        if chunk:
            self._begin()
            self._reply.send(self._reply.pack(chunk))

    def begun(self) -> bool:
        """Return whether the headers are sent."""
        return self._reply.begun

    def end(self) -> None:
        """Send the end of the body."""
        super().end()
        self._begin()
        self._reply.send(self._reply.pack(b"", last=True))

    def _begin(self) -> None:
        if not self._reply.begun:
            self._reply.begin(find_code(self.status), self.headers)
