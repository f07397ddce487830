"""Drivers, SQLAlchemy and Django on a real PostgreSQL that takes tokens, over TLS to a host of AWS's name."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import psycopg
import pytest
from fixtures.postgres import AURORA, DSQL, KEY, PASSWORD, SECRET
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from lambdify.adapter import database
from lambdify.adapter.database.sqlalchemy import sign_in, url

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
LOCAL = {
    "DATABASE_KIND": "local",
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_USER": "local",
    "DATABASE_NAME": "near",
    "DATABASE_PASSWORD": PASSWORD,
}
DJANGO = """
import json, os, sys, threading, time
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    USE_TZ=True,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth"],
    DATABASES={"default": {"ENGINE": "lambdify.adapter.django_postgresql", **json.loads(sys.argv[1])}},
)
django.setup()
from django.core.management import call_command
from django.db import close_old_connections, connection, transaction

def ask(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]

"""
"""The beginning of a program: its argument are options of the database, as JSON."""


@pytest.fixture
def on_aws(postgres, monkeypatch):
    """`on_aws(DATABASE_USER="other")`: this process is a function, and the database is there."""
    for name in [*os.environ]:
        if name.startswith(("DATABASE_", "AWS_", "PG")):
            monkeypatch.delenv(name)
    del postgres.gate.accepted[:], postgres.gate.refused[:]

    def be(**changes):
        for name, value in postgres.environ(**changes).items():
            monkeypatch.setenv(name, value)
        return postgres

    return be


@pytest.fixture(scope="module")
def django_process():
    """A process that has Django loaded, and runs programs in processes of their own."""
    program = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("django_process.py"))]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()
        process.wait(60)


@pytest.fixture
def run_django(postgres, django_process):
    """`run_django(code, options, **changes)`: what a program with Django writes as its last line, as JSON."""
    del postgres.gate.accepted[:], postgres.gate.refused[:]

    def run(code, options=None, **changes):
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATABASE_", "AWS_", "PG"))
        }
        program = {
            "code": DJANGO + code,
            "argument": json.dumps(options or {}),
            "environ": {**inherited, **postgres.environ(**changes)},
        }
        django_process.stdin.write(f"{json.dumps(program)}\n")
        django_process.stdin.flush()
        done = json.loads(django_process.stdout.readline())
        assert done["status"] == 0, done["stderr"]
        return json.loads(done["stdout"].splitlines()[-1])

    return run


# -------------------------------------------------------------------- drivers


def test_psycopg_signs_in_with_a_token_for_each_connection(on_aws):
    gate = on_aws().gate
    for _ in range(2):
        with psycopg.connect(**database.parameters()) as connection:
            assert connection.execute("select current_user").fetchone() == ("app",)
            assert connection.pgconn.ssl_in_use
    assert (len(gate.accepted), gate.refused) == (2, [])


@pytest.mark.parametrize("user", ["app", "admin"])
def test_psycopg_signs_in_to_dsql(on_aws, user):
    on_aws(DATABASE_KIND="dsql", DATABASE_HOST=DSQL, DATABASE_USER=user)
    with psycopg.connect(**database.parameters()) as connection:
        assert connection.execute("select current_user").fetchone() == (user,)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"DATABASE_REGION": "eu-central-1"}, "the scope"),
        ({"AWS_SECRET_ACCESS_KEY": f"{SECRET}x"}, "the signature"),
        ({"AWS_SESSION_TOKEN": "old"}, "the session"),
        ({"DATABASE_KIND": "dsql"}, "KeyError"),
    ],
)
def test_what_aws_would_refuse_is_refused_here(on_aws, changes, why):
    gate = on_aws(**changes).gate
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(**database.parameters())
    assert [why in each for each in gate.refused] == [True]


def test_a_token_that_has_expired_opens_nothing(on_aws):
    gate = on_aws().gate
    from lambdify.adapter.database import tokens

    old = tokens.make(database.require(), now=1_700_000_000)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(**{**database.parameters(), "password": old})
    assert "expired" in gate.refused[0]


def test_a_host_with_another_certificate_gets_no_token(on_aws):
    """Another name leads to this machine, as a server in between would be."""
    gate = on_aws(DATABASE_HOST="shop.cluster-abc123.eu-west-2.rds.amazonaws.com").gate
    with pytest.raises(psycopg.OperationalError, match="does not match host name"):
        psycopg.connect(**database.parameters())
    on_aws(DATABASE_CA="")
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        psycopg.connect(**database.parameters())
    assert (gate.accepted, gate.refused) == ([], [])


def test_asyncpg_gets_a_password_for_each_connection_of_its_pool(on_aws):
    gate = on_aws().gate

    async def ask():
        # asyncpg has no address beside the name; the certificate is good for this one as well.
        given = {**database.asyncpg_parameters(), "host": "127.0.0.1"}
        async with (
            asyncpg.create_pool(**given, min_size=2, max_size=2) as pool,
            pool.acquire() as one,
            pool.acquire() as two,
        ):
            return [await each.fetchval("select current_user") for each in (one, two)]

    assert asyncio.run(ask()) == ["app", "app"]
    assert (len(gate.accepted), gate.refused) == (2, [])


# -------------------------------------------------------------------- SQLAlchemy


def test_an_engine_makes_a_token_for_each_connection_and_sees_that_one_was_closed(on_aws):
    postgres = on_aws()
    engine = sign_in(create_engine(url("postgresql+psycopg"), pool_pre_ping=True))
    with engine.connect() as one, engine.connect() as two:
        users = [each.execute(text("select current_user")).scalar() for each in (one, two)]
    assert users == ["app", "app"]
    assert len(postgres.gate.accepted) == 2
    postgres.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
    with engine.connect() as again:
        assert again.execute(text("select 1")).scalar() == 1
    assert len(postgres.gate.accepted) == 3
    engine.dispose()


def test_an_asynchronous_engine_does_so_too(on_aws):
    gate = on_aws().gate

    async def ask():
        engine = sign_in(create_async_engine(url("postgresql+psycopg")))
        async with engine.connect() as connection:
            found = (await connection.execute(text("select current_user"))).scalar()
        await engine.dispose()
        return found

    assert asyncio.run(ask()) == "app"
    assert len(gate.accepted) == 1


# -------------------------------------------------------------------- Django

CYCLE = """
seen = []
for _ in range(3):
    close_old_connections()  # as each request does
    seen.append(ask("select pg_backend_pid()"))
