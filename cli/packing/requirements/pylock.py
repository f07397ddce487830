"""pylock.toml, the format that every dependency file is converted to, and the packages in it.

    uv.lock            uv exports it as one
    pylock.toml        is one
    everything else    uv resolves it into one

https://packaging.python.org/en/latest/specifications/pylock-toml/
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from lambdify.cli.errors import RequirementsError
from lambdify.cli.packing.target import Target

if TYPE_CHECKING:
    # The import takes long, so it happens when a pylock is read; until then only `Package` is needed.
    from packaging import pylock as specification

    _File = specification.PackageArchive | specification.PackageWheel | specification.PackageSdist


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of the plan, and the file or place that it comes from."""

    name: str
    """Normalised."""
    version: str
    """"" if only a build shows it."""
    kind: Literal["wheel", "sdist", "directory", "git"]
    filename: str = ""
    url: str = ""
    path: Path | None = None
    """The path of a file or folder of this machine; then there is no URL."""
    sha256: str = ""
    commit: str = ""
    subdirectory: str = ""
    size: int = 0
    """Bytes of the file; 0 if the lock does not say."""

    @property
    def label(self) -> str:
        """Name and version, for messages."""
        return f"{self.name} {self.version}".rstrip()

    @property
    def origin(self) -> str:
        """Where it comes from, for others to read: see `Distribution.origin`."""
        if self.kind == "directory" or (self.kind == "git" and self.url.startswith("file:")):
            return "folder"
        if self.path is not None or not self.url:
            return ""
        parts = urlsplit(self.url)
        # The query of a file store's address may hold a signature that lets whoever has it read.
        public = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        return f"git+{public}@{self.commit}" if self.kind == "git" else public


def read_pylock(
    content: Mapping[str, Any],
    base: Path,
    target: Target,
    *,
    name: str,
    extras: Collection[str] = (),
    groups: Collection[str] = (),
) -> tuple[Package, ...]:
    """Return the packages of a pylock that the target needs; a wheel for each package that has a fitting one.

    Relative paths start at the folder `base`. `name` is for messages. Raises RequirementsError.
    """
    from packaging import markers
    from packaging import pylock as specification

    try:
        lock = specification.Pylock.from_dict(content)
        chosen = lock.select(
            environment=target.markers(),  # type: ignore[arg-type]
            tags=target.tags(),
            extras=extras,
            # The requested groups are added to the default ones.
            dependency_groups=[*(lock.default_groups or ()), *groups],
        )
        return tuple(_package(package, origin, base) for package, origin in chosen)
    except specification.PylockValidationError as error:
        raise RequirementsError(
            f"{name} is not a valid pylock.toml: {error}", hint="Have the tool that wrote it write it again."
        ) from error
    except (
        specification.PylockSelectError,
        markers.InvalidMarker,
        markers.UndefinedComparison,
        markers.UndefinedEnvironmentName,
    ) as error:
        raise RequirementsError(
            f"{name} cannot be installed for {target.runtime} on {target.architecture}: {error}",
            hint="Lock again with this Python and platform included, or set [function] python.",
        ) from error


def _package(
    package: "specification.Package",
    origin: "specification.PackageVcs | specification.PackageDirectory | _File",
    base: Path,
) -> Package:
    from packaging import pylock as specification

    version = str(package.version or "")
    match origin:
        case specification.PackageVcs():
            if origin.type != "git":
                raise RequirementsError(
                    f"{package.name} comes from {origin.type}, and only git is supported",
                    hint="Publish it as a wheel or an sdist, or keep it in git.",
                )
            return Package(
                name=package.name,
                version=version,
                kind="git",
                url=origin.url or (base / str(origin.path)).resolve().as_uri(),
                commit=origin.commit_id,
                subdirectory=origin.subdirectory or "",
            )
        case specification.PackageDirectory():
            folder = (base / origin.path / (origin.subdirectory or "")).resolve()
            return Package(name=package.name, version=version, kind="directory", path=folder)
        case _:
            return _file(package.name, version, origin, base)


def _file(name: str, version: str, origin: "_File", base: Path) -> Package:
    from packaging import pylock as specification

    path = (base / origin.path).resolve() if origin.path else _local_path(origin.url or "")
    filename = path.name if path else unquote(urlsplit(origin.url or "").path.rpartition("/")[2])
    if "sha256" not in origin.hashes:
        raise RequirementsError(
            f"{name}: the lock file has no sha256 of {filename}",
            hint="Lock again: only what is pinned by sha256 is installed.",
        )
    return Package(
        name=name,
        version=version or _version_of(filename),
        kind="wheel" if filename.endswith(".whl") else "sdist",
        filename=filename,
        url="" if path else (origin.url or ""),
        path=path,
        sha256=origin.hashes["sha256"].lower(),
        size=origin.size or 0,
        subdirectory=(origin.subdirectory or "") if isinstance(origin, specification.PackageArchive) else "",
    )


def _local_path(url: str) -> Path | None:
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    # The import loads the HTTP and e-mail modules, which most runs do not need.
    from urllib.request import url2pathname

    return Path(url2pathname(parts.path))


def _version_of(filename: str) -> str:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        return str(parse_wheel_filename(filename)[1])
    except InvalidWheelFilename:
        return ""
