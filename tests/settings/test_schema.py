"""The schema of the settings: every option is in it, and it refuses nothing that `load` takes."""

import datetime as dt
import json
import re
import tomllib
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from typing import get_type_hints

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import Settings, function_tables, mappings, options, schedules, schema
from lambdify.cli.settings.validators import READERS, InvalidValue, Reader, reader_of

ROOT = Path(__file__).parents[2]
SCHEMA = schema.write()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = [
    (path.name, text)
    for path in DOCUMENTS
    for text in re.findall(r"```toml\n(.*?)```", path.read_text(), flags=re.DOTALL)
]


@cache
def draft4():
    """The validator, imported where it is used: making its grammars takes a second in each worker."""
    from jsonschema import Draft4Validator

    return Draft4Validator


def of_options(shape=Settings, known=None, at=()):
    """Every option that is no table: its name and its reader."""
    types = get_type_hints(shape)
    for key, value in (known or options.defaults()).items():
        if isinstance(value, dict):
            if is_dataclass(types.get(key)):
                yield from of_options(types[key], value, (*at, key))
            continue
        name = ".".join((*at, key))
        yield name, READERS.get(name) or reader_of(types[key])


OPTIONS: dict[str, Reader] = dict(of_options())
OPTIONS |= {f"functions.{key}": reader for key, reader in function_tables.FUNCTION_READERS.items()}
OPTIONS |= {
    f"functions.{source}.{key}": reader
    for source, readers in function_tables.SOURCE_READERS.items()
    for key, reader in readers.items()
}
# Each wrong name is compared with all that there are; a schema has no list of them.
del OPTIONS["functions.schedule.timezone"]


def walk(found):
    """A schema and every one inside it."""
    yield found
    for name in ("properties", "patternProperties"):
        for inner in found.get(name, {}).values():
            yield from walk(inner)
    for inner in (*found.get("anyOf", ()), *found.get("allOf", ())):
        yield from walk(inner)
    for name in ("items", "additionalProperties"):
        if isinstance(found.get(name), dict):
            yield from walk(found[name])


# -------------------------------------------------------------------- what it has


def test_it_is_a_schema():
    draft4().check_schema(SCHEMA)
    draft4().check_schema(schema.write(shared=True))


def test_it_has_every_option_and_table_with_its_default():
    def compare(known, found):
        assert list(found) == list(known)
        for key, value in known.items():
            if isinstance(value, dict) and value:
                compare(value, found[key]["properties"])
            elif not isinstance(value, dict):
                assert found[key]["default"] == value

    compare(options.defaults(), SCHEMA["properties"])


def test_every_mapping_has_a_schema_of_its_own():
    assert mappings.MAPPING_SCHEMAS.keys() == mappings.MAPPING_READERS.keys()


def test_everything_is_explained_in_the_words_of_the_defaults():
    words = re.sub(r"\n# ?", " ", options.DEFAULTS.read_text())
    for keys, said in schema._comments():
        text = said.partition("```toml")[0].strip()
        assert text in words, keys
    unexplained = [name for name, found in SCHEMA["properties"].items() if not found.get("description")]
    assert unexplained == []
    for table, found in SCHEMA["properties"].items():
        for name, option in found.get("properties", {}).items():
            assert option["description"], (table, name)


def test_options_that_share_a_comment_share_its_text_and_no_other_does():
    http = SCHEMA["properties"]["http"]["properties"]
    assert http["rate"]["description"] == http["burst"]["description"]
    assert http["rate"]["description"].startswith("Requests a second, and how many at once")
    assert http["access_logs"]["description"].startswith("A line for each request")
    assert SCHEMA["properties"]["tags"]["description"] == (
        'Tags for everything that is made.\n\n```toml\n[tags]\nteam = "web"\n```'
    )
    assert SCHEMA["properties"]["vpc"]["description"] == "The network that the function is attached to."


def test_no_pattern_means_something_else_to_another_engine():
    patterns = [found["pattern"] for found in walk(SCHEMA) if "pattern" in found]
    patterns += [name for found in walk(SCHEMA) for name in found.get("patternProperties", ())]
    assert len(patterns) > 20
    # Some know letters of ASCII only, and some no groups of Python's own.
    assert [each for each in patterns if re.search(r"\\[wWbB]|\(\?|\\Z", each)] == []
    assert [each for each in patterns if not each.startswith("^")] == []


# -------------------------------------------------------------------- what it lets through


def test_the_defaults_are_right():
    assert list(draft4()(SCHEMA).iter_errors(options.defaults())) == []


def test_the_examples_of_the_documents_are_right(tmp_path):
    (tmp_path / ".env.production").write_text("SITE=x")
    compared = 0
    for name, text in EXAMPLES:
        (tmp_path / "lambdify.toml").write_text(text)
        try:
            settings.load(tmp_path)
        except SettingsError:
            continue  # It is for a file of another name.
        assert list(draft4()(SCHEMA).iter_errors(tomllib.loads(text))) == [], name
        compared += 1
    assert compared > 10


