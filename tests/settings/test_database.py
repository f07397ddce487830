"""[database]: what is a host of AWS's, what the app is told, what is refused. No error holds a password."""

from dataclasses import replace

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.bundle import app
from lambdify.cli.plan import pitfalls
from lambdify.cli.settings import database
from lambdify.cli.settings.database import Host, local

AURORA = "shop.cluster-abc123.eu-west-1.rds.amazonaws.com"
INSTANCE = "shop.abc123.eu-west-1.rds.amazonaws.com"
PROXY = "shop.proxy-abc123.eu-west-1.rds.amazonaws.com"
DSQL = "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws"
NETWORK = {"vpc.subnets": ["subnet-0a1b"], "vpc.security_groups": ["sg-0a1b"]}
CLUSTER = {"kind": "aurora", "host": AURORA, "user": "app", "resource": "cluster-ABC"}
OURS = {
    "DATABASE_KIND": "aurora",
    "DATABASE_HOST": AURORA,
    "DATABASE_PORT": "5432",
    "DATABASE_USER": "app",
    "DATABASE_NAME": "postgres",
    "DATABASE_REGION": "eu-west-1",
}


@pytest.fixture
def read(tmp_path):
    """`read(kind="dsql", more={...})`: settings with this [database], and other options."""

    def read(more=None, **table):
        own = {f"database.{option}": value for option, value in table.items()}
        return settings.load(tmp_path, overrides={"name": "shop", **own, **(more or {})})

    return read


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (AURORA, Host("rds", "shop", "eu-west-1", "cluster")),
        ("shop.cluster-ro-abc123.us-east-2.rds.amazonaws.com", Host("rds", "shop", "us-east-2", "cluster")),
        ("a.cluster-custom-abc.us-east-2.rds.amazonaws.com", Host("rds", "a", "us-east-2", "cluster")),
        ("shop.cluster-abc.us-gov-west-1.rds.amazonaws.com", Host("rds", "shop", "us-gov-west-1", "cluster")),
        ("shop.cluster-abc.rds.cn-north-1.amazonaws.com.cn", Host("rds", "shop", "cn-north-1", "cluster")),
        (INSTANCE, Host("rds", "shop", "eu-west-1", "db")),
        (PROXY, Host("rds", "shop", "eu-west-1", "prx")),
        (
            "ro.endpoint.proxy-abc.ap-southeast-4.rds.amazonaws.com",
            Host("rds", "ro", "ap-southeast-4", "prx"),
        ),
        (DSQL, Host("dsql", "abcdefghij0123456789abcdef", "eu-west-1", "")),
        ("abc.dsql-fnh4.us-east-1.on.aws", Host("dsql", "abc", "us-east-1", "")),
        ("db.shop.example", None),
        ("shop.cluster-abc.eu-west-1.rds.amazonaws.com.evil.example", None),
        ("127.0.0.1", None),
        ("", None),
    ],
)
def test_the_name_of_a_host_tells_its_region_and_what_it_is(host, told):
    assert database.read_host(host) == told


def test_without_the_table_nothing_is_there(read):
    chosen = read()
    assert chosen.environment == {}
    assert chosen.build.include == ()
    assert chosen.on_this_machine == chosen


def test_the_app_is_told_of_the_database(read):
    assert read(**CLUSTER).environment == OURS
    told = read({"environment": {"DEBUG": "1"}}, kind="dsql", host=DSQL, user="admin").environment
    assert told == {
        **OURS,
        "DATABASE_KIND": "dsql",
        "DATABASE_HOST": DSQL,
        "DATABASE_USER": "admin",
        "DEBUG": "1",
    }


def test_certificates_are_packed_and_the_app_is_told_of_them(read, tmp_path):
    chosen = read(NETWORK, **CLUSTER, ca="certs/global-bundle.pem")
    assert chosen.environment["DATABASE_CA"] == "certs/global-bundle.pem"
    with pytest.raises(SettingsError, match="is not a file of the project") as caught:
        app.select(chosen)
    assert "curl --create-dirs -o certs/global-bundle.pem https://truststore.pki.rds." in caught.value.hint
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/global-bundle.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    # Other files of that ending are left out, as keys are.
    (tmp_path / "certs/server.key").write_text("")
    packed = [each.name for each in app.select(chosen).files]
    assert "certs/global-bundle.pem" in packed
    assert "certs/server.key" not in packed


