"""The tables of lambdify.toml: what every option means, once it has been read.

One class for each table; the names and defaults are in defaults.toml, the limits in validators.py. In all of
them "" and 0 mean that nothing is said, unless the option's own line says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lambdify.cli.packing.target import Architecture

Form = Literal["layer", "zip", "image"]
"""Two zips, one, or a container image of both."""


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
    storage: int
    """MB of /tmp."""
    description: str
    on_event: str
    """"package.module:function" for events that are not HTTP requests; "" means they are refused."""
    layers: tuple[str, ...]
    """ARNs of layer versions besides our own."""
    tracing: bool
    snapstart: bool
    reserved_concurrency: int | None
    """Environments set aside; 0 stops the function, None sets nothing aside."""
    provisioned_concurrency: int
    """Environments that are always ready."""
    dead_letter: str
    """ARN of a queue or topic."""
    kms_key: str
    """ARN."""


@dataclass(frozen=True, kw_only=True)
class Role:
    """[role]: what the function may do."""

    arn: str
    """Of a role that exists; "" means that one is made."""
    boundary: str
    managed_policies: tuple[str, ...]
    statements: tuple[Mapping[str, Any], ...]
    """Each with "actions" and "resources", both tuples of texts."""


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """[vpc]: where the function is attached."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Efs:
    """[efs]: a file system."""

    access_point: str
    """ARN."""
    mount: str
    """Absolute path, below /mnt."""


@dataclass(frozen=True, kw_only=True)
class Build:
    """[build]: what goes into the bundle, and how wheels are made."""

    requirements: str
    """Dependency file relative to the project; "" means the first one found."""
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    form: Literal["auto", "layer", "zip", "image"]
    base: str
    """Image that a container image is made from; "" means AWS's own for the runtime."""
    strategy: Literal["auto", "docker", "wheels"]
    image: str
    """Build image; "" means the one that fits the runtime."""
    packages: tuple[str, ...]
    """System packages installed in the build container first."""
    before: tuple[str, ...]
    """Shell commands run in the build container after that."""
    include: tuple[str, ...]
    """Exact paths that are packed although a rule leaves them out."""
    exclude: tuple[str, ...]
    """Patterns in gitignore syntax."""
    bytecode: bool


@dataclass(frozen=True, kw_only=True)
class Cors:
    """[http.cors]: what the endpoint answers to browsers; without origins, nothing."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age: int
    """Seconds."""


@dataclass(frozen=True, kw_only=True)
class Jwt:
    """[http.jwt]: whose tokens are taken."""

    issuer: str
    audience: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """[http.authorizer]: a function that decides who may call."""

    function: str
    """ARN."""
    remember: int
    """Seconds."""


@dataclass(frozen=True, kw_only=True)
class Alb:
    """[http.alb]: the rule of a load balancer."""

    listener: str
    """ARN."""
    hosts: tuple[str, ...]
    paths: tuple[str, ...]
    priority: int


@dataclass(frozen=True, kw_only=True)
class Http:
    """[http]: the endpoint."""

    endpoint: Literal["http-api", "function-url", "rest-api", "alb", "none"]
    streaming: bool
    """Whether responses are sent while the app makes them."""
    show_errors: bool
    """Whether a 500 shows the app's traceback to the client."""
    remote_user: bool
    """Whether a WSGI app finds whom an authorizer let in as REMOTE_USER."""
    auth: Literal["none", "iam", "jwt", "lambda"]
    rate: int
    """Requests a second."""
    burst: int
    access_logs: bool
    api_key: bool
    allow_from: tuple[str, ...]
    """IP ranges, as CIDR."""
    vpc_endpoints: tuple[str, ...]
    """Ids; with any, the API is private."""
    cors: Cors
    jwt: Jwt
    authorizer: Authorizer
    alb: Alb


@dataclass(frozen=True, kw_only=True)
class Warm:
    """[warm]: the keep-warm schedule."""

    every: int
    """Minutes between two calls; 0 means there is no schedule."""
    concurrency: int
    """Environments that are kept warm at once."""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """[logs]: what CloudWatch keeps."""

    retention: int
    """Days."""
    format: Literal["text", "json"]
    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How traffic moves to a new version: some percent more, every so many minutes."""

    percent: int
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Release:
    """[release]: how a new version gets traffic."""

    smoke: str
    """Path that has to answer first."""
    status: int
    """What it has to answer with."""
    command: str
    keep: int
    """Releases, the one that is live among them."""
    shift: Shift | None
    """None moves all of it at once."""
    errors: int
    """Of the new version, in one minute: so many send the traffic back."""
    alarms: tuple[str, ...]
    """Names of the user's own alarms that do so too."""
    alarm_actions: tuple[str, ...]
    """SNS topics that are told of the errors."""
    express: bool
    """Whether CloudFormation's express mode is used."""


@dataclass(frozen=True, kw_only=True)
class Local:
    """[local]: the local cloud."""

    port: int
    """Port of the endpoint on 127.0.0.1; 0 means any free one, kept over redeploys."""