VALUES = [
    "", "x", "off", "none", "auto", "dev", "shop", "a b", "a.b:c", "ü.b:ä", "shop:create_app('x\n')",
    "/mnt/x", "/", "..", "a/b", "eu-west-1", "3.13", "3.10", "5 minutes", "61 minutes", "1 hour",
    "10% every 2 minutes", "2 hours", "0 6 * * 1-5", "cron", "10 days", "Europe/Berlin",
    "2027-01-31T12:00:00", "*", "GET", "192.0.2.0/24", "arn:aws:sns:eu-west-1:123456789012:x",
    "arn:aws:iam::123456789012:role/x", "arn:aws:kms:eu-west-1:1:key/1", "https://shop.example",
    "http://x/", "subnet-0a", "sg-0a", "vpce-0a", "latest", "iot.amazonaws.com", "Object Created", "orders",
    "y" * 257, "in/*.jpg", "in/**", "INFO", "info", "json", "all", "arm64", "image",
    -1, 0, 1, 2, 3, 10, 60, 61,
    100, 128, 512, 600, 1000, 1001, 1800, 1801, 3653, 10240, 10241, 65536, 1_000_001, 1.5, True, False, [],
    [1], ["x"], [""], ["/x"], ["a/b", "x"], ["GET"], ["a"] * 6, [{}] * 6, [{}], {}, {"a": [1]},
    [{"actions": ["s3:GetObject"], "resources": ["*"]}], [{"actions": [], "resources": ["*"]}],
    [{"actions": "x"}], ["arn:aws:sns:eu-west-1:123456789012:x"], ["subnet-0a"], ["Object Created"],
    ["https://shop.example"], "0% every 2 minutes", ["../x"],
    dt.datetime.fromisoformat("2027-01-31T12:00:00"), dt.date(2027, 1, 31),
]  # fmt: skip


def reads(reader, value):
    try:
        reader(value)
    except (InvalidValue, schedules.Malformed, schedules.Impossible):
        return False
    return True


def as_json(value):
    """A value as taplo shows it to a schema: times are text."""
    return json.loads(json.dumps(value, default=str))


@pytest.mark.parametrize("option", OPTIONS)
def test_what_an_option_takes_its_schema_takes(option):
    reader = OPTIONS[option]
    validator = draft4()(reader.schema)
    taken = [value for value in VALUES if reads(reader, value)]
    assert taken, "a value that it takes has to be tried"
    assert [value for value in taken if not validator.is_valid(as_json(value))] == []


LOOSER = {
    "app",
    "build.include",
    "database.ca",
    "function.on_event",
    "warm.every",
    "functions.handler",
    "functions.s3.key",
    "functions.schedule.at",
    "functions.schedule.cron",
}
"""Options whose schema cannot say all: what is read as code, as a time, or as a number in a text."""


def test_what_an_option_refuses_its_schema_refuses_too():
    looser = {
        option
        for option, reader in OPTIONS.items()
        for value in VALUES
        if not isinstance(value, dt.date)
        and not reads(reader, value)
        and draft4()(reader.schema).is_valid(value)
    }
    assert looser == LOOSER


# -------------------------------------------------------------------- stages, and pyproject.toml


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[stages.production.function]\nmemory = 1024", None),
        ("[stages.dev]", None),
        ("[stages.production.function]\nmemory = 1", "1 is less than the minimum"),
        ("[stages.production]\nname = 'x'", "'name' was unexpected"),
        ("[stages.'a b']", "does not match any"),
        ("[stages.production.functions.report]\nretries = 7", "7 is greater than the maximum"),
        ("[[functions.report.sqs]]\nbatch = 3", "'queue' is a required property"),
        ("[functions.report]\nmemmory = 512", "'memmory' was unexpected"),
        ("[secrets]\nAPI_KEY = 'hunter2'", "does not match"),
        ("[environment]\nDEBUG = false", "False is not of type"),
        ("[resources.Orders]\ntype = 'AWS::SQS::Queue'", "'Type' is a required property"),
        ("[tags]\nteam = 'Bücher'", None),
    ],
)
def test_tables_inside_tables(text, wrong):
    found = [error.message for error in draft4()(SCHEMA).iter_errors(tomllib.loads(text))]
    assert len(found) == (0 if wrong is None else 1)
    assert all(wrong in message for message in found)


def test_that_of_pyproject_looks_at_our_table_only():
    validator = draft4()(schema.write(shared=True))
    right = "[project]\nname = 'x'\n[tool.other]\nmemory = 1\n[tool.lambdify.function]\nmemory = 512"
    assert validator.is_valid(tomllib.loads(right))
    assert not validator.is_valid(tomllib.loads(right.replace("= 512", "= 1")))


@pytest.mark.slow
def test_the_command_prints_it(lambdify):
    assert json.loads(lambdify("schema").stdout) == json.loads(lambdify("schema", "--json").stdout) == SCHEMA
    assert json.loads(lambdify("schema", "--pyproject").stdout) == schema.write(shared=True)
