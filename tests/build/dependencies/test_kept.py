"""What nothing locks stays as it was resolved, until the input changes or newer versions are asked for."""

import io
import json
import re
from dataclasses import replace

import pytest

from lambdify.cli import settings
from lambdify.cli.build import bundle
from lambdify.cli.build.plan import make_plan
from lambdify.cli.build.sources import find_source
from lambdify.cli.build.target import Target
from lambdify.cli.console import Console
from lambdify.cli.detect import Candidate

from .packages import sha256, source_tree


def plan(root, *extra, target=None, upgrade=False, **build):
    build = replace(settings.load(root).build, **build)
    return make_plan(find_source(root, build), root, target or Target(), build, extra, upgrade=upgrade)


def versions(made):
    return {package.name: package.version for package in made.packages}


def kept(root):
    return sorted((root / ".lambdify" / "resolutions").glob("*.json"))


@pytest.fixture
def root(project, index):
    """A project that asks for any version of web, resolved when 1.0 was the newest; now there is 2.0."""
    index.add_wheel("web", "1.0")
    folder = project({"requirements.txt": f"{index.option}web\n"})
    assert versions(plan(folder)) == {"web": "1.0"}
    index.add_wheel("web", "2.0")
    return folder


def append(path, text):
    path.write_text(path.read_text() + text)


def test_a_new_release_changes_nothing_and_the_run_says_since_when(root):
    made = plan(root)
    assert versions(made) == {"web": "1.0"}
    (note,) = made.notes
    assert re.fullmatch(r"requirements\.txt as resolved on \d{4}-\d\d-\d\d; --upgrade resolves again", note)


def test_without_an_index_there_is_still_the_resolution(root, index):
    (index.folder / "simple").rename(index.folder / "gone")
    assert versions(plan(root)) == {"web": "1.0"}


def test_upgrade_resolves_again_and_stays_with_that(root):
    newer = plan(root, upgrade=True)
    assert versions(newer) == {"web": "2.0"}
    assert newer.notes == ()
    assert versions(plan(root)) == {"web": "2.0"}


def test_a_changed_requirement_is_resolved_again(root):
    append(root / "requirements.txt", "web>=1.0\n")
    assert versions(plan(root)) == {"web": "2.0"}


def test_a_comment_is_no_change(root):
    append(root / "requirements.txt", "# the web framework\n")
    assert versions(plan(root)) == {"web": "1.0"}


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_included_files_are_part_of_the_input(project, index, option):
    index.add_wheel("web", "1.0")
    index.add_wheel("web", "2.0")
    root = project(
        {
            "requirements.txt": f"{index.option}web\n{option} deps/more.txt\n",
            "deps/more.txt": "-c limits.txt\n",
            "deps/limits.txt": "web<2\n",
        }
    )
    assert versions(plan(root)) == {"web": "1.0"}
    (root / "deps/limits.txt").write_text("web<3\n")
    assert versions(plan(root)) == {"web": "2.0"}


def test_each_target_and_strategy_has_a_resolution_of_its_own(root):
    assert versions(plan(root, target=Target(architecture="arm64"))) == {"web": "2.0"}
    assert versions(plan(root, target=Target(python="3.12"))) == {"web": "2.0"}
    assert versions(plan(root, strategy="docker")) == {"web": "2.0"}
    assert versions(plan(root)) == {"web": "1.0"}


def test_what_lambdify_adds_is_part_of_the_input(root, index):
    index.add_wheel("more", "1.0")
    assert versions(plan(root, "more")) == {"web": "2.0", "more": "1.0"}


def test_what_lambdify_adds_beside_a_lock_stays_too(project, index):
    web = index.add_wheel("web", "1.0")
    index.add_wheel("more", "1.0")
    lock = {
        "default": {"web": {"version": "==1.0", "hashes": [f"sha256:{sha256(web)}"]}},
        "_meta": {"sources": [{"name": "own", "url": index.url, "verify_ssl": False}]},
    }
    root = project({"Pipfile.lock": json.dumps(lock)})
    assert versions(plan(root, "more"))["more"] == "1.0"
    index.add_wheel("more", "2.0")
    assert versions(plan(root, "more"))["more"] == "1.0"
    assert versions(plan(root, "more", upgrade=True)) == {"web": "1.0", "more": "2.0"}


def test_settings_of_uv_are_part_of_the_input(root, monkeypatch):
    monkeypatch.setenv("UV_RESOLUTION", "highest")
    assert versions(plan(root)) == {"web": "2.0"}
    monkeypatch.delenv("UV_RESOLUTION")
    assert versions(plan(root)) == {"web": "1.0"}
    (root / "uv.toml").write_text('resolution = "highest"\n')
    assert versions(plan(root)) == {"web": "2.0"}


