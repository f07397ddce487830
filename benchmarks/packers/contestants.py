"""Who packs: lambdify, the least that anybody could do, and four others, each as its documentation says.

Each has an environment of its own under benchmarks/.venv-packers, from the package indexes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from uv import find_uv_bin

from packers import projects
from packers.measuring import Line

HERE = Path(__file__).parent.parent
HOME = HERE / ".venv-packers"
NPM = {"serverless": "3", "serverless-python-requirements": "6"}
"""Serverless 4 wants a login."""
ZIP = """
import sys, zipfile
from pathlib import Path
out, *tops = map(Path, sys.argv[1:])
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as bundle:
    for top in tops:
        for path in sorted(top.rglob("*")):
            if path.is_file() and ".lambdify" not in path.parts:
                bundle.write(path, path.relative_to(top))
"""


def nothing(_: Path) -> None:
    """Leave the project as it is."""


@dataclass(frozen=True)
class Contestant:
    """Somebody who packs a project."""

    name: str
    version: str
    lines: Callable[[Path], list[Line]]
    """What is run in the project's folder."""
    made: tuple[str, ...]
    """Patterns of the zips that come of it, in that folder."""
    prepare: Callable[[Path], None] = nothing
    """Add to the project what this one wants."""
    forget: tuple[str, ...] = ()
    """What it keeps from run to run, beside downloads: in the project's folder, or beside it."""
    environ: Mapping[str, str] = field(default_factory=dict)
    app: str = "app.py"
    keeps: bool = True
    """Whether a run finds more of the one before than downloads."""


def everybody(requirements: tuple[str, ...]) -> list[Contestant]:
    """All of them, installed; zappa packs the environment it runs in, which gets the requirements."""
    return [_lambdify(), _floor(), _zappa(requirements), _chalice(), _sam(), _serverless()]


def lambdify_python() -> Path:
    """The Python that lambdify is installed for, as it is now; an editable install would pay for its hook."""
    with tempfile.TemporaryDirectory() as copy:
        for name in ("adapter", "cli", "setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
            source = HERE.parent / name
            if source.is_dir():
                shutil.copytree(source, Path(copy, name), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, copy)
        shutil.rmtree(HOME / "lambdify", ignore_errors=True)
        return _install("lambdify", copy)


def _lambdify() -> Contestant:
    python = lambdify_python()
    return Contestant(
        name="lambdify",
        version=_version(python, "lambdify"),
        lines=lambda _: [[str(python.with_name("lambdify")), "package", "--quiet"]],
        made=(".lambdify/build/*.zip",),
        forget=(".lambdify", "../lambdify-cache/contents", "../lambdify-cache/fragments"),
    )


def _floor() -> Contestant:
    def lines(root: Path) -> list[Line]:
        tree = root.parent / "floor-tree"
        install = [find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable]
        return [
            [*install, "--requirements", str(root / "requirements.txt"), "--target", str(tree)],
            [sys.executable, "-c", ZIP, str(root.parent / "floor.zip"), str(tree), str(root)],
        ]

    return Contestant(
        name="uv + zipfile",
        version=subprocess.check_output([find_uv_bin(), "--version"], text=True).split()[1],
        lines=lines,
        made=("../floor.zip",),
        forget=("../floor-tree", "../floor.zip"),
        keeps=False,
    )


def _zappa(requirements: tuple[str, ...]) -> Contestant:
    python = _install("zappa", "zappa", "pip", "setuptools", "wheel", *requirements)
    folder = python.parent
    return Contestant(
        name="zappa",
        version=_version(python, "zappa"),
        lines=lambda _: [[str(folder / "zappa"), "package", "prod", "-o", "out.zip"]],
        made=("out.zip",),
        prepare=projects.write_for_zappa,
        forget=("out.zip",),
        keeps=False,
        environ={"VIRTUAL_ENV": str(folder.parent), "PATH": f"{folder}:{os.environ['PATH']}"},
    )


def _chalice() -> Contestant:
    python = _install("chalice", "chalice", "pip", "setuptools", "wheel")
    return Contestant(
        name="chalice",
        version=_version(python, "chalice"),
        lines=lambda _: [[str(python.with_name("chalice")), "package", "--stage", "prod", "out"]],
        made=("out/deployment.zip",),
        prepare=projects.write_for_chalice,
        forget=("out", ".chalice/deployments", ".chalice/deployed"),
        environ={"PATH": f"{python.parent}:{os.environ['PATH']}"},
    )


def _sam() -> Contestant:
    python = _install("sam", "aws-sam-cli")
    return Contestant(
        name="sam build + zipfile",
        version=_version(python, "aws-sam-cli"),
        lines=lambda root: [
            [str(python.with_name("sam")), "build", "--cached"],
            [sys.executable, "-c", ZIP, str(root / "out.zip"), str(root / ".aws-sam" / "build" / "Shop")],
        ],
        made=("out.zip",),
        prepare=projects.write_for_sam,
        forget=("out.zip", ".aws-sam"),
        environ={"SAM_CLI_TELEMETRY": "0"},
        app="shop/app.py",
    )


def _serverless() -> Contestant:
    folder = HOME / "serverless"
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text('{"private": true}')
        wanted = [f"{name}@{version}" for name, version in NPM.items()]
        subprocess.run(
            ["npm", "install", "--silent", "--no-audit", "--no-fund", *wanted], cwd=folder, check=True
        )
        (folder / "complete").touch()
    modules = folder / "node_modules"
    manifest = "console.log(require(process.argv[1]).version)"
    versions = [
        subprocess.check_output(
            ["node", "-e", manifest, str(modules / name / "package.json")], text=True
        ).strip()
        for name in NPM
    ]
    return Contestant(
        name="serverless",
        version=" with serverless-python-requirements ".join(versions),
        lines=lambda _: [[str(modules / ".bin" / "serverless"), "package"]],
        made=(".serverless/*.zip",),
        prepare=lambda root: projects.write_for_serverless(root, modules),
        forget=(".serverless", "../serverless-cache"),
        environ={"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off"},
    )


def _install(name: str, *packages: str) -> Path:
    """The Python of an environment with these packages; what is there already is kept."""
    python = HOME / name / "bin" / "python"
    marker = HOME / name / "complete"
    if not marker.exists() or marker.read_text() != " ".join(packages):
        print(f"* installing {name}", file=sys.stderr, flush=True)
        uv = find_uv_bin()
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(HOME / name)], check=True
        )
        line = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
        subprocess.run([*line, *packages], check=True)
        marker.write_text(" ".join(packages))
    return python


def _version(python: Path, package: str) -> str:
    code = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))"
    return subprocess.check_output([python, "-c", code, package], text=True).strip()
