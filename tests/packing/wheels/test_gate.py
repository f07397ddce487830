"""Reading native files, and judging them."""

import platform
import shutil
import subprocess
import zipfile
from pathlib import Path

import markupsafe._speedups
import pytest

from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.elf import Elf, parse_elf
from lambdify.cli.packing.wheels.gate import find_natives_in_wheel, inspect

AL2 = Target(python="3.11")
REAL = Path(markupsafe._speedups.__file__)
GOOD = Elf(machine="x86_64", needed=("libc.so.6", "libpthread.so.0"), glibc=(2, 17))


@pytest.mark.skipif(platform.system() != "Linux", reason="looks at this machine's own ELF files")
class TestReading:
    def test_a_real_extension_module(self):
        elf = parse_elf(REAL.read_bytes())
        assert elf.machine == platform.machine()
        assert "libc.so.6" in elf.needed
        assert (2, 2) <= elf.glibc < (3, 0)

    @pytest.mark.skipif(shutil.which("readelf") is None, reason="compares with binutils")
    @pytest.mark.parametrize("path", [REAL, Path("/lib/x86_64-linux-gnu/libz.so.1")])
    def test_it_is_what_readelf_says(self, path):
        if not path.exists():
            pytest.skip(f"{path} is not on this machine")
        elf = parse_elf(path.read_bytes())
        dynamic = subprocess.run(
            ["readelf", "--wide", "--dynamic", path], capture_output=True, text=True, check=True
        )
        assert list(elf.needed) == [
            line.split("[")[1][:-1] for line in dynamic.stdout.splitlines() if "(NEEDED)" in line
        ]
        versions = subprocess.run(
            ["readelf", "--wide", "--version-info", path], capture_output=True, text=True, check=True
        )
        assert f"Name: GLIBC_{elf.glibc[0]}.{elf.glibc[1]} " in versions.stdout

    @pytest.mark.parametrize("share", [0.0001, 0.01, 0.3, 0.7])
    def test_a_file_that_is_cut_off_is_no_reason_to_crash(self, share):
        content = REAL.read_bytes()
        elf = parse_elf(content[: int(len(content) * share)])
        assert elf is None or isinstance(elf, Elf)

    @pytest.mark.parametrize("content", [b"", b"\x7fEL", b"#!/bin/sh\n", b"\x7fELF"])
    def test_other_files_are_none(self, content):
        assert parse_elf(content) is None


def test_only_shared_objects_are_looked_at_and_the_wheel_is_not_unpacked(tmp_path):
    native = {"a.so", "libb.so.1.2", "c.cpython-311-x86_64-linux-gnu.so"}
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as wheel:
        for name in native:
            wheel.write(REAL, name)
        wheel.writestr("linker-script.so", "INPUT(libc.so.6)")
        wheel.writestr("d.py", "")
    found = find_natives_in_wheel(tmp_path / "x.whl")
    assert found == dict.fromkeys(native, parse_elf(REAL.read_bytes()))
    assert [path.name for path in tmp_path.iterdir()] == ["x.whl"]


class TestJudging:
    def test_nothing_is_wrong_with_what_fits(self):
        found = inspect({"a.so": GOOD}, AL2, built=True)
        assert (found.refusals, found.remarks) == ((), ())

    def test_a_cpu_of_its_own_is_refused(self):
        found = inspect({"a.so": Elf(machine="aarch64")}, AL2)
        assert found.refusals == ("a.so built for aarch64, not for x86_64",)

    def test_files_for_other_cpus_beside_the_right_ones_are_told_in_a_ready_wheel(self):
        natives = {"a.so": GOOD, "attach_x86.so": Elf(machine="i686")}
        found = inspect(natives, AL2)
        assert (found.refusals, found.remarks) == ((), ("attach_x86.so built for i686, not for x86_64",))
        assert inspect(natives, AL2, built=True).refusals == ("attach_x86.so built for i686, not for x86_64",)

    def test_many_files_that_are_too_new_are_one_line(self):
        natives = {f"lib{number}.so": Elf(machine="x86_64", glibc=(2, 28 + number)) for number in range(7)}
        assert inspect(natives, AL2).refusals == (
            "lib0.so, lib1.so, lib2.so and 4 more needs glibc 2.34, Amazon Linux 2 has 2.26",
        )

    def test_amazon_linux_2023_takes_what_amazon_linux_2_does_not(self):
        natives = {"a.so": Elf(machine="x86_64", glibc=(2, 34))}
        assert inspect(natives, AL2).refusals
        assert not inspect(natives, Target(python="3.13")).refusals

    @pytest.mark.parametrize("library", ["libX11.so.6", "libGL.so.1", "libglib-2.0.so.0"])
    def test_desktop_libraries_that_tags_promise_are_not_on_lambda(self, library):
        found = inspect({"cv2.so": Elf(machine="x86_64", needed=(library,))}, AL2)
        assert found.refusals == (f"needs {library}, which neither the bundle nor the runtime has",)

    def test_what_an_optional_part_of_a_ready_wheel_lacks_is_told(self):
        natives = {"pool.so": Elf(machine="x86_64", needed=("libtbb.so.12",))}
        found = inspect(natives, AL2)
        assert (found.refusals, len(found.remarks)) == ((), 1)
        assert inspect(natives, AL2, built=True).refusals

    def test_libraries_of_the_package_itself_and_of_others_count(self):
        natives = {
            "a.so": Elf(machine="x86_64", needed=("libown-1.so.2", "libother.so")),
            "a.libs/libown-1.so.2": GOOD,
        }
        found = inspect(natives, AL2, provided=["libother.so"])
        assert (found.refusals, found.remarks) == ((), ())
