"""The door to OSV, the open database of advisories: which are known of these versions.

    POST /v1/querybatch   all versions in one question: the ids of what is known
    GET  /v1/vulns/ID     each of these records, several at a time

https://google.github.io/osv.dev/api/

Rules:
- What was not answered is an error, never an empty answer: AuditUnanswered.
- All of it has a limit, however slowly the service sends.
- Names and versions are sent, and nothing else of the project.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from lambdify.cli.errors import AuditUnanswered
from lambdify.cli.redaction import redact
from lambdify.cli.version import VERSION

LIMIT = 30.0
"""Seconds for all of the questions together."""
SILENCE = 10.0
"""Seconds that one connection may say nothing."""
MOST_QUERIES = 1000
"""Of a batch. https://google.github.io/osv.dev/post-v1-querybatch/"""
MOST_PAGES = 20
"""Of one version's ids. No package has as many advisories, so a service that goes on is broken."""
AT_ONCE = 8
_BLOCK = 65_536
_LOCALHOST = {"127.0.0.1", "localhost", "::1"}
Record = Mapping[str, Any]
"""An advisory: https://ossf.github.io/osv-schema/"""


@dataclass(frozen=True)
class Asked:
    """A version of a package of the Python index."""

    name: str
    """Normalised."""
    version: str


def find(
    asked: Sequence[Asked], service: str, *, limit: float = LIMIT, clock: Callable[[], float] = time.monotonic
) -> Mapping[Asked, tuple[Record, ...]]:
    """Return the records on each version; those that were withdrawn are left out. `limit` is in seconds.

    Raises AuditUnanswered if the service does not answer, not in time, or otherwise than OSV does.
    """
    if not asked:
        return {}
    with (
        understood(service),
        _Connection(service.rstrip("/"), clock() + limit, limit, clock) as connection,
    ):
        ids = connection.find_ids(asked)
        records = connection.fetch(sorted({each for found in ids.values() for each in found}))
        return {
            each: tuple(records[known] for known in found if not records[known].get("withdrawn"))
            for each, found in ids.items()
        }


@contextmanager
def understood(service: str) -> Iterator[None]:
    """Turn the errors of a block that reads an answer of another form into AuditUnanswered."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise unanswered(service, "it answered otherwise than OSV does") from error


def unanswered(service: str, why: str) -> AuditUnanswered:
    """Return the error of a service that did not tell what it was asked."""
    return AuditUnanswered(
        f"{redact(service)} did not tell which advisories are known of what is packed: {why}.",
        hint='Run it again. To go without for once, set audit = "" in [build].',
    )


class _Connection:
    """What the questions of one audit share: the address, and the moment when all has to be there."""

    def __init__(self, service: str, end: float, limit: float, clock: Callable[[], float]) -> None:
        self._service = service
        self._end, self._limit, self._clock = end, limit, clock
        # The user's proxy cannot reach this machine.
        proxies: dict[str, str] | None = {} if urlsplit(service).hostname in _LOCALHOST else None
        self._opener: OpenerDirector = build_opener(ProxyHandler(proxies))
        self._threads = ThreadPoolExecutor(AT_ONCE)

    def __enter__(self) -> "_Connection":
        return self

    def __exit__(self, *_: object) -> None:
        # A connection that hangs must not hold up the error that tells of it.
        self._threads.shutdown(wait=False, cancel_futures=True)

    def find_ids(self, asked: Sequence[Asked]) -> dict[Asked, list[str]]:
        found: dict[Asked, list[str]] = {each: [] for each in asked}
        waiting = [(each, "") for each in found]
        for _ in range(MOST_PAGES):
            further = []
            for start in range(0, len(waiting), MOST_QUERIES):
                batch = waiting[start : start + MOST_QUERIES]
                for each, result in zip(batch, self._ask_batch(batch), strict=True):
                    found[each[0]] += [str(known["id"]) for known in result.get("vulns") or ()]
                    if token := result.get("next_page_token"):
                        further.append((each[0], str(token)))
            if not further:
                return found
            waiting = further
        raise self.unanswered(f"it had not said everything after {MOST_PAGES} pages")

    def fetch(self, ids: Sequence[str]) -> dict[str, Record]:
        futures = [self._threads.submit(self._send, f"/v1/vulns/{quote(each, safe='')}") for each in ids]
        pairs = zip(ids, futures, strict=True)
        return {known: self._checked(known, self._wait(future)) for known, future in pairs}

    def unanswered(self, why: str) -> AuditUnanswered:
        return unanswered(self._service, why)

    def _ask_batch(self, batch: Sequence[tuple[Asked, str]]) -> Sequence[Mapping[str, Any]]:
        queries = list(map(_query, batch))
        future = self._threads.submit(self._send, "/v1/querybatch", json.dumps({"queries": queries}).encode())
        results: Sequence[Mapping[str, Any]] = self._wait(future)["results"]
        return results

    def _wait(self, future: "Future[Any]") -> Any:
        try:
            return future.result(self._left())
        except TimeoutError as error:
            raise self._too_late() from error

    def _checked(self, known: str, record: Record) -> Record:
        if record["id"] != known:
            raise ValueError(known)
        return record

    def _send(self, path: str, body: bytes | None = None) -> Any:
        headers = {"User-Agent": f"lambdify/{VERSION}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = Request(self._service + path, body, headers)  # noqa: S310 the setting says http or https
        try:
            with self._opener.open(request, timeout=max(0.1, min(SILENCE, self._left()))) as answer:
                content = b"".join(self._blocks(answer))
        except HTTPError as error:
            error.close()
            raise self.unanswered(f"it answered {error.code} {error.reason}") from error
        except TimeoutError as error:
            raise self._too_late() from error
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise self._too_late() from error
            raise self.unanswered(str(reason) or type(error).__name__) from error
        return json.loads(content)

    def _blocks(self, answer: Any) -> Iterator[bytes]:
        # read1 returns what is there: a service that sends a byte now and then never fills a block.
        while block := answer.read1(_BLOCK):
            yield block
            self._left()

    def _left(self) -> float:
        """Return the seconds that are left. Raises AuditUnanswered if there are none."""
        left = self._end - self._clock()
        if left <= 0:
            raise self._too_late()
        return left

    def _too_late(self) -> AuditUnanswered:
        return self.unanswered(f"no answer within {self._limit:g} seconds")


def _query(each: tuple[Asked, str]) -> dict[str, object]:
    asked, token = each
    query: dict[str, object] = {
        "package": {"name": asked.name, "ecosystem": "PyPI"},
        "version": asked.version,
    }
    return {**query, "page_token": token} if token else query
