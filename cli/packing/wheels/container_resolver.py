"""uv in the build container, for packages that have to be built to say what they require.

With [build] strategy "docker" no code of a package runs on this machine. Most packages need not run for
their requirements to be known; for one that computes them, the whole question goes into the container, with
the files that it names, and every file lies where it lies here: so the answer means the same here.

    the question's files ▶ the container ▶ uv pip compile ▶ pylock.toml ▶ back
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lambdify.cli.console import Console
from lambdify.cli.packing.requirements import local_sources
from lambdify.cli.packing.requirements.credentials import with_netrc
from lambdify.cli.packing.requirements.indexes import Indexes, settings_files
from lambdify.cli.packing.requirements.origins import walk
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.requirements.requirements import find_files
from lambdify.cli.packing.resolution.resolver import ContainerUv, ResolveRequest
from lambdify.cli.packing.resolution.uv import PYTHON, find_uv
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.native import (
    CONTAINER_FOLDER,
    BuildContext,
    environment,
    find_python,
    pack_certificates,
)
from lambdify.cli.programs import Outcome
from lambdify.cli.settings import Settings

_UV = CONTAINER_FOLDER / "uv"
_SEPARATORS = {"UV_FIND_LINKS": ","}


def uv_in_container(settings: Settings, target: Target, console: Console) -> ContainerUv:
    """Who runs uv in the build container. Raises DockerUnavailable and BuildError."""

    def run(arguments: Sequence[str], folder: Path, request: ResolveRequest) -> Outcome:
        context = BuildContext(
            target=target, build=settings.build, indexes=request.indexes, root=settings.root
        )
        # The Docker SDK takes longer to import than most resolutions take.
        from lambdify.cli.packing.wheels.docker import open_engine

        why = f"{request.subject} names packages that have to be built to know what they require"
        with open_engine(why) as engine, tempfile.TemporaryDirectory(prefix="lambdify-") as name:
            image = engine.fetch_image(context.image, context.target, console)
            upload = Path(name, "upload")
            upload.mkdir()
            certificates = pack_certificates(upload)
            with engine.container(image) as container:
                uv = _pack_uv(upload, context)
                container.put(upload, CONTAINER_FOLDER)
                for number, (place, files) in enumerate(_group_by_folder(folder, request).items()):
                    copied = Path(name, str(number))
                    _copy(files, place, copied)
                    container.put(copied, PurePosixPath(place))
                python = find_python(container, context)
                variables = {**environment(context.indexes, certificates), **_variables(request.indexes)}
                if not uv:
                    install = [python, "-m", "pip", "install", "--quiet", "--target", str(_UV), "uv"]
                    container.run(install, variables)
                program = [str(CONTAINER_FOLDER / "uv-program")] if uv else [str(_UV / "bin" / "uv")]
                words = [python if word == PYTHON[1] else word for word in arguments]
                # Paths in requirements start where uv runs.
                here = ["sh", "-c", 'cd "$0" && exec "$@"', str(request.root.resolve())]
                result = container.run([*here, *program, *words], variables)
                if result.succeeded:
                    container.get(PurePosixPath(folder / "pylock.toml"), folder)
        return Outcome(code=result.code, output=result.output, errors=result.output)

    return run


def _pack_uv(upload: Path, context: BuildContext) -> bool:
    """Whether the uv of this machine runs in the container too, and is packed."""
    if sys.platform != "linux" or platform.machine() != context.target.machine:
        return False
    shutil.copy(find_uv(), upload / "uv-program")
    return True


def _group_by_folder(folder: Path, request: ResolveRequest) -> Mapping[Path, list[Path]]:
    """The files that uv reads, by folders to copy at once: no folder that others share is touched."""
    places = [folder, request.root.resolve()]
    found: dict[Path, list[Path]] = {place: [] for place in places}
    for file in (*folder.iterdir(), *_files(request)):
        place = next((each for each in found if file.is_relative_to(each)), file.parent)
        found.setdefault(place, []).append(file)
    return found


def _files(request: ResolveRequest) -> Iterator[Path]:
    texts = [
        each for file in request.files for each in (find_files(file) if file.suffix != ".toml" else (file,))
    ]
    yield from (text.resolve() for text in texts)
    yield from (file for file in settings_files(request.root) if file.is_file())
    for place in local_sources.find_required(texts, request.lines, request.root):
        if place.is_dir():
            for base, names in walk(Package(name=place.name, version="", kind="directory", path=place)):
                yield from (base / name for name in names)
        else:
            yield place


def _included(file: Path) -> tuple[Path, ...]:
    return (file,) if file.suffix == ".toml" else find_files(file)


def _copy(files: Sequence[Path], place: Path, into: Path) -> None:
    into.mkdir()
    for file in files:
        target = into / file.relative_to(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)


def _variables(indexes: Indexes) -> Mapping[str, str]:
    """What uv has to be told there: the indexes with their logins, which no file of the user's says."""
    named = {name: value for name, value in os.environ.items() if name.startswith("UV_INDEX_")}
    told = {
        "UV_DEFAULT_INDEX": (indexes.default,),
        "UV_EXTRA_INDEX_URL": indexes.extra,
        "UV_FIND_LINKS": indexes.links,
    }
    remote = {
        name: [with_netrc(url) for url in urls if url.startswith("http")] for name, urls in told.items()
    }
    separators = {"UV_FIND_LINKS": ","}
    joined = {name: separators.get(name, " ").join(urls) for name, urls in remote.items() if urls}
    return {**named, **joined, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}
