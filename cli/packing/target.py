"""The platform of the function: the Python, the CPU and the C library that every wheel has to fit.

Nothing here depends on this machine. runtimes.toml describes Lambda's runtimes; the rules are those of
https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/ and
https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers.
"""

import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from packaging.tags import Tag

Architecture = Literal["x86_64", "arm64"]
"""A CPU, by Lambda's name."""

# The manylinux levels that uv has as platforms. The highest one that the runtime's glibc supports is used.
_UV_LEVELS = ((2, 17), (2, 28), (2, 31), (2, 32), (2, 33), (2, 34))
# Older names of three levels, which many wheels still carry (PEP 600).
_LEGACY_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_OLDEST_LEVEL = 5


def runtimes() -> Mapping[str, Mapping[str, Any]]:
    """Return Lambda's Python runtimes by minor version, oldest first, without previews."""
    return {minor: row for minor, row in with_previews().items() if not row.get("preview")}


@cache
def with_previews() -> Mapping[str, Mapping[str, Any]]:
    """Return the table of Lambda's Python runtimes by minor version, oldest first."""
    text = resources.files(__package__).joinpath("runtimes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True, kw_only=True)
class Target:
    """A function's platform, with its names in Lambda, uv, wheels and container engines."""

    python: str = "3.13"
    """Minor version, a key of runtimes.toml."""
    architecture: Architecture = "x86_64"

    @property
    def runtime(self) -> str:
        """Lambda's name of the runtime: "python3.13"."""
        return f"python{self.python}"

    @property
    def base_image(self) -> str:
        """AWS's container image of the runtime, with its runtime client as the entry point.

        https://docs.aws.amazon.com/lambda/latest/dg/python-image.html#python-image-instructions
        """
        return f"public.ecr.aws/lambda/python:{self.python}"

    @property
    def full_python(self) -> str:
        """The full version that markers are evaluated for: "3.13.7"."""
        return str(self._runtime["full"])

    @property
    def system(self) -> str:
        """The operating system of the runtime: "Amazon Linux 2023"."""
        return str(self._runtime["system"])

    @property
    def glibc(self) -> tuple[int, int]:
        """The version of the runtime's C library."""
        major, minor = self._runtime["glibc"]
        return (major, minor)

    @property
    def machine(self) -> str:
        """The CPU as wheels, ELF files and `platform_machine` name it."""
        return "aarch64" if self.architecture == "arm64" else "x86_64"

    @property
    def docker_platform(self) -> str:
        """The platform as container engines name it."""
        return "linux/arm64" if self.architecture == "arm64" else "linux/amd64"

    @property
    def build_image(self) -> str:
        """The image that native wheels are built in by default."""
        return str(self._runtime["image"]).format(architecture=self.architecture)

    @property
    def uv_platform(self) -> str:
        """The platform as uv names it: "x86_64-manylinux_2_34"."""
        major, minor = self._manylinux
        return f"{self.machine}-manylinux_{major}_{minor}"

    def obstacle(self) -> str:
        """Return the reason why native code for it cannot run on this machine; "" if there is none."""
        here = f"{platform.system()} on {platform.machine()}"
        if here == f"Linux on {self.machine}":
            return ""
        return f"the bundle's native code is for Linux on {self.machine}, and this is {here}"

    @property
    def id(self) -> str:
        """A short unique name for cache keys and messages: "cp313-x86_64-glibc2.34"."""
        return f"cp{self.python.replace('.', '')}-{self.machine}-glibc{self.glibc[0]}.{self.glibc[1]}"

    def tags(self) -> "tuple[Tag, ...]":
        """Return every wheel tag that fits, best first."""
        # The import takes 10 ms, and most runs need no tags.
        from packaging import tags

        major, minor = (int(part) for part in self.python.split("."))
        platforms = self._platforms()
        return (
            *tags.cpython_tags((major, minor), platforms=platforms),
            *tags.compatible_tags((major, minor), f"cp{major}{minor}", platforms),
        )

    def markers(self) -> dict[str, str]:
        """Return the environment for PEP 508 markers: the function's, never this machine's."""
        return {
            "implementation_name": "cpython",
            "implementation_version": self.full_python,
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": self.full_python,
            "python_version": self.python,
            "sys_platform": "linux",
        }

    @property
    def _runtime(self) -> Mapping[str, Any]:
        return with_previews()[self.python]

    @property
    def _manylinux(self) -> tuple[int, int]:
        return max(level for level in _UV_LEVELS if level <= self.glibc)

    def _platforms(self) -> list[str]:
        names = []
        # The list ends at uv's level. On Amazon Linux 2 that leaves out a few wheels for glibc 2.24 to 2.26.
        for level in range(self._manylinux[1], _OLDEST_LEVEL - 1, -1):
            names.append(f"manylinux_2_{level}_{self.machine}")
            if level in _LEGACY_NAMES:
                names.append(f"{_LEGACY_NAMES[level]}_{self.machine}")
        return [*names, f"linux_{self.machine}"]