@pytest.mark.parametrize(
    ("region", "url"),
    [
        ("eu-west-1", "https://truststore.pki.rds.amazonaws.com/"),
        ("us-gov-west-1", "https://truststore.pki.us-gov-west-1.rds.amazonaws.com/"),
        ("cn-north-1", "https://rds-truststore.s3.cn-north-1.amazonaws.com.cn/"),
    ],
)
def test_each_partition_publishes_its_own_certificates(region, url):
    assert database.bundle_url(region) == f"{url}global/global-bundle.pem"


WRONG = [
    ({"kind": "mysql"}, {}, "database.kind cannot be", '"aurora", "dsql", "rds"'),
    ({"host": AURORA, "user": "app"}, {}, "has no kind", 'kind = "aurora"'),
    ({"kind": "aurora"}, {}, "there is no host", "host = "),
    ({"kind": "rds", "host": "10.0.0.7"}, {}, "is not a host", "lambdify secrets set DATABASE_URL"),
    ({"kind": "rds", "host": "db.shop.example"}, {}, "is not a host", "AWS's own name alone"),
    ({"kind": "rds", "host": f"{INSTANCE}:5433"}, {}, "has a port", f'host = "{INSTANCE}" and port = 5433'),
    ({"kind": "dsql", "host": AURORA}, {}, "not of that kind", 'kind = "aurora"'),
    ({"kind": "dsql", "host": INSTANCE}, {}, "not of that kind", 'kind = "rds"'),
    ({"kind": "rds", "host": DSQL}, {}, "not of that kind", 'kind = "dsql"'),
    ({"kind": "aurora", "host": INSTANCE}, {}, "is an instance", "endpoint of the cluster"),
    ({"kind": "aurora", "host": AURORA}, {}, "whom the function signs in as", 'user = "app"'),
    ({**CLUSTER, "user": "*"}, {}, "database.user cannot be", "a database user"),
    ({**CLUSTER, "user": "${aws:username}"}, {}, "database.user cannot be", "a database user"),
    ({**CLUSTER, "port": 0}, {}, "database.port cannot be", "from 1 to 65535"),
    (
        {**CLUSTER, "resource": ""},
        {},
        "has no resource",
        "describe-db-clusters --db-cluster-identifier shop ",
    ),
    ({**CLUSTER, "resource": "db-ABC"}, {}, "is not of", 'begins with "cluster-"'),
    ({**CLUSTER, "resource": "cluster-*"}, {}, "database.resource cannot be", "cluster-ABC123"),
    (
        {"kind": "aurora", "host": PROXY, "user": "a"},
        {},
        "no resource",
        "describe-db-proxies --db-proxy-name shop ",
    ),
    ({"kind": "rds", "host": INSTANCE, "user": "a"}, {}, "no resource", "describe-db-instances"),
    ({"kind": "rds", "host": INSTANCE, "user": "a", "resource": "db-A"}, {}, "has no ca", "curl -O https://"),
    (CLUSTER, NETWORK, "has no ca", 'ca = "global-bundle.pem"'),
    ({**CLUSTER, "ca": "../bundle.pem"}, {}, "database.ca cannot be", "a file of the project"),
    ({"kind": "dsql", "host": DSQL, "user": "app", "port": 6543}, {}, "port = 6543", "it is 5432"),
    ({"kind": "dsql", "host": DSQL, "user": "app", "name": "shop"}, {}, 'name = "shop"', "postgres"),
    ({"kind": "dsql", "host": DSQL, "user": "app", "resource": "db-A"}, {}, "resource", "in its host"),
    (CLUSTER, {"environment": {"DATABASE_HOST": "db"}}, "DATABASE_HOST", "out of [environment]"),
    (CLUSTER, {"secrets": {"DATABASE_PASSWORD": "ssm:/x"}}, "DATABASE_PASSWORD", "out of [secrets]"),
    ({"local": "sqlite:///shop.db"}, {}, "not the URL of a PostgreSQL", "postgresql://postgres@127.0.0.1"),
    ({"local": "postgresql://127.0.0.1"}, {}, "not the URL of a PostgreSQL", "local = "),
    ({"local": "postgresql://127.0.0.1:port/shop"}, {}, "not the URL of a PostgreSQL", "local = "),
    ({"local": "postgresql:///shop?sslmode=require"}, {}, "options behind the name", "PGSSLMODE"),
]


