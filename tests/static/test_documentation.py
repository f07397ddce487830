"""docs/static-files.md: its examples are settings, and what it says of texts and limits is so."""

import re
from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import StaticFilesUnknown
from lambdify.cli.static import asking, files, serving

from .conftest import Pack

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs" / "static-files.md").read_text()
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_one_of_settings(example: str, tmp_path: Path) -> None:
    (tmp_path / "lambdify.toml").write_text(example)
    written, plain = settings.load(tmp_path), settings.load(tmp_path / "..")
    tables = ("static", "http", "hooks", "role")
    assert [getattr(written, each) for each in tables] != [getattr(plain, each) for each in tables]


def test_the_front_end_of_the_example_is_served(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        packed = pack({"frontend/dist/index.html": "<div>"}, EXAMPLES[0])
    assert packed.table["fallback"] == "/index.html"
    assert sorted(packed.served) == ["/", "/index.html"]


def test_what_it_says_of_limits_and_headers_is_so() -> None:
    said = " ".join(TEXT.split())
    assert (
        f"a file of {serving.LARGEST / 1e6} MB; behind a load balancer {serving.LARGEST_OF_ALB / 1e6} MB"
        in said
    )
    assert f"({serving.LARGEST_STREAMED // 1_000_000} MB)" in said
    assert f"`{files.KEPT}`" in said
    assert f"`{files.ASKED_AGAIN}`" in said
    assert f"exit code {StaticFilesUnknown.exit_code}" in said
    assert {name.partition(b".")[0].rstrip(b"(").lower() for name in asking.SERVERS} >= {
        b"whitenoise",
        b"servestatic",
    }
