"""What nothing locks stays as it was resolved, until the input changes or newer versions are asked for."""

import io
import json
import re
import subprocess
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from packing.packages import sha256, source_tree, write_wheel

from lambdify.cli import settings
from lambdify.cli.console import Console
from lambdify.cli.detection.choice import Candidate
from lambdify.cli.packing.bundle import bundle
from lambdify.cli.packing.requirements.sources import find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.target import Target

pytestmark = pytest.mark.slow


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


@pytest.fixture
def tools(project, index):
    """A project that requires any version of web and a folder, resolved when web 1.0 was the newest."""

    def tools(line="./tools", **files):
        index.add_wheel("web", "1.0")
        files = source_tree("tools", "0.3") | files
        root = project(
            {"requirements.txt": f"{index.option}web\n{line}\n"}
            | {f"tools/{name}": text for name, text in files.items()}
        )
        assert versions(plan(root)) == {"web": "1.0", "tools": ""}
        index.add_wheel("web", "2.0")
        return root

    return tools


FOLDERS = {
    "a folder": "./tools",
    "with a slash alone": "tools/",
    "an editable one": "-e ./tools",
    "the long option": "--editable=tools",
    "by a name": "tools @ ./tools",
    "by an address": "tools @ file://{root}/tools",
    "on Linux": "./tools ; sys_platform == 'linux'",
}


@pytest.mark.parametrize("line", FOLDERS.values(), ids=FOLDERS)
def test_with_a_folder_a_resolution_is_kept_like_any(tools, tmp_path, line):
    root = tools(line.format(root=tmp_path / "project"))
    made = plan(root)
    assert made.settled
    assert versions(made)["web"] == "1.0"


def test_a_changed_line_of_a_folder_moves_no_version(tools):
    root = tools()
    append(root / "tools/tools/__init__.py", "more = 1\n")
    assert versions(plan(root))["web"] == "1.0"


def test_a_folder_that_requires_something_else_is_resolved_again(tools, index):
    root = tools()
    index.add_wheel("more", "1.0")
    append(root / "tools/pyproject.toml", 'dependencies = ["more"]\n')
    append(root / "tools/PKG-INFO", "Requires-Dist: more\n")
    assert versions(plan(root)) == {"web": "2.0", "tools": "", "more": "1.0"}


def test_where_a_build_backend_computes_what_is_required_each_change_counts(tools):
    text = source_tree("tools", "0.3")["pyproject.toml"]
    root = tools(**{"pyproject.toml": text + 'dynamic = ["dependencies"]\n'})
    assert versions(plan(root))["web"] == "1.0"
    append(root / "tools/tools/__init__.py", "more = 1\n")
    assert versions(plan(root))["web"] == "2.0"


def test_a_folder_that_a_folder_requires_counts_too(tools, project):
    inner = {f"inner/{name}": text for name, text in source_tree("inner", "1.0").items()}
    root = project(inner)
    text = source_tree("tools", "0.3")["pyproject.toml"]
    outer = f'{text}dependencies = ["inner"]\n[tool.uv.sources]\ninner = {{ path = "../inner" }}\n'
    (root / "tools").mkdir()
    for name, content in (source_tree("tools", "0.3") | {"pyproject.toml": outer}).items():
        (root / "tools" / name).parent.mkdir(exist_ok=True)
        (root / "tools" / name).write_text(content)
    (root / "requirements.txt").write_text("--no-index\n./tools\n")
    made = plan(root)
    assert versions(made) == {"inner": "", "tools": ""}
    assert made.settled
    for name in ("pyproject.toml", "PKG-INFO"):
        path = root / "inner" / name
        path.write_text(path.read_text().replace("1.0", "1.1"))
    assert versions(plan(root)) == {"inner": "", "tools": ""}


def test_a_file_of_this_machine_is_the_one_that_was_chosen_or_chosen_again(project, index):
    wheel = index.add_wheel("web", "1.0")
    root = project({"requirements.txt": f"web @ {wheel.as_uri()}\n"})
    (before,) = plan(root).packages
    made = plan(root)
    assert made.settled
    assert made.packages == (before,)
    write_wheel(wheel.parent, "web", "1.0", requires=())
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("web/more.py", "")
    (after,) = plan(root).packages
    assert after.sha256 == sha256(wheel) != before.sha256


def test_a_branch_stays_at_its_commit_until_an_upgrade(project, repository):
    root = project({"requirements.txt": f"--no-index\nshop @ git+{repository.url}@main\n"})
    (first,) = plan(root).packages
    assert first.commit == repository.head
    newer = repository.commit("more.py", "")
    assert plan(root).packages == (first,)
    assert plan(root).settled
    (upgraded,) = plan(root, upgrade=True).packages
    assert upgraded.commit == newer


def test_what_opens_a_repository_is_not_kept_but_read_again(project, index, repository, monkeypatch):
    monkeypatch.setenv("WORD", index.password)
    url = repository.publish(index).replace(index.password, "${WORD}")
    root = project({"requirements.txt": f"--no-index\nshop @ git+{url}@main\n"})
    (first,) = plan(root).packages
    assert index.password in first.url
    (file,) = kept(root)
    assert index.password not in file.read_text()
    repository.commit("more.py", "")
    assert plan(root).packages == (first,)


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


