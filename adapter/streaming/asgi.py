"""Sends an ASGI app's response while the app makes it; imported only if responses are streamed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lambdify.adapter.asgi import Exchange

if TYPE_CHECKING:
    import socket

    from lambdify.adapter.asgi import Message
    from lambdify.adapter.streaming import Reply


class StreamedExchange(Exchange):
    """An exchange whose response is sent while the app makes it.

    A send ends when the other side has read the data; the loop runs meanwhile. When the other side stops
    reading, `receive` returns http.disconnect and `send` raises ClientGone.
    """

    streamed = True

    def __init__(self, body: bytes, reply: Reply) -> None:
        super().__init__(body)
        self._reply = reply
        self._sending = asyncio.Lock()
        self._watched: socket.socket | None = None

    async def send(self, message: Message) -> None:
        """Take a message and send its data. The head is sent with the first piece of the body, as the spec
        asks (https://asgi.readthedocs.io/en/stable/specs/www.html#response-start-send-event).
        """
        async with self._sending:  # two tasks of an app may send at once, and a chunk must stay whole
            await super().send(message)
            if message["type"] == "http.response.start":
                return
            last, self.complete = self.complete, False
            if not self._reply.begun:
                self._reply.begin(self.status, self.headers)
            data = self._reply.pack(self._chunks.pop(), last=last)
            with self._reply.connected() as connection:
                loop = asyncio.get_running_loop()
                connection.setblocking(False)
                if last:
                    self.unwatch(loop)  # from now on, the other side may send its response
                await loop.sock_sendall(connection, data)
            if last:
                self.complete = True
                self.disconnect()
            else:
                self._watch(loop, connection)

    def end(self) -> None:
        """Do nothing yet: an app that stops at a disconnect would cut off its last piece."""

    def unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop watching the connection."""
        if self._watched is not None:
            loop.remove_reader(self._watched)
            self._watched = None

    def _watch(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        """Watch for input before the response has ended: then the other side has stopped reading."""
        if self._watched is None:
            self._watched = connection
            loop.add_reader(connection, self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._reply.gone = True
        self.unwatch(loop)
        self.disconnect()
