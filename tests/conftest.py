"""What every room's tests share: golden files, fixtures (in `fixtures/`), and skips that are seen."""

import gc
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

# Collecting thousands of tests makes objects that all stay, and each run of the garbage collector would look
# at them again: half of the time. It is told to leave them alone, and begins when they are there.
gc.disable()

# A shell that starts tests in the background has SIGINT ignored in them, and in every process they start, so
# that no test could press Ctrl-C. With a handler here, whatever we start begins with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests run on the interpreters that are here: each try of uv to install one, 30 MB, would take its time.
os.environ["UV_PYTHON_DOWNLOADS"] = "never"

pytest_plugins = [
    "fixtures.aws",
    "fixtures.browsers",
    "fixtures.clients",
    "fixtures.command_line",
    "fixtures.containers",
    "fixtures.postgres",
    "fixtures.stages",
    "fixtures.static_files",
]

LOUD = {
    "docker": "build in a real container did NOT run. Start an engine with .ci/docker, and make sure with "
    "--require-docker.",
    "browser": "open a page in a real browser did NOT run. Install Chromium, and make sure with "
    "LAMBDIFY_REQUIRE_BROWSER=1.",
    "postgres": "sign in to a real PostgreSQL did NOT run. Install it, and make sure with "
    "LAMBDIFY_REQUIRE_POSTGRES=1.",
    "shells": "complete lines in zsh or fish did NOT run. Install both.",
    "npm": "check the settings' schema with taplo did NOT run. Install npm.",
}
"""Tests that are not to be skipped unseen, by their marker."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-docker",
        action="store_true",
        default=os.environ.get("LAMBDIFY_REQUIRE_DOCKER") == "1",
        help="fail the tests that need a container engine where none answers (or LAMBDIFY_REQUIRE_DOCKER=1)",
    )
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew from what is given"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "shells: runs zsh or fish; skipped, loudly, where there is none")
    config.addinivalue_line(
        "markers",
        "postgres: signs in to a real PostgreSQL; skipped, loudly, where there is none, unless "
        "LAMBDIFY_REQUIRE_POSTGRES=1",
    )
    config.addinivalue_line("markers", "npm: runs a program that npm installs; skipped, loudly, without npm")


def pytest_xdist_auto_num_workers() -> int:
    """Processes for `-n auto`: more than cores, as many tests wait for something."""
    return (os.cpu_count() or 1) + 1


RUBBISH = 100_000
"""Objects more than before at which the garbage collector looks for some: a test seldom comes so far."""
SLOW_FIXTURES = {"cloud", "complaints"}
"""A cloud and cfn-lint's rules take seconds to be there, in each worker: what uses them is slow."""


def pytest_itemcollected(item: pytest.Item) -> None:
    if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A worker is given a stretch of the tests: it begins with slow ones, and its end may be stolen."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = _deal(items, workers)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(RUBBISH, *gc.get_threshold()[1:])
    gc.enable()


def _deal(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """The tests in as many stretches of one length, module by module; the slow ones begin each of them."""
    modules: dict[Path, list[pytest.Item]] = {}
    for item in items:
        modules.setdefault(item.path, []).append(item)

    def is_slow(module: list[pytest.Item]) -> bool:
        return any(item.get_closest_marker("slow") for item in module)

    stretches: list[list[pytest.Item]] = [[] for _ in range(workers)]
    for module in filter(is_slow, modules.values()):
        min(stretches, key=len).extend(module)
    # From the largest on, so that all come out at one length.
    for module in sorted((each for each in modules.values() if not is_slow(each)), key=len, reverse=True):
        min(stretches, key=len).extend(module)
    return [item for stretch in stretches for item in stretch]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)`: the text is what the file of that name in `golden/` beside the test says."""

    def compare(name: str, text: str) -> None:
        path = Path(request.path).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """A report on its way from a worker: what no encoding can hold, and a log may hold it, is written out."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, dict):
        return {name: _encodable(each) for name, each in value.items()}
    return type(value)(map(_encodable, value)) if isinstance(value, list | tuple) else value


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield  # Below all other summaries, where it is seen.
    for marker, told in LOUD.items():
        skipped = [
            report for report in terminalreporter.stats.get("skipped", ()) if marker in report.keywords
        ]
        if skipped:
            terminalreporter.write_line(f"WARNING: {len(skipped)} tests that {told}", red=True, bold=True)
