"""The Docker host: how a container connects to our servers, which listen only on this machine's 127.0.0.1.

- An engine on this machine: the container shares the machine's network, so 127.0.0.1 is the machine's.
- An engine in a virtual machine on this machine (Docker Desktop, and any on macOS): it has a host name for
  this machine, and connections to it arrive on 127.0.0.1.
  https://docs.docker.com/desktop/features/networking/networking-how-tos/
- An engine on another machine, a rootless one, or one that is used from inside a container: containers cannot
  connect, unless we listened on an address that other machines can connect to as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lambdify.cli.errors import DockerUnavailable

ZIPS_HINT = 'Or deploy it here as zips: [stages.NAME.build] form = "layer", if they are small enough.'
"""The end of a hint: what to do without an engine."""


@dataclass(frozen=True, kw_only=True)
class HostRoute:
    """The network and the host name that a container connects to our servers with."""

    network: str
    """The container's network mode; "" means the engine's default."""
    host: str
    """The host name, in the container, of this machine's 127.0.0.1."""

    @property
    def shared(self) -> bool:
        """Whether the container's processes are processes of this machine."""
        return self.network == "host"


HOST_NETWORK = HostRoute(network="host", host="127.0.0.1")
DOCKER_DESKTOP = HostRoute(network="", host="host.docker.internal")


def find(engine: Mapping[str, Any], *, hostname: str, kernel: str, platform: str) -> HostRoute:
    """Return the route from containers of an engine with this description to this machine.

    `hostname`, `kernel` and `platform` are this machine's. Raises DockerUnavailable if there is no route.
    """
    if platform == "darwin" or "Docker Desktop" in engine.get("OperatingSystem", ""):
        return DOCKER_DESKTOP
    # Rootless Podman shares the machine's network; rootless Docker only that of its own namespace.
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
