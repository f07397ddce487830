"""An image with AWS's runtime client as its entry point, as AWS's own base images are made."""

import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from lambdify.cli.local.functions.runtime_client import fetch
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.docker import open_engine

BASE = "lambdify/local-base-test:python3.11"
DOCKERFILE = """
FROM {image}
COPY runtime/ /var/runtime/
ENV LAMBDA_TASK_ROOT=/var/task PYTHONPATH=/var/runtime
WORKDIR /var/task
ENTRYPOINT ["python3", "-m", "awslambdaric"]
"""


def make_base(build_image: str) -> str:
    """Its name; it has the Python of the build image."""
    context = write_context(DOCKERFILE.format(image=build_image), {}, fetch(Path(sys.executable), "3.11"))
    with open_engine("tests need an image") as engine:
        engine.build_image(context, BASE, Target(python="3.11"))
    return BASE


def write_context(dockerfile: str, files: Mapping[str, str], runtime: Path | None = None) -> io.BytesIO:
    """What an engine builds from."""
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o644
            archive.addfile(entry, io.BytesIO(text.encode()))
        if runtime:
            archive.add(runtime, "runtime")
    context.seek(0)
    return context
