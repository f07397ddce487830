"""What the documents say, held against what is there."""

import re
import sys
import tomllib
import types
from pathlib import Path

import click
import pytest

from lambdify.cli import settings
from lambdify.cli.main import commands
from lambdify.cli.version import VERSION

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text()
ARCHITECTURE = (REPOSITORY / "ARCHITECTURE.md").read_text()
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text()
MODULES = sorted(
    path
    for room in ("adapter", "cli")
    for path in (REPOSITORY / room).rglob("*.py")
    if path.name != "__init__.py" and path.parent.name != "commands"
)
"""Those of commands/ are called as their commands are, which the README lists."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def names(group: click.Group, prefix: str = "lambdify") -> set[str]:
    """Every command as it is typed."""
    found = set()
    for name, command in group.commands.items():
        path = f"{prefix} {name}"
        found |= names(command, path) if isinstance(command, click.Group) else {path}
    return found


def test_the_readme_lists_every_command_and_no_other():
    rows = "\n".join(line for line in README.splitlines() if line.startswith("| `lambdify"))
    listed = {
        re.match(r"lambdify [a-z]+( [a-z]+)?", cell)[0] for cell in re.findall(r"`(lambdify [^`]*)`", rows)
    }
    assert listed == names(commands)


def test_every_option_on_a_command_line_of_the_readme_exists():
    for line in re.findall(
        r"lambdify (?:deploy|logs|invoke|package|releases|rollback|undeploy|status)[^`\n|#)]*", README
    ):
        words = line.replace('"', " ").replace("]", " ").replace("[", " ").split()
        options = {option for each in commands.commands[words[1]].params for option in each.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_the_settings_in_the_readme_are_settings(tmp_path):
    example, _ = blocks(README, "toml")
    (tmp_path / "lambdify.toml").write_text(example)
    loaded = settings.load(tmp_path, stage="production")
    assert loaded.full_name == "shop-production"
    assert loaded.function.memory == 2048
    assert settings.load(tmp_path).function.memory == tomllib.loads(example)["function"]["memory"]


@pytest.mark.parametrize(
    "document", ["README.md", "docs/check.md", "docs/releases.md", "docs/secrets.md", "docs/cold-starts.md"]
)
def test_every_example_of_settings_is_one(document, tmp_path):
    examples = blocks((REPOSITORY / document).read_text(), "toml")
    assert examples
    (tmp_path / ".env.production").write_text("SITE=x")  # what an example names
    for example in examples:
        (tmp_path / "lambdify.toml").write_text(example)
        assert settings.load(tmp_path).source


def test_the_way_of_traffic_in_the_readme_is_what_it_says(tmp_path):
    _, example = blocks(README, "toml")
    (tmp_path / "lambdify.toml").write_text(example)
    release = settings.load(tmp_path).release
    assert (release.smoke, release.status) == ("/health", 200)
    assert (release.shift.percent, release.shift.minutes) == (10, 2)
    assert release.keep == 5, "as many as the README says are kept"


def test_the_handler_in_the_readme_answers(monkeypatch):
    (example,) = blocks(README, "python")

    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"request {environ['aws.context']}".encode()]

    package, module = types.ModuleType("shop"), types.ModuleType("shop.wsgi")
    module.application = application
    monkeypatch.setitem(sys.modules, "shop", package)
    monkeypatch.setitem(sys.modules, "shop.wsgi", module)
    namespace = {}
    exec(example, namespace)
    event = {
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {"host": "example.org"},
        "requestContext": {"domainName": "example.org", "http": {"method": "GET", "sourceIp": "192.0.2.1"}},
        "isBase64Encoded": False,
    }
    assert namespace["handler"](event, "seven")["body"] == "request seven"


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
def test_the_make_targets_of_the_readme_exist(target):
    assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_module_has_its_place_in_the_architecture(module):
    assert re.search(rf"\b{module.stem}(\.py)?\b", ARCHITECTURE), (
        f"{module.name} is in no room of ARCHITECTURE.md"
    )


def test_the_links_of_the_documents_lead_somewhere():
    for document in (README, ARCHITECTURE, CONTRIBUTING):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", document):
            assert (REPOSITORY / target).exists(), target


def test_the_changelog_tells_of_this_version_or_of_what_comes_next():
    headings = re.findall(r"^## (.+)$", (REPOSITORY / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert headings[0] == "Unreleased" or headings[0].startswith(VERSION)
