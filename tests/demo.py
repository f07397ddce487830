"""make demo: the main job, before your eyes.

The sample apps are copied to a temporary folder and deployed from there with `lambdify deploy --local`. A
browser of the standard library talks to them; what runs beside requests is seen to run: tasks, a command, a
queue, a schedule. They are invoked, their logs are read, one line is changed, and everything is taken away
again. Exit code 0 means that all of it held.

Needs nothing but lambdify's own dependencies: the samples' are packed for the function, not installed here.
"""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from urllib.request import urlopen

from samples.browser import Browser
from samples.command import (
    Project,
    change_line,
    copy_project,
    find_processes,
    send_message,
    wait_for_log,
    wait_until_closed,
)
from samples.conversation import (
    expect,
    expect_page,
    talk_to_bookshelf,
    talk_to_parcels,
    talk_to_receipts,
)
from samples.post_office import PostOffice, open_post_office
from waiting import eventually

REPOSITORY = Path(__file__).parents[1]
KEEP_WARM = '{"lambdify": "keep-warm"}'
NIGHTLY, EACH_MINUTE = 'cron = "0 3 * * *", timezone = "Europe/Berlin"', 'every = "1 minute"'
REPORT = "What was spent so far"
BOOKS = "Eden,Stanisław Lem\nFiasco,Stanisław Lem\n"
SCAN = '{"label": "kniha ž", "town": "Brno"}'
STREAM_PAUSE = 0.1
"""Seconds that lie between two events at least, if they are sent as they are made: the app waits 0.3."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One of the apps, and what the demo does with it."""

    folder: str
    talk: Callable[[Browser], Iterator[str]]
    beside: Callable[[Project, str, PostOffice], Iterator[str]]
    """What runs beside requests; takes the project, its address, and where its mails go."""
    file: str
    """Where one line is changed."""
    old: str
    new: str
    logged: str
    """What the app writes to its log while it is talked to."""


def send_a_mail(project: Project, _site: str, office: PostOffice) -> Iterator[str]:
    """sample_flask: a task. The visitor's click on "Mail it" has enqueued it."""
    expect("mails refused", eventually(lambda: office.turned_away == 2), True)
    mail = eventually(lambda: office.find("Café Zürich, 12.50 PLN"))
    expect("whether the mail came", mail is not None, True)
    lines = wait_for_log(project, "mail sent: Café Zürich, 12.50 PLN", function="tasks")
    say("$ lambdify logs --local --function tasks")
    for line in lines:
        if "SMTPDataError" in line or "mail sent" in line:
            say(line)
    yield "the post office said twice that it is busy; the third attempt of the task has sent the mail"


def run_a_command(project: Project, _site: str, _office: PostOffice) -> Iterator[str]:
    """sample_django: a task of Django's own, and a command of manage.py."""
    lines = wait_for_log(project, "Subject: A new book", function="tasks")
    say("$ lambdify logs --local --function tasks")
    say(next(line for line in lines if "Solaris by Stanisław Lem is on the shelf." in line))
    yield "a task of Django's own: the librarian was told of the new book"
    typed = " ".join(f"'{line}'" for line in BOOKS.splitlines())
    words = ("manage", "dev", "--local", "--stdin", "import_books")
    say(f"$ printf '%s\\n' {typed} | lambdify {' '.join(words)}")
    said = project.run(*words, typed=BOOKS).answer
    say(said)
    expect("what the command says last", said.splitlines()[-1], "2 added, 2 on the shelf")
    yield "a command of manage.py ran where the app runs, with our stdin, and its output came here"
    refused = project.run(*words, typed="Eden\n", code=1).story
    say(f"$ printf 'Eden\\n' | lambdify {' '.join(words)}\n{refused.strip()}")
    expect("whether it says why", "line 1 has 1 columns" in refused, True)
    yield "one that fails ends here as it ended there: exit code 1, and what it wrote to stderr"


