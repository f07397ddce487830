"""What files of a CDN cost a deployment: requests to S3, seconds of CPU, and how many uploads run at once.

    python benchmarks/publishing.py

5,000 files of 12 kB, a tenth of them with names that stay: put for the first time, put again unchanged, and
with one changed. S3 is a server of this file's own, in another process, which lists 1,000 names a page. What
counts is the CPU time of this process, with boto3's.
"""

import hashlib
import json
import multiprocessing
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from lambdify.cli import aws, settings
from lambdify.cli.artifacts import published
from lambdify.cli.console import Console
from lambdify.cli.packing.archive import write
from lambdify.cli.stage import Stage
from lambdify.cli.static import files, hashes, publication
from lambdify.cli.static.publication import Publication

FILES, SIZE, PAGE = 5_000, 12_000, 1_000
MOST = {"unchanged": 10, "one changed": 12}
"""Requests."""
MOST_CPU = 1.5
"""Seconds for files that are unchanged."""
LEAST_AT_ONCE = 8
IDENTITY = (
    "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/me</Arn>"
    "<UserId>me</UserId><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Bucket:
    """What the server holds and has counted."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.counted: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.running = self.most = 0


class Handler(BaseHTTPRequestHandler):
    """As much of S3 as is asked for here."""

    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def respond(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send a response."""
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_POST(self) -> None:
        """Say who asks."""
        self.rfile.read(int(self.headers["content-length"]))
        self.respond(200, IDENTITY.encode(), content_type="text/xml")

    def do_PUT(self) -> None:
        """Keep an object, or a copy of one."""
        bucket, key = self.bucket, unquote(urlsplit(self.path).path)
        with bucket.lock:
            bucket.running += 1
            bucket.most = max(bucket.most, bucket.running)
        source = self.headers.get("x-amz-copy-source")
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        time.sleep(0.02)  # about as long as S3 takes, and no work
        with bucket.lock:
            bucket.running -= 1
            bucket.counted["copies" if source else "puts"] += 1
            bucket.objects[key] = bucket.objects["/" + unquote(source).lstrip("/")] if source else body
        tag = hashlib.md5(bucket.objects[key], usedforsecurity=False).hexdigest()
        result = f'<CopyObjectResult><ETag>"{tag}"</ETag></CopyObjectResult>' if source else ""
        self.respond(200, result.encode(), etag=f'"{tag}"')

    def do_HEAD(self) -> None:
        """Say that an object or a bucket is there."""
        path = unquote(urlsplit(self.path).path)
        self.bucket.counted["others"] += 1
        self.respond(200 if path.count("/") == 1 or path in self.bucket.objects else 404)

    def do_GET(self) -> None:
        """Return an object, a page of a listing, or what was counted since it was asked last."""
        path, query = (
            unquote(urlsplit(self.path).path),
            parse_qs(urlsplit(self.path).query, keep_blank_values=True),
        )
        if path == "/-/counted":
            body = json.dumps({**self.bucket.counted, "at once": self.bucket.most}).encode()
            self.bucket.counted.clear()
            self.respond(200, body)
        elif "list-type" in query:
            self.bucket.counted["listings"] += 1
            self.respond(200, self.list(path, query).encode(), content_type="application/xml")
        elif path in self.bucket.objects:
            self.bucket.counted["others"] += 1
            self.respond(200, self.bucket.objects[path])
        else:
            self.bucket.counted["others"] += 1
            policy = "policy" in query
            self.respond(
                200 if policy else 404, b"{}" if policy else b"<Error><Code>NoSuchKey</Code></Error>"
            )

    def list(self, path: str, query: dict[str, list[str]]) -> str:
        """Return a page of a listing."""
        begin, prefix = path.rstrip("/") + "/", query.get("prefix", [""])[0]
        after = query.get("continuation-token", [""])[0]
        keys = sorted(
            each.removeprefix(begin) for each in self.bucket.objects if each.startswith(begin + prefix)
        )
        page = [each for each in keys if each > after][:PAGE]
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-01T00:00:00.000Z</LastModified><ETag>&quot;"
            f"{hashlib.md5(self.bucket.objects[begin + key], usedforsecurity=False).hexdigest()}&quot;</ETag>"
            f"<Size>1</Size></Contents>"
            for key in page
        )
        more = bool(page) and page[-1] != keys[-1]
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        cut = f"<IsTruncated>{str(more).lower()}</IsTruncated>"
        return f"<ListBucketResult>{rows}{cut}{token}</ListBucketResult>"


def serve(ready: Connection) -> None:
    """Serve until the process is ended."""
    Handler.bucket = Bucket()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


def pack(folder: Path, changed: str = "") -> Any:
    """Return a bundle with the files, of which one says something else."""
    contents = {}
    for number in range(FILES):
        name = f"static/{number}.css" if number % 10 == 0 else f"static/{number}.{number:08x}ab.js"
        contents[name] = f"{number}{changed if number == 0 else ''}".encode().ljust(SIZE, b"x")
    found = Publication(
        paths=("/static/*",),
        files=tuple(
            publication.describe(
                files.describe(f"/{name}", name, content, hashed=hashes.is_hashed(name)), content
            )
            for name, content in contents.items()
        ),
    )
    path = folder / f"static-{found.digest}.zip"
    write(
        path, publication.pack(found, {hashlib.sha256(each).hexdigest(): each for each in contents.values()})
    )
    return SimpleNamespace(static=SimpleNamespace(path=path))


def deploy(bundle: Any, previous: str, stage: Stage, url: str) -> tuple[str, dict[str, int], float]:
    """Return the record of the files, what was asked of S3, and seconds of CPU."""
    begun = time.process_time()
    published.put(bundle, stage, Console(quiet=True), previous=previous)
    planned = published.plan(bundle, stage)
    assert planned
    published.publish(planned.record, stage)
    took = time.process_time() - begun
    with urllib.request.urlopen(f"{url}/-/counted") as answer:
        return planned.record, json.load(answer), took


def main() -> None:
    """Print a line for each deployment; end with an error if one is over its limit."""
    mine, its = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(its,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{mine.recv()}"
    failed = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            told = {"name": "shop", "function.python": "3.13", "http.cdn": True, "region": "eu-central-1"}
            loaded = settings.load(Path(folder), overrides=told)
            account = aws.connect(loaded, endpoint_url=url, credentials=("key", "secret"))
            stage = Stage(settings=loaded, account=account)
            first, changed = pack(Path(folder)), pack(Path(folder), "changed")
            record = ""
            for what, bundle in (("first", first), ("unchanged", first), ("one changed", changed)):
                record, counted, took = deploy(bundle, record, stage, url)
                at_once = counted.pop("at once")
                total = sum(counted.values())
                print(
                    f"{what:<12} {total:>6,} requests {counted}, {took:.2f} s of CPU, {at_once} puts at once"
                )
                if total > MOST.get(what, total) or (what == "unchanged" and took > MOST_CPU):
                    failed.append(what)
                if what == "first" and at_once < LEAST_AT_ONCE:
                    failed.append("uploads at once")
    finally:
        server.terminate()
    if failed:
        raise SystemExit(f"over the limit: {', '.join(failed)}")


if __name__ == "__main__":
    main()
