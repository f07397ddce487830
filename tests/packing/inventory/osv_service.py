"""A stand-in for OSV on the loopback: real HTTP, the two paths of its API, and the ways in which it can fail.

https://google.github.io/osv.dev/api/
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from packaging.version import Version
from waiting import PATIENCE

REQUESTS = {
    "schema_version": "1.7.0",
    "id": "GHSA-x84v-xcm2-53pg",
    "aliases": ["CVE-2018-18074", "PYSEC-2018-28"],
    "summary": "Insufficiently Protected Credentials in Requests",
    "published": "2018-10-29T19:06:46Z",
    "modified": "2024-11-19T14:02:51Z",
    "severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "requests", "purl": "pkg:pypi/requests"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}],
        }
    ],
    "references": [{"type": "ADVISORY", "url": "https://nvd.nist.gov/vuln/detail/CVE-2018-18074"}],
    "database_specific": {"severity": "HIGH", "cwe_ids": ["CWE-522"], "github_reviewed": True},
}
"""An advisory of 2018 with the fields that its page shows: https://osv.dev/vulnerability/GHSA-x84v-xcm2-53pg"""
REQUESTS_OF_THE_INDEX = {
    "id": "PYSEC-2018-28",
    "aliases": ["CVE-2018-18074", "GHSA-x84v-xcm2-53pg"],
    "modified": "2023-11-08T03:59:39Z",
    "details": "The Requests package before 2.20.0 for Python sends an HTTP Authorization header to ...",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "requests", "purl": "pkg:pypi/requests"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.20.0"}]}],
        }
    ],
}
"""The same in the index's own database, which tells no severity."""


def record(name: str, package: str, *, fixed: str = "", **more: Any) -> dict[str, Any]:
    """An advisory on all versions of a package, or all before `fixed`."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {
        "package": {"ecosystem": "PyPI", "name": package},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    return {"id": name, "modified": "2026-01-01T00:00:00Z", "affected": [affected], **more}


@dataclass
class Osv:
    """A running service: what it knows, how it answers, and what it was asked."""

    records: list[dict[str, Any]]
    page: int = 1000
    """Ids of one version in one answer."""
    status: int = 200
    answer: bytes | None = None
    """Sent in place of a right answer."""
    drip: bool = False
    """Whether the answer comes byte by byte, and never ends."""
    answers: threading.Event = field(default_factory=threading.Event)
    """While it is not set, whoever asks waits; at first it is set."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    agents: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def batch(self, body: bytes) -> dict[str, Any]:
        queries = json.loads(body)["queries"]
        self.asked += queries
        return {"results": [self._result(each) for each in queries]}

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        assert query["package"]["ecosystem"] == "PyPI"
        known = [each for each in self.records if _affects(each, query["package"]["name"], query["version"])]
        start = int(query.get("page_token", 0))
        shown = known[start : start + self.page]
        # As the service does it: what has nothing is an empty object.
        result: dict[str, Any] = {}
        if shown:
            result["vulns"] = [{"id": each["id"], "modified": each["modified"]} for each in shown]
        if start + self.page < len(known):
            result["next_page_token"] = str(start + self.page)
        return result


def _affects(record: dict[str, Any], name: str, version: str) -> bool:
    for affected in record["affected"]:
        if affected["package"]["name"] != name:
            continue
        for span in affected["ranges"]:
            fixed = [each["fixed"] for each in span["events"] if "fixed" in each]
            if not fixed or Version(version) < max(map(Version, fixed)):
                return True
    return False


class Handler(BaseHTTPRequestHandler):
    osv: Osv

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/querybatch"
        self._answer(lambda: self.osv.batch(body))

    def do_GET(self) -> None:
        name = self.path.removeprefix("/v1/vulns/")
        self._answer(lambda: next(each for each in self.osv.records if each["id"] == name))

    def _answer(self, make: Any) -> None:
        self.osv.paths.append(self.path)
        self.osv.agents.append(self.headers["User-Agent"])
        self.osv.answers.wait(PATIENCE)
        content = self.osv.answer if self.osv.answer is not None else json.dumps(make()).encode()
        self.send_response(self.osv.status)
        self.send_header("Content-Type", "application/json")
        if not self.osv.drip:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.osv.drip:
            self._drip()
        else:
            self.wfile.write(content)

    def _drip(self) -> None:
        while not self.osv.over.wait(0.05):
            try:
                self.wfile.write(b" ")
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(*records: dict[str, Any]) -> Iterator[Osv]:
    osv = Osv(list(records))
    osv.answers.set()
    handler = type("OsvHandler", (Handler,), {"osv": osv})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        osv.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield osv
        osv.answers.set()
        osv.over.set()
        server.shutdown()
        thread.join()
