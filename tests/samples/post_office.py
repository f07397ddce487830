"""A post office that is busy at first: it takes mails by SMTP, on a port of this machine.

As little of RFC 5321 as smtplib speaks. The standard library alone, because `make demo` runs where nothing
but lambdify is installed.
"""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

BUSY = b"451 Too many letters today, come again\r\n"
"""A temporary failure: https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1"""


class PostOffice(socketserver.ThreadingTCPServer):
    """What came so far."""

    daemon_threads = True

    def __init__(self, busy: int) -> None:
        """`busy`: how many mails are turned away before one is taken."""
        super().__init__(("127.0.0.1", 0), _Counter)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.busy, self.turned_away = busy, 0
        self.mails: list[EmailMessage] = []
        self.lock = threading.Lock()

    def refuse(self, letters: int) -> None:
        """Turn so many letters away from now on."""
        with self.lock:
            self.busy, self.turned_away = letters, 0

    def take(self, letter: bytes) -> bytes:
        """The answer to a letter."""
        with self.lock:
            if self.turned_away < self.busy:
                self.turned_away += 1
                return BUSY
            self.mails.append(message_from_bytes(letter, _class=EmailMessage, policy=policy.default))
            return b"250 taken\r\n"

    def find(self, subject: str) -> EmailMessage | None:
        """The mail with that subject, if it came."""
        return next((each for each in self.mails if each["Subject"] == subject), None)


class _Counter(socketserver.StreamRequestHandler):
    server: PostOffice

    def handle(self) -> None:
        self.wfile.write(b"220 the post office\r\n")
        for line in self.rfile:
            word = line[:4].upper().strip()
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                letter = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.wfile.write(self.server.take(letter))
            else:
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 well\r\n")
            if word == b"QUIT":
                return


@contextmanager
def open_post_office(busy: int = 0) -> Iterator[PostOffice]:
    """A post office for as long as it is needed."""
    with PostOffice(busy) as office:
        thread = threading.Thread(target=office.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield office
        finally:
            office.shutdown()
            thread.join()