@pytest.mark.parametrize(("table", "more", "message", "hint"), WRONG)
def test_what_cannot_work_is_refused_with_the_line_to_write(read, table, more, message, hint):
    with pytest.raises(SettingsError) as caught:
        read(more, **table)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("kind", ["aurora", "rds"])
def test_a_proxy_has_certificates_that_every_system_knows(read, kind):
    chosen = read(NETWORK, kind=kind, host=PROXY, user="app", resource="prx-0a1b")
    assert "DATABASE_CA" not in chosen.environment


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "aurora", "host": f"postgresql://app:geheim@{AURORA}/shop"},
        {"kind": "aurora", "host": f"app:geheim@{AURORA}"},
        {"local": "postgresql://app:geheim@db.shop.example/shop"},
        {"local": "postgresql://app:geheim@8.8.8.8/shop"},
        {"local": "mysql://app:geheim@127.0.0.1/shop"},
    ],
)
def test_no_error_repeats_a_password(read, table):
    with pytest.raises(SettingsError) as caught:
        read(**table)
    assert "geheim" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "postgresql://me@127.0.0.1:5433/shop",
            {"HOST": "127.0.0.1", "PORT": "5433", "USER": "me", "NAME": "shop"},
        ),
        (
            "postgres://a%40b:p%2Fw@localhost/my%20shop",
            {"HOST": "localhost", "PORT": "5432", "USER": "a@b", "PASSWORD": "p/w", "NAME": "my shop"},
        ),
        (
            "postgresql://a:b@db/shop",
            {"HOST": "db", "PORT": "5432", "USER": "a", "PASSWORD": "b", "NAME": "shop"},
        ),
        ("postgresql:///shop", {"PORT": "5432", "NAME": "shop"}),
    ],
)
def test_on_this_machine_the_app_is_told_of_the_local_database_alone(read, url, told):
    chosen = read({"environment": {"DEBUG": "1"}}, **CLUSTER, local=url)
    assert chosen.environment == {**OURS, "DEBUG": "1"}
    here = chosen.on_this_machine
    expected = {f"DATABASE_{end}": value for end, value in told.items()}
    assert here.environment == {"DEBUG": "1", "DATABASE_KIND": "local", **expected}
    assert replace(here, environment=chosen.environment) == chosen


def test_a_database_of_this_machine_needs_none_on_aws(read):
    chosen = read(local="postgresql:///shop")
    assert chosen.environment == {}
    assert chosen.on_this_machine.environment["DATABASE_NAME"] == "shop"
    database.require_local(chosen.database)


def test_without_a_local_one_the_line_to_write_is_told_and_nothing_leads_to_aws(read):
    chosen = read(**CLUSTER)
    with pytest.raises(SettingsError, match="nothing takes its place on this machine") as caught:
        pitfalls.check_local(chosen)
    assert f'local = "{local.EXAMPLE}"' in caught.value.hint
    assert chosen.on_this_machine.environment == {}


def test_a_stage_may_have_another_one(tmp_path):
    (tmp_path / "lambdify.toml").write_text(
        'name = "shop"\n[database]\nlocal = "postgresql:///shop"\n'
        f'[stages.production.database]\nkind = "dsql"\nhost = "{DSQL}"\nuser = "app"\n'
    )
    assert settings.load(tmp_path).environment == {}
    assert settings.load(tmp_path, stage="production").environment["DATABASE_REGION"] == "eu-west-1"
