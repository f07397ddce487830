"""Credentials in the text of files that are packed. All values are made up, and put together from pieces so
that no scanner takes this file for a leak."""

import json
import time
import tomllib
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.package import package
from lambdify.cli.packing.bundle import secret_scan

KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"
MIXED = "a1B2c3D4e5F6g7H8j9K0"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
BEGIN = "-----BEGIN "
ACCOUNT = {
    "type": "service_account",
    "private_key": BEGIN + f"PRIVATE KEY-----\n{KEY}\n{KEY}\n-----END PRIVATE KEY-----\n",
}
PGP = BEGIN + f"PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{KEY}\n"
FOUND = {
    "an OpenAI key": [
        "sk-" + "proj-" + MIXED * 4,
        "sk-" + MIXED + "T3Blbk" + "FJ" + MIXED,
        "sk-" + (MIXED * 3)[:48],
    ],
    "an Anthropic key": ["sk-" + "ant-api03-" + MIXED * 4 + "AA"],
    "a SendGrid key": ["SG" + "." + MIXED + "ab" + "." + MIXED * 2 + "abc"],
    "a Twilio key": ["SK" + HEX],
    "an npm token": ["npm" + "_" + (MIXED * 2)[:36]],
    "a Hugging Face token": ["hf" + "_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZaBcDeFgHi"[:34]],
    "a key of an Azure account": [
        "DefaultEndpointsProtocol=https;AccountName=shop;Account" + "Key=" + (MIXED * 5)[:86] + "==;",
        "Endpoint=sb://shop.servicebus.windows.net/;SharedAccess" + "Key=" + (MIXED * 3)[:43] + "=",
    ],
    "a signed token (JWT)": ["ey" + "J" + MIXED + ".ey" + "J" + MIXED * 2 + "." + MIXED * 2],
    "a private key": [
        json.dumps(ACCOUNT),
        json.dumps(ACCOUNT, indent=2),
        BEGIN + f"OPENSSH PRIVATE KEY-----\n{KEY}\n",
        BEGIN + f"ENCRYPTED PRIVATE KEY-----\r\n{KEY}\r\n",
        PGP,
        'KEY = "' + BEGIN + f'EC PRIVATE KEY-----\\n{KEY}\\n"',
    ],
    "a URL with a password": [
        "https://shop:" + "s3cr3t-value@api.corp.net/v1",
        "ftp://shop:" + "s3cr3t@files.corp.net",
        "smtp://mail%40corp.net:" + "s3cr%40t@smtp.corp.net:587",
        "clickhouse+native://u:" + "s3cr3t-1@db.corp.net/x",
        "redis://:" + "s3cr3t-value@cache.corp.net:6379/0",
    ],
    "a SECRET_KEY": [
        'SECRET_KEY = "' + "django-insecure-" + "k3)z^q!x7u@0$n5v#w1p" + '"',
        "app.SECRET_KEY = '" + HEX + "'",
    ],
    "a DigitalOcean token": ["dop" + "_v1_" + HEX * 2],
    "a Slack token": ["xapp" + "-1-A012345678-0123456789012-" + HEX],
    "the address of a Slack webhook": [
        "https://hooks.slack" + ".com/services/T01ABCDEF/B01ABCDEF/" + MIXED + "abcd"
    ],
    "a Google client secret": ["GOC" + "SPX-" + (MIXED * 2)[:28]],
    "an Amazon Bedrock key": ["ABS" + "K" + MIXED * 6],
    "a Databricks token": ["dap" + "i" + HEX],
    "a Shopify token": ["shp" + "at_" + HEX],
    "a Docker token": ["dckr" + "_pat_" + MIXED + "abcdefg"],
}
NOT_FOUND = [
    "SECRET_KEY = os.environ['SECRET_KEY']",
    "SECRET_KEY = 'dev'",
    'SECRET_KEY = env("DJANGO_SECRET_KEY_OF_THE_SHOP_IN_PRODUCTION")',
    "https://user:password@corp.net/",
    "https://user:pass@api.corp.net/",
    "postgres://postgres:postgres@db.corp.net/x",
    "https://shop:s3cr3t-value@example.com/",
    "https://shop:s3cr3t-value@localhost:8000/",
    "https://shop:s3cr3t-value@api.test/",
    "http://shop:s3cr3t-value@127.0.0.1:8000/",
    "amqp://guest:guest@rabbit.corp.net",
    "https://shop:${PASSWORD}@api.corp.net/",
    "https://shop:{password}@api.corp.net/",
    "https://shop:<password>@api.corp.net/",
    "see http://a.net:8080/x and mail me@b.net",
    "https://cdn.net/npm/@scope/pkg@1.0.0",
    "https://fonts.net/css2?family=A:wght@400;700",
    "risk-" + MIXED * 3,
    "TASK" + HEX,
    "npm_config_registry_of_this_machine_and_others",
    "hf_hub_download_with_a_rather_long_name_of_it",
    "data:image/png;base64,iVBORw0KGgo" + "AAAA" * 30,
    'integrity="sha384-' + MIXED * 3 + '"',
    BEGIN + f"PUBLIC KEY-----\\n{KEY}\\n",
    BEGIN + f"CERTIFICATE-----\\n{KEY}\\n",
    "if '" + BEGIN + "PRIVATE KEY-----' not in text: raise",
    "key-" + "word-argument",
    HEX * 2,
]
FLAT = [(what, text) for what, texts in FOUND.items() for text in texts]


