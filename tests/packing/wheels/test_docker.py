"""Wheels that a real container builds; `.ci/docker` brings up the engine and the image."""

import json
import os
import subprocess
import sys
import zipfile

import pytest
from packing.packages import native_tree, source_tree

from lambdify.cli.errors import BuildError, BundleRefused

pytestmark = [pytest.mark.docker, pytest.mark.slow]

NO_ENGINE = "tcp://127.0.0.1:1"


@pytest.fixture
def native_project(project):
    """`native_project(fast=native_tree("fast"))`: a project that requires these folders."""

    def write(**trees):
        lines = "".join(f"./{name}\n" for name in trees)
        files = {f"{name}/{path}": text for name, tree in trees.items() for path, text in tree.items()}
        return project({"requirements.txt": lines, **files})

    return write


def answer(tree, name):
    code = (
        f"import sys; sys.path.insert(0, {str(tree)!r}); from {name} import _native; print(_native.answer())"
    )
    return subprocess.run(
        [sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def natives(run):
    return [
        path
        for distribution in run.dependencies.distributions
        for path in distribution.files
        if ".so" in path
    ]


@pytest.mark.index
def test_an_extension_that_has_only_an_sdist_is_built_in_the_container(project, install, build_image):
    run = install(
        project({"requirements.txt": "crcmod==1.7\nmarkupsafe==3.0.2\n"}), "3.11", image=build_image
    )
    assert f"Build crcmod 1.7 in {build_image}" in run.story
    assert "crcmod/_crcfunext.cpython-311-x86_64-linux-gnu.so" in natives(run)
    code = f"import sys; sys.path.insert(0, {str(run.tree)!r}); import crcmod._crcfunext"
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_what_was_built_is_found_again_while_the_engine_is_away(
    native_project, install, build_image, monkeypatch
):
    root = native_project(kept=native_tree("kept"))
    first = install(root, "3.11", image=build_image)
    assert answer(first.tree, "kept") == "42"
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    again = install(root, "3.11", image=build_image)
    assert "Build" not in again.story
    assert again.dependencies.key == first.dependencies.key


def test_all_failures_are_told_together_each_with_its_log_and_what_works_is_kept(
    native_project, install, build_image
):
    root = native_project(
        works=native_tree("works"),
        header=native_tree("header", includes="#include <nowhere/header.h>"),
        syntax=native_tree("syntax", value="no such thing"),
    )
    with pytest.raises(BuildError, match="2 packages could not be built") as caught:
        install(root, "3.11", image=build_image)
    assert "The C header nowhere/header.h is missing" in caught.value.message
    assert "syntax: pip wheel failed" in caught.value.message
    logs = root / ".lambdify" / "logs"
    assert "fatal error: nowhere/header.h" in (logs / "header.log").read_text()
    assert sorted(path.name for path in logs.iterdir()) == ["header.log", "syntax.log", "works.log"]
    for name, text in native_tree("header").items():
        (root / "header" / name).write_text(text)
    (root / "requirements.txt").write_text("./works\n./header\n")
    second = install(root, "3.11", image=build_image)
    assert "Build works" not in second.story
    assert (answer(second.tree, "works"), answer(second.tree, "header")) == ("42", "42")


@pytest.mark.index
def test_a_system_library_is_put_into_the_wheel(native_project, install, build_image):
    library = "echo 'int seven(void) { return 7; }' > seven.c"
    into = "gcc -shared -fPIC seven.c -o /usr/lib/x86_64-linux-gnu/libseven.so"
    tree = native_tree(
        "grafted", includes="int seven(void);", value="seven()", more="-lseven", before=f"{library} && {into}"
    )
    run = install(native_project(grafted=tree), "3.11", image=build_image)
    assert any(path.startswith("grafted.libs/libseven") for path in natives(run))
    assert answer(run.tree, "grafted") == "7"


def test_what_needs_a_newer_glibc_than_the_runtime_has_is_refused(native_project, install, build_image):
    # pthread_create moved into libc with 2.34; Debian 12 has 2.36, Amazon Linux 2 has 2.26.
    tree = native_tree("threads", includes="#include <pthread.h>", value="(long)pthread_create")
    with pytest.raises(
        BundleRefused, match=r"threads/_native\.so needs glibc 2\.34, Amazon Linux 2 has"
    ) as caught:
        install(native_project(threads=tree), "3.11", image=build_image)
    assert "build-python3.11" in caught.value.hint


def test_an_image_with_another_python_is_refused(native_project, install, build_image):
    with pytest.raises(BuildError, match=r"has Python 3\.11, the function needs 3\.13") as caught:
        install(native_project(fast=native_tree("fast")), "3.13", image=build_image)
    assert "[build] image" in caught.value.hint


def test_an_image_for_another_cpu_is_refused(native_project, install, build_image):
    with pytest.raises(BuildError, match="is for amd64, the function is for arm64"):
        install(native_project(fast=native_tree("fast")), "3.11", architecture="arm64", image=build_image)


def test_an_image_that_cannot_be_had_is_told(native_project, install, build_image):
    with pytest.raises(BuildError, match=r"localhost:1/nowhere:latest could not be pulled") as caught:
        install(native_project(fast=native_tree("fast")), "3.11", image="localhost:1/nowhere:latest")
    assert "[build] image" in caught.value.hint


@pytest.mark.index
def test_system_packages_are_installed_first(native_project, install, build_image):
    tree = native_tree("header", includes="#include <uuid/uuid.h>", value="UUID_VARIANT_DCE")
    root = native_project(header=tree)
    with pytest.raises(BuildError, match=r"The C header uuid/uuid\.h is missing"):
        install(root, "3.11", image=build_image)
    run = install(root, "3.11", image=build_image, packages=("uuid-dev",))
    assert answer(run.tree, "header") == "1"


@pytest.mark.index
def test_system_packages_that_do_not_exist_are_told(native_project, install, build_image):
    root = native_project(fast=native_tree("fast", value="5"))
    with pytest.raises(BuildError, match=r"could not be installed in .*no-such-package") as caught:
        install(root, "3.11", image=build_image, packages=("no-such-package",))
    assert str(root / ".lambdify" / "logs" / "packages.log") in caught.value.hint


def test_the_projects_own_commands_run_before_anything_is_built(native_project, install, build_image):
    tree = native_tree("header", includes="#include <answer.h>", value="ANSWER")
    root = native_project(header=tree)
    before = ("mkdir -p /usr/include", "echo '#define ANSWER 7' > /usr/include/answer.h")
    assert answer(install(root, "3.11", image=build_image, before=before).tree, "header") == "7"


def test_a_command_that_fails_is_told_with_what_it_said(native_project, install, build_image):
    root = native_project(fast=native_tree("fast", value="5"))
    with pytest.raises(BuildError, match=r"`echo no such disk; exit 3` failed in .*no such disk") as caught:
        install(root, "3.11", image=build_image, before=("echo no such disk; exit 3",))
    log = root / ".lambdify" / "logs" / "before.log"
    assert str(log) in caught.value.hint
    assert log.read_text() == "$ echo no such disk; exit 3\nno such disk\n"


def test_native_sources_that_became_a_pure_wheel_are_told(native_project, install, build_image):
    tree = {**native_tree("slow", tag=""), "COMMANDS": "true\n"}
    run = install(native_project(slow=tree), "3.11", image=build_image)
    assert run.dependencies.notes == ("slow has native sources, and was built without them: it may be slow",)


@pytest.mark.index
def test_strategy_docker_takes_every_wheel_from_the_container(project, install, build_image):
    root = project(
        {
            "requirements.txt": "markupsafe==3.0.1\n./tools\n",
            **{f"tools/{name}": text for name, text in source_tree("tools", "9").items()},
        }
    )
    run = install(root, "3.11", image=build_image, strategy="docker")
    for built in ("markupsafe 3.0.1", "tools"):
        assert f"Build {built} in {build_image}" in run.story
    assert "markupsafe/_speedups.cpython-311-x86_64-linux-gnu.so" in natives(run)


def test_built_wheels_are_cached_whole_and_tagged_for_what_the_gate_proved(
    native_project, install, build_image, shared_cache
):
    install(native_project(tagged=native_tree("tagged")), "3.11", image=build_image)
    (wheel,) = shared_cache.rglob("tagged-*.whl")
    assert wheel.name == "tagged-1.0-cp311-cp311-linux_x86_64.whl"
    assert zipfile.ZipFile(wheel).testzip() is None
    assert json.loads((wheel.parent / "notes.json").read_text()) == []
    assert [path for path in shared_cache.rglob(".*") if path.is_dir()] == []


def test_the_hosts_certificates_and_index_reach_pip(
    native_project, install, build_image, tmp_path, monkeypatch
):
    certificates = tmp_path / "bundle.pem"
    certificates.write_text("trusted\n")
    monkeypatch.setenv("PIP_CERT", str(certificates))
    monkeypatch.setenv("UV_INDEX_URL", "https://reader:s3cret-word@host.invalid/simple")
    told = 'echo "cert $(cat $PIP_CERT) index $PIP_INDEX_URL" && exit 1'
    root = native_project(told=native_tree("told", before=told))
    with pytest.raises(BuildError):
        install(root, "3.11", image=build_image)
    log = (root / ".lambdify" / "logs" / "told.log").read_text()
    assert "cert trusted index https://***@host.invalid/simple" in log
    assert "s3cret-word" not in log


def test_the_network_of_the_container_can_be_chosen(native_project, install, build_image, monkeypatch):
    monkeypatch.setenv("LAMBDIFY_DOCKER_NETWORK", "none")
    shown = 'echo "interfaces: $(ls /sys/class/net | tr "\\n" " ")" && exit 1'
    root = native_project(alone=native_tree("alone", before=shown))
    with pytest.raises(BuildError):
        install(root, "3.11", image=build_image)
    assert "interfaces: lo\n" in (root / ".lambdify" / "logs" / "alone.log").read_text()
    assert os.environ["LAMBDIFY_DOCKER_NETWORK"] == "none"
