"""What is told about a bundle that could be less."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lambdify.cli.packing import archive
from lambdify.cli.packing.archive import Member
from lambdify.cli.packing.bundle.bundle import Archive, Bundle
from lambdify.cli.packing.bundle.sizes import BundlePart
from lambdify.cli.packing.report import savings
from lambdify.cli.packing.report.cold_start import ColdStart, Imports, NotMeasured
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import Dependencies
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.packing.wheels.elf import symbol_size

START = ColdStart(
    milliseconds=1_000.0,
    modules=1_300,
    imports=(
        Imports(name="pandas 3.1", milliseconds=400.0, modules=900, asked_for=True),
        Imports(name="Python and its standard library", milliseconds=390.0, modules=100, asked_for=True),
        Imports(name="numpy 2.5", milliseconds=100.0, modules=200),
        Imports(name="flask 3.1", milliseconds=90.0, modules=90, asked_for=True),
        Imports(name="lambdify.adapter", milliseconds=20.0, modules=10),
    ),
)


@pytest.fixture
def bundle(tmp_path: Path):
    def make(**natives: bytes) -> Bundle:
        path = tmp_path / "layer-0123456789abcdef.zip"
        members = [Member(f"python/{name}/core.so", content) for name, content in natives.items()]
        archive.write(path, archive.deflate(members))
        names = (
            "pandas 3.1",
            "numpy 2.5",
            "flask 3.1",
            "requests 2.34",
            "tzdata 2026.6",
            "lambdify.adapter",
            "the application",
        )
        layer = Archive(path=path, digest="0" * 64, zipped=1, unzipped=1, files=1)
        return Bundle(
            form="layer",
            app=layer,
            layer=layer,
            target=Target(),
            dependencies=Dependencies(
                source_name="requirements.txt",
                distributions=tuple(
                    Distribution(
                        name=name,
                        version="1",
                        files=(f"{name}/core.so",),
                        key="",
                        wheel=tmp_path,
                        sha256="",
                    )
                    for name in natives
                ),
                notes=(),
                key="",
            ),
            parts=tuple(BundlePart(name=name, zipped=1, unzipped=2_048, files=1) for name in names),
            left_out=(),
            leaks=(),
        )

    return make


def test_what_the_start_never_imports_is_listed_but_for_our_own(bundle):
    idle, *_ = savings.find(bundle(), START)
    assert idle.startswith(
        "Packed, and not imported by the start: requests 2.34 (2.0 KiB), tzdata 2026.6 (2.0 KiB). "
    )


def test_a_slow_distribution_that_the_app_itself_imports_is_told_with_its_share(bundle):
    _, slow = savings.find(bundle(), START)
    assert slow == (
        "pandas 3.1 is 40% of the start (400 ms, 900 modules). If only some requests need it, import it in "
        "the functions that do."
    )


@pytest.mark.parametrize("start", [None, NotMeasured(reason="no Python")])
def test_without_a_measurement_nothing_is_said_of_imports(bundle, start):
    assert savings.find(bundle(), start) == ()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gcc") is None, reason="compiles a library")
class TestSymbols:
    @pytest.fixture
    def library(self, tmp_path):
        source = tmp_path / "core.c"
        # Long names are many bytes of symbols at little work.
        names = (f"number_{each}_{'x' * 1_000}" for each in range(1_000))
        source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in names))

        def build(*flags: str) -> bytes:
            output = tmp_path / "core.so"
            subprocess.run(["gcc", "-shared", "-fPIC", *flags, source, "-o", output], check=True)
            return output.read_bytes()

        return build

    def test_symbols_are_counted_and_their_distribution_named(self, library, bundle):
        told = savings.find(bundle(pandas=library("-g"), flask=library("-s")), None)
        assert len(told) == 1
        assert told[0].partition(" MiB of ")[2].startswith("pandas 1 are symbols for debuggers")

    def test_they_are_what_strip_takes_away(self, library):
        full, stripped = library("-g"), library("-g", "-s")
        assert symbol_size(stripped) == 0
        # Beside them, headers and the names of sections go.
        assert 0 <= len(full) - len(stripped) - symbol_size(full) < 4_096

    @pytest.mark.parametrize("share", [0.001, 0.3, 0.99])
    def test_a_library_that_is_cut_off_has_none(self, library, share):
        content = library()
        assert symbol_size(content[: int(len(content) * share)]) == 0


def test_other_files_have_no_symbols():
    for content in (b"", b"\x7fELF", b"INPUT(libc.so.6)", b"\x7fELF\1\1" + bytes(100)):
        assert symbol_size(content) == 0
