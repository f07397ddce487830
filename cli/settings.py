"""lambdify.toml, or [tool.lambdify] in pyproject.toml, plus a stage, plus flags, become one frozen Settings.

defaults.toml is the list of what may be set; these classes give every value its type and its meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Architecture = Literal["x86_64", "arm64"]


@dataclass(frozen=True, kw_only=True)
class Function:
    """[function]: the Lambda function itself."""

    python: str
    """Minor version of the runtime, such as "3.13"."""
    architecture: Architecture
    memory: int
    """MB."""
    timeout: int
    """Seconds."""
    description: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """[build]: what goes into the bundle, and how wheels are made."""

    requirements: str
    """Dependency file relative to the project; "" means the first one found."""
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    strategy: Literal["auto", "docker", "wheels"]
    image: str
    """Build image; "" means the one that fits the runtime."""
    packages: tuple[str, ...]
    """System packages installed in the build container first."""
    include: tuple[str, ...]
    """Exact paths that are packed although a rule leaves them out."""
    exclude: tuple[str, ...]
    """Patterns in gitignore syntax."""
    layer: bool
    bytecode: bool


@dataclass(frozen=True, kw_only=True)
class Http:
    """[http]: the endpoint."""

    endpoint: Literal["http-api"]


@dataclass(frozen=True, kw_only=True)
class Warm:
    """[warm]: the keep-warm schedule."""

    every: int
    """Minutes between two calls; 0 means there is no schedule."""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """[logs]: what CloudWatch keeps."""

    retention: int
    """Days."""


@dataclass(frozen=True, kw_only=True)
class Local:
    """[local]: the local cloud."""

    port: int
    """Port of the endpoint on 127.0.0.1; 0 means any free one, kept over redeploys."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a command needs to know about one stage of one project."""

    root: Path
    """The project's folder, absolute."""
    source: Path | None
    """The file the settings were read from; None when the project has none."""
    name: str
    stage: str
    app: str
    """"package.module:attribute"; "" until `detect` has looked."""
    region: str
    """"" means whatever the AWS profile says."""
    profile: str
    environment: Mapping[str, str]
    function: Function
    build: Build
    http: Http
    warm: Warm
    logs: Logs
    local: Local

    @property
    def full_name(self) -> str:
        """The name of the stack and of everything in it: "shop-production"."""
        return f"{self.name}-{self.stage}"
