"""Each pitfall has a remedy and a test (pitfalls.toml). As a program: the test fails without the remedy."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOP = HERE.parents[1]
PITFALLS = tomllib.loads((HERE / "pitfalls.toml").read_text(encoding="utf-8"))["pitfall"]


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda pitfall: pitfall["what"])
def test_the_remedy_and_its_test_are_there(pitfall):
    code = (TOP / "cli" / pitfall["module"]).read_text(encoding="utf-8")
    assert code.count(pitfall["remedy"]) == 1
    file, *names = pitfall["test"].split("::")
    text = (TOP / "tests" / file).read_text(encoding="utf-8")
    assert all(re.search(rf"^ *(class|def) {name}\b", text, re.MULTILINE) for name in names)


def main(words: list[str]) -> int:
    """Take the remedies away that have all the words, and count those whose test passes all the same."""
    chosen = [pitfall for pitfall in PITFALLS if all(word in str(pitfall) for word in words)]
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "lambdify")
        for part in ("adapter", "cli", "tests", "pyproject.toml"):
            (shutil.copytree if (TOP / part).is_dir() else shutil.copy)(TOP / part, _made(copy) / part)
        for part in ("adapter", "cli"):
            (_made(copy / "path" / "lambdify") / part).symlink_to(copy / part)
        environment = os.environ | {"PYTHONPATH": str(copy / "path"), "PYTHONDONTWRITEBYTECODE": "1"}
        for pitfall in chosen:
            module = copy / "cli" / pitfall["module"]
            code = module.read_text(encoding="utf-8")
            module.write_text(code.replace(pitfall["remedy"], pitfall["without"]), encoding="utf-8")
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-x",
                str(copy / "tests" / pitfall["test"]),
            ]
            ran = subprocess.run(
                command, cwd=copy, env=environment, capture_output=True, text=True, check=False
            )
            module.write_text(code, encoding="utf-8")
            # 1: tests failed. Whatever else it may be (a wrong name, a broken module) is no proof.
            proven = ran.returncode == 1 and " failed" in ran.stdout
            missed += not proven
            print(
                "fails without it" if proven else f"NOT PROVEN ({ran.returncode})",
                "·",
                pitfall["what"],
                flush=True,
            )
    return missed


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
