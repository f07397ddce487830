"""What every room's tests share: golden files, and the container engine."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# A shell that starts tests in the background has SIGINT ignored in them, and in every process they start, so
# that no test could press Ctrl-C. With a handler here, whatever we start begins with the default.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def build_image(request: pytest.FixtureRequest) -> str:
    """The image that wheels for python3.11 are built in: `.ci/docker` makes it, or LAMBDIFY_TEST_IMAGE."""
    image = os.environ.get("LAMBDIFY_TEST_IMAGE", "lambdify/build-test:python3.11")
    # In a process of its own: the SDK leaves a socket open where no engine answers, and warnings are errors.
    asked = subprocess.run(
        [sys.executable, "-c", f"import docker; docker.from_env().images.get({image!r})"],
        capture_output=True,
        text=True,
    )
    if asked.returncode != 0:
        cause = asked.stderr.strip().rpartition("\n")[2]
        reason = f"needs a container engine with {image}, see .ci/docker: {cause}"
        if request.config.getoption("--require-docker"):
            pytest.fail(reason)
        pytest.skip(reason)
    return image


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield  # Below all other summaries, where it is seen.
    for marker, told in LOUD.items():
        skipped = [
            report for report in terminalreporter.stats.get("skipped", ()) if marker in report.keywords
        ]
        if skipped:
            terminalreporter.write_line(f"WARNING: {len(skipped)} tests that {told}", red=True, bold=True)
