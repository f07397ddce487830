"""How long packaging takes and how much it makes, against others on the same input; writes it into README.md.

    python benchmarks/packaging.py [--runs 3] [--files 5000]

Installs the others from the package indexes (benchmarks/.venv-packers; npm has to be there for serverless).
All find the downloads of before: pip's and uv's caches, and our wheels. "From nothing" is without anything
else. They run in turns, `--runs` rounds, and the least of each counts.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from packers import contestants, projects
from packers.contestants import Contestant
from packers.measuring import Took, best, run

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- packaging: begin -->", "<!-- packaging: end -->"
FLASK = ("flask",)
STACK = ("flask", "pandas==2.3.2", "numpy==2.2.6")
"""Newer ones have no wheel for Amazon Linux 2, where Python 3.11 runs, and not everybody looks for older."""
OURS, FLOOR = "lambdify", "uv + zipfile"
IMPORTS = {
    "flask": "flask",
    "django": "django.urls, django.http, django.db.models",
    "fastapi": "fastapi",
    "pandas": "pandas",
}
PART = """
import sys, time
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.console import Console
loaded, console = settings.load(Path(sys.argv[1])), Console(quiet=True)
started = time.process_time()
from lambdify.cli.package import package
package(loaded, None, console)
print(time.process_time() - started)
"""
"""Packaging alone, with what it imports: without starting Python, click and reading the settings."""
LAYER = """
import os, sys
from pathlib import Path
from lambdify.cli import settings
from lambdify.cli.packing import archive
from lambdify.cli.packing.bundle import bundle, layer
from lambdify.cli.packing.bundle.bytecode import Compiler
from lambdify.cli.packing.wheels.dependencies import find_dependencies
from lambdify.cli.packing.target import Target
from lambdify.cli.programs import pythons
from lambdify.cli.console import Console
loaded, console = settings.load(Path(sys.argv[1])), Console(quiet=True)
target = Target(python=loaded.function.python, architecture="x86_64")
wheels = find_dependencies(loaded, target, (), console).distributions
started = sum(os.times()[:4])
compiler = Compiler(python=pythons.find(target.python), minor=target.python, mount=bundle.LAYER_ROOT)
archive.write(Path(sys.argv[2]), layer.build(wheels, bundle.LAYER_PREFIX, compiler, console))
print(sum(os.times()[:4]) - started)
"""
"""The layer from wheels that are there: CPU of this process and of those that compile."""
IMPORT = """
import sys, time
sys.path[:0] = sys.argv[1:]
started = time.process_time()
import {}
print(time.process_time() - started)
"""


def main() -> None:
    """Measure everything, print it, and write it into the README."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--filled", action="store_true", help="the caches of downloads are full: save a round"
    )
    arguments = parser.parse_args()
    everybody = contestants.everybody(STACK)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environ = _environ(folder)
        alone = _alone(folder, environ, arguments.files, arguments.runs)
        print(_table(("", "at most", "measured"), alone), file=sys.stderr, flush=True)
        if arguments.filled:
            skipped = (
                [one.name for one in everybody if one.name != OURS],
                [one.name for one in everybody if not one.keeps],
            )
        else:
            skipped = [], []
        first, _ = _race(everybody, FLASK, folder / "flask", environ, arguments.runs, _forget, skipped[0])
        changed, zipped = _race(
            everybody, STACK, folder / "stack", environ, arguments.runs, _change, skipped[1]
        )
        rows = [*_ratios(first, changed), *alone, *_sizes(folder, environ)]
    text = "\n\n".join(
        [_versions(everybody), _table(("", "at most", "measured"), rows), _seconds(first, changed, zipped)]
    )
    before, rest = README.read_text(encoding="utf-8").split(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(text)


def _environ(folder: Path) -> dict[str, str]:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LAMBDIFY_", "VIRTUAL_ENV"))
    }
    aws = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "us-east-1"}
    return {**kept, **aws, "LAMBDIFY_CACHE": str(folder / "lambdify-cache")}


