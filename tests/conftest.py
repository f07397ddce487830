"""What every room's tests share: golden files, and the container engine."""

import os
from collections.abc import Callable
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException


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
    try:
        engine = docker.from_env()
        try:
            engine.images.get(image)
        finally:
            engine.close()
    except DockerException as error:
        reason = f"needs a container engine with {image}, see .ci/docker: {error}"
        if request.config.getoption("--require-docker"):
            pytest.fail(reason)
        pytest.skip(reason)
    return image


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", ()) if "docker" in report.keywords]
    if skipped:
        terminalreporter.write_line(
            f"WARNING: {len(skipped)} tests that build in a real container did NOT run. "
            "Start an engine with .ci/docker, and make sure with --require-docker.",
            red=True,
            bold=True,
        )
