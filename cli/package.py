"""lambdify package: the bundle that `deploy` would upload, and what is in it. No AWS calls."""

from pathlib import Path

from lambdify.cli import detect, folders
from lambdify.cli.build import bundle, report
from lambdify.cli.build.bundle import Bundle
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings


def package(settings: Settings, out: Path | None, console: Console, *, upgrade: bool = False) -> Bundle:
    """Find the app, pack it into `out` (None: the project's own `.lambdify/build`), and say what went in.

    With `upgrade`, requirements that nothing locks are resolved again.
    """
    candidate = detect.choose_app(settings, console)
    folder = out or folders.workspace(settings.root) / "build"
    packed = bundle.pack(settings, candidate, folder, console, upgrade=upgrade)
    report.show(packed, console)
    return packed
