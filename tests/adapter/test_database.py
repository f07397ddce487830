"""Connections to the database of [database]: whom they trust, and their tokens, which are passwords."""

import datetime as dt
import os
import ssl
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import parse_qsl

import botocore.session
import pytest
import snapshot_restore_py
from fixtures.iam_token import Gate
from sqlalchemy import create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from lambdify.adapter import database
from lambdify.adapter.aws import CallFailed
from lambdify.adapter.database import Database, sqlalchemy, tokens
from lambdify.adapter.database.sqlalchemy import sign_in, url

AURORA = "shop.cluster-abc123.eu-west-1.rds.amazonaws.com"
DSQL = "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws"
KEYS = {"AKIDEXAMPLE": ("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE+/==abc")}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": KEYS["AKIDEXAMPLE"][0],
    "AWS_SESSION_TOKEN": KEYS["AKIDEXAMPLE"][1],
}
VARIABLES = {
    "DATABASE_KIND": "aurora",
    "DATABASE_HOST": AURORA,
    "DATABASE_PORT": "5433",
    "DATABASE_USER": "app",
    "DATABASE_NAME": "shop",
    "DATABASE_REGION": "eu-west-1",
}
LOCAL = {
    "DATABASE_KIND": "local",
    "DATABASE_HOST": "127.0.0.1",
    "DATABASE_USER": "me",
    "DATABASE_NAME": "shop",
    "DATABASE_PASSWORD": "of this machine",
}


@pytest.fixture
def told(monkeypatch):
    """`told(VARIABLES)`: the variables of a function, and its role's credentials."""
    for name in [*os.environ]:
        if name.startswith(("DATABASE_", "AWS_")):
            monkeypatch.delenv(name)

    def tell(variables, credentials=CREDENTIALS):
        for name, value in {**credentials, **variables}.items():
            monkeypatch.setenv(name, value)

    return tell


def gate():
    return Gate(databases={f"{AURORA}:5433": ("rds-db", "eu-west-1"), DSQL: ("dsql", "eu-west-1")}, keys=KEYS)


# -------------------------------------------------------------------- tokens


def parts(token):
    host, _, query = token.partition("/?")
    return host, sorted(parse_qsl(query, strict_parsing=True)), sorted(query.split("&"))


def made_by_botocore(kind, user):
    session = botocore.session.Session()
    if kind == "rds":
        client = session.create_client("rds", "eu-west-1")
        return client.generate_db_auth_token(DBHostname=AURORA, Port=5433, DBUsername=user)
    client = session.create_client("dsql", "eu-west-1")
    make = (
        client.generate_db_connect_admin_auth_token
        if user == "admin"
        else client.generate_db_connect_auth_token
    )
    return make(DSQL, "eu-west-1")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "user"),
    [("rds", "app"), ("rds", "a.b@c+d=e_f-g"), ("dsql", "app"), ("dsql", "admin")],
)
@pytest.mark.parametrize("session", ["", "IQoJb3JpZ2luX2VjE+/==abc"])
def test_a_token_is_botocores_to_the_letter(told, kind, user, session):
    told({}, {**CREDENTIALS, "AWS_SESSION_TOKEN": session})
    theirs = made_by_botocore(kind, user)
    moment = dict(parts(theirs)[1])["X-Amz-Date"]
    now = dt.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC).timestamp()
    host = AURORA if kind == "rds" else DSQL
    ours = tokens.make(Database(kind, host, 5433, user, "shop", "eu-west-1"), now)
    assert parts(ours) == parts(theirs)


def test_a_token_opens_what_it_is_for_and_nothing_else(told):
    told(VARIABLES)
    token = database.password()
    assert gate().let_in("app", token)
    assert not gate().let_in("other", token)
    told({**VARIABLES, "DATABASE_KIND": "dsql", "DATABASE_HOST": DSQL})
    assert gate().let_in("app", database.password())
    assert not gate().let_in("admin", database.password())
    told({**VARIABLES, "DATABASE_KIND": "dsql", "DATABASE_HOST": DSQL, "DATABASE_USER": "admin"})
    assert gate().let_in("admin", database.password())


def test_credentials_are_read_each_time_since_lambda_renews_them(told):
    told(VARIABLES)
    first = database.password()
    told({"AWS_ACCESS_KEY_ID": "AKIDOTHER", "AWS_SECRET_ACCESS_KEY": "other", "AWS_SESSION_TOKEN": "new"})
    second = database.password()
    assert "AKIDEXAMPLE" in first
    assert dict(parse_qsl(second))["X-Amz-Security-Token"] == "new"
    assert "AKIDOTHER" in second


def test_without_credentials_it_says_so(told):
    told(VARIABLES, {})
    with pytest.raises(CallFailed, match="no credentials"):
        database.password()


def test_without_variables_it_says_where_they_come_from(told):
    told({})
    assert database.find() is None
    with pytest.raises(database.DatabaseMissing, match="lambdify sets it"):
        database.parameters()


# -------------------------------------------------------------------- arguments of drivers


def test_what_a_driver_is_given_on_aws(told):
    told(VARIABLES)
    given = database.parameters()
    assert gate().let_in("app", given.pop("password"))
    assert given == {
        "host": AURORA,
        "port": 5433,
        "user": "app",
        "dbname": "shop",
        "sslmode": "verify-full",
        "sslrootcert": database.trusted(),
        "tcp_user_timeout": 10_000,
    }
    other = database.asyncpg_parameters()
    assert {other["host"], other["port"], other["user"], other["database"]} == {AURORA, 5433, "app", "shop"}
    assert gate().let_in("app", other["password"]())
    assert other["ssl"].check_hostname
    assert other["ssl"].verify_mode is ssl.CERT_REQUIRED


