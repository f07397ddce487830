"""Whether real projects go live by themselves, and answer as under their own server: a table in Markdown.

    python benchmarks/projects.py FOLDER... [--settings FOLDER] [--only NAME]... [-o FILE]

Each FOLDER is a checked-out project, or one within it (`backend/`). It is copied, with the repository that it
is in, and deployed from the copy with `lambdify deploy --local --yes`, to a local cloud of its own. With the
option `--settings`, a project NAME for which that folder has NAME.toml is tried a second time with this as
its lambdify.toml: what somebody writes who does what the messages say.

Of a project that is live, some addresses are asked for at the local endpoint and at the project's own server,
gunicorn or uvicorn, from an environment in benchmarks/.venv; it runs the same files and dependencies. Status,
headers and body have to be equal. What its own server answers differently the second time is left out.
"""

import argparse
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".venv"
SERVERS = ("gunicorn", "uvicorn")
LAMBDIFY = Path(sys.executable).with_name("lambdify")
LIMIT = 900
"""Seconds that a deployment may take: some build a dozen packages."""
ASKED = (
    ("GET", "/"),
    ("GET", "/no-such-page?a=1&b=%C3%A4"),
    ("HEAD", "/"),
    ("GET", "/docs"),
    ("GET", "/openapi.json"),
    ("GET", "/admin/login/"),
    ("GET", "/robots.txt"),
    ("POST", "/"),
)
THEIRS = {
    *("date", "server", "connection", "keep-alive", "transfer-encoding", "content-length", "x-request-id"),
    *("strict-transport-security", "x-lambdify-local"),
}
"""Headers that are not the app's: the local endpoint tells it https, and says http to its client. The body
tells the length."""
DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT")
COLUMNS = ("project", "app", "Python", "dependencies", "rehearsal", "live", "equal", "what stopped it")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What came of one project."""

    project: str
    app: str = ""
    python: str = ""
    dependencies: str = ""
    rehearsal: str = ""
    live: str = "no"
    equal: str = ""
    stopped: str = ""
    differing: tuple[str, ...] = field(default=())

    def line(self) -> str:
        cells = (
            self.project,
            self.app,
            self.python,
            self.dependencies,
            self.rehearsal,
            self.live,
            self.equal,
            self.stopped,
        )
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def main() -> None:
    """Try each project, print its row as it is known, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="lambdify-projects-") as scratch:
        environ = os.environ | {"LAMBDIFY_HOME": f"{scratch}/home", "NO_COLOR": "1", "COLUMNS": "200"}
        try:
            for folder in arguments.folders:
                name = _name(folder)
                if arguments.only and name not in arguments.only:
                    continue
                for row in _try(folder.resolve(), name, arguments.settings, Path(scratch), environ):
                    rows.append(row)
                    print(row.line(), *row.differing, sep="\n    ", flush=True)
        finally:
            subprocess.run([LAMBDIFY, "local", "stop"], env=environ, check=False, capture_output=True)
    table = "\n".join(
        (f"| {' | '.join(COLUMNS)} |", "| --- " * len(COLUMNS) + "|", *(row.line() for row in rows))
    )
    print(table)
    if arguments.out:
        arguments.out.write_text(table + "\n")


def _name(folder: Path) -> str:
    """Name the project after its repository and, within it, its folder."""
    root = _repository(folder.resolve())
    inner = folder.resolve().relative_to(root)
    return root.name if str(inner) == "." else f"{root.name}/{inner}"


