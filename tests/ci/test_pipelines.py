"""Pipelines for GitHub and GitLab: what is written, and that both services would take it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lambdify.cli import ci, settings
from lambdify.cli.errors import UsageError
from lambdify.cli.settings import Settings

SETTINGS = 'name = "shop"\nregion = "eu-central-1"\n[stages.production]\n[stages."pr-*"]\n'
SCHEMAS = {"github": "vendor.github-workflows", "gitlab": "vendor.gitlab-ci"}
CHECK = Path(sys.executable).with_name("check-jsonschema")

Load = Callable[..., Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def read(folder: str = ".") -> Settings:
        (tmp_path / ".git").mkdir(exist_ok=True)
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        (root / "lambdify.toml").write_text(SETTINGS)
        return settings.load(root, stage="production")

    return read


@pytest.mark.slow
@pytest.mark.parametrize("service", ["github", "gitlab"])
def test_the_service_would_take_it(load: Load, tmp_path: Path, service: ci.Service) -> None:
    files = []
    for folder in (".", "back end"):
        for pattern in (None, "pr-*"):
            pipeline = ci.make(service, load(folder), branch="main", pattern=pattern)
            assert "<<" not in pipeline.text
            assert "previews>" not in pipeline.text
            assert ("pr-" in pipeline.text) is (pattern is not None)
            assert ("back end" in pipeline.text) is (folder == "back end")
            files.append(tmp_path / f"{len(files)}.yml")
            files[-1].write_text(pipeline.text)
    # GitLab's URL of an environment may be a variable, which the schema takes for no URL.
    checked = subprocess.run(
        [CHECK, "--builtin-schema", SCHEMAS[service], "--disable-formats", "uri", *files],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("service", ["github", "gitlab"])
@pytest.mark.parametrize("pattern", [None, "pr-*"])
def test_the_text_of_the_pipeline(
    load: Load, golden: Callable[[str, str], None], service: ci.Service, pattern: str | None
) -> None:
    pipeline = ci.make(service, load(), branch="main", pattern=pattern)
    golden(f"{service}{'-previews' if pattern else ''}.yml", pipeline.text)


def test_it_stands_where_the_service_looks_for_it(load: Load, tmp_path: Path) -> None:
    pipeline = ci.make("github", load("backend"), branch="main", pattern=None)
    assert pipeline.path == tmp_path / ".github" / "workflows" / "lambdify.yml"


def test_a_file_that_somebody_changed_is_not_replaced_unasked(load: Load) -> None:
    pipeline = ci.make("github", load(), branch="main", pattern=None)
    ci.write(pipeline)
    ci.write(pipeline)
    pipeline.path.write_text("name: ours\n")
    with pytest.raises(UsageError, match="is there already") as caught:
        ci.write(pipeline)
    assert "--force" in caught.value.hint
    assert pipeline.path.read_text() == "name: ours\n"
    ci.write(pipeline, force=True)
    assert pipeline.path.read_text() == pipeline.text


@pytest.mark.parametrize("branch", ['main"]\n  x: [', "a b", "", "$(id)"])
def test_what_is_no_branch_gets_into_no_pipeline(load: Load, branch: str) -> None:
    with pytest.raises(UsageError, match="--branch"):
        ci.make("github", load(), branch=branch, pattern=None)
