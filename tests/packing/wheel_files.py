"""Writing real wheels."""

import hashlib
import zipfile
from pathlib import Path

from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.distributions import Distribution
from lambdify.cli.packing.wheels.wheel_cache import Wheel


def write_wheel(
    folder: Path,
    name: str,
    files: dict[str, str | bytes],
    *,
    version: str = "1.0",
    mode: int = 0o644,
    method: int = zipfile.ZIP_DEFLATED,
    level: int = 6,
) -> Distribution:
    """Write a wheel with these files, and give it as it would come from an index."""
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    about = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "".join(f"{file},,\n" for file in files),
    }
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", method, compresslevel=level) as wheel:
        for file, content in {**files, **about}.items():
            member = zipfile.ZipInfo(file)
            member.external_attr = mode << 16
            wheel.writestr(member, content, method, level)
    return read(path).distribution


def read(path: Path) -> site_packages.Contents:
    """What is in a wheel that lies somewhere."""
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    package = Package(name="test", version="1.0", kind="wheel", path=path, sha256=sha256)
    return site_packages.read_contents(Wheel(package=package, path=path, sha256=sha256))
