"""Small projects that really fail: each app is imported in a process of its own, which tells what came."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Frame, Raised

WORKER = Path(__file__).with_name("raising_worker.py")


class Failed(NamedTuple):
    """What came of importing an app."""

    root: Path
    """The project's folder."""
    raised: Raised
    unset: tuple[str, ...]
    """The variables that were asked for and not set."""
    text: str
    """Python's own traceback."""


def fail(files: Mapping[str, str], folder: Path, *, environ: Mapping[str, str] | None = None) -> Failed:
    """Import the app of a project of these files."""
    return fail_all({"shop": files}, folder, environ={"shop": environ or {}})["shop"]


def fail_all(
    projects: Mapping[str, Mapping[str, str]],
    folder: Path,
    *,
    environ: Mapping[str, Mapping[str, str]] | None = None,
    read_only: tuple[str, ...] = (),
) -> dict[str, Failed]:
    """Import the app of each project, in forks of one process that knows the libraries, for that is quick.

    `environ` are variables by project. The projects in `read_only` have folders as on Lambda.
    """
    wanted = []
    folder.mkdir(exist_ok=True)
    for name, files in projects.items():
        root = folder / name / "shop"
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(dedent(text).lstrip("\n"), encoding="utf-8")
        variables = {"PATH": os.environ["PATH"], "HOME": str(folder), **(environ or {}).get(name, {})}
        wanted.append([str(root), str(folder / f"{name}.json"), variables, name in read_only])
    (folder / "wanted.json").write_text(json.dumps(wanted), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-B", str(WORKER), str(folder / "wanted.json")],
        check=True,
        timeout=120,
        capture_output=True,
    )
    return {name: _read(folder / name / "shop", folder / f"{name}.json") for name in projects}


def _read(root: Path, report: Path) -> Failed:
    told = json.loads(report.read_text(encoding="utf-8"))
    return Failed(root, _raised(told["raised"]), tuple(told["unset"]), told["text"])


def _raised(told):
    if told is None:
        return None
    frames = tuple(Frame(**each) for each in told["frames"])
    bases = tuple(told["bases"])
    return Raised(**{**told, "bases": bases, "frames": frames, "cause": _raised(told["cause"])})


def project_of(root: Path, **facts) -> Project:
    """The facts about the project, as a default stage without settings has them."""
    usual = {"python": "3.13", "requirements": "requirements.txt", "stage": "dev"}
    return Project(root=root, **{**usual, **facts})


def text_of(explanation) -> str:
    """An explanation as it is read: what happened, what to do, and the traceback."""
    parts = [f"error: {explanation.message}"]
    if explanation.hint:
        parts.append(f"hint: {explanation.hint}")
    text = "\n".join([*parts, "", *explanation.lines]) + "\n"
    # What differs from one machine to another.
    text = re.sub(r"/\S*/shop/", "/var/task/", re.sub(r"the same \d+", "the same N", text))
    return re.sub(r"(?<=[\s('])/\S+/python3\.\d+/", "PYTHON/", text)