def follow_a_parcel(project: Project, site: str, _office: PostOffice) -> Iterator[str]:
    """sample_fastapi: a stream, a queue, a front end."""
    began = time.monotonic()
    events = []
    with urlopen(f"{site}/api/parcels/17/events", timeout=60) as stream:
        for line in stream:
            if line.startswith(b"data: "):
                events.append(time.monotonic() - began)
                say(f"{events[-1]:6.2f} s  {line.decode().strip()}")
    expect("events", len(events), 4)
    apart = [later - earlier for earlier, later in pairwise(events)]
    expect("whether they came one by one", min(apart) > STREAM_PAUSE, True)
    yield "a stream of events: each arrives when the app makes it"
    say(f"$ aws sqs send-message ... --message-body '{SCAN}'")
    send_message(project, "parcels-dev", "ScansUrl", SCAN)
    lines = wait_for_log(project, "scanned: kniha ž in Brno", function="scans")
    say("$ lambdify logs --local --function scans")
    say(next(line for line in lines if "scanned: kniha ž in Brno" in line))
    yield "a message of the queue is worked off"
    visitor = Browser(site)
    page = visitor.get("/parcels/17", headers={"Sec-Fetch-Mode": "navigate"})
    expect_page(page, '<script type="module" src="/assets/')
    script = re.search(r'src="(/assets/[^"]+)"', page.text)
    expect("whether it names a script", script is not None, True)
    kept = visitor.get(script[1]).headers["Cache-Control"]
    expect("how long the script is kept", kept, "max-age=31536000, immutable")
    yield "the single page at a path of its own, and its script with a hash, which browsers keep for a year"


SAMPLES = (
    Sample(
        folder="sample_flask",
        talk=talk_to_receipts,
        beside=send_a_mail,
        file="app.py",
        old="Every receipt, where you can find it.",
        new="Every receipt, and no shoe box.",
        logged="receipt 1 added by Zoë Ö.",
    ),
    Sample(
        folder="sample_django",
        talk=talk_to_bookshelf,
        beside=run_a_command,
        file="books/templates/books/base.html",
        old="What we read, and what we thought of it.",
        new="What we read, and whether we would again.",
        logged="book 1 added: Solaris by Stanisław Lem",
    ),
    Sample(
        folder="sample_fastapi",
        talk=talk_to_parcels,
        beside=follow_a_parcel,
        file="dist/index.html",
        old="Where is it?",
        new="Find it",
        logged="delivered to Łucja",
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
    """The samples, side by side in one local cloud."""
    home = folder / "cloud"
    projects = [copy_project(REPOSITORY / sample.folder, folder / sample.folder, home) for sample in SAMPLES]
    with open_post_office(busy=2) as office:
        prepare_receipts(projects[0], office)
        sites = [show(sample, project, office) for sample, project in zip(SAMPLES, projects, strict=True)]
        wait_for_the_schedule(projects[0], office)
        for project, site in zip(projects, sites, strict=True):
            take_away(project, site)


def prepare_receipts(project: Project, office: PostOffice) -> None:
    """Nobody waits for the night: the report comes each minute, and its mails go to our post office."""
    settings = project.folder / "lambdify.toml"
    title("sample_flask: a report each minute, since nobody waits for the night")
    change_line(settings, NIGHTLY, EACH_MINUTE)
    settings.write_text(f'{settings.read_text()}\n[environment]\nMAIL_SERVER = "{office.address}"\n')
    say(f"lambdify.toml: {NIGHTLY} is now {EACH_MINUTE}")


def wait_for_the_schedule(project: Project, office: PostOffice) -> None:
    """The report that the schedule calls, a minute after its deployment; meanwhile the rest was shown."""
    title("sample_flask: the schedule")
    expect("whether it mailed its report", bool(eventually(lambda: office.find(REPORT), 120, 0.1)), True)
    lines = wait_for_log(project, "the nightly report: ", function="report")
    say("$ lambdify logs --local --function report")
    say(next(line for line in lines if "the nightly report: " in line))
    say("  ok  the schedule has called the report, and its mail came")


def show(sample: Sample, project: Project, office: PostOffice) -> str:
    """From a folder to an app that answers, and to the next version of it; its address."""
    title(f"{sample.folder}: deploy it")
    site = command(project, "deploy", "--local", "--yes")
    say(site)

    title(f"{sample.folder}: use it, like a browser")
    for held in sample.talk(Browser(site)):
        say(f"  ok  {held}")

    title(f"{sample.folder}: what runs beside requests")
    for held in sample.beside(project, site, office):
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
