"""Every sample deployed with `lambdify deploy --local`, and used over HTTP."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from samples.browser import Browser
from samples.command import (
    Project,
    change_line,
    copy_project,
    find_processes,
    keep_home,
    send_message,
    wait_for_log,
    wait_until_closed,
)
from samples.conversation import talk_to_admin, talk_to_bookshelf, talk_to_parcels, talk_to_receipts
from samples.post_office import PostOffice, open_post_office
from samples.servers import REPOSITORY, run_django, run_fastapi, run_flask
from samples.transcript import write_transcript
from waiting import eventually

from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index]


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A project that is up."""

    project: Project
    site: str
    story: str


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield from keep_home(tmp_path_factory)


def deploy(project: Project, *arguments: str) -> Deployed:
    done = project.run("deploy", *arguments, "--local", "--yes")
    return Deployed(project=project, site=done.answer, story=done.story)


def deploy_copy(source: str, folder: Path, home: Path, more: str = "") -> Deployed:
    """Deploy a copy of a sample; `more` are settings besides its own."""
    project = copy_project(REPOSITORY / source, folder / Path(source).name, home)
    # Its own server runs on this Python, which may get other releases of the dependencies than a newer one.
    (project.folder / ".python-version").write_text(f"{pythons.RUNNING}\n")
    if more:
        with open(project.folder / "lambdify.toml", "a") as settings:
            settings.write(f"\n{more}")
    return deploy(project)


@pytest.fixture(scope="module")
def post_office() -> Iterator[PostOffice]:
    """Where the mails of the receipts go."""
    with open_post_office() as office:
        yield office