def _repository(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def _try(
    folder: Path, name: str, settings: Path | None, scratch: Path, environ: Mapping[str, str]
) -> Iterator[Row]:
    """Yield the row of the project with no settings and, if there are some for it, the row with them."""
    root = _repository(folder)
    copy = scratch / "projects" / root.name
    shutil.copytree(root, copy, symlinks=True, dirs_exist_ok=True)
    project = copy / folder.relative_to(root)
    try:
        yield _deploy(project, name, environ)
        written = settings / (name.replace("/", "-") + ".toml") if settings else None
        if written and written.is_file():
            shutil.copyfile(written, project / "lambdify.toml")
            yield _deploy(project, f"{name}, with settings", environ)
    finally:
        shutil.rmtree(copy)


def _deploy(project: Path, name: str, environ: Mapping[str, str]) -> Row:
    line = [LAMBDIFY, "deploy", "--local", "--yes", "--json"]
    try:
        ended = subprocess.run(
            line, cwd=project, env=environ, capture_output=True, text=True, timeout=LIMIT, check=False
        )
    except subprocess.TimeoutExpired:
        return Row(project=name, stopped=f"not done after {LIMIT} s")
    row = replace(_read(ended.stderr), project=name)
    print(ended.stderr, file=sys.stderr)
    try:
        if ended.returncode:
            return replace(row, stopped=f"exit {ended.returncode}: {_error(ended.stderr)}")
        equal, asked, differing = _compare(project, json.loads(ended.stdout)["endpoint"], row)
    finally:
        subprocess.run(
            [LAMBDIFY, "undeploy", "--local", "--yes"],
            cwd=project,
            env=environ,
            capture_output=True,
            check=False,
        )
    return replace(row, live="yes", equal=f"{equal} of {asked}", differing=tuple(differing))


def _read(story: str) -> Row:
    """Read from the story that a deployment tells what was found."""

    def first(pattern: str) -> str:
        found = re.search(pattern, story, re.MULTILINE)
        return found[1].strip() if found else ""

    return Row(
        project="",
        app=first(r"^\s*Found (.*? app \S+?):? "),
        python=first(r"for python(3\.\d+) on ") or first(r"^\s*Python (3\.\d+), "),
        dependencies=first(r"^\s*dependencies from (.*)$"),
        rehearsal=first(r"^(?:Rehears\w*|Starting the app here) .*?\.\.\. (.*)$"),
    )


def _error(story: str) -> str:
    found = re.search(r"^error: (.*?)(?=^during:|^hint:|\Z)", story, re.MULTILINE | re.DOTALL)
    return " ".join((found[1] if found else story[-300:]).split())[:300]


def _install_servers(python: str) -> Path | None:
    """Return the programs of an environment of that Python, with the servers; None if it is not here."""
    made = ENVIRONMENTS / f"projects-{python}"
    interpreter = shutil.which(f"python{python}")
    if interpreter is None:
        return None
    if not (made / "bin" / "uvicorn").exists():
        subprocess.run([interpreter, "-m", "venv", made], check=True)
        subprocess.run([made / "bin" / "pip", "install", "--quiet", *SERVERS], check=True)
    return made / "bin"


def _compare(project: Path, endpoint: str, row: Row) -> tuple[int, int, list[str]]:
    """Return how many answers are equal, of how many, and what differs."""
    equal, asked, differing = 0, 0, []
    with tempfile.TemporaryDirectory() as folder, _own_server(project, Path(folder), row) as own:
        if own is None:
            return 0, 0, ["the project's own server does not start"]
        for method, path in ASKED:
            ours = _ask(endpoint, method, path)
            theirs, again = _ask(own, method, path), _ask(own, method, path)
            if theirs != again:
                continue
            asked += 1
            equal += ours == theirs
            if ours != theirs:
                differing.append(f"{method} {path}: {_difference(ours, theirs)}")
    return equal, asked, differing


def _difference(ours: tuple, theirs: tuple) -> str:
    if ours[0] != theirs[0]:
        return f"{ours[0]} where its own server says {theirs[0]}"
    if ours[1] != theirs[1]:
        return f"headers: {sorted(set(ours[1]) ^ set(theirs[1]))}"
    at = next((at for at, pair in enumerate(zip(ours[2], theirs[2], strict=False)) if pair[0] != pair[1]), 0)
    around = slice(max(0, at - 20), at + 20)
    return f"bodies: {ours[2][around]!r} where its own server says {theirs[2][around]!r}"


def _ask(base: str, method: str, path: str) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    """Return status, headers and body of an answer, without the server's address; 0 if there was none."""
    at = urlsplit(base)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=60)
    try:
        connection.request(
            method, at.path.rstrip("/") + path, headers={"User-Agent": "projects", "Accept": "text/html,*/*"}
        )
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        return 0, (), str(error).encode()
    finally:
        connection.close()
    port = str(at.port)
    headers = tuple(
        sorted(
            (name.lower(), _plain(value).replace(port, "PORT"))
            for name, value in answer.getheaders()
            if name.lower() not in THEIRS
        )
    )
    headers = tuple(
        (name, re.sub(r"\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT", "DATE", value)) for name, value in headers
    )
    plain = body.replace(b"https:", b"http:").replace(b"https%3A", b"http%3A")
    return answer.status, headers, plain.replace(str(at.port).encode(), b"PORT")


def _plain(value: str) -> str:
    """Return a header's value without what is drawn by lot, and as it is said over http."""
    value = re.sub(r"(csrftoken|session\w*)=[^;]*", r"\1=", value)
    value = re.sub(r"; Secure\b", "", value).replace("https://", "http://")
    return ", ".join(sorted(value.split(", ")))  # `Allow` has the order of a set


@contextmanager
def _own_server(project: Path, folder: Path, row: Row) -> Iterator[str | None]:
    """Yield the address of the project's own server, of what was packed; None if it does not start."""
    for archive in sorted((project / ".lambdify" / "build").glob("*.zip")):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder / archive.name.partition("-")[0])
    programs = _install_servers(row.python)
    if programs is None:
        yield None
        return
    app = row.app.rpartition(" app ")[2]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = folder / "app" / json.loads((folder / "app/.lambdify/bundle.json").read_text()).get("path", "")
    python_path = os.pathsep.join(map(str, (root, folder / "app", folder / "layer" / "python")))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environ |= {"PYTHONPATH": python_path, "TZ": "UTC"} | _environment(project)
    process = subprocess.Popen(
        _command(programs, app, port, row.app),
        cwd=root,
        env=environ,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{port}" if _answers(port, process) else None
    finally:
        with suppress(ProcessLookupError):  # it did not start
            os.killpg(process.pid, signal.SIGTERM)
        process.communicate()


def _command(program: Path, app: str, port: int, found: str) -> Sequence[str | Path]:
    if re.match(r"(FastAPI|Starlette|Quart|Litestar|ASGI)", found):
        return [program / "uvicorn", "--no-proxy-headers", "--port", str(port), app]
    return [program / "gunicorn", "--threads", "4", "--bind", f"127.0.0.1:{port}", app]


def _environment(project: Path) -> dict[str, str]:
    file = project / "lambdify.toml"
    written = tomllib.loads(file.read_text()).get("environment", {}) if file.is_file() else {}
    return {name: str(value) for name, value in written.items() if not isinstance(value, dict)}


def _answers(port: int, process: subprocess.Popen[str]) -> bool:
    for _ in range(600):
        if process.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return True
    return False


if __name__ == "__main__":
    main()
