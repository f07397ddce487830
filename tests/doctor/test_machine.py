"""What is looked at on this machine, well or not: each finding says what to do."""

import subprocess
import sys

import pytest

from lambdify.cli.doctor import machine
from lambdify.cli.doctor.finding import Finding, show, succeeds
from lambdify.cli.storage import disk

OURS = "Requires-Dist: click>=8.5\nRequires-Dist: rich>=14\nRequires-Dist: pytest>=99 ; extra == 'test'\n"


@pytest.fixture
def site(tmp_path):
    """A folder of distributions, as pip leaves them; the value installs one."""

    def install(name, version, requires="", command=""):
        folder = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        folder.joinpath("METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}"
        )
        if command:
            folder.joinpath("entry_points.txt").write_text(f"[console_scripts]\nlambdify = {command}\n")
        return [str(tmp_path)]

    return install


# -------------------------------------------------------------------- lambdify and its namesake


def test_a_whole_installation_is_well(site):
    for name in ("click", "rich"):
        site(name, "20.0")
    (found,) = machine.look_at_versions(site("lambdify-cli", "0.1.0", OURS))
    assert (found.name, found.state, found.way_out) == ("lambdify", "ok", "")


def test_what_is_too_old_or_missing_is_named_and_extras_are_not(site):
    site("click", "7.0")
    (found,) = machine.look_at_versions(site("lambdify-cli", "0.1.0", OURS))
    assert found.state == "failed"
    assert "click 7.0 is installed, and >=8.5 is needed" in found.said
    assert "rich is not installed" in found.said
    assert "pytest" not in found.said
    assert found.way_out == f"{sys.executable} -m pip install --upgrade lambdify-cli"


def test_the_other_project_of_the_index_is_told_to_be_one(site):
    *_, found = machine.look_at_versions(site("lambdify", "0.0.3"))
    assert (found.name, found.state) == ("namesake", "failed")
    assert found.said == 'the distribution "lambdify" 0.0.3 is installed as well: another project'
    assert found.way_out.endswith("-m pip uninstall lambdify, then install lambdify-cli again")


def test_an_older_one_of_ours_is_no_other_project(site):
    *_, found = machine.look_at_versions(site("Lambdify", "0.0.9", command=machine.OUR_COMMAND))
    assert (found.state, found.said.rpartition(": ")[2]) == ("warning", "an older one of this project")


# -------------------------------------------------------------------- Pythons, uv


@pytest.mark.parametrize(
    ("environ", "state", "said"),
    [
        ({}, "ok", "for functions: 3.12; uv installs 3.11, 3.13, 3.14 when it is needed"),
        ({"UV_PYTHON_DOWNLOADS": "never"}, "warning", "3.11, 3.13, 3.14 is not here"),
    ],
)
def test_pythons_that_are_missing(tmp_path, environ, state, said):
    found = machine.look_at_pythons(lambda minor: tmp_path if minor == "3.12" else None, environ)
    assert found.state == state
    assert said in found.said
    assert bool(found.way_out) == (state != "ok")


def test_pythons_that_are_all_here(tmp_path):
    found = machine.look_at_pythons(lambda _: tmp_path, {"UV_PYTHON_DOWNLOADS": "never"})
    assert (found.state, "uv" in found.said) == ("ok", False)


def test_uv_runs():
    found = machine.look_at_uv()
    assert found.state == "ok"
    assert found.said.startswith("uv ")


def test_uv_that_is_not_there_or_does_not_run(tmp_path):
    broken = tmp_path / "uv"
    broken.write_text("#!/bin/sh\necho 'wrong libc' >&2; exit 3\n")
    broken.chmod(0o755)

    def gone():
        raise FileNotFoundError("uv is nowhere")

    for find, said in ((gone, "uv is nowhere"), (lambda: str(broken), "does not run: wrong libc")):
        found = machine.look_at_uv(find)
        assert (found.state, said in found.said) == ("failed", True)
        assert "--force-reinstall uv" in found.way_out


# -------------------------------------------------------------------- room


def look_at(tmp_path, free, writable=True):
    places = {
        "TMPDIR": disk.Place(tmp_path, 50 << 30, True),
        "LAMBDIFY_CACHE": disk.Place(tmp_path / "cache", free, writable),
    }
    return list(machine.look_at_room(lambda: places))


@pytest.mark.parametrize(
    ("free", "state"), [(10 << 30, "ok"), (1 << 30, "warning"), (100 << 20, "failed"), (0, "failed")]
)
def test_room_is_judged_where_there_is_least(tmp_path, free, state):
    (found,) = look_at(tmp_path, free)
    assert found.state == state
    assert "LAMBDIFY_CACHE" in found.said
    assert ("lambdify cache clear" in found.way_out) == (state != "ok")


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path):
    refused, _ = look_at(tmp_path, 10 << 30, writable=False)
    assert (refused.state, str(tmp_path / "cache") in refused.said) == ("failed", True)


def test_the_places_are_those_of_this_machine():
    places = disk.find_places()
    assert {"TMPDIR", "LAMBDIFY_CACHE", "LAMBDIFY_HOME"} < set(places)
    assert all(place.free > 0 for place in places.values())


# -------------------------------------------------------------------- containers, in a process of their own

LOOK = """
from lambdify.cli import settings
from lambdify.cli.doctor import machine
from pathlib import Path
found = machine.look_at_containers(settings.load(Path.cwd()))
print(found.state, found.said, found.way_out, sep="\\n")
"""


def look_at_containers(root, environ):
    # The SDK leaves a socket open where no engine answers, and warnings are errors here.
    line = [sys.executable, "-W", "ignore", "-c", LOOK]
    done = subprocess.run(
        line, cwd=root, env=environ, capture_output=True, text=True, timeout=120, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_no_engine_is_a_warning_with_a_way_out_and_no_password(project, tmp_path):
    environ = {
        "DOCKER_HOST": "tcp://anna:hunter2@127.0.0.1:1",
        "HOME": str(tmp_path),
        "PATH": "/usr/bin:/bin",
    }
    state, said, way_out = look_at_containers(project({}), environ)
    assert state == "warning"
    assert "no container engine answers" in said
    assert "hunter2" not in said
    assert way_out.startswith("Start Docker, or point DOCKER_HOST at an engine.")


@pytest.mark.slow
@pytest.mark.docker
def test_a_real_container_runs_in_an_image_that_is_there(project, build_image):
    root = project({"lambdify.toml": f'[build]\nimage = "{build_image}"\n'})
    state, said, way_out = look_at_containers(root, None)
    assert (state, way_out) == ("ok", "")
    assert said.endswith(f"a container of {build_image} ran")


# -------------------------------------------------------------------- how it is shown


def test_the_table_reads_as_it_did_when_somebody_last_read_it(golden):
    found = [
        Finding(name="uv", state="ok", said="uv 0.13.9"),
        Finding(name="containers", state="warning", said="no engine answers", way_out="Start Docker."),
        Finding(
            name="AWS", state="failed", said="no credentials at https://a:b@c/", way_out="`aws configure`"
        ),
    ]
    tables = ("\n".join(line.text for line in show(found[:count])) for count in (1, 2, 3))
    golden("table.txt", "\n\n".join(tables) + "\n")
    assert not succeeds(found)
    assert succeeds(found[:2])
