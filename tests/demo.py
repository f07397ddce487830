"""make demo: the main job, before your eyes.

Both sample apps are copied to a temporary folder and deployed from there with `lambdify deploy --local`. A
browser of the standard library talks to them; they are invoked, their logs are read, one line is changed, and
everything is taken away again. Exit code 0 means that all of it held.

Needs nothing but lambdify's own dependencies: the samples' are packed for the function, not installed here.
"""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from samples.browser import Browser
from samples.command import (
    Project,
    change_line,
    copy_project,
    find_processes,
    wait_for_log,
    wait_until_closed,
)
from samples.conversation import expect, expect_page, talk_to_bookshelf, talk_to_receipts

REPOSITORY = Path(__file__).parents[1]
KEEP_WARM = '{"lambdify": "keep-warm"}'


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One of the two apps, and what the demo does with it."""

    folder: str
    talk: Callable[[Browser], Iterator[str]]
    file: str
    """Where one line is changed."""
    old: str
    new: str
    logged: str
    """What the app writes to its log while it is talked to."""


SAMPLES = (
    Sample(
        folder="sample_flask",
        talk=talk_to_receipts,
        file="app.py",
        old="Every receipt, where you can find it.",
        new="Every receipt, and no shoe box.",
        logged="receipt 1 added by Zoë Ö.",
    ),
    Sample(
        folder="sample_django",
        talk=talk_to_bookshelf,
        file="books/templates/books/base.html",
        old="What we read, and what we thought of it.",
        new="What we read, and whether we would again.",
        logged="book 1 added: Solaris by Stanisław Lem",
    ),
)


def main() -> int:
    """Show everything; the exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="lambdify-demo-"))
    try:
        with local_cloud(folder / "cloud"):
            show_all(folder)
    except (AssertionError, OSError, subprocess.TimeoutExpired) as failure:
        for problem in filter(None, (failure.__context__, failure)):
            say(f"\nFAIL: {problem}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted.")
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    say(f"\nAll of it held, in {time.monotonic() - began:.0f} s.")
    return 0


@contextmanager
def local_cloud(home: Path) -> Iterator[None]:
    """Whatever happens inside, afterwards the local cloud is ended, and nothing of it is left."""
    try:
        yield
    except AssertionError:
        diary = home / "daemon.log"
        say(f"\nWhat the local cloud noted:\n{diary.read_text() if diary.exists() else 'nothing'}")
        raise
    finally:
        title("the local cloud: end it")
        home.mkdir(exist_ok=True)
        command(Project(folder=home, home=home), "local", "stop")
        expect("processes left over", find_processes(home), [])
        say("  ok  no process of it is left, and so nothing that listens")


def show_all(folder: Path) -> None:
    """Both samples, side by side in one local cloud."""
    home = folder / "cloud"
    projects = [copy_project(REPOSITORY / sample.folder, folder / sample.folder, home) for sample in SAMPLES]
    sites = [show(sample, project) for sample, project in zip(SAMPLES, projects, strict=True)]
    for project, site in zip(projects, sites, strict=True):
        take_away(project, site)


def show(sample: Sample, project: Project) -> str:
    """From a folder to an app that answers, and to the next version of it; its address."""
    title(f"{sample.folder}: deploy it")
    site = command(project, "deploy", "--local", "--yes")
    say(site)

    title(f"{sample.folder}: use it, like a browser")
    for held in sample.talk(Browser(site)):
        say(f"  ok  {held}")

    title(f"{sample.folder}: look at it")
    warm = command(project, "invoke", "--local", KEEP_WARM)
    expect("what a keep-warm call gives back", json.loads(warm), {"lambdify": "warm"})
    say(f"{warm}\n  ok  the function answers a call that is no HTTP request")
    say("$ lambdify logs --local")
    lines = wait_for_log(project, sample.logged)
    say(f"{next(line for line in lines if sample.logged in line)}")
    say(f"  ok  the app's own line, among {len(lines)} of the log")

    title(f"{sample.folder}: change one line, deploy again")
    change_line(project.folder / sample.file, sample.old, sample.new)
    say(f"{sample.file}: {sample.old!r} is now {sample.new!r}")
    deployed = project.run("deploy", "--local", "--yes", "--json", story=sys.stdout).value
    expect("what was uploaded", [Path(key).name[:4] for key in deployed["uploaded"]], ["app-"])
    expect("the address after the change", deployed["endpoint"], site)
    expect_page(Browser(site).get("/"), sample.new)
    say("  ok  only the app's own zip was uploaded, and the new line is served at the same address")
    return site


def take_away(project: Project, site: str) -> None:
    """Remove the stage; its address answers no longer."""
    title(f"{project.folder.name}: take it away")
    command(project, "undeploy", "--local", "--yes")
    project.run("status", "--local", code=44)
    wait_until_closed(site)
    say("  ok  nothing answers at its address any more")


def command(project: Project, *arguments: str) -> str:
    """The answer of a lambdify command, which is shown as it is typed and as it runs."""
    words = (f"'{word}'" if " " in word else word for word in arguments)
    say(f"$ lambdify {' '.join(words)}")
    return project.run(*arguments, story=sys.stdout).answer


def title(text: str) -> None:
    say(f"\n--- {text}")


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