@dataclass(frozen=True)
class Repository:
    """A git repository of a package."""

    folder: Path

    @property
    def url(self):
        return self.folder.as_uri()

    @property
    def head(self):
        return self._git("rev-parse", "HEAD")

    def commit(self, name, text):
        (self.folder / name).write_text(text)
        self._git("add", "--all")
        self._git("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-q", "-m", "more")
        return self.head

    def publish(self, index):
        """Serve it where the index is, behind its password."""
        bare = index.folder / "shop.git"
        self._git("clone", "--quiet", "--bare", ".", str(bare))
        subprocess.run(["git", "update-server-info"], cwd=bare, check=True)
        return index.url.replace("/simple", "/shop.git")

    def _git(self, *words):
        done = subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    (folder / "shop").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", folder], check=True)
    for name, text in source_tree("shop", "1.0").items():
        (folder / name).write_text(text)
    made = Repository(folder)
    made.commit("README", "")
    return made


# -------------------------------------------------------------------- the whole bundle


@pytest.fixture
def packing(project, index, tmp_path, monkeypatch):
    """`packing(line, files)`: how such a project is packed, and how that is found again."""
    monkeypatch.setenv("LAMBDIFY_CACHE", str(tmp_path / "cache"))

    def packing(line, files):
        root = project({"app.py": "", "requirements.txt": f"{index.option}{line}\n", **files})
        given = settings.load(root)
        app = Candidate(app="app:app", framework="wsgi", interface="wsgi", score=1, evidence=(), path="")
        story = io.StringIO()
        told = Console(stderr=story)
        return Packing(
            root,
            lambda: bundle.pack(given, app, tmp_path / "out", told),
            lambda: bundle.find(given, tmp_path / "out", told),
            story,
        )

    return packing


@dataclass(frozen=True)
class Packing:
    root: Path
    pack: object
    find: object
    story: io.StringIO


def test_a_bundle_is_given_back_until_its_input_changes(packing, index):
    index.add_wheel("web", "1.0")
    run = packing("web", {})
    made = run.pack()
    assert len(made.dependencies.distributions) == 1
    assert run.find() == made
    append(run.root / "requirements.txt", "\n")
    assert run.find() is None


LOCAL = {
    "a line": lambda tools: append(tools / "tools/__init__.py", "more = 1\n"),
    "a new file": lambda tools: (tools / "tools/new.py").write_text(""),
    "a file that is gone": lambda tools: (tools / "tools/__init__.py").unlink(),
    "what it requires": lambda tools: append(tools / "pyproject.toml", 'dependencies = ["web"]\n'),
    "a new folder": lambda tools: (tools / "docs").mkdir(),
}
APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"
TOOLS = {f"tools/{name}": text for name, text in source_tree("tools", "0.3").items()}


@pytest.mark.parametrize("line", ["./tools", "-e tools"])
@pytest.mark.parametrize("change", LOCAL.values(), ids=LOCAL)
def test_a_bundle_with_a_folder_is_given_back_until_the_folder_changes(packing, change, line):
    run = packing(line, TOOLS)
    made = run.pack()
    assert run.find() == made
    change(run.root / "tools")
    assert run.find() is None


@pytest.mark.slow
def test_a_change_in_one_folder_builds_that_one(packing, index):
    index.add_wheel("web", "1.0")
    others = {f"other/{name}": text for name, text in source_tree("other", "1.0").items()}
    run = packing("web\n./tools\n./other", TOOLS | others)
    before = {each.name: each for each in run.pack().dependencies.distributions}
    run.story.truncate(0)
    append(run.root / "tools/tools/__init__.py", "more = 1\n")
    after = {each.name: each for each in run.pack().dependencies.distributions}
    assert [name for name in after if after[name] != before[name]] == ["tools"]
    assert re.findall(r"Build (\w+)", run.story.getvalue()) == ["tools"]
    assert "Download" not in run.story.getvalue()


def test_a_lock_with_a_folder_is_given_back_until_the_folder_changes(packing, project):
    run = packing("", TOOLS)
    lock = 'lock-version = "1.0"\ncreated-by = "hand"\n[[packages]]\nname = "tools"\n'
    (run.root / "pylock.toml").write_text(f'{lock}directory = {{ path = "tools" }}\n')
    made = run.pack()
    assert [each.name for each in made.dependencies.distributions] == ["tools"]
    assert run.find() == made
    append(run.root / "tools/tools/__init__.py", "more = 1\n")
    assert run.find() is None


@pytest.mark.slow
def test_a_bundle_with_a_branch_is_given_back(packing, repository):
    run = packing(f"shop @ git+{repository.url}@main", {})
    made = run.pack()
    repository.commit("more.py", "")
    assert run.find() == made


@pytest.mark.slow
@pytest.mark.parametrize("line", ["-e ./tools", "shop @ git+{url}@main"])
def test_an_unchanged_project_with_one_starts_no_process(packing, repository, costs_of, line):
    root = packing(line.format(url=repository.url), TOOLS | {"app.py": APP}).root
    assert "subprocess.Popen" in costs_of(root)
    assert costs_of(root) == "[] []\n"
