"""The tables of lambdify.toml, with the types and meanings of all options.

Each table is a class. Names and defaults are in defaults.toml, limits in validators.py. "" and 0 mean that an
option is not set, unless its own comment says otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lambdify.cli.packing.target import Architecture

Form = Literal["layer", "zip", "image"]
"""The form of the bundle: two zips, one zip, or a container image."""

RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""

METHODS = ("*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Methods of [http.cors]. https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html"""


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
    wrapper: str
    """"package.module.function" of a handler that Lambda calls, and that calls ours; "" for none."""
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
    """[role]: the function's permissions."""

    arn: str
    """ARN of an existing role; "" means that a role is created."""
    boundary: str
    managed_policies: tuple[str, ...]
    statements: tuple[Mapping[str, Any], ...]
    """Each with "actions" and "resources", both tuples of texts."""


@dataclass(frozen=True, kw_only=True)
class Vpc:
    """[vpc]: the network that the function is attached to."""

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
    """[build]: the content and the form of the bundle, and the builds of wheels."""

    requirements: str
    """Dependency file relative to the project; "" means that it is found."""
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    omit: tuple[str, ...]
    """Names of distributions that are left out."""
    keep: tuple[str, ...]
    """Names of distributions that only serve, and are packed all the same."""
    form: Literal["auto", "layer", "zip", "image"]
    base: str
    """Base image of a container image; "" means AWS's base image of the runtime."""
    strategy: Literal["auto", "docker", "wheels"]
    image: str
    """Image that wheels are built in; "" means the default for the runtime."""
    packages: tuple[str, ...]
    """System packages that are installed in the build container first."""
    before: tuple[str, ...]
    """Shell commands that run in the build container after that."""
    include: tuple[str, ...]
    """Exact paths that are packed even if a rule leaves them out."""
    exclude: tuple[str, ...]
    """Patterns in gitignore syntax."""
    bytecode: bool
    audit: Literal["", "low", "moderate", "high", "critical"]
    """The least severity of an advisory that ends a deployment; "" means that nothing is asked."""
    audit_ignore: tuple[str, ...]
    """Ids of advisories that are known and accepted."""
    audit_service: str
    """Address of OSV, or of a mirror of it."""


@dataclass(frozen=True, kw_only=True)
class Static:
    """[static]: files that nobody but lambdify would serve."""

    serve: Literal["auto", "app", "function", "cdn"]
    """Who serves what the app says: the app, the adapter before it, or the CDN. "auto" is the CDN where there
    is one, else the adapter for a Django whose files nobody serves, and the app for all others."""
    fallback: str
    """The path of the page for what the app does not know; "" for none."""
    immutable: tuple[str, ...]
    """Patterns of names with a hash that is not seen."""
    keep: int
    """Days that files of a CDN outlive the traffic of their release."""
    folders: Mapping[str, str]
    """Folders of the project by the path that they are served below: "" for the site itself, or "/app"."""
    environment: Mapping[str, str]
    """Variables with which the app is asked for its files, besides those of the function."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """[hooks]: what of the project's own runs before and after the work of lambdify."""

    before_package: tuple[str, ...]
    """Shell commands, on this machine, in the project's folder."""
    inputs: tuple[str, ...]
    """What those read, as patterns in gitignore syntax; () means that they run each time."""
    after_deploy: tuple[str, ...]
    after_undeploy: tuple[str, ...]
    template: str
    """"file.py:function" that takes the template and returns another one; "" for none."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """[check]: what `check` and `deploy` tell of the app."""

    ignore: tuple[str, ...]
    """Rules, or rules in some files: "sqlite", "threads:app/email.py"."""


@dataclass(frozen=True, kw_only=True)
class Cors:
    """[http.cors]: the endpoint's CORS headers; it sends none if origins are empty."""

    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    expose: tuple[str, ...]
    credentials: bool
    max_age: int
    """Seconds."""


@dataclass(frozen=True, kw_only=True)
class Jwt:
    """[http.jwt]: issuer and audience of accepted tokens."""

    issuer: str
    audience: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Authorizer:
    """[http.authorizer]: a function that authorizes requests."""

    function: str
    """ARN."""
    remember: int
    """Seconds that its answers are cached."""


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
    cdn: bool
    """Whether a CDN stands in front of the endpoint."""
    streaming: bool
    """Whether responses are sent while the app makes them."""
    after_reply: bool
    """Whether a response is sent when it is complete, though the app goes on."""
    show_errors: bool
    """Whether a 500 shows the app's traceback to the client."""
    remote_user: bool
    """Whether a WSGI app gets the user that an authorizer accepted as REMOTE_USER."""
    auth: Literal["none", "iam", "jwt", "lambda"]
    rate: int
    """Requests a second."""
    burst: int
    access_logs: bool
    api_key: bool
    allow_from: tuple[str, ...]
    """IP ranges, as CIDR."""
    vpc_endpoints: tuple[str, ...]
    """Ids of VPC endpoints; if there are any, the API is private."""
    cors: Cors
    jwt: Jwt
    authorizer: Authorizer
    alb: Alb


