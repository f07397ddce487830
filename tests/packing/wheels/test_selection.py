"""What is packed of small projects, by what the app imports: no servers, but the extras that it needs."""

import hashlib
import io
import json
from dataclasses import replace

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection.imports import Import
from lambdify.cli.errors import ImportUnmet
from lambdify.cli.packing.resolution.uv import run_uv
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import find_dependencies

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(index):
    """An index with a framework, servers and their helpers, and an sdist that only a compiler builds."""
    index.add_wheel(
        "framework", "1", requires=("gunicorn; extra == 'serve'", "uvicorn[standard]; extra == 'all'")
    )
    index.add_wheel("gunicorn", "20", requires=("packaging",))
    index.add_wheel("packaging", "24")
    index.add_wheel("uvicorn", "1", requires=("click", "h11", "uvloop; extra == 'standard'"))
    index.add_wheel("uvloop", "1")
    index.add_wheel("click", "8")
    index.add_wheel("h11", "1")
    index.add_wheel("client", "2", requires=("h11",))
    index.add_wheel("ui", "3", requires=("uvicorn",))
    index.add_sdist("uwsgi", "2", tree={"core.c": "int x;"})
    return index


@pytest.fixture
def pack(own_cache):
    def run(root, *modules, guarded=(), **build):
        settings = settings_room.load(root)
        settings = replace(settings, build=replace(settings.build, **build))
        wanted = [Import(name, name, "app.py", 1, name in guarded, True) for name in (*modules, *guarded)]
        story = io.StringIO()
        found = find_dependencies(
            settings, Target(python="3.13", architecture="x86_64"), (), Console(stderr=story), wanted=wanted
        )
        names = [each.name for each in found.distributions]
        return names, " ".join(story.getvalue().split()), found

    return run


@pytest.mark.parametrize(
    ("lines", "modules", "build", "packed", "said"),
    [
        # The compiler is not asked for.
        ("framework\nuwsgi", ["framework"], {}, ["framework"], "left out, since Lambda is the server: uwsgi"),
        ("framework\ngunicorn==20", ["framework"], {}, ["framework"], "server: gunicorn ("),
        ("framework[all,serve]", ["framework"], {}, ["framework"], "server: gunicorn, uvicorn ("),
        ("gunicorn", ["gunicorn"], {}, ["gunicorn", "packaging"], ""),
        ("gunicorn", [], {"keep": ("gunicorn",)}, ["gunicorn", "packaging"], ""),
        # Somebody who is packed requires it: it may import it.
        ("ui\nuvicorn[standard]", ["ui"], {}, ["click", "h11", "ui", "uvicorn"], "server: uvloop"),
        # What only they require goes too, and stays if others do.
        ("client\nuvicorn", ["client"], {}, ["client", "h11"], "server: uvicorn"),
        ("framework\nclient", [], {"omit": ("client",)}, ["framework"], "[build] omit says: client"),
        # The app imports what came with a server.
        ("framework\nuvicorn", ["framework", "click"], {}, ["click", "framework", "h11", "uvicorn"],
         "app.py:1 imports click, which nothing but them requires; with click in requirements.txt"),
    ],
)  # fmt: skip
def test_what_is_left_out_of_requirements(shop, project, pack, lines, modules, build, packed, said):
    root = project({"requirements.txt": f"{shop.option}{lines}\n"})
    names, story, _ = pack(root, *modules, **build)
    assert names == packed
    assert said in story


def test_the_order_of_lines_decides_nothing(shop, project, pack):
    one = project({"requirements.txt": f"{shop.option}framework\nuwsgi\ngunicorn\n"}, "one")
    other = project({"requirements.txt": f"{shop.option}gunicorn\nuwsgi\nframework\n"}, "other")
    assert pack(one, "framework")[2].key == pack(other, "framework")[2].key


def test_hashes_of_the_rest_are_still_compared(shop, project, pack):
    wheel = next((shop.folder / "simple" / "framework").glob("*.whl")).read_bytes()
    right, wrong = hashlib.sha256(wheel).hexdigest(), "0" * 64
    lines = "{}framework==1 --hash=sha256:{}\ngunicorn==20 --hash=sha256:{}\n"
    root = project({"requirements.txt": lines.format(shop.option, right, wrong)})
    assert pack(root, "framework")[0] == ["framework"]
    changed = project({"requirements.txt": lines.format(shop.option, wrong, wrong)}, "changed")
    with pytest.raises(Exception, match="sha256"):
        pack(changed, "framework")