print(json.dumps([len(set(seen)), ask("select current_user"), connection.settings_dict["PASSWORD"]]))
"""


def test_django_keeps_its_connection_and_no_password(run_django, postgres):
    assert run_django(CYCLE) == [1, "app", ""]
    assert (len(postgres.gate.accepted), postgres.gate.refused) == (1, [])


def test_django_keeps_it_as_long_as_the_project_says(run_django):
    code = "connection.ensure_connection(); print(json.dumps(connection.close_at is None))"
    assert run_django(code, {"CONN_MAX_AGE": 60}) is False


def test_django_closes_what_a_thread_of_a_request_opened(run_django):
    code = """
def request():
    seen.append(ask("select 1"))
    seen.append(connection.close_at is None)
    close_old_connections()
    seen.append(connection.connection is None)
seen = []
thread = threading.Thread(target=request)
thread.start()
thread.join()
print(json.dumps(seen))
"""
    assert run_django(code) == [1, False, True]


def test_django_migrates_and_makes_databases_for_tests(run_django, postgres):
    code = """
from django.contrib.auth.models import User
call_command("migrate", verbosity=0)
with transaction.atomic():
    User.objects.create(username="ann")
name = connection.creation.create_test_db(verbosity=0)
inside = [ask("select current_database()"), User.objects.count()]
connection.creation.destroy_test_db("shop", verbosity=0)
print(json.dumps([name, *inside, ask("select current_database()"), User.objects.count()]))
"""
    assert run_django(code) == ["test_shop", "test_shop", 0, "shop", 1]
    assert len(postgres.gate.accepted) > 2
    assert postgres.sql("select username from auth_user") == "ann"


def test_django_looks_at_a_connection_that_was_idle_but_not_inside_a_transaction(run_django, postgres):
    code = """
from lambdify.adapter.django_postgresql import base
first = ask("select pg_backend_pid()")
base.IDLE = -1  # any pause is a long one
other = connection.copy()
with other.cursor() as cursor:
    cursor.execute("select pg_terminate_backend(%s)", [first])
other.close()
second = ask("select pg_backend_pid()")
with transaction.atomic():
    inside = {ask("select pg_backend_pid()") for _ in range(2)}
print(json.dumps([first != second, inside == {second}]))
"""
    assert run_django(code) == [True, True]


def test_a_pool_is_refused_since_it_would_keep_its_first_token(run_django):
    with pytest.raises(AssertionError, match="void after 15 minutes"):
        run_django("", {"OPTIONS": {"pool": True}})


def test_no_connection_of_django_gets_into_a_snapshot(run_django):
    code = """
from snapshot_restore_py import get_before_snapshot
first = ask("select pg_backend_pid()")
((close, arguments, named),) = get_before_snapshot()
held = connection.connection
close(*arguments, **named)
closed = held.closed
second = ask("select pg_backend_pid()")
connection.close()
close(*arguments, **named)
ask("select 1")
print(json.dumps([closed, first != second, len(get_before_snapshot())]))
"""
    assert run_django(code, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start") == [True, True, 1]


ASK = "print(json.dumps([ask('select current_user'), ask('select current_database()')]))"


def test_django_uses_the_database_of_this_machine_with_its_password(run_django, postgres):
    assert run_django(ASK, **LOCAL, DATABASE_PORT=str(postgres.port)) == ["local", "near"]
    assert postgres.gate.accepted == []


def test_what_the_project_says_itself_stands(run_django, postgres):
    code = """
own = connection.copy()
own.settings_dict["PASSWORD"] = "own"
print(json.dumps([ask("select current_database()"), own.get_connection_params()["password"]]))
"""
    assert run_django(code, {"HOST": AURORA, "NAME": "postgres"}) == ["postgres", "own"]
    assert len(postgres.gate.accepted) == 1


def test_a_host_of_another_name_has_the_password_that_the_project_gives(run_django, postgres):
    there = {"HOST": "127.0.0.1", "PORT": str(postgres.port), "USER": "local", "NAME": "near"}
    assert run_django(ASK, {**there, "PASSWORD": PASSWORD}) == ["local", "near"]
    assert postgres.gate.accepted == []


def test_without_variables_it_is_djangos_own(run_django):
    code = "del os.environ['DATABASE_KIND']; connection.close(); " + (
        "from lambdify.adapter.django_postgresql.base import DatabaseWrapper;"
        "own = DatabaseWrapper({**connection.settings_dict, 'HOST': '', 'USER': ''});"
        "print(json.dumps([own.is_ours, own.settings_dict['USER'], KEY]))"
    ).replace("KEY", repr(KEY))
    assert run_django(code) == [False, "", KEY]
