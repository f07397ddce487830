"""Writing small real packages: wheels with any tag, and sources that build where no index is."""

import base64
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

BACKEND = """
import tarfile, zipfile
from pathlib import Path

def _metadata():
    return Path("PKG-INFO").read_text()

def _fields():
    return dict(line.split(": ", 1) for line in _metadata().splitlines() if ": " in line)

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name, version = _fields()["Name"], _fields()["Version"]
    tag = Path("TAG").read_text() if Path("TAG").exists() else "py3-none-any"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(Path(folder) / f"{name}-{version}-{tag}.whl", "w") as wheel:
        for path in sorted(Path(name).rglob("*")):
            wheel.write(path, path.as_posix())
        wheel.writestr(f"{info}/METADATA", _metadata())
        pure = "true" if tag.endswith("any") else "false"
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\\nRoot-Is-Purelib: {pure}\\nTag: {tag}\\n")
        members = [*wheel.namelist(), f"{info}/RECORD"]
        wheel.writestr(f"{info}/RECORD", "".join(f"{member},,\\n" for member in members))
    return f"{name}-{version}-{tag}.whl"
"""
"""A build backend without requirements: a source tree that carries it builds where no index is."""

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

COMPILE = """
import subprocess
from pure_backend import build_wheel as build_pure, _fields

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = _fields()["Name"]
    for command in open("COMMANDS").read().splitlines():
        print("running", command, flush=True)
        ran = subprocess.run(command, shell=True, capture_output=True, text=True)
        print(ran.stdout, ran.stderr, flush=True)
        ran.check_returncode()
    return build_pure(folder)
"""
MODULE = """
#include <Python.h>
{includes}
static PyObject *answer(PyObject *self, PyObject *none) {{ return PyLong_FromLong({value}); }}
static PyMethodDef methods[] = {{{{"answer", answer, METH_NOARGS, ""}}, {{NULL}}}};
static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT, "_native", NULL, -1, methods}};
PyMODINIT_FUNC PyInit__native(void) {{ return PyModule_Create(&module); }}
"""
GCC = "gcc -shared -fPIC $(python3-config --includes) native.c -o {name}/_native.so {more}"


def write_wheel(
    folder: Path, name: str, version: str, *, tag: str = "py3-none-any", requires: tuple[str, ...] = ()
) -> Path:
    """Write a wheel with one module, and whatever tag it is to claim."""
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {line}\n" for line in requires)
    files = {
        f"{name}/__init__.py": f"version = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:version\n",
    }
    record = "".join(f"{member},{_record_digest(text)},{len(text)}\n" for member, text in files.items())
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(member, text)
    return path


def source_tree(name: str, version: str, *, tag: str = "") -> dict[str, str]:
    """The files of a source tree that builds without any index; `tag` is what its wheel will claim."""
    files = {
        "PKG-INFO": f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": f'{PYPROJECT}\n[project]\nname = "{name}"\nversion = "{version}"\n',
        "backend.py": BACKEND,
        f"{name}/__init__.py": f"version = {version!r}\n",
    }
    return {**files, **({"TAG": tag} if tag else {})}


def native_tree(
    name: str,
    *,
    value: str = "42",
    includes: str = "",
    more: str = "",
    before: str = "",
    tag: str = "cp311-cp311-linux_x86_64",
) -> dict[str, str]:
    """A source tree that needs nothing but a C compiler and Python's headers."""
    pure = source_tree(name, "1.0", tag=tag)
    return {
        **pure,
        "pure_backend.py": pure["backend.py"],
        "backend.py": COMPILE,
        "COMMANDS": f"{before}\n{GCC.format(name=name, more=more)}\n".lstrip(),
        "native.c": MODULE.format(includes=includes, value=value),
    }


def write_sdist(
    folder: Path, name: str, version: str, *, tag: str = "", tree: Mapping[str, str] | None = None
) -> Path:
    """Write an sdist of `tree`, or of `source_tree`."""
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, text in (tree or source_tree(name, version, tag=tag)).items():
            entry = tarfile.TarInfo(f"{name}-{version}/{member}")
            entry.size = len(text.encode())
            entry.mtime = 1_000_000_000
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record_digest(text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
    return f"sha256={digest.rstrip(b'=').decode()}"