def test_a_flat_lock_loses_what_only_servers_bring(shop, project, pack):
    def locked(name):
        (wheel,) = (shop.folder / "simple" / name).glob("*.whl")
        version = wheel.name.split("-")[1]
        return {
            "version": f"=={version}",
            "hashes": [f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"],
        }

    names = ("framework", "gunicorn", "packaging", "uvicorn", "click", "h11", "client")
    lock = {"_meta": {"sources": [{"url": shop.url}]}, "default": {name: locked(name) for name in names}}
    root = project({
        "Pipfile.lock": json.dumps(lock),
        "Pipfile": '[packages]\nframework = "*"\ngunicorn = "*"\nuvicorn = "*"\nclient = "*"\n',
    })  # fmt: skip
    assert pack(root, "framework")[0] == ["client", "framework", "h11"]


TAKEN = ["client", "framework", "h11"]
WHY = "is packed too: app.py:1 imports client, which client has"
PROJECT = """\
[project]
name = "shop"
version = "1"
dependencies = ["framework"]
[project.optional-dependencies]
{extras}
[dependency-groups]
{groups}
[[tool.uv.index]]
url = "{url}"
default = true
"""


@pytest.mark.parametrize(
    ("extras", "groups", "guarded", "packed", "said"),
    [
        ('app = ["client"]', "", (), TAKEN, f'extra app {WHY} ([build] extras = ["app"] says it for good)'),
        ("", 'web = ["client"]', (), TAKEN, f'group web {WHY} ([build] groups = ["web"] says it for good)'),
        ("", 'web = [{include-group = "net"}]\nnet = ["client"]', (), TAKEN, '["web"]'),
        ('all = ["shop[net]"]\nnet = ["client"]', "", (), TAKEN, '["all"]'),
        # What the app may do without takes nothing in.
        ('app = ["client"]', "", ("client",), ["framework"], "app.py:1 imports client"),
    ],
)  # fmt: skip
def test_a_part_that_has_what_the_app_imports_is_taken(
    shop, project, pack, extras, groups, guarded, packed, said
):
    root = project({"pyproject.toml": PROJECT.format(extras=extras, groups=groups, url=shop.url)})
    names, story, _ = pack(root, "framework", *({"client"} - set(guarded)), guarded=guarded)
    assert names == packed
    assert said in story


def test_a_part_for_developers_is_not_taken_by_itself(shop, project, pack):
    root = project({"pyproject.toml": PROJECT.format(extras="", groups='dev = ["client"]', url=shop.url)})
    with pytest.raises(ImportUnmet) as raised:
        pack(root, "framework", "client")
    assert '[build] groups = ["dev"] packs' in raised.value.hint


def test_a_run_packs_and_the_next_one_sees_a_new_import(shop, project, lambdify):
    app = "import framework\ndef app(environ, start_response): ...\n"
    root = project({"app.py": app, "requirements.txt": f"{shop.option}framework\nuwsgi\n"})
    none = {"DOCKER_HOST": "unix:///nowhere.sock"}
    done = lambdify("package", cwd=root, env=none)
    assert done.returncode == 0, done.stderr
    assert 'left out, since Lambda is the server: uwsgi ([build] keep = ["uwsgi"] packs it)' in done.stderr
    (root / "app.py").write_text(f"{app}import h11\n")
    done = lambdify("package", cwd=root, env=none)
    assert done.returncode == 28
    assert "app.py:3 imports h11; nothing that is packed provides it." in done.stderr
    (root / "app.py").write_text(f"{app}VERSION = 2\n")
    done = lambdify("package", cwd=root, env=none)
    assert done.returncode == 0, done.stderr
    assert "left out" in done.stderr


@pytest.mark.parametrize("tool", ["uv.lock", "poetry.lock"])
def test_a_lock_is_pruned_and_its_extra_is_taken(shop, project, pack, tool):
    project_file = PROJECT.format(extras='app = ["client", "uvicorn[standard]"]', groups="", url=shop.url)
    root = project({"pyproject.toml": project_file.replace('"framework"', '"framework", "gunicorn"')})
    if tool == "uv.lock":
        assert run_uv(["lock", "--python", "3.11"], cwd=root).succeeded
    else:
        (root / tool).write_text(poetry_lock(shop))
    names, story, _ = pack(root, "framework", "client")
    assert names == ["client", "framework", "h11"]
    assert "the extra app is packed too" in story
    assert "server: gunicorn, uvicorn, uvloop (" in story
    assert pack(root, "framework", "client", keep=("gunicorn",))[0] == [
        *names[:2],
        "gunicorn",
        "h11",
        "packaging",
    ]


def poetry_lock(shop):
    """A lock as poetry writes it."""
    requires = {"gunicorn": ("packaging",), "client": ("h11",), "uvicorn": ("click", "h11", "uvloop")}
    names = ("framework", "gunicorn", "packaging", "client", "uvicorn", "click", "h11", "uvloop")
    lines = []
    for name in names:
        (wheel,) = (shop.folder / "simple" / name).glob("*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += ["[[package]]", f'name = "{name}"', f'version = "{wheel.name.split("-")[1]}"']
        lines += ['python-versions = "*"', f'files = [{{file = "{wheel.name}", hash = "sha256:{digest}"}}]']
        lines += [f'[package.source]\ntype = "legacy"\nurl = "{shop.url}"\nreference = "shop"']
        lines += ["[package.dependencies]", *(f'{each} = "*"' for each in requires.get(name, ()))]
    return "\n".join([*lines, "[metadata]", 'lock-version = "2.0"', 'python-versions = "*"', ""])
