"""Cold starts: the times of a bundle's imports when a function starts, by distribution.

The bundle is unpacked, and imported as Lambda does it, in a guarded process of the function's Python
(programs/guard.py). Its environment has the project's variables, not the developer's. The fastest of several
runs counts, since other work on this machine slows the others down.

The time of an import excludes the imports inside it, so times can be added up:
https://docs.python.org/3/using/cmdline.html#cmdoption-X
On Lambda the proportions are the same, but not the milliseconds: its CPUs differ, and are shared by memory.
"""

import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lambdify.cli.packing import unpacked
from lambdify.cli.packing.bundle import sizes
from lambdify.cli.packing.bundle.bundle import LAYER_PREFIX, Bundle
from lambdify.cli.programs import guarded, pythons
from lambdify.cli.programs.guarded import Ending

RUNS = 3
LIMIT = 60.0
"""The longest time of a start, in seconds. Lambda itself tries again after 10."""
OUTPUT_KEPT = 10_000_000
"""Bytes of output: a line for each import, and what the app writes."""
WORKER = Path(__file__).with_name("cold_start_worker.py")
STANDARD_LIBRARY = "Python and its standard library"
RUNTIME = "what Lambda brings along"
_TIME = re.compile(r"import time: +(\d+) \| +\d+ \|( *)(\S+)")


@dataclass(frozen=True, kw_only=True)
class Imports:
    """The imports of the modules of a distribution, of the application or of Python."""

    name: str
    milliseconds: float
    modules: int
    asked_for: bool = False
    """Whether the application itself imports one of them."""


@dataclass(frozen=True, kw_only=True)
class ColdStart:
    """The imports of a start, in total and by distribution; the slowest first."""

    milliseconds: float
    modules: int
    imports: tuple[Imports, ...]


@dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """The reason why there is no measurement."""

    reason: str


def measure(
    bundle: Bundle,
    environment: Mapping[str, str],
    python: Path,
    runtime: Path,
    *,
    limit: float = LIMIT,
) -> ColdStart | NotMeasured:
    """Import the bundle's app as a starting function does, and return the times of the imports.

    `python` is an interpreter of the function's version, `runtime` a folder with the packages of Lambda's
    runtime. One run may take `limit` seconds.
    """
    if refusal := bundle.obstacle():
        return NotMeasured(reason=refusal)
    with tempfile.TemporaryDirectory(prefix="lambdify-start-") as folder:
        # The interpreter reports real paths of files.
        place = Path(folder).resolve()
        _unpack(bundle, place)
        starts = []
        for _ in range(RUNS):
            done = _start(place, environment, python, runtime, limit)
            if done.code is None:
                return NotMeasured(reason=f"the app had not started here after {limit:g} seconds")
            origins = next((each["origins"] for each in done.report if each["event"] == "imported"), None)
            if done.code or origins is None:
                return NotMeasured(reason=f"the app did not start here: {_last_error_line(done)}")
            starts.append(_add_up(done.output, _owners(origins, bundle, place, runtime)))
    return min(starts, key=lambda start: start.milliseconds)


def _unpack(bundle: Bundle, place: Path) -> None:
    for archive, name in ((bundle.app, "task"), (bundle.layer, "opt")):
        (place / name).mkdir()
        if archive:
            with zipfile.ZipFile(archive.path) as packed:
                unpacked.extract(packed, place / name)


def _start(place: Path, environment: Mapping[str, str], python: Path, runtime: Path, limit: float) -> Ending:
    (place / "tmp").mkdir(exist_ok=True)
    interpreter = pythons.locate(python)
    task, layers = place / "task", place / "opt"
    # With -s, -S and -P, packages of this machine cannot be imported. -I would ignore the project's own
    # PYTHON* variables.
    options = ["-s", "-S", "-P", "-B", "-X", "importtime"]
    readable = [layers, runtime, *interpreter.prefixes, WORKER.parent, guarded.AUDIT_HOOK.parent]
    given = [
        str(guarded.AUDIT_HOOK),
        str(layers),
        str(runtime),
        os.pathsep.join([*guarded.SYSTEM, *map(str, readable)]),
    ]
    return guarded.run(
        [str(interpreter.file), *options, str(WORKER), *given],
        cwd=task,
        environment={
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **environment,
            "AWS_LAMBDA_FUNCTION_NAME": "cold-start",
            "LAMBDA_TASK_ROOT": str(task),
            "LD_LIBRARY_PATH": f"{task}:{task}/lib:{layers}/lib",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        },
        tmp=place / "tmp",
        readable=readable,
        limit=limit,
        output_kept=OUTPUT_KEPT,
    )


def _owners(origins: Mapping[str, str], bundle: Bundle, place: Path, runtime: Path) -> dict[str, str]:
    """Return the owner of each imported module, by the module's file."""
    distributions = bundle.dependencies.distributions
    prefix = LAYER_PREFIX if bundle.layer else ""
    owned = sizes.owners(distributions, prefix)
    found = {}
    for module, origin in origins.items():
        for folder in (place / "task", place / "opt"):
            if origin.startswith(f"{folder}/"):
                found[module] = sizes.owner(origin.removeprefix(f"{folder}/"), owned)
        if origin.startswith(f"{runtime}/"):
            found[module] = RUNTIME
    return found


def _add_up(output: str, owners: Mapping[str, str]) -> ColdStart:
    times: Counter[str] = Counter()
    modules: Counter[str] = Counter()
    asked_for: set[str] = set()
    importers: list[tuple[int, str]] = []
    # The lines are read backwards: a module follows the modules that it imports, which are indented more.
    for microseconds, indent, module in reversed(_TIME.findall(output)):
        # A module that was removed from sys.modules belongs to its package.
        package = module.partition(".")[0]
        owner = owners.get(module) or owners.get(package, STANDARD_LIBRARY)
        times[owner] += int(microseconds)
        modules[owner] += 1
        while importers and importers[-1][0] >= len(indent):
            importers.pop()
        if importers and importers[-1][1] == sizes.APPLICATION:
            asked_for.add(owner)
        importers.append((len(indent), owner))
    return ColdStart(
        milliseconds=times.total() / 1000,
        modules=modules.total(),
        imports=tuple(
            Imports(
                name=name,
                milliseconds=count / 1000,
                modules=modules[name],
                asked_for=name in asked_for,
            )
            for name, count in sorted(times.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def _last_error_line(done: Ending) -> str:
    lines = map(str.strip, done.output.splitlines())
    said = [line for line in lines if line and not line.startswith("import time:")]
    return said[-1] if said else f"it ended with {done.code} and said nothing"