@pytest.mark.parametrize(("what", "text"), FLAT, ids=[f"{what} {n}" for n, (what, _) in enumerate(FLAT)])
def test_it_is_told_with_its_line_and_without_its_value(what, text):
    leaks = list(secret_scan.scan("shop/settings.py", f"import os\n\n{text}\n".encode()))
    assert [leak.what for leak in leaks if leak.what == what] == [what]
    assert all(leak.line >= 3 for leak in leaks)
    assert not any(piece in repr(leaks) for piece in (KEY, MIXED, HEX, "s3cr"))


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_is_none_is_not_told(text):
    assert list(secret_scan.scan("shop/settings.py", f"{text}\n".encode())) == []


def test_a_key_in_a_text_of_documentation_is_no_setting():
    text = 'SECRET_KEY = "' + HEX + '"\n'
    assert list(secret_scan.scan("docs/config.rst", text.encode())) == []


SQLITE = b"SQLite format 3\0" + b"\x10\0\1\1" + b"\0" * 80


@pytest.mark.parametrize("name", ["db.sqlite3", "prod.sqlite", "data/shop.db", "data/unnamed"])
def test_a_database_has_a_warning_of_its_own(project, console, story, name):
    root = project({"app.py": "def app(environ, start_response): ...\n", name: SQLITE})
    bundle = package(settings_room.load(root), None, console)
    assert [(leak.path, leak.line) for leak in bundle.leaks] == [(name, 0)]
    (told,) = (line for line in story.getvalue().splitlines() if line.startswith("warning:") and name in line)
    assert "SQLite" in told
    assert "copy of its own" in told
    assert "looks like" not in told


def test_a_core_dump_is_one_whatever_its_name():
    assert [
        leak.line for leak in secret_scan.scan("x.bin", b"\x7fELF\2\1\1" + b"\0" * 9 + b"\4\0" + b"\0" * 90)
    ] == [0]
    assert list(secret_scan.scan("x.so", b"\x7fELF\2\1\1" + b"\0" * 9 + b"\3\0" + b"\0" * 90)) == []


@pytest.mark.slow
def test_only_what_has_changed_is_searched_again(project, console, own_cache):
    token = "npm" + "_" + (MIXED * 2)[:36]
    app = "def app(environ, start_response): ...\n"
    root = project({"app.py": app, "a.py": f"A = '{token}'\n", "b.py": "B = 1\n"})
    pack = lambda: [leak.path for leak in package(settings_room.load(root), None, console).leaks]  # noqa: E731
    assert pack() == ["a.py"]
    (root / "b.py").write_text(f"B = '{token}'\n")
    assert pack() == ["a.py", "b.py"]
    (root / "a.py").write_text("A = 1\n")
    assert pack() == ["b.py"]


def test_what_is_searched_for_is_in_every_beginning():
    rows = tomllib.loads((Path(secret_scan.__file__).with_name("secret_shapes.toml")).read_text())["shape"]
    for row in rows:
        for begin in row["begins"]:
            assert any(word in begin for word in row.get("search", row["begins"])), row["what"]


@pytest.mark.slow
def test_a_megabyte_of_anything_takes_no_longer_than_a_quarter_of_a_second():
    size = secret_scan.MAX_SIZE - 1
    for unit in (
        b"sk-",
        b"eyJ",
        b"://a:",
        b"a://b:c",
        b"-----BEGIN ",
        b"A",
        b"SECRET_KEY = '",
        b"AIza",
        b"x-",
        b"K=",
    ):
        content = (unit * size)[:size]
        took = []
        for _ in range(3):
            began = time.process_time()
            list(secret_scan.scan("a.py", content))
            took.append(time.process_time() - began)
        assert min(took) < 0.25, unit
