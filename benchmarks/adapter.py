"""How much time the adapter takes, against other adapters, and writes it into README.md.

    python benchmarks/adapter.py [--rounds 40] [--apps "raw WSGI" Flask ...] [--fresh]

Makes an environment of this Python with the adapters of others in it (in benchmarks/.venv), copies ours
into it as a bundle holds it, and lets them race in there: see `race`. Instructions are counted where valgrind
is installed.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from race import apps, tables

HERE = Path(__file__).parent
README = HERE / "README.md"
ENVIRONMENT = HERE / ".venv" / "{}.{}".format(*sys.version_info)
PEERS = ("apig-wsgi", "serverless-wsgi", "zappa", "mangum")
APPS = ("flask", "django", "fastapi")
OTHERS = ("pybase64", "awslambdaric")
COUNTED = ("raw WSGI", "raw ASGI")
"""The frameworks add nothing to what these tell of the adapters, and take long under valgrind."""


def main() -> None:
    """Measure everything, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--apps", nargs="+", choices=apps.MAKERS, default=list(apps.MAKERS))
    parser.add_argument("--fresh", action="store_true", help="install the newest releases of everything")
    arguments = parser.parse_args()
    python = prepare(fresh=arguments.fresh)
    rounds = arguments.rounds
    starts = run(python, "race.starting", "--rounds", str(max(3, rounds // 3)))
    parts = [tables.write_versions(list_versions(python)), tables.write_starts(starts)]
    for kind in arguments.apps:
        times = run(python, "race.timing", kind, "--rounds", str(rounds))
        parts += [tables.write_events(kind, times, "µs")]
        if kind in COUNTED and shutil.which("valgrind"):
            counts = run(python, "race.counting", kind)
            parts += [tables.write_events(kind, counts, "thousand instructions")]
    text = "\n\n".join(parts)
    README.write_text(tables.put(README.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(text)


def prepare(*, fresh: bool) -> Path:
    """The Python of the race's environment, with the adapter as it is now in it."""
    python = ENVIRONMENT / "bin" / "python"
    if fresh or not (ENVIRONMENT / "complete").exists():
        say("installing the adapters of others")
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        line = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*line, *PEERS, *APPS, *OTHERS], check=True)
        (ENVIRONMENT / "complete").touch()
    packages = Path(
        subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
        ).strip()
    )
    shutil.rmtree(packages / "lambdify", ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(HERE.parent / "adapter", packages / "lambdify" / "adapter", ignore=ignored)
    line = [python, "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    names = ("lambdify", "apig_wsgi", "serverless_wsgi.py", "zappa", "mangum")
    subprocess.run([*line, *(packages / name for name in names)], check=True)
    return python


def run(python: Path, module: str, *arguments: str) -> Any:
    """What a part of the race prints."""
    say(f"{module} {' '.join(arguments)}")
    environ = os.environ | {"PYTHONPATH": str(HERE)}
    line = [python, "-m", module, *arguments]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE, env=environ).stdout)


def list_versions(python: Path) -> dict[str, str]:
    """Name → version of all that takes part."""
    code = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"
    names = (*PEERS, *APPS, "starlette", *OTHERS)
    versions = subprocess.check_output([python, "-c", code, *names], text=True).split()
    return {"CPython": platform.python_version()} | dict(zip(names, versions, strict=True))


def say(what: str) -> None:
    """Tell what goes on, apart from the result."""
    print(f"* {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
