"""A Chromium that a test drives: over the pipe of its own protocol, so that nothing is to be installed.

https://chromedevtools.github.io/devtools-protocol/
"""

import json
import os
import select
import subprocess
import time
from pathlib import Path
from typing import Any

PATIENCE = 60.0
"""Seconds for an answer, or for a page to become what is waited for."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)


class Page:
    """A page of a browser of its own, with cookies of its own, until `close`."""

    def __init__(self, browser: str, folder: Path) -> None:
        told, tell = os.pipe()
        self._hear, said = os.pipe()
        self._tell, self._rest, self._count = tell, b"", 0
        # The protocol is spoken on the files 3 and 4.
        shell = f'exec "$0" "$@" 3<&{told} 4>&{said} {told}<&- {said}>&-'
        command = ["bash", "-c", shell, browser, *FLAGS, f"--user-data-dir={folder}"]
        with (folder.parent / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, pass_fds=(told, said), stdout=log, stderr=log, start_new_session=True
            )
        os.close(told)
        os.close(said)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What a command of the protocol gives."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        os.write(self._tell, json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            pass
        assert "error" not in answer, answer
        found: dict[str, Any] = answer["result"]
        return found

    def open(self, url: str) -> None:
        """Go to a page, and wait until it is there."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState == 'complete' && location.href != 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Come back when an expression in the page is true."""
        give_up = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < give_up, (script, self.run("location.href + document.body.innerText"))

    def close(self) -> None:
        """End the browser with all its processes."""
        os.killpg(self._process.pid, 9)
        self._process.wait()
        os.close(self._tell)
        os.close(self._hear)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._hear], [], [], PATIENCE)
            assert ready, "the browser says nothing"
            piece = os.read(self._hear, 65536)
            assert piece, "the browser has ended"
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message
