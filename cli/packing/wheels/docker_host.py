"""How a container reaches a server of ours, which listens on 127.0.0.1 of this machine and nowhere else.

- An engine of this machine: a container may share the machine's network, and 127.0.0.1 is ours.
- An engine in a virtual machine on this machine (Docker Desktop, and any on macOS): it has a name for this
  machine, whose connections arrive on 127.0.0.1.
  https://docs.docker.com/desktop/features/networking/networking-how-tos/
- An engine on another machine, a rootless one, or one that is used from inside a container: no way, unless we
  listened where others could reach us too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.errors import DockerUnavailable

ZIPS_HINT = 'Or deploy it here as zips: [stages.NAME.build] form = "layer", if they are small enough.'
"""What can be done without an engine, as the end of a hint."""


@dataclass(frozen=True, kw_only=True)
class HostRoute:
    """How to start a container that reaches us."""

    network: str
    """The container's network mode; "" means the engine's default."""
    host: str
    """What 127.0.0.1 of this machine is called in the container."""

    @property
    def shared(self) -> bool:
        """Whether the container's processes are processes of this machine."""
        return self.network == "host"


HOST_NETWORK = HostRoute(network="host", host="127.0.0.1")
DOCKER_DESKTOP = HostRoute(network="", host="host.docker.internal")


def find(engine: Mapping[str, Any], *, hostname: str, kernel: str, platform: str) -> HostRoute:
    """The way from a container of an engine that describes itself so; the rest is of this machine.

    Raises DockerUnavailable where there is none.
    """
    if platform == "darwin" or "Docker Desktop" in engine.get("OperatingSystem", ""):
        return DOCKER_DESKTOP
    # Podman shares the machine's network without root as well; Docker shares that of its own namespace.
    rootless = "BuildahVersion" not in engine and any(
        "rootless" in option for option in engine.get("SecurityOptions") or ()
    )
    here = engine.get("Name") == hostname and engine.get("KernelVersion") == kernel
    if here and not rootless:
        return HOST_NETWORK
    what = "is rootless" if here else f'is not on this machine, but on "{engine.get("Name", "")}"'
    raise DockerUnavailable(
        f"The container engine {what}: a function in it could not reach the local cloud, which listens on "
        "127.0.0.1 only.",
        hint=f"Point DOCKER_HOST at an engine of this machine that runs as root. {ZIPS_HINT}",
    )
