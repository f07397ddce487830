"""The packages of the managed runtime, AWS's runtime client and boto3, for each minor version of Python."""

from pathlib import Path

from lambdify.cli.local.functions import locked

LOCK = Path(__file__).with_suffix(".txt")
BUILD = LOCK.with_name("runtime_client_build.txt")


def fetch(python: Path, minor: str) -> Path:
    """Return the folder of the packages, for sys.path of that interpreter. Raises LocalCloudFailed."""
    return locked.fetch("client", LOCK, python, minor, build=BUILD)


def find(minor: str) -> Path | None:
    """Return that folder if the packages were fetched before; else None."""
    found = locked.locate("client", LOCK, minor, build=BUILD)
    return found if found.exists() else None
