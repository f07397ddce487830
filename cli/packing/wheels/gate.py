"""The gate: a check, before packing, that the function's loader can load every native file.

A wheel's tag can be wrong. So the gate checks the CPU, the version of glibc, and whether each library that a
file needs is in the bundle or in the runtime.

- A wheel that was built for this function is refused for every problem.
- A ready wheel may contain files for other CPUs, and need libraries for an optional part (its author left
  them out with auditwheel's --exclude). That is only reported. But a wheel that needs a desktop library is
  refused: the manylinux policies assume these on every system, and Lambda has none.
  https://github.com/pypa/auditwheel/blob/main/src/auditwheel/policy/manylinux-policy.json
"""

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.elf import Elf, parse_elf

NATIVE = re.compile(r"\.so(\.[\w.]+)?$")
"""A pattern for the names of shared objects."""
# The parts of the C library, the compiler's libraries, and those that the interpreter is linked with.
_IN_RUNTIME = re.compile(
    r"^(ld-linux[\w-]*|lib(c|m|mvec|anl|dl|rt|pthread|util|resolv|nsl|crypt|gcc_s|stdc\+\+|z|python[\d.]+))\.so(\.\d+)*$"
)
_DESKTOP = re.compile(r"^lib(X11|Xext|Xrender|ICE|SM|GL|glib-2\.0|gobject-2\.0|gthread-2\.0)\.so(\.\d+)*$")
_MAX_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """The problems of a package: refusals keep it out of the bundle, remarks do not."""

    refusals: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def find_natives_in_wheel(wheel: Path) -> Mapping[str, Elf]:
    """Return the requirements of each shared object of a wheel, by its path in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        natives = {name: parse_elf(archive.read(name)) for name in archive.namelist() if NATIVE.search(name)}
    return {name: elf for name, elf in natives.items() if elf is not None}


def inspect(
    natives: Mapping[str, Elf], target: Target, *, provided: Iterable[str] = (), built: bool = False
) -> Inspection:
    """Return the problems of a package's shared objects.

    `provided` are libraries of other packages. `built` says that the package was built for this target.
    """
    refusals: list[str] = []
    remarks: list[str] = []
    foreign = {name: elf.machine for name, elf in natives.items() if elf.machine != target.machine}
    if foreign:
        machines = _abbreviate(sorted(set(foreign.values())))
        mismatch = f"{_abbreviate(foreign)} built for {machines}, not for {target.machine}"
        (refusals if built or len(foreign) == len(natives) else remarks).append(mismatch)
    fitting = {name: elf for name, elf in natives.items() if name not in foreign}
    too_new = {name: elf.glibc for name, elf in fitting.items() if elf.glibc > target.glibc}
    if too_new:
        highest = _dotted(max(too_new.values()))
        refusals.append(
            f"{_abbreviate(too_new)} needs glibc {highest}, {target.system} has {_dotted(target.glibc)}"
        )
    there = {PurePosixPath(name).name for name in natives} | set(provided)
    missing = sorted(
        {library for elf in fitting.values() for library in elf.needed if not _is_found(library, there)}
    )
    severe = [library for library in missing if built or _DESKTOP.match(library)]
    if severe:
        refusals.append(f"needs {', '.join(severe)}, which neither the bundle nor the runtime has")
    if optional := [library for library in missing if library not in severe]:
        remarks.append(f"a part of it needs {', '.join(optional)}, which is not on Lambda")
    return Inspection(refusals=tuple(refusals), remarks=tuple(remarks))


def missing_libraries(natives: Mapping[str, Elf]) -> tuple[str, ...]:
    """Return the libraries that a package needs, and that neither it nor the runtime has; sorted."""
    there = {PurePosixPath(name).name for name in natives}
    needed = {library for elf in natives.values() for library in elf.needed}
    return tuple(sorted(library for library in needed if not _is_found(library, there)))


def _is_found(library: str, there: set[str]) -> bool:
    return library in there or _IN_RUNTIME.match(library) is not None


def _abbreviate(names: Iterable[str]) -> str:
    """Return the first names, and the number of the others."""
    listed = list(names)
    rest = f" and {len(listed) - _MAX_SHOWN} more" if len(listed) > _MAX_SHOWN else ""
    return ", ".join(listed[:_MAX_SHOWN]) + rest


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"
