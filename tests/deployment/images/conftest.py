"""What these tests need of the world: a base image with AWS's runtime client, a registry."""

import base64
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from local.runtime_image import make_base

from lambdify.cli.packing.target import Target

TARGET = Target(python="3.11")
PASSWORDS = "AWS:$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n"
"""The user AWS with the password U*U, hashed; a test vector of bcrypt's."""


class Registry(NamedTuple):
    """A registry that lets in one user."""

    address: str
    user: str = "AWS"
    password: str = "U*U"

    @property
    def token(self) -> str:
        """What ECR calls an authorization token."""
        return base64.b64encode(f"{self.user}:{self.password}".encode()).decode()


@pytest.fixture(scope="session")
def base(build_image: str) -> str:
    """An image with a runtime client as its entry point."""
    return make_base(build_image)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A real registry on the loopback."""
    program = shutil.which("docker-registry")
    if program is None:
        reason = "needs docker-registry, see .ci/docker"
        if os.environ.get("LAMBDIFY_REQUIRE_DOCKER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("registry")
    (folder / "passwords").write_text(PASSWORDS)
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: {address}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/passwords}}}}\n"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                socket.create_connection(tuple(address.split(":")), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield Registry(address)
    finally:
        process.terminate()
        process.wait(10)