def test_of_a_pyproject_only_what_uv_reads_counts(project, index):
    index.add_wheel("web", "1.0")
    text = f"""[project]
name = "shop"
version = "1"
dependencies = ["web"]
[[tool.uv.index]]
url = "{index.url}"
default = true
"""
    root = project({"pyproject.toml": text})
    assert versions(plan(root)) == {"web": "1.0"}
    index.add_wheel("web", "2.0")
    (root / "pyproject.toml").write_text(text.replace('"1"', '"2"') + "[tool.other]\nkey = 1\n")
    assert versions(plan(root)) == {"web": "1.0"}
    (root / "pyproject.toml").write_text(text.replace('["web"]', '["web>=1"]'))
    assert versions(plan(root)) == {"web": "2.0"}


def test_a_folder_is_read_each_time(project, index):
    index.add_wheel("web", "1.0")
    tools = {f"tools/{name}": text for name, text in source_tree("tools", "0.3").items()}
    root = project({"requirements.txt": f"{index.option}web\n./tools\n", **tools})
    assert not plan(root).settled
    index.add_wheel("web", "2.0")
    assert versions(plan(root))["web"] == "2.0"
    assert kept(root) == []


def test_an_archive_at_an_address_is_asked_for_each_time(project, index):
    wheel = index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"web @ {wheel.as_uri()}\n"})
    assert not plan(root).settled
    assert kept(root) == []


def test_versions_that_a_build_backend_computes_are_asked_for_each_time(project, index):
    index.add_wheel("web", "1.0")
    root = project(source_tree("shop", "1.0"))
    (root / "PKG-INFO").write_text("Metadata-Version: 2.2\nName: shop\nVersion: 1.0\nRequires-Dist: web\n")
    text = (root / "pyproject.toml").read_text() + 'dynamic = ["dependencies"]\n'
    (root / "pyproject.toml").write_text(f'{text}[[tool.uv.index]]\nurl = "{index.url}"\ndefault = true\n')
    append(
        root / "backend.py",
        """
def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder, "shop-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text(_metadata())
    return info.name
""",
    )
    assert not plan(root).settled
    assert kept(root) == []


def test_a_lock_is_settled_and_keeps_no_resolution(project):
    root = project({"pylock.toml": 'lock-version = "1.0"\ncreated-by = "hand"\npackages = []\n'})
    made = plan(root)
    assert made.settled
    assert kept(root) == []


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"day": "2026-01-01"}', '{"day": "soon", "packages": [], "notes": []}'],
)
def test_a_broken_file_is_as_good_as_none(root, content):
    (file,) = kept(root)
    file.write_text(content)
    assert versions(plan(root)) == {"web": "2.0"}


def test_a_file_of_another_form_is_as_good_as_none(root):
    (file,) = kept(root)
    content = json.loads(file.read_text())
    for wrong in ({"surprise": 1}, {"kind": "directory"}, {"version": 1}, {"name": ""}):
        file.write_text(json.dumps(content | {"packages": [content["packages"][0] | wrong]}))
        assert versions(plan(root)) == {"web": "2.0"}


def test_no_password_is_kept(root, index):
    (file,) = kept(root)
    assert index.password not in file.read_text()


def test_another_password_is_no_other_input(root, index, monkeypatch):
    text = (root / "requirements.txt").read_text()
    (root / "requirements.txt").write_text(text.replace(index.password, "${WORD}"))
    monkeypatch.setenv("WORD", index.password)
    assert versions(plan(root)) == {"web": "1.0"}


@pytest.mark.parametrize(("line", "noted"), [("web", True), ("./tools", False)])
def test_a_bundle_is_given_back_only_if_its_input_determines_it(
    project, index, tmp_path, monkeypatch, line, noted
):
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))
    index.add_wheel("web", "1.0")
    tools = {f"tools/{name}": text for name, text in source_tree("tools", "0.3").items()}
    root = project({"app.py": "", "requirements.txt": f"{index.option}{line}\n", **tools})
    given = settings.load(root)
    app = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=1, evidence=(), path="")
    console = Console(stderr=io.StringIO())
    made = bundle.pack(given, app, tmp_path / "out", console)
    assert len(made.dependencies.distributions) == 1
    assert bundle.find(given, tmp_path / "out", console) == (made if noted else None)
    index.add_wheel("web", "2.0")
    (root / "requirements.txt").write_text(f"{index.option}{line}\n\n")
    assert bundle.find(given, tmp_path / "out", console) is None