def _forget(one: Contestant, root: Path, _: int) -> None:
    for name in one.forget:
        path = root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _change(one: Contestant, root: Path, number: int) -> None:
    with (root / one.app).open("a") as app:
        app.write(f"# {number} {time.time_ns()}\n")


def _race(
    everybody: Sequence[Contestant],
    requirements: tuple[str, ...],
    folder: Path,
    environ: Mapping[str, str],
    runs: int,
    before: Callable[[Contestant, Path, int], None],
    filled: Sequence[str],
) -> tuple[dict[str, Took], dict[str, int]]:
    """Let everybody pack the same once, which fills caches, then in turns: times, and bytes of the zips."""
    roots = {one.name: folder / one.name.split()[0] / "shop" for one in everybody}
    taken: dict[str, list[Took]] = {one.name: [] for one in everybody}
    for number in range(-1, runs):
        for one in everybody:
            root = roots[one.name]
            if number < 0:
                projects.write(root, requirements)
                one.prepare(root)
                if one.name in filled:
                    continue
            else:
                before(one, root, number)
            # Beside the project, so that a contestant's own caches are found and forgotten there.
            own = {"LAMBDIFY_CACHE": str(root.parent / "lambdify-cache"), **one.environ}
            took = run(one.lines(root), root, {**environ, **own})
            print(f"* {one.name}, {', '.join(requirements)}, {number}: {took}", file=sys.stderr, flush=True)
            if number >= 0:
                taken[one.name].append(took)
    zipped = {one.name: _size(one, roots[one.name]) for one in everybody}
    return {name: best(each) for name, each in taken.items()}, zipped


def _size(one: Contestant, root: Path) -> int:
    """Bytes of the newest zip of each kind: older ones of ours stay beside it."""
    newest = {
        path.name.partition("-")[0]: path
        for pattern in one.made
        for path in sorted(
            root.glob(pattern) if ".." not in pattern else [root / pattern], key=lambda p: p.stat().st_mtime
        )
    }
    if not newest:
        raise RuntimeError(f"{one.name} has made no zip in {root}")
    return sum(path.stat().st_size for path in newest.values())


def _ratios(first: Mapping[str, Took], changed: Mapping[str, Took]) -> list[tuple[str, str, str]]:
    others = [name for name in first if name not in (OURS, FLOOR)]
    fastest, quickest = (min(others, key=lambda name: took[name].wall) for took in (first, changed))

    def of(took: Mapping[str, Took], peer: str) -> str:
        wall, cpu = (ours / theirs for ours, theirs in zip(took[OURS], took[peer], strict=True))
        return f"{wall:.2f} x ({cpu:.2f} x of its CPU)"

    return [
        ("Flask from nothing, of uv + zipfile", "1.3 x", of(first, FLOOR)),
        (f"the same, of the fastest other ({fastest})", "0.25 x", of(first, fastest)),
        (
            f"one line changed, Flask + pandas + numpy, of the fastest other ({quickest})",
            "0.10 x",
            of(changed, quickest),
        ),
    ]


def _alone(folder: Path, environ: Mapping[str, str], files: int, runs: int) -> list[tuple[str, str, str]]:
    """What is measured by itself: unchanged, the layer, the size without bytecode, and imports."""
    python = str(contestants.HOME / "lambdify" / "bin" / "python")
    lambdify = str(Path(python).with_name("lambdify"))
    large, stack, cache = folder / "large", folder / "layer", Path(environ["LAMBDIFY_CACHE"])

    def said(*line: str) -> float:
        return float(subprocess.check_output(line, env=environ, text=True))

    projects.write(large, FLASK, files=files)
    run([[lambdify, "package", "--quiet"]], large, environ)
    # What is younger than two seconds is read again, see cli/packing/fingerprint.py.
    time.sleep(2.5)
    whole = best([run([[lambdify, "package", "--quiet"]], large, environ) for _ in range(runs + 2)])
    part = min(said(python, "-P", "-c", PART, str(large)) for _ in range(runs + 2))

    projects.write(stack, ("flask", "pandas"))
    layer = [python, "-P", "-c", LAYER, str(stack), str(folder / "layer.zip")]
    said(*layer)
    made, again = [], []
    for _ in range(runs):
        shutil.rmtree(cache / "fragments")
        made.append(said(*layer))
        again.append(said(*layer))
    return [
        (
            f"unchanged, {files:,} files: CPU",
            "0.15 s",
            f"{part:.2f} s ({whole.cpu:.2f} s with starting Python and click)",
        ),
        ("layer of Flask + pandas from wheels: CPU", "4 s", f"{min(made):.2f} s"),
        ("the same from fragments: CPU", "0.3 s", f"{min(again):.2f} s"),
        *(_imports(name, folder, environ, lambdify, runs) for name in IMPORTS),
    ]


