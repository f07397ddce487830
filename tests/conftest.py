"""What every room's tests share: golden files, fixtures (in `fixtures/`), and skips that are seen."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# A shell that starts tests in the background has SIGINT ignored in them, and in every process they start, so
# that no test could press Ctrl-C. With a handler here, whatever we start begins with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["fixtures.aws", "fixtures.command_line", "fixtures.containers", "fixtures.stages"]

LOUD = {
    "docker": "build in a real container did NOT run. Start an engine with .ci/docker, and make sure with "
    "--require-docker.",
    "browser": "open a page in a real browser did NOT run. Install Chromium, and make sure with "
    "LAMBDIFY_REQUIRE_BROWSER=1.",
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


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield  # Below all other summaries, where it is seen.
    for marker, told in LOUD.items():
        skipped = [
            report for report in terminalreporter.stats.get("skipped", ()) if marker in report.keywords
        ]
        if skipped:
            terminalreporter.write_line(f"WARNING: {len(skipped)} tests that {told}", red=True, bold=True)
