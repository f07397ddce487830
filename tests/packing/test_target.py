"""The platform of a function, in everybody's words."""

import pytest
from packaging.tags import Tag

from lambdify.cli.packing.target import Target, runtimes


def test_a_python_3_13_function_runs_on_amazon_linux_2023():
    target = Target(python="3.13", architecture="x86_64")
    assert target.id == "cp313-x86_64-glibc2.34"
    assert target.runtime == "python3.13"
    assert target.uv_platform == "x86_64-manylinux_2_34"
    assert target.docker_platform == "linux/amd64"


def test_uv_knows_no_glibc_2_26_so_amazon_linux_2_takes_the_level_below():
    target = Target(python="3.11")
    assert target.uv_platform == "x86_64-manylinux_2_17"
    # What uv would refuse to install is not chosen from a lock either.
    assert Tag("cp311", "cp311", "manylinux_2_24_x86_64") not in target.tags()
    assert Tag("cp311", "cp311", "manylinux_2_17_x86_64") in target.tags()


def test_arm_is_called_aarch64_by_wheels_and_arm64_by_containers():
    target = Target(python="3.12", architecture="arm64")
    assert target.id == "cp312-aarch64-glibc2.34"
    assert target.markers()["platform_machine"] == "aarch64"
    assert target.docker_platform == "linux/arm64"
    assert target.build_image.endswith("build-python3.12:latest-arm64")


@pytest.mark.parametrize("python", runtimes())
def test_every_runtime_has_a_full_version_of_its_own_minor(python):
    # uv reads a bare "3.12" as 3.12.0, which makes python_full_version markers wrong.
    assert Target(python=python).full_python.startswith(f"{python}.")


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("cp313-cp313-manylinux_2_34_x86_64", True),
        ("cp313-cp313-manylinux_2_17_x86_64", True),
        ("cp313-cp313-manylinux2014_x86_64", True),
        ("cp38-abi3-manylinux_2_28_x86_64", True),
        ("cp313-cp313-linux_x86_64", True),
        ("py3-none-any", True),
        ("cp313-cp313-manylinux_2_35_x86_64", False),
        ("cp313-cp313-musllinux_1_2_x86_64", False),
        ("cp313-cp313-manylinux_2_17_aarch64", False),
        ("cp312-cp312-manylinux_2_17_x86_64", False),
        ("cp313-cp313t-manylinux_2_17_x86_64", False),
    ],
)
def test_which_wheels_fit(tag, fits):
    assert (Tag(*tag.split("-")) in Target(python="3.13").tags()) is fits


def test_the_closest_glibc_comes_first_and_pure_wheels_last():
    tags = [str(tag) for tag in Target(python="3.13").tags()]
    closest = tags.index("cp313-cp313-manylinux_2_34_x86_64")
    assert closest < tags.index("cp313-cp313-manylinux_2_17_x86_64") < tags.index("py3-none-any")
