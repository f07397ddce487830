"""Wheels of indexes as files: downloaded once, and believed only if they are what was locked."""

import hashlib
import re
import socket
import struct
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from packing.packages import write_wheel

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.requirements.origins import DownloadObserver, download
from lambdify.cli.packing.requirements.pylock import Package

CUT_OFF, RESET = -1, -2
"""To hang up in the middle of the file, with and without a word."""


@pytest.fixture
def downloads(shared_cache):
    """The wheels that are there."""
    return lambda: {path.name: path.stat().st_mtime_ns for path in (shared_cache / "downloads").iterdir()}


def test_a_wheel_is_downloaded_once_for_all_projects(project, index, install, downloads):
    index.add_wheel("web", "8.1")
    root = project({"requirements.txt": f"{index.option}web==8.1\n"})
    assert "Download web 8.1" in install(root).story
    before = downloads()
    assert "Download" not in install(root, "3.12").story
    assert downloads() == before


def test_one_that_was_damaged_is_downloaded_again(project, index, install, shared_cache):
    wheel = index.add_wheel("web", "8.2")
    root = project({"requirements.txt": f"{index.option}web==8.2\n"})
    first = install(root)
    (distribution,) = first.dependencies.distributions
    distribution.wheel.write_bytes(wheel.read_bytes()[:-1])
    again = install(root)
    assert "Download web 8.2" in again.story
    assert again.dependencies.key == first.dependencies.key
    assert distribution.wheel.read_bytes() == wheel.read_bytes()


def test_where_one_cannot_be_had_the_message_names_it_and_nothing_half_written_stays(
    project, index, install, downloads
):
    wheels = [index.add_wheel(name, "8.3") for name in ("web", "shop", "till")]
    lines = "".join(f"{name}==8.3\n" for name in ("web", "shop", "till"))
    root = project({"requirements.txt": f"{index.option}{lines}"})
    packed = install(root).dependencies.distributions
    # Resolved before, gone since: from the cache, and from the index.
    for path in (*wheels, *(distribution.wheel for distribution in packed)):
        path.unlink()
    before = downloads()
    with pytest.raises(RequirementsError, match=r"(web|shop|till) 8\.3 could not be downloaded from http"):
        install(root)
    assert downloads() == before


def test_how_much_it_will_be_is_said_before_where_the_lock_tells(project, index, install):
    wheel = index.add_wheel("web", "8.5")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    url = f"{index.url}/web/{wheel.name}"
    lock = (
        'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "web"\nversion = "8.5"\n'
        f'wheels = [{{ url = "{url}", size = {wheel.stat().st_size}, hashes = {{ sha256 = "{digest}" }} }}]\n'
    )
    assert re.search(r"Download web 8\.5, \d\.\d KiB", install(project({"pylock.toml": lock})).story)


@pytest.fixture
def flaky():
    """A server that fails as often as it is told, and then has a file."""
    left = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            trouble = left.pop(0) if left else 200
            if trouble == 0:
                self.connection.close()
                return
            if trouble in (CUT_OFF, RESET):
                self.send_response(200)
                self.send_header("Content-Length", "4")
                self.end_headers()
                self.wfile.write(b"fi")
                self.wfile.flush()
                if trouble == RESET:
                    lingering = struct.pack("ii", 1, 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
                self.connection.close()
                return
            self.send_response(trouble)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"file")

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/file.whl", left
        server.shutdown()
        thread.join()


def a_package(url):
    digest = hashlib.sha256(b"file").hexdigest()
    return Package(name="file", version="1", kind="wheel", filename="file.whl", url=url, sha256=digest)


@pytest.mark.parametrize("trouble", [[0], [503], [500, 0]], ids=["hangs up", "unavailable", "both"])
def test_trouble_that_passes_is_waited_for(flaky, tmp_path, trouble):
    url, left = flaky
    left += trouble
    slept = []
    download(a_package(url), Indexes(), tmp_path / "file", sleep=slept.append)
    assert (tmp_path / "file").read_bytes() == b"file"
    assert len(slept) == len(trouble)


@pytest.mark.parametrize(
    ("locked", "expected"), [(0, [4]), (4, [0])], ids=["told by the server", "known before"]
)
def test_who_follows_a_download_hears_of_every_byte(flaky, tmp_path, locked, expected):
    url, _ = flaky
    told, came = [], []
    witness = DownloadObserver(expect=told.append, advance=came.append)
    download(replace(a_package(url), size=locked), Indexes(), tmp_path / "file", witness)
    assert told == expected
    assert sum(came) == 4


@pytest.mark.parametrize("trouble", [CUT_OFF, RESET])
def test_what_came_before_a_connection_broke_counts_no_longer(flaky, tmp_path, trouble):
    url, left = flaky
    left.append(trouble)
    told, came = [], []
    witness = DownloadObserver(expect=told.append, advance=came.append)
    download(a_package(url), Indexes(), tmp_path / "file", witness, sleep=lambda _: None)
    assert sum(told) == sum(came) == 4


@pytest.mark.parametrize(("trouble", "tries"), [([404] * 3, 1), ([500] * 3, 3)])
def test_trouble_that_stays_is_told(flaky, tmp_path, trouble, tries):
    url, left = flaky
    left += trouble
    with pytest.raises(RequirementsError, match=r"file 1 could not be downloaded from http.*HTTP Error"):
        download(a_package(url), Indexes(), tmp_path / "file", sleep=lambda _: None)
    assert len(trouble) - len(left) == tries


def test_a_wheel_on_this_machine_is_taken_from_where_it_lies(project, index, install, tmp_path, downloads):
    wheel = write_wheel(tmp_path, "web", "8.4")
    run = install(project({"requirements.txt": f"{index.option}web @ {wheel.as_uri()}\n"}))
    assert run.dependencies.distributions[0].wheel == wheel
    assert "Download" not in run.story