def _sizes(folder: Path, environ: Mapping[str, str]) -> list[tuple[str, str, str]]:
    root = folder / "small"
    projects.write(root, STACK)
    with (root / "lambdify.toml").open("a") as settings:
        settings.write("[build]\nbytecode = false\n")
    run([[str(contestants.HOME / "lambdify" / "bin" / "lambdify"), "package", "--quiet"]], root, environ)
    ours = sum(path.stat().st_size for path in (root / ".lambdify" / "build").glob("*.zip"))
    theirs = (folder / "stack" / "zappa" / "shop" / "out.zip").stat().st_size
    plain = (folder / "stack" / "uv" / "floor.zip").stat().st_size
    return [
        (
            "zipped, Flask + pandas + numpy, without bytecode, of zappa",
            "0.85 x",
            f"{ours / theirs:.2f} x ({ours / plain:.2f} x of uv + zipfile)",
        )
    ]


def _imports(
    name: str, folder: Path, environ: Mapping[str, str], lambdify: str, runs: int
) -> tuple[str, str, str]:
    """The first import from a bundle that is unpacked, against the same files without their bytecode."""
    root, layer = folder / name / "shop", folder / name / "layer"
    projects.write(root, dict.fromkeys(("flask", name)))
    run([[lambdify, "package", "--quiet", "--output", str(root.parent / "out")]], root, environ)
    (packed,) = (root.parent / "out").glob("layer-*.zip")
    shutil.unpack_archive(packed, layer)
    shutil.copytree(layer, folder / name / "plain", ignore=shutil.ignore_patterns("__pycache__"))
    times: dict[str, list[float]] = {"layer": [], "plain": []}
    # Without the machine's own packages, and unable to write bytecode, as in Lambda.
    line = [sys.executable, "-I", "-S", "-B", "-c", IMPORT.format(IMPORTS[name])]
    for _ in range(3 * runs):
        for tree, taken in times.items():
            path = str(folder / name / tree / "python")
            taken.append(float(subprocess.check_output([*line, path], text=True)))
    with_bytecode, without = (min(taken) for taken in times.values())
    return (
        f"cold import of {name}, of the same without bytecode",
        "0.45 x",
        f"{with_bytecode / without:.2f} x",
    )


def _versions(everybody: Sequence[Contestant]) -> str:
    named = [f"{'uv' if one.name == FLOOR else one.name.split()[0]} {one.version}" for one in everybody]
    return f"Ran on CPython {platform.python_version()}, {os.cpu_count()} cores, {', '.join(named)}."


def _seconds(first: Mapping[str, Took], changed: Mapping[str, Took], zipped: Mapping[str, int]) -> str:
    headers = (
        "",
        "Flask from nothing, s",
        "CPU s",
        "one line changed, Flask + pandas + numpy, s",
        "CPU s",
        "zipped, MB",
    )
    rows = [
        (name, *(f"{value:.2f}" for value in (*first[name], *changed[name])), f"{zipped[name] / 1e6:.1f}")
        for name in first
    ]
    return _table(headers, rows)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruled = ["---", *["---:"] * (len(headers) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (headers, ruled, *rows))


if __name__ == "__main__":
    main()
