"""uv in the build container, for packages whose dependencies are known only after a build.

With [build] strategy "docker" no code of a package runs on this machine. Most packages declare their
dependencies as data. If one computes them, uv runs in the container, with the files of the request at the
same paths as here, so that paths in the result are valid here, too.

    files of the request ▶ the container ▶ uv pip compile ▶ pylock.toml ▶ back
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


def uv_in_container(settings: Settings, target: Target, console: Console) -> ContainerUv:
    """Return a function that runs uv in the build container. It raises DockerUnavailable and BuildError."""

    def run(arguments: Sequence[str], folder: Path, request: ResolveRequest) -> Outcome:
        context = BuildContext(
            target=target, build=settings.build, indexes=request.indexes, root=settings.root
        )
        # To import the Docker SDK takes longer than most resolutions.
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
                # Relative paths in requirements start at uv's working folder.
                here = ["sh", "-c", 'cd "$0" && exec "$@"', str(request.root.resolve())]
                result = container.run([*here, *program, *words], variables)
                if result.succeeded:
                    container.get(PurePosixPath(folder / "pylock.toml"), folder)
        return Outcome(code=result.code, output=result.output, errors=result.output)

    return run


def _pack_uv(upload: Path, context: BuildContext) -> bool:
    """Copy this machine's uv if it runs in the container; return whether it was copied."""
    if sys.platform != "linux" or platform.machine() != context.target.machine:
        return False
    shutil.copy(find_uv(), upload / "uv-program")
    return True


def _group_by_folder(folder: Path, request: ResolveRequest) -> Mapping[Path, list[Path]]:
    """Return the files that uv reads, by the folder to copy them to; no other files are copied."""
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


def _copy(files: Sequence[Path], place: Path, into: Path) -> None:
    into.mkdir()
    for file in files:
        target = into / file.relative_to(place)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, target)


def _variables(indexes: Indexes) -> Mapping[str, str]:
    """Return the variables for uv in the container: the indexes with logins, and settings for a batch run."""
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