def test_what_a_driver_is_given_on_this_machine(told):
    told(LOCAL, {})
    whole = {"host": "127.0.0.1", "port": 5432, "user": "me", "dbname": "shop", "password": "of this machine"}
    assert database.parameters() == whole
    given = database.asyncpg_parameters()
    assert given.pop("password")() == "of this machine"
    assert given == {"host": "127.0.0.1", "port": 5432, "user": "me", "database": "shop"}


def test_certificates_are_those_of_the_system_and_of_the_project(told, tmp_path, monkeypatch):
    told(VARIABLES)
    system, own = tmp_path / "system.pem", tmp_path / "task" / "own.pem"
    monkeypatch.setattr(database, "SYSTEM", (str(tmp_path / "none"), str(system)))
    assert database.trusted() == "system", "the client library's own word"
    system.write_text("SYSTEM")
    assert database.trusted() == str(system)
    own.parent.mkdir()
    own.write_text("OWN")
    told({"DATABASE_CA": "own.pem", "LAMBDA_TASK_ROOT": str(own.parent), "TMPDIR": str(tmp_path)})
    both = Path(database.trusted())
    assert both.read_text() == "OWN\nSYSTEM"
    assert both.stat().st_mode & 0o777 == 0o600
    assert database.trusted() == str(both), "it is written once"
    both.unlink()
    system.unlink()
    assert database.trusted() == str(own)


def test_what_does_not_use_it_imports_nothing_of_it():
    code = (
        "import sys; from lambdify.adapter import Adapter;"
        "print([name for name in sys.modules if 'database' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_token_takes_no_http_client_to_make():
    code = (
        "import sys; from lambdify.adapter import database; database.password();"
        "print([*{'http.client', 'ssl', 'boto3', 'botocore', 'asyncio'} & {*sys.modules}])"
    )
    environ = {**os.environ, **VARIABLES, **CREDENTIALS}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# -------------------------------------------------------------------- SQLAlchemy


class Stopped(Exception):
    """Raised in place of a connection."""


def arguments_of(engine):
    """What the driver of an engine would be called with, for the next connection."""
    seen = {}

    def stop(dialect, record, arguments, parameters):
        seen.update(parameters)
        raise Stopped

    event.listen(engine, "do_connect", stop)
    with pytest.raises(Stopped):
        engine.raw_connection()
    return seen


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "postgresql+asyncpg"])
def test_each_connection_of_an_engine_gets_a_password_and_trusts_nobody_else(told, driver):
    told(VARIABLES)
    assert str(url(driver)) == f"{driver}://app@{AURORA}:5433/shop"
    make = create_async_engine if "asyncpg" in driver else create_engine
    engine = sign_in(make(url(driver)))
    given = arguments_of(getattr(engine, "sync_engine", engine))
    assert gate().let_in("app", given["password"])
    if "asyncpg" in driver:
        assert given["ssl"].verify_mode is ssl.CERT_REQUIRED
    else:
        assert given["sslmode"] == "verify-full"


def test_a_driver_with_pythons_tls_gets_a_context(told):
    told(VARIABLES)
    given = {"host": AURORA}
    sqlalchemy._complete(SimpleNamespace(driver="pg8000"), None, [], given)
    assert given["ssl_context"].check_hostname


def test_an_engine_on_this_machine_gets_the_password_of_the_url_if_there_is_one(told, monkeypatch):
    told(LOCAL, {})
    given = arguments_of(sign_in(create_engine(url("postgresql+psycopg"))))
    assert (given["host"], given["port"], given["password"]) == ("127.0.0.1", 5432, "of this machine")
    monkeypatch.delenv("DATABASE_PASSWORD")
    monkeypatch.delenv("DATABASE_HOST")
    assert str(url("postgresql+psycopg")) == "postgresql+psycopg://me@/shop"
    assert "password" not in arguments_of(sign_in(create_engine(url("postgresql+psycopg"))))


@pytest.mark.parametrize(
    "other", ["postgresql+psycopg://a@db.example/x", f"postgresql+psycopg://a:b@{AURORA}/x"]
)
def test_an_engine_on_something_else_is_left_alone(told, other):
    told(VARIABLES)
    given = arguments_of(sign_in(create_engine(other)))
    assert given.get("password") in (None, "b")
    assert "sslmode" not in given


def test_without_variables_an_engine_is_left_alone(told):
    told({})
    assert "password" not in arguments_of(sign_in(create_engine("postgresql+psycopg://db.example/x")))


def test_no_connection_gets_into_a_snapshot(told, tmp_path):
    told({**LOCAL, "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}, {})
    registered = len(snapshot_restore_py.get_before_snapshot())
    engine = sign_in(create_engine(f"sqlite:///{tmp_path / 'any.sqlite3'}"))
    with engine.connect() as connection:
        connection.execute(text("select 1"))
    assert engine.pool.checkedin() == 1
    ((close, arguments, named),) = snapshot_restore_py.get_before_snapshot()[registered:]
    del snapshot_restore_py.get_before_snapshot()[registered:]
    close(*arguments, **named)
    assert engine.pool.checkedin() == 0
