"""Static files of the bundle: answers for what nobody else serves, before the app is asked.

    a path of the table            ──▶ its file
    any other ──app──▶ 404         ──▶ the fallback page, for a browser that navigates
              ──app──▶ all else    ──▶ as it is

`.lambdify/files.json` is the table, made while packaging, and imported only where there is one:
    {"files": {PATH: [NAME, ETAG, TYPE, CACHE, GZIPPED]}, "fallback": PATH}
PATH is as clients send it, percent-encoded; NAME and GZIPPED are files of the bundle, GZIPPED "" for none.

Rules
1. A file is served only if the table has its path, so no path leads out of the bundle. An encoded slash is no
   slash (https://www.rfc-editor.org/rfc/rfc3986#section-2.2); what is not UTF-8 is in no table.
2. Only GET and HEAD are answered here, all other methods are the app's.
3. Behind a stage or a base path, a path may be in the table with it or without it.
4. A client that has the file gets a 304. A part of a file is one range, of the file as it is; several ranges,
   or a wrong one, give the whole file (https://www.rfc-editor.org/rfc/rfc9110#section-14.2).
5. The zipped file has a tag of its own, since its bytes differ
   (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.3.3).
6. A file is no script or style sheet but by its type: browsers guess none.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from lambdify.adapter import wire
from lambdify.adapter.messages import Request, Response

if TYPE_CHECKING:
    from lambdify.adapter import asgi, wsgi
    from lambdify.adapter.in_front import cdn, names
    from lambdify.adapter.streaming import Reply

    Row = tuple[str, str, str, str, str]

NOT_FOUND = 404
PIECE = 1 << 20
"""Bytes that are read at once where responses are streamed."""
LONGEST_NUMBER = 18
"""Digits of a range. Python takes its time for long numbers, and refuses very long ones."""


class Server:
    """Files before an app; has the methods of `wsgi.Server`, and passes on what is not a file's."""

    def __init__(
        self, server: wsgi.Server | asgi.Server | Server | cdn.Server | names.Server, root: str, table: str
    ) -> None:
        """`root` is the bundle's folder, and `table` the path of the table in it."""
        with open(os.path.join(root, table), encoding="utf-8") as file:
            said = json.load(file)
        self._server, self._root = server, root
        self._files: dict[str, Row] = said["files"]
        self._fallback: Row | None = self._files.get(said.get("fallback", ""))
        self._tops = {path.split("/", 2)[1] for path in self._files}
        """The first parts of all paths: what begins otherwise need not be decoded."""

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        """Return the file's response, else the app's. Raises the app's errors."""
        row = self._files.get(request[1])
        if row is None and (request[6] or "%" in request[1]):
            row = self._find(request[1], request[6])
        if row is not None and request[0] in ("GET", "HEAD"):
            return self._read(*self._choose(request, row))
        response = self._server.run(request, event, context)
        if response[0] == NOT_FOUND and self._fallback and navigates(request):
            return self._read(*self._choose(request, self._fallback))
        return response

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: Reply) -> None:
        """Send the file, else the app's response as it comes. Raises the app's errors."""
        row = self._find(request[1], request[6]) if request[0] in ("GET", "HEAD") else None
        if row is not None:
            self._send(reply, *self._choose(request, row))
        elif self._fallback and navigates(request):
            with reply.withholding(NOT_FOUND):
                self._server.stream(request, event, context, reply)
            if not reply.begun:
                self._send(reply, *self._choose(request, self._fallback))
        else:
            self._server.stream(request, event, context, reply)

    def close(self) -> None:
        """Run the app's shutdown."""
        self._server.close()

    def _find(self, path: str, mount: str) -> Row | None:
        """Return the row of a path, with its mount or without it, however it is encoded; else None."""
        row = self._files.get(path) or self._files.get(mount + path)
        if row is None and "%" in path and self._tops & {_top(path), _top(mount)}:
            usual = normalize(path)
            row = self._files.get(usual) or self._files.get(mount + usual)
        return row

    def _choose(self, request: Request, row: Row) -> tuple[Response, str, int, int]:
        """Return the response without its body, and where that is: the path, the first byte, the length."""
        name, tag, kind, cache, gzipped = row
        asked = dict(request.headers)
        wanted = asked.get("range", "") if request.method == "GET" else ""
        zipped = bool(gzipped) and not wanted and accepts_gzip(asked.get("accept-encoding", ""))
        etag = f'"{tag}-gz"' if zipped else f'"{tag}"'
        kept = [("cache-control", cache), ("etag", etag)]
        if gzipped:
            kept.append(("vary", "accept-encoding"))
        if matches(asked.get("if-none-match", ""), tag):
            return Response(304, tuple(kept)), "", 0, 0
        path = os.path.join(self._root, gzipped if zipped else name)
        size = os.stat(path).st_size
        span = None if asked.get("if-range", etag) != etag else read_range(wanted, size)
        if span == ():
            return Response(416, (("content-range", f"bytes */{size}"), ("content-length", "0"))), "", 0, 0
        first, last = span or (0, size - 1)
        length = last - first + 1
        headers = [*kept, ("content-type", kind), ("x-content-type-options", "nosniff")]
        headers += [("content-length", str(length))]
        headers += [("content-encoding", "gzip")] if zipped else [("accept-ranges", "bytes")]
        if span:
            headers.append(("content-range", f"bytes {first}-{last}/{size}"))
        sent = 0 if request.method == "HEAD" else length
        return Response(206 if span else 200, tuple(headers)), path, first, sent

    def _read(self, head: Response, path: str, first: int, length: int) -> Response:
        """Return the response with its body."""
        if not length:
            return head
        with open(path, "rb") as file:
            file.seek(first)
            return head._replace(body=file.read(length))

    def _send(self, reply: Reply, head: Response, path: str, first: int, length: int) -> None:
        """Send the response with its body, which need not fit into the memory. Raises ClientGone."""
        reply.begin(head.status, head.headers)
        if not length:
            reply.send(reply.pack(b"", last=True))
            return
        with open(path, "rb") as file:
            file.seek(first)
            while length:
                piece = file.read(min(PIECE, length))
                length -= len(piece)
                reply.send(reply.pack(piece, last=not length))


