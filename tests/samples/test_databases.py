"""Apps on a real PostgreSQL, deployed with `lambdify deploy --local`: by a password, and by tokens."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fixtures.postgres import AURORA, PASSWORD, Postgres
from samples.browser import Browser
from samples.command import Project, copy_project, find_processes
from samples.conversation import talk_to_bookshelf
from samples.servers import REPOSITORY

from lambdify.cli.programs import pythons

pytestmark = [pytest.mark.slow, pytest.mark.cloud, pytest.mark.index, pytest.mark.postgres]

ON_POSTGRES = '\nDATABASES = {"default": {"ENGINE": "lambdify.adapter.django_postgresql"}}\n'
MIGRATED = '\n[tool.lambdify.release]\ncommand = "python manage.py migrate --noinput"\n'
DATABASE = f"""
[tool.lambdify.database]
kind = "aurora"
host = "{AURORA}"
user = "app"
name = "shop"
resource = "cluster-ABC123"
"""
COUNT = "from books.models import Book as b; print(b.objects.count(), b.objects.all().db)"
KEYS = "import os; print(os.environ['AWS_ACCESS_KEY_ID'], os.environ['AWS_SECRET_ACCESS_KEY'])"
NOTES = """
from lambdify.adapter.database.sqlalchemy import sign_in, url
from sqlalchemy import create_engine, text

engine = sign_in(create_engine(url("postgresql+psycopg"), pool_pre_ping=True))


def app(environ, start_response):
    with engine.begin() as connection:
        connection.execute(text("create table if not exists notes (text varchar)"))
        connection.execute(text("insert into notes values ('seen')"))
        seen = connection.execute(text("select count(*), current_user from notes group by 2")).one()
    start_response("200 OK", [("content-type", "text/plain")])
    return [f"{seen[0]} {seen[1]}".encode()]
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A local cloud of this test's own. At the end nothing of it may be left."""
    yield tmp_path
    Project(folder=tmp_path, home=tmp_path).run("local", "stop")
    assert find_processes(tmp_path) == []


def make_bookshelf(home: Path) -> Project:
    """sample_django on a database server, which a step of the deployment migrates."""
    folder = home / "bookshelf"
    project = copy_project(REPOSITORY / "sample_django", folder, home)
    (folder / ".python-version").write_text(f"{pythons.RUNNING}\n")
    with (folder / "bookshelf/settings.py").open("a") as settings:
        settings.write(ON_POSTGRES)
    prepared = (folder / "bookshelf/wsgi.py").read_text()
    (folder / "bookshelf/wsgi.py").write_text(re.sub(r".*prepare_database.*\n", "", prepared))
    metadata = (folder / "pyproject.toml").read_text()
    metadata = metadata.replace('    "nh3', '    "psycopg[binary]>=3.2",\n    "nh3')
    (folder / "pyproject.toml").write_text(f"{metadata}{MIGRATED}")
    return project


def make_notes(home: Path, environment: str) -> Project:
    project = Project(folder=home / "notes", home=home)
    project.folder.mkdir()
    (project.folder / "app.py").write_text(NOTES)
    (project.folder / "requirements.txt").write_text("sqlalchemy>=2\npsycopg[binary]>=3.2\n")
    (project.folder / ".python-version").write_text(f"{pythons.RUNNING}\n")
    (project.folder / "lambdify.toml").write_text(f'name = "notes"\n[environment]\n{environment}')
    return project


def configure(project: Project, more: str) -> None:
    """Replace what was added to the settings the last time."""
    file = project.folder / "pyproject.toml"
    file.write_text(file.read_text().partition("\n# More\n")[0] + f"\n# More\n{more}")


def deploy(project: Project) -> str:
    return project.run("deploy", "--local", "--yes").answer


def count(project: Project) -> str:
    return project.run("manage", "dev", "--local", "shell", "-c", COUNT).answer.splitlines()[-1]


def as_on_aws(postgres: Postgres) -> str:
    """The lines of variables that a function has on AWS, but for its keys, which the cloud gives."""
    told = {name: value for name, value in postgres.environ().items() if name.startswith(("DATABASE_", "PG"))}
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items())


def test_apps_on_the_database_of_this_machine_and_then_by_tokens(home: Path, postgres: Postgres):
    bookshelf, gate = make_bookshelf(home), postgres.gate
    configure(bookshelf, DATABASE)
    refused = bookshelf.run("deploy", "--local", "--yes", code=None).story
    assert 'Write local = "postgresql://' in refused

    local = f"postgresql://local:{quote(PASSWORD)}@127.0.0.1:{postgres.port}/near"
    configure(bookshelf, f'{DATABASE}local = "{local}"\n')
    assert list(talk_to_bookshelf(Browser(deploy(bookshelf))))
    assert count(bookshelf) == "0 default"
    assert postgres.sql("select count(*) > 9 from django_migrations", "near") == "t"
    shown = bookshelf.run("env", "--local").answer
    assert "DATABASE_KIND" in shown
    assert AURORA not in shown

    # In the local cloud the database takes no tokens. So the same app is told what it is told on AWS.
    keys = bookshelf.run("run", "dev", "--local", "--", "python", "-c", KEYS).answer.split()
    gate.keys[keys[0]] = (keys[1], "local")
    del gate.accepted[:]
    configure(bookshelf, f"[tool.lambdify.stages.dev.environment]\n{as_on_aws(postgres)}")
    assert list(talk_to_bookshelf(Browser(deploy(bookshelf))))
    assert count(bookshelf) == "0 default"
    assert postgres.sql("select count(*) > 9 from django_migrations") == "t"
    # The release command, the function, a command: each signed in with a token of its own.
    assert len(gate.accepted) >= 3
    assert gate.refused == []

    del gate.accepted[:]
    site = deploy(make_notes(home, as_on_aws(postgres)))
    answers = [Browser(site).get("/").text.split() for _ in range(2)]
    assert [who for _, who in answers] == ["app", "app"]
    assert int(answers[1][0]) == int(answers[0][0]) + 1
    assert gate.refused == []
    assert 1 <= len(gate.accepted) < 3, "with the trial's that were three requests: a connection is kept"
