"""How long `lambdify package` takes, against the least that anybody could do with the same input.

    python benchmarks/packaging.py [path of lambdify] [--files 5000] [--runs 5]

The floor is `uv pip install --target` and the standard library's zipfile at level 6: no bytecode, no checks,
the project as it lies there. Both find uv's own cache filled; ours is empty for "first". The fastest run of
each counts. Measures processes from an installed wheel (an editable install pays for its import hook).
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

APP = "from flask import Flask\n\napp = Flask(__name__)\n"
MODULE = "VALUE = {number}\n\n\ndef add(x):\n    return x + VALUE\n"
FLOOR = """
import subprocess, sys, zipfile
from pathlib import Path
from uv import find_uv_bin
root, out = map(Path, sys.argv[1:])
install = ["pip", "install", "--quiet", "--requirements", str(root / "requirements.txt")]
subprocess.run([find_uv_bin(), *install, "--target", str(out / "tree")], check=True)
with zipfile.ZipFile(out / "bundle.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
    for top in (out / "tree", root):
        for path in sorted(top.rglob("*")):
            if path.is_file() and ".lambdify" not in path.parts:
                bundle.write(path, path.relative_to(top))
"""
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


def write_project(root: Path, files: int) -> None:
    """A Flask app with that many modules, for the Python that runs this."""
    for number in range(files):
        path = root / f"package{number // 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODULE.format(number=number))
    (root / "app.py").write_text(APP)
    (root / "requirements.txt").write_text("flask\n")
    minor = "{}.{}".format(*sys.version_info)
    (root / "lambdify.toml").write_text(f'[function]\npython = "{minor}"\n')


def best(runs: int, work: Callable[[], object], before: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU in the processes that `work` starts, at best."""
    wall, cpu = [], []
    for _ in range(runs):
        before()
        used, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        work()
        wall.append(time.perf_counter() - started)
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu.append(now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime)
    return min(wall), min(cpu)


def measure(lambdify: Path, files: int, runs: int, folder: Path) -> dict[str, tuple[float, float]]:
    """Each way to package the project: seconds on the clock, and of CPU."""
    root, cache, out = folder / "shop", folder / "cache", folder / "out"
    root.mkdir()
    write_project(root, files)
    environ = {**os.environ, "LAMBDIFY_CACHE": str(cache)}
    python = str(lambdify.with_name("python"))

    def run(*line: str) -> str:
        done = subprocess.run(line, cwd=root, env=environ, check=True, capture_output=True, text=True)
        return done.stdout

    def package() -> str:
        return run(str(lambdify), "package", "--quiet")

    def forget() -> None:
        for made in (cache, root / ".lambdify", out):
            shutil.rmtree(made, ignore_errors=True)
        out.mkdir()

    def change() -> None:
        (root / "app.py").write_text(f"{APP}# {time.time_ns()}\n")

    package()  # fills uv's cache
    times = {
        "floor": best(runs, lambda: run(python, "-c", FLOOR, str(root), str(out)), forget),
        "first": best(runs, package, forget),
        "one line changed": best(runs, package, change),
    }
    # What is younger than two seconds is read again, see cli/build/fingerprint.py.
    time.sleep(2.5)
    package()
    times["unchanged"] = best(runs, package, lambda: None)
    part = min(float(run(python, "-c", PART, str(root))) for _ in range(runs))
    return {**times, "unchanged, packaging alone": (part, part)}


def main() -> None:
    """Print the times and how they compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    installed = Path(shutil.which("lambdify") or "lambdify")
    parser.add_argument("lambdify", nargs="?", type=Path, default=installed)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        times = measure(arguments.lambdify.absolute(), arguments.files, arguments.runs, Path(folder))
    floor, _ = times["floor"]
    print(f"{'':<28} {'clock':>8} {'CPU':>8} {'of floor':>9}")
    for name, (wall, cpu) in times.items():
        print(f"{name:<28} {wall:7.2f}s {cpu:7.2f}s {wall / floor:8.2f}x")


if __name__ == "__main__":
    main()