def normalize(path: str) -> str:
    """Return a path as tables have it, encoded where it must be; "%" for one that is in none."""
    if "%2F" in path.upper():
        return "%"
    try:
        return wire.quote(wire.unquote(path).decode())
    except UnicodeDecodeError:
        return "%"


def _top(path: str) -> str:
    return path[1:].partition("/")[0]


def accepts_gzip(said: str) -> bool:
    """Return whether an accept-encoding takes gzip (https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3)."""
    for each in said.lower().split(","):
        name, _, weight = each.partition(";")
        if name.strip() == "gzip":
            return bool(weight.partition("=")[2].strip(" 0.")) or not weight
    return False


def matches(said: str, tag: str) -> bool:
    """Return whether an if-none-match has the tag of a file, zipped or not, or any."""
    tags = [each.strip().removeprefix("W/").strip('"').removesuffix("-gz") for each in said.split(",")]
    return tag in tags or "*" in tags


def read_range(said: str, size: int) -> tuple[int, int] | tuple[()] | None:
    """Return the first and the last byte of a range; () if the file has none of it, None for the whole file.

    https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2
    """
    unit, _, span = said.partition("=")
    begin, dash, end = span.strip().partition("-")
    digits = begin + end
    if unit.strip().lower() != "bytes" or not dash or not (digits.isascii() and digits.isdecimal()):
        return None
    if max(len(begin), len(end)) > LONGEST_NUMBER:
        return None
    if not begin:
        return (max(size - int(end), 0), size - 1) if int(end) and size else ()
    if end and int(end) < int(begin):
        return None
    first, last = int(begin), min(int(end), size - 1) if end else size - 1
    return (first, last) if first < size else ()


def navigates(request: Request) -> bool:
    """Return whether a browser asks for a page: with a link, an address or a reload.

    Old browsers do not say so (https://www.w3.org/TR/fetch-metadata/#sec-fetch-mode-header), but want HTML.
    """
    asked = dict(request.headers)
    mode = asked.get("sec-fetch-mode")
    pages = mode == "navigate" if mode else "text/html" in asked.get("accept", "")
    return pages and request.method in ("GET", "HEAD")
