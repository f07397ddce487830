"""What static files weigh is told, and that no module imports them is no advice."""

from collections.abc import Callable
from dataclasses import replace

from lambdify.cli.packing.bundle.bundle import Bundle
from lambdify.cli.packing.bundle.sizes import BundlePart
from lambdify.cli.packing.report import savings
from lambdify.cli.packing.report.cold_start import ColdStart, Imports
from lambdify.cli.static.serving import STATIC

START = ColdStart(
    milliseconds=10.0, modules=1, imports=(Imports(name="the application", milliseconds=10.0, modules=1),)
)


def test_static_files_are_no_requirement_that_nothing_imports(make_bundle: Callable[..., Bundle]) -> None:
    parts = tuple(
        BundlePart(name=name, zipped=1, unzipped=1, files=1)
        for name in (STATIC, "idle 1.0", "the application")
    )
    (advice,) = savings.find(replace(make_bundle(), parts=parts), START)
    assert "idle 1.0" in advice
    assert STATIC not in advice
