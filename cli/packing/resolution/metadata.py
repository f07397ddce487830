"""The project's own metadata: what `pip install .` would leave of it in site-packages beside its code.

An app may ask for its own version or entry points (importlib.metadata), and frameworks look for plugins.
The code is packed as the project has it, so only NAME-VERSION.dist-info is made:

    name and version are written in [project]     ▶ written here, nothing is run
    else                                          ▶ its build backend is asked, apart (see `backends`)

Rules:
- Only a project with a [build-system], or a setup.py, is installed by tools; so only that one has metadata.
- A backend is asked again when a file of the project has changed: the version may be in any of them.
- Most apps start without metadata, so a backend that fails is for the caller to tell, no end of a build.

https://packaging.python.org/en/latest/specifications/core-metadata/, https://peps.python.org/pep-0517/
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata as CoreMetadata
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from lambdify.cli.errors import BuildError
from lambdify.cli.packing import fingerprint
from lambdify.cli.packing.requirements.formats.build_system import read_build_system, read_project
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.packing.requirements.origins import fetch_source, source_digest
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.resolution.advice import summarize
from lambdify.cli.packing.resolution.uv import PYTHON, run_uv
from lambdify.cli.storage import seal

FOLDER = "metadata"
"""The folder in `.lambdify/` for what backends wrote."""
_FORMAT = 1
_WORKER = Path(__file__).with_name("metadata_worker.py")
_COMPUTED = frozenset({
    "version", "scripts", "gui-scripts", "entry-points", "dependencies", "optional-dependencies",
})  # fmt: skip
"""Fields that only a backend knows if they are dynamic."""
_READS_ONLY_PYPROJECT = "poetry.core.masonry.api"
"""The backend whose metadata is all in pyproject.toml, unless a plugin is installed with it."""
_PACKED = ("METADATA", "entry_points.txt", "top_level.txt")


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The metadata of a project."""

    name: str
    """The folder: "shop-1.2.3.dist-info"."""
    files: Mapping[str, str]
    """Its files, by their names in it."""

    @property
    def requires(self) -> tuple[str, ...]:
        """The requirement lines, with "extra" in the markers of those that an extra adds."""
        raw, _ = parse_email(self.files.get("METADATA", ""))
        return tuple(raw.get("requires_dist", ()))


def read_written(folder: Path) -> Metadata | None:
    """Return the metadata that the [project] of a folder spells out; None if only a backend knows it."""
    project = read_project(folder)
    name, version = project.get("name"), project.get("version")
    if (
        not isinstance(name, str)
        or not isinstance(version, str)
        or _COMPUTED & set(project.get("dynamic", ()))
    ):
        return None
    try:
        version = str(Version(version))
        optional = project.get("optional-dependencies", {})
        raw: RawMetadata = {
            "metadata_version": "2.1",
            "name": name,
            "version": version,
            "requires_dist": [*project.get("dependencies", ()), *_optional(optional)],
            "provides_extra": list(optional),
        }
        if summary := " ".join(str(project.get("description", "")).split()):
            raw["summary"] = summary
        if python := project.get("requires-python"):
            raw["requires_python"] = str(python)
        text = CoreMetadata.from_raw(raw).as_rfc822().as_string()
    except (InvalidVersion, InvalidRequirement, ExceptionGroup, AttributeError, TypeError):
        # The backend says what is wrong with it.
        return None
    folder_name = f"{canonicalize_name(name).replace('-', '_')}-{version}.dist-info"
    return Metadata(name=folder_name, files={"METADATA": text, **_entry_points(project)})


def ask_backend(folder: Path, keeper: Path) -> Metadata:
    """Return the metadata that the build backend of a folder writes. Raises BuildError.

    It is kept in the `.lambdify/` of the project `keeper`, until a file of the folder changes.
    """
    package = Package(name=folder.name, version="", kind="directory", path=folder)
    key = json.dumps([_FORMAT, str(folder), _digest(package, read_build_system(folder))])
    name = f"{FOLDER}/{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    if text := seal.read(keeper, name):
        kept = json.loads(text)
        return Metadata(name=kept["name"], files=kept["files"])
    with tempfile.TemporaryDirectory(prefix="lambdify-") as scratch:
        source = fetch_source(package, find_indexes((), folder), Path(scratch))
        out = Path(scratch, "out")
        out.mkdir()
        found = _ask(source, out, folder)
    seal.write(keeper, name, json.dumps({"name": found.name, "files": found.files}))
    return found


def _ask(source: Path, out: Path, folder: Path) -> Metadata:
    system = read_build_system(source)
    installed = list(system.get("requires", ()))
    for _ in range(2):
        errors = _run_worker(source, out, system, installed, folder)
        more = out / "requirements.json"
        if not more.is_file():
            break
        installed += json.loads(more.read_text(encoding="utf-8"))
        more.unlink()
    infos = [path for path in out.glob("*.dist-info") if (path / "METADATA").is_file()]
    if not infos:
        raise BuildError(
            f"the build backend of {folder.name} wrote no metadata: {summarize(errors) or 'it said nothing'}",
            hint="`pip install .` in that folder says what is missing.",
        )
    files = {name: infos[0] / name for name in _PACKED}
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items() if path.is_file()}
    # Some backends write the entry points into the wheel only.
    return Metadata(name=infos[0].name, files={**_entry_points(read_project(source)), **texts})


def _digest(package: Package, system: Mapping[str, Any]) -> str:
    """Return a digest of the files that the backend may read."""
    alone = len(system["requires"]) == 1 and system["build-backend"] == _READS_ONLY_PYPROJECT
    if alone and package.path:
        return fingerprint.digest(package.path / "pyproject.toml")
    return source_digest(package)


def _run_worker(
    source: Path, out: Path, system: Mapping[str, Any], installed: Sequence[str], folder: Path
) -> str:
    """Run the backend once in an environment with what it requires, and return what was said."""
    task = {
        "backend": system["build-backend"],
        "path": system.get("backend-path", []),
        "installed": list(installed),
        "folder": str(out),
    }
    indexes = find_indexes((), folder)
    needed = [word for each in installed for word in ("--with", each)]
    arguments = ["run", "--isolated", "--no-project", *PYTHON, *indexes.uv_options, *needed]
    outcome = run_uv(
        [*arguments, "python", str(_WORKER), json.dumps(task)],
        cwd=source,
        extra=dict(indexes.uv_environment),
        indexes=indexes,
    )
    return outcome.errors or outcome.output


def _optional(optional: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the requirements of extras, each with its extra in the marker."""
    for extra, lines in optional.items():
        for line in lines:
            requirement = Requirement(line)
            marker = f"({requirement.marker}) and " if requirement.marker else ""
            requirement.marker = None
            apart = " ;" if requirement.url else ";"
            yield f'{requirement}{apart} {marker}extra == "{canonicalize_name(extra)}"'


def _entry_points(project: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the text of entry_points.txt by its name; nothing if [project] has no entry points.

    https://packaging.python.org/en/latest/specifications/entry-points/
    """
    groups = {
        "console_scripts": project.get("scripts", {}),
        "gui_scripts": project.get("gui-scripts", {}),
        **project.get("entry-points", {}),
    }
    texts = (
        "\n".join([f"[{group}]", *(f"{name} = {target}" for name, target in points.items())])
        for group, points in groups.items()
        if points
    )
    text = "\n\n".join(texts)
    return {"entry_points.txt": f"{text}\n"} if text else {}
