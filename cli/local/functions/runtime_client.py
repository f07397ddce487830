"""What the managed runtime has beside the interpreter: AWS's runtime client and boto3, per minor version."""

from pathlib import Path

from lambdify.cli.local.functions import locked

LOCK = Path(__file__).with_suffix(".txt")
BUILD = LOCK.with_name("runtime_client_build.txt")


def fetch(python: Path, minor: str) -> Path:
    """The folder to put on sys.path for that interpreter. Raises LocalCloudFailed."""
    return locked.fetch("client", LOCK, python, minor, build=BUILD)