@pytest.fixture(scope="module")
def receipts(home: Path, post_office: PostOffice, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    environment = f'[environment]\nMAIL_SERVER = "{post_office.address}"\n'
    return deploy_copy("sample_flask", tmp_path_factory.mktemp("receipts"), home, environment)


@pytest.fixture(scope="module")
def bookshelf(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy_copy("sample_django", tmp_path_factory.mktemp("bookshelf"), home)


@pytest.fixture(scope="module")
def parcels(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy_copy("sample_fastapi", tmp_path_factory.mktemp("parcels"), home)


@pytest.fixture
def spare(home: Path, tmp_path: Path) -> Iterator[Deployed]:
    """sample_flask without settings, and so under another name, to be changed; taken away at the end."""
    project = copy_project(REPOSITORY / "sample_flask", tmp_path / "spare", home)
    (project.folder / "lambdify.toml").unlink()
    yield deploy(project)
    project.run("undeploy", "--local", "--yes", code=None)


def test_receipts_give_the_same_answers_as_under_flask_run(receipts: Deployed, tmp_path: Path):
    with run_flask(tmp_path) as own:
        here, there = Browser(own), Browser(receipts.site)
        assert list(talk_to_receipts(there)) == list(talk_to_receipts(here))
    assert write_transcript(there) == write_transcript(here)


def test_the_bookshelf_gives_the_same_answers_as_under_runserver(bookshelf: Deployed, tmp_path: Path):
    with run_django(tmp_path) as own:
        here, there = Browser(own), Browser(bookshelf.site)
        assert list(talk_to_bookshelf(there)) == list(talk_to_bookshelf(here))
    # Who serves static files differs, and so do their headers: lambdify there, `runserver` here.
    pages, own_pages = (
        [line for line in write_transcript(each) if "/static/" not in line.request] for each in (there, here)
    )
    assert pages == own_pages


def test_parcels_give_the_same_answers_as_under_uvicorn(parcels: Deployed):
    with run_fastapi() as own:
        here, there = Browser(own), Browser(parcels.site)
        assert list(talk_to_parcels(there)) == list(talk_to_parcels(here))


def test_the_lifespan_of_an_asgi_app_begins_once_in_an_environment(parcels: Deployed):
    for _ in range(3):
        assert httpx.get(f"{parcels.site}/api/office").json()["number"] == 1
    lines = wait_for_log(parcels.project, "the office opens for the 1. time")
    assert not any("the office opens for the 2. time" in line for line in lines)


def test_a_stage_has_an_environment_and_an_admin_of_its_own(bookshelf: Deployed):
    with open(bookshelf.project.folder / "pyproject.toml", "a") as settings:
        settings.write("""
[tool.lambdify.stages.dev]
[tool.lambdify.stages.staff.environment]
DJANGO_SUPERUSER_USERNAME = "libby"
DJANGO_SUPERUSER_EMAIL = "libby@example.org"
DJANGO_SUPERUSER_PASSWORD = "quiet please"
""")
    staff = deploy(bookshelf.project, "staff")
    assert staff.site != bookshelf.site
    talk = talk_to_admin(Browser(staff.site), "libby", "quiet please")
    assert list(talk)[-1] == "and deleted there"
    assert httpx.get(f"{bookshelf.site}/api/books/").json() == {"books": []}


@pytest.mark.parametrize("minor", ["3.11", "3.12", "3.13", "3.14"])
def test_compiled_wheels_fit_the_functions_python(home: Path, tmp_path: Path, minor: str):
    if pythons.find(minor) is None:
        pytest.skip(f"this machine has no Python {minor}")
    project = copy_project(REPOSITORY / "sample_flask", tmp_path / f"receipts-{minor}", home)
    (project.folder / "lambdify.toml").write_text(f'[function]\npython = "{minor}"\n')
    site = deploy(project).site
    assert "a thumbnail, made by Pillow's compiled code" in list(talk_to_receipts(Browser(site)))
    assert project.run("status", "--local", "--json").value["runtime"] == f"python{minor}"
    project.run("undeploy", "--local", "--yes")


def test_head_gives_the_headers_of_get_and_no_body(receipts: Deployed):
    with httpx.Client(base_url=receipts.site) as client:
        head, get = client.head("/static/style.css"), client.get("/static/style.css")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["content-type"] == get.headers["content-type"]


def test_paths_and_queries_arrive_as_they_were_sent(parcels: Deployed):
    with httpx.Client(base_url=parcels.site) as client:
        answer = client.get(
            "/api/echo/Gżegżółka/100%25/a b", params={"q": "żółw & co", "r": ["1", "2"], "empty": ""}
        )
    assert answer.json() == {
        "text": "Gżegżółka/100%/a b",
        "query": [["q", "żółw & co"], ["r", "1"], ["r", "2"], ["empty", ""]],
    }


def test_requests_at_the_same_moment_are_all_answered(receipts: Deployed):
    with httpx.Client(base_url=receipts.site, timeout=60) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.get("/api/totals").status_code, range(24)))
    assert answers == [200] * 24


def test_the_function_answers_a_keep_warm_call_and_refuses_what_it_does_not_know(receipts: Deployed):
    warm = receipts.project.run("invoke", "--local", '{"lambdify": "keep-warm"}')
    assert json.loads(warm.answer) == {"lambdify": "warm"}
    refused = receipts.project.run("invoke", "--local", '{"what": "is this"}', code=45)
    assert "error:" in refused.story


def test_what_the_app_logs_is_in_lambdify_logs(receipts: Deployed):
    list(talk_to_receipts(Browser(receipts.site)))
    lines = wait_for_log(receipts.project, "added by Zoë Ö., photo of")
    assert any(re.search(r"done: [\d.]+ ms, billed \d+ ms", line) for line in lines)


def test_a_second_deploy_with_nothing_changed_says_so_and_changes_nothing(receipts: Deployed):
    done = receipts.project.run("deploy", "--local", "--yes", "--json")
    assert done.value["changed"] is False
    assert done.value["uploaded"] == []
    assert done.value["endpoint"] == receipts.site


def test_after_a_change_of_one_line_only_the_app_goes_up_and_the_new_line_is_served(spare: Deployed):
    before = spare.project.run("status", "--local", "--json").value
    change_line(spare.project.folder / "app.py", "where you can find it", "and no shoe box")
    deployed = spare.project.run("deploy", "--local", "--yes", "--json").value
    assert [Path(key).name[:4] for key in deployed["uploaded"]] == ["app-"]
    assert "and no shoe box" in httpx.get(spare.site).text
    after = spare.project.run("status", "--local", "--json").value
    assert int(after["version"]) == int(before["version"]) + 1
    assert (after["layer"], after["endpoint"]) == (before["layer"], before["endpoint"])


def test_a_browser_is_not_told_to_keep_a_style_sheet_that_changed_without_changing_its_size(spare: Deployed):
    before = httpx.get(f"{spare.site}/static/style.css")
    change_line(spare.project.folder / "static/style.css", "color: #222;", "color: #333;")
    deploy(spare.project)
    kept = {"If-None-Match": before.headers["ETag"], "If-Modified-Since": before.headers["Last-Modified"]}
    again = httpx.get(f"{spare.site}/static/style.css", headers=kept)
    assert (again.status_code, "color: #333;" in again.text) == (200, True)


def test_a_project_without_settings_deploys_and_once_undeployed_is_gone_and_its_neighbour_is_not(
    spare: Deployed, receipts: Deployed
):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/?", spare.site)
    assert "app:app" in spare.story
    spare.project.run("undeploy", "--local", "--yes")
    assert "Nothing is deployed" in spare.project.run("status", "--local", code=44).story
    wait_until_closed(spare.site)
    assert httpx.get(receipts.site).status_code == 200


def test_local_stop_leaves_nothing_running_and_nothing_listening(tmp_path: Path):
    home = tmp_path / "cloud"
    project = copy_project(REPOSITORY / "sample_flask", tmp_path / "receipts", home)
    try:
        site = deploy(project).site
        assert httpx.get(site).status_code == 200
        assert find_processes(home)
    finally:
        project.run("local", "stop")
    assert find_processes(home) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(site)
    assert "hint:" in project.run("status", "--local", code=51).story


def test_an_app_that_does_not_import_is_an_error_of_the_deployment_that_says_why(spare: Deployed):
    app = spare.project.folder / "app.py"
    source = app.read_text()
    app.write_text(f"{source}\n1 / 0\n")
    first = spare.project.run("deploy", "--local", code=15)
    assert "ZeroDivisionError: division by zero" in first.story
    assert "CloudFormation" not in first.story
    done = spare.project.run("deploy", "--local", "--no-rehearsal", code=13)
    assert done.answer == ""
    assert "ZeroDivisionError: division by zero" in done.story
    assert "app.py:" in done.story
    again = spare.project.run("deploy", "--local", "--no-rehearsal", code=13)
    assert "Nothing has changed" in again.story
    app.write_text(source)
    assert spare.project.run("deploy", "--local").answer == spare.site


# -------------------------------------------------------------------- beside the requests


def test_a_mail_that_is_refused_twice_is_sent_at_the_third_attempt(
    receipts: Deployed, post_office: PostOffice
):
    post_office.refuse(2)
    list(talk_to_receipts(Browser(receipts.site)))
    mail = eventually(lambda: post_office.turned_away == 2 and post_office.find("Café Zürich, 12.50 PLN"))
    assert mail
    assert mail.get_content().strip() == "bon żółty.png, added by Zoë Ö."


def test_the_nightly_report_runs_when_it_is_invoked_and_its_next_run_is_known(
    receipts: Deployed, post_office: PostOffice
):
    assert receipts.project.run("invoke", "--local", "--function", "report").answer == "{}"
    assert eventually(lambda: post_office.find("What was spent so far"))
    assert "Europe/Berlin; next at " in receipts.project.run("status", "--local").answer


def test_the_librarian_is_told_of_a_new_book_by_a_task_of_django(bookshelf: Deployed):
    list(talk_to_bookshelf(Browser(bookshelf.site)))
    lines = wait_for_log(bookshelf.project, "Subject: A new book", function="tasks")
    assert any("Solaris by Stanisław Lem is on the shelf." in line for line in lines)


def test_a_command_of_the_bookshelf_reads_stdin_and_ends_as_it_ends(bookshelf: Deployed):
    words = ("manage", "dev", "--local", "--stdin", "import_books")
    done = bookshelf.project.run(*words, typed="Eden,Stanisław Lem\nFiasco,Stanisław Lem\n")
    assert done.answer.splitlines() == [
        *("added: Eden by Stanisław Lem", "added: Fiasco by Stanisław Lem"),
        "2 added, 2 on the shelf",
    ]
    wrong = bookshelf.project.run(*words, typed="Eden\n", code=1)
    assert (wrong.answer, "line 1 has 1 columns" in wrong.story) == ("", True)


def test_the_way_of_a_parcel_arrives_event_by_event(parcels: Deployed):
    httpx.get(f"{parcels.site}/api/office")  # starts the app
    with httpx.stream("GET", f"{parcels.site}/api/parcels/17/events", timeout=60) as answer:
        pieces = [piece for piece in answer.iter_raw() if piece]
    assert len(pieces) == 4
    assert pieces[0] == b"id: 1\ndata: 17 is in the office\n\n"


def test_the_page_of_the_parcels_is_served_beside_their_api(parcels: Deployed):
    with httpx.Client(base_url=parcels.site) as client:
        page = client.get("/")
        assert page.headers["cache-control"] == "max-age=0, must-revalidate"
        assert client.get("/parcels/17", headers={"Sec-Fetch-Mode": "navigate"}).text == page.text
        for path in re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text):
            assert client.get(path).headers["cache-control"] == "max-age=31536000, immutable"
        none = client.get("/api/none", headers={"Sec-Fetch-Mode": "cors"})
        assert (none.status_code, none.json()) == (404, {"detail": "Not Found"})


def test_a_scan_that_comes_by_the_queue_is_worked_off(parcels: Deployed):
    send_message(parcels.project, "parcels-dev", "ScansUrl", '{"label": "kniha ž", "town": "Brno"}')
    wait_for_log(parcels.project, "scanned: kniha ž in Brno", function="scans")