@dataclass(frozen=True, kw_only=True)
class Cdn:
    """[cdn]: the CDN in front of the endpoint, if there is one."""

    price_class: Literal["all", "200", "100"]
    """Where its edges are: everywhere, or where they cost less."""
    web_acl: str
    """ARN of the web ACL (AWS WAF) that lets requests in; "" for none. With one, the endpoint itself lets in
    nobody but the CDN."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """[domain]: names of the stage's own."""

    names: tuple[str, ...]
    """In small letters; the first is the address of the stage."""
    certificate: str
    """ARN of one that exists; "" means that lambdify asks for one."""
    zone: str
    """"auto", "none", or the id of a hosted zone."""
    path: str
    """The first part of all paths on a name that exists, without slashes."""
    client_ca: str
    """The place of the certificates in S3 by which clients are known."""
    zones: Mapping[str, str] = field(default_factory=dict)
    """The hosted zone of each name that gets records, found by cli/domains: no option."""
    leads: bool = True
    """Whether other names lead to the first one; not while that one waits for its certificate."""


PAGE = 7
"""Requests that one visitor makes at once: a browser has six connections to a host, and one is to spare.

docs/cold-starts.md has the figures.
"""


@dataclass(frozen=True, kw_only=True)
class Warm:
    """[warm]: the keep-warm schedule."""

    every: int
    """Minutes between two calls; 0 means there is no schedule."""
    concurrency: int
    """Environments that are kept warm at once."""
    chosen: bool = False
    """Whether lambdify has chosen the number, as many as a page asks for: the account may have less room."""

    @property
    def most(self) -> int:
        """The most environments that the function may be asked for; the same in every account."""
        return max(self.concurrency, PAGE) if self.chosen else self.concurrency


@dataclass(frozen=True, kw_only=True)
class Logs:
    """[logs]: the function's log group and the format of its logs."""

    retention: int
    """Days."""
    format: Literal["text", "json"]
    level: Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
    requests: bool
    """Whether each request leaves a line: its route, method, status and milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Telemetry:
    """[telemetry]: what OpenTelemetry and Sentry hold when an invocation is answered."""

    flush: bool
    """Whether it is sent before Lambda freezes the process."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    """The steps by which traffic moves to a new version: `percent` more every `minutes`."""

    percent: int
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Release:
    """[release]: how a new version gets traffic."""

    smoke: str
    """Path of a request that has to succeed before the release; "" is the home page, "off" is no request."""
    status: int
    """The status that it has to answer with; the home page may have any below 500."""
    command: str
    keep: int
    """The number of releases that are kept, including the live one."""
    shift: Shift | None
    """None moves all traffic at once."""
    errors: int
    """The number of errors of the new version in a minute that returns all traffic to the old one."""
    alarms: tuple[str, ...]
    """Names of the user's own alarms that return the traffic, too."""
    alarm_actions: tuple[str, ...]
    """ARNs of SNS topics that are notified of the errors."""
    express: bool
    """Whether CloudFormation's express mode is used."""


@dataclass(frozen=True, kw_only=True)
class ErrorLimit:
    """How many errors there may be in some minutes."""

    value: float
    share: bool
    """Whether the value is percent of all requests, and no number of them."""
    minutes: int


@dataclass(frozen=True, kw_only=True)
class TimeLimit:
    """How long the requests of some minutes may take, but for the slowest: 95 is for the fastest 95%."""

    percentile: int
    seconds: float
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Alarms:
    """[alarms]: who is told when something goes wrong, and what that is."""

    email: tuple[str, ...]
    topic: str
    """ARN of a topic, or the logical id of one in [resources]; "" for none."""
    errors: ErrorLimit | None
    slow: TimeLimit | None
    throttles: bool
    failed: bool
    """Whether the queue of what failed for good is watched, where there is one."""

    @property
    def tell(self) -> bool:
        """Whether anybody is told; if not, there are no alarms."""
        return bool(self.email or self.topic)


@dataclass(frozen=True, kw_only=True)
class Local:
    """[local]: the local cloud."""

    port: int
    """Port of the endpoint on 127.0.0.1; 0 means any free one, kept over redeploys."""
