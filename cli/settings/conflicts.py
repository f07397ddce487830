"""Conflicts: combinations of valid values that are refused when settings are read.

An endpoint would ignore such a setting, or AWS would refuse it in the middle of a deployment. Each rule
yields errors that say what is wrong, and what to set instead.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings import function_conflicts, names
from lambdify.cli.settings.domains import conflicts as domain_conflicts
from lambdify.cli.settings.mappings import ENVIRONMENT_BYTES, LONG_VALUES_HINT, environment_size

if TYPE_CHECKING:
    from lambdify.cli.settings import Settings
    from lambdify.cli.settings.tables import Form


class EndpointFeature(NamedTuple):
    """A feature that only some kinds of endpoints have."""

    option: str
    """The setting, as written; {} stands for the value."""
    value: Callable[["Settings"], object]
    """Returns the setting's value; a false value does not use the feature."""
    action: str
    """The verb for "an endpoint cannot ..."."""
    endpoints: tuple[str, ...]
    """The kinds of endpoints with the feature."""


ENDPOINT_FEATURES = (
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
    EndpointFeature("streaming = true", lambda of: of.http.streaming, "stream", ("function-url", "rest-api")),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-vs-rest.html
    EndpointFeature(
        'auth = "iam"',
        lambda of: of.http.auth == "iam",
        "check signatures",
        ("http-api", "rest-api", "function-url"),
    ),
    EndpointFeature('auth = "jwt"', lambda of: of.http.auth == "jwt", "check tokens", ("http-api",)),
    EndpointFeature(
        'auth = "lambda"', lambda of: of.http.auth == "lambda", "ask a function", ("http-api", "rest-api")
    ),
    EndpointFeature("rate = {}", lambda of: of.http.rate, "limit requests", ("http-api", "rest-api")),
    EndpointFeature(
        "access_logs = true", lambda of: of.http.access_logs, "write one", ("http-api", "rest-api")
    ),
    EndpointFeature("api_key = true", lambda of: of.http.api_key, "ask for keys", ("rest-api",)),
    EndpointFeature("allow_from", lambda of: of.http.allow_from, "look at addresses", ("rest-api",)),
    EndpointFeature("vpc_endpoints", lambda of: of.http.vpc_endpoints, "be private", ("rest-api",)),
    EndpointFeature(
        "cors.origins", lambda of: of.http.cors.origins, "answer browsers", ("http-api", "function-url")
    ),
)
NO_SNAPSTART = ("ap-southeast-6", "ap-east-2")
"""Regions without SnapStart. https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html"""
NO_CDN = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
"""Beginnings of regions that are in partitions of their own, with another CloudFront or none.
https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/setting-up-cloudfront.html"""
CDN_REGION = "us-east-1"
"""Where what belongs to CloudFront is made, whatever the stage's region."""
WAF_SCOPES = {"global": "CLOUDFRONT", "regional": "REGIONAL"}
"""Scopes of web ACLs, by what the resource in their ARN begins with."""
MAX_LAYERS = 5
"""https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MIN_STORAGE = 512
MAX_CONDITIONS = 5
"""The largest number of hosts and paths of a rule in total.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html"""


def check(settings: "Settings") -> None:
    """Raise SettingsError for the first conflict."""
    for rules in (
        _endpoint_features,
        _access,
        _cors,
        _throttling,
        _alb,
        _cdn,
        domain_conflicts.check,
        _network,
        _function,
        _snapstart,
        _role,
        _logs,
        _hooks,
        _alarms,
        _environment,
        function_conflicts.check,
    ):
        for error in rules(settings):
            raise error
    if settings.region:
        check_region(settings, settings.region)


def check_form(settings: "Settings", form: "Form") -> None:
    """Raise SettingsError for conflicts with this form of bundle; for "auto" it is known after packing."""
    check(replace(settings, build=replace(settings.build, form=form)))


def check_region(settings: "Settings", region: str) -> None:
    """Raise SettingsError for features that the region lacks; it may be known only from the account."""
    if settings.function.snapstart and region in NO_SNAPSTART:
        raise SettingsError(
            f"[function] snapstart = true: SnapStart is not to be had in {region}.",
            hint="Leave it out, or set provisioned_concurrency, which costs more and starts sooner.",
        )
    if settings.http.cdn and region.startswith(NO_CDN):
        raise SettingsError(
            f"[http] cdn = true: lambdify makes no CDN in {region}.", hint="Leave it out for this region."
        )
    domain_conflicts.check_region(settings, region)
    function_conflicts.check_region(settings, region)
    for error in _environment(settings, region):
        raise error


def _endpoint_features(settings: "Settings") -> Iterator[SettingsError]:
    kind = settings.http.endpoint
    for feature in ENDPOINT_FEATURES:
        value = feature.value(settings)
        if value and kind not in feature.endpoints:
            choices = " or ".join(f'"{each}"' for each in feature.endpoints)
            yield SettingsError(
                f"[http] {feature.option.format(value)}: "
                + (
                    'with endpoint = "none" there is nothing in front of the function.'
                    if kind == "none"
                    else f'an endpoint of the kind "{kind}" cannot {feature.action}.'
                ),
                hint=f"Set endpoint = {choices}, which can.",
            )


def _access(settings: "Settings") -> Iterator[SettingsError]:
    http = settings.http
    if http.auth == "jwt" and not (http.jwt.issuer and http.jwt.audience):
        yield SettingsError(
            '[http] auth = "jwt": [http.jwt] does not say whose tokens are taken.',
            hint='Set issuer = "https://..." and audience = ["..."] there.',
        )
    if http.auth == "lambda" and not http.authorizer.function:
        yield SettingsError(
            '[http] auth = "lambda": [http.authorizer] does not say which function decides.',
            hint='Set function = "arn:aws:lambda:..." there.',
        )


def _cors(settings: "Settings") -> Iterator[SettingsError]:
    cors = settings.http.cors
    if not cors.origins and (cors.headers or cors.expose or cors.credentials or cors.max_age):
        yield SettingsError(
            "[http.cors] says what browsers are answered, and not whom: origins is empty.",
            hint='Set origins = ["https://..."], or leave CORS to the app.',
        )
    if cors.credentials and "*" in cors.origins:
        yield SettingsError(
            '[http.cors] credentials = true: browsers do not take it together with origins = ["*"].',
            hint='Name the origins: origins = ["https://..."].',
        )
    if "OPTIONS" in cors.methods and settings.http.endpoint == "function-url":
        yield SettingsError(
            '[http.cors] methods: a function URL answers "OPTIONS" by itself, and does not take it.',
            hint="Leave it out.",
        )


def _throttling(settings: "Settings") -> Iterator[SettingsError]:
    http = settings.http
    if bool(http.rate) != bool(http.burst):
        said, missing = ("rate", "burst") if http.rate else ("burst", "rate")
        yield SettingsError(
            f"[http] {said} = {http.rate or http.burst}: there is no {missing}, and API Gateway needs both.",
            hint=f"Set {missing} = {http.rate or http.burst} as well.",
        )


def _alb(settings: "Settings") -> Iterator[SettingsError]:
    if settings.http.endpoint != "alb":
        return
    alb = settings.http.alb
    if not alb.listener:
        yield SettingsError(
            '[http] endpoint = "alb": [http.alb] does not say which listener the rule belongs to.',
            hint='Set listener = "arn:aws:elasticloadbalancing:..." there; lambdify makes no load balancer.',
        )
    if not alb.hosts and not alb.paths:
        yield SettingsError(
            "[http.alb] has neither hosts nor paths, and a rule needs one of them.",
            hint='Set paths = ["/*"] for all requests.',
        )
    if len(alb.hosts) + len(alb.paths) > MAX_CONDITIONS:
        yield SettingsError(
            f"[http.alb] names {len(alb.hosts) + len(alb.paths)} hosts and paths; "
            f"a rule takes {MAX_CONDITIONS}.",
            hint="Join some of them with * and ?.",
        )


def _cdn(settings: "Settings") -> Iterator[SettingsError]:
    http = settings.http
    if not http.cdn:
        if settings.static.serve == "cdn":
            yield SettingsError(
                '[static] serve = "cdn": there is no CDN.',
                hint='Set [http] cdn = true, or serve = "function".',
            )
        if settings.cdn.web_acl:
            yield SettingsError(
                "[cdn] web_acl: there is no CDN that it could stand in front of.",
                hint="Set [http] cdn = true, or leave web_acl out.",
            )
        return
    yield from _web_acl(settings.cdn.web_acl)
    if http.endpoint in ("alb", "none"):
        why = (
            "the load balancer is your own, and a CDN belongs in front of that."
            if http.endpoint == "alb"
            else 'with endpoint = "none" there is nothing that it could ask.'
        )
        yield SettingsError(
            f"[http] cdn = true: {why}",
            hint='Leave it out, or set endpoint = "http-api" or "function-url".',
        )
    if http.auth == "iam":
        yield SettingsError(
            '[http] cdn = true with auth = "iam": requests are signed for the host that they are sent to, '
            "and the CDN sends them on to another.",
            hint="Leave out one of the two.",
        )
    if http.allow_from:
        yield SettingsError(
            "[http] cdn = true with allow_from: the endpoint would see the addresses of the CDN.",
            hint="Leave out one of the two.",
        )
    if http.vpc_endpoints:
        yield SettingsError(
            "[http] cdn = true with vpc_endpoints: the CDN cannot reach an API that is private.",
            hint="Leave out one of the two.",
        )


def _web_acl(arn: str) -> Iterator[SettingsError]:
    """https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html"""
    *_, region, _, what = ("", "", *arn.split(":", 5))
    scope, _, kind = what.partition("/")
    kind = kind.partition("/")[0]
    if not arn or (region, scope, kind) == (CDN_REGION, "global", "webacl"):
        return
    found = f"of the scope {WAF_SCOPES.get(scope, scope)}, in {region}" if kind == "webacl" else "none"
    yield SettingsError(
        "[cdn] web_acl: CloudFront takes web ACLs of the scope CLOUDFRONT, which are in us-east-1; "
        f"this is {found}.",
        hint=f"`aws wafv2 list-web-acls --scope CLOUDFRONT --region {CDN_REGION}` shows those that it takes.",
    )


def _network(settings: "Settings") -> Iterator[SettingsError]:
    vpc = settings.vpc
    if bool(vpc.subnets) != bool(vpc.security_groups):
        missing = "security_groups" if vpc.subnets else "subnets"
        yield SettingsError(f"[vpc] has no {missing}.", hint="A function in a VPC needs both.")
    if settings.efs.access_point and not vpc.subnets:
        yield SettingsError(
            "[efs] access_point: a file system is reached from inside a VPC only.",
            hint="Set subnets and security_groups in [vpc].",
        )


def _function(settings: "Settings") -> Iterator[SettingsError]:
    function = settings.function
    # One layer is for the dependencies, unless everything is in one zip.
    room = MAX_LAYERS if settings.build.form == "zip" else MAX_LAYERS - 1
    if len(function.layers) > room:
        yield SettingsError(
            f"[function] layers names {len(function.layers)} layers; there is room for {room}"
            + (" beside the one with the dependencies." if room < MAX_LAYERS else "."),
            hint="Put some of them together.",
        )
    if function.layers and settings.build.form == "image":
        yield SettingsError(
            "[function] layers: a container image takes no layers.",
            hint='Put their files into the project or into the image\'s [build] base, or set form = "layer".',
        )
    if settings.release.shift and function.provisioned_concurrency:
        yield SettingsError(
            "[release] shift: an alias with provisioned concurrency leads to one version only.",
            hint="Leave out shift, or provisioned_concurrency.",
        )
    for option in ("alarms", "alarm_actions"):
        if getattr(settings.release, option) and not settings.release.shift:
            yield SettingsError(
                f"[release] {option}: without shift, all traffic moves at once and nothing is watched.",
                hint=f'Set shift = "10% every 2 minutes", or leave {option} out.',
            )
    reserved, kept = function.reserved_concurrency, settings.warm.concurrency if settings.warm.every else 0
    if reserved and reserved < kept:
        yield SettingsError(
            f"[warm] concurrency = {kept} is more than [function] reserved_concurrency = {reserved}, "
            "which is the limit of all.",
            hint='Raise the latter, or leave concurrency to "auto".',
        )
    if reserved is not None and reserved < function.provisioned_concurrency:
        yield SettingsError(
            f"[function] provisioned_concurrency = {function.provisioned_concurrency} is more than "
            f"reserved_concurrency = {reserved}, which is the limit of all.",
            hint='Raise the latter, or set it to "off".',
        )


def _snapstart(settings: "Settings") -> Iterator[SettingsError]:
    """https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html#snapstart-runtimes"""
    function = settings.function
    if not function.snapstart:
        return
    # To import the module for platform tags takes longer than to read all settings.
    from lambdify.cli.packing.target import with_previews

    choices = [python for python, runtime in with_previews().items() if runtime["snapstart"]]
    least = f"It takes {choices[0]} or newer{', and no preview' if function.python > choices[-1] else ''}."
    obstacles = {
        f'python = "{function.python}"': (function.python not in choices, least),
        "[efs]": (settings.efs.access_point, "Set one of the two."),
        f"storage = {function.storage}": (
            function.storage > MIN_STORAGE,
            f"It takes {MIN_STORAGE}.",
        ),
        f"provisioned_concurrency = {function.provisioned_concurrency}": (
            function.provisioned_concurrency,
            "Set one of the two.",
        ),
        '[build] form = "image"': (settings.build.form == "image", 'Set form = "layer" or "zip".'),
    }
    for what, (stands, hint) in obstacles.items():
        if stands:
            yield SettingsError(
                f"[function] snapstart = true: SnapStart does not work together with {what}.", hint=hint
            )


def _environment(settings: "Settings", region: str = "") -> Iterator[SettingsError]:
    """Check the size of all variables: a stage's own ones, those of every stage, and those of [tasks].

    What is added is as long as the region's name makes it.
    """
    size = environment_size(settings.environment)
    added = names.task_variables(settings, region) if region else {}
    whole = environment_size({**added, **settings.environment})
    if whole > ENVIRONMENT_BYTES:
        ours = f", and [tasks] adds {whole - size}" if whole > size else ""
        yield SettingsError(
            f"[environment] of {settings.stage} holds {size} bytes{ours}; Lambda takes {ENVIRONMENT_BYTES}.",
            hint=LONG_VALUES_HINT,
        )


def _role(settings: "Settings") -> Iterator[SettingsError]:
    role = settings.role
    for option, value in (("statements", role.statements), ("managed_policies", role.managed_policies)):
        if role.arn and value:
            yield SettingsError(
                f"[role] {option}: the role {role.arn} is not lambdify's, and stays as it is.",
                hint=f"Add them to that role, and leave {option} out; or leave arn out.",
            )


def _alarms(settings: "Settings") -> Iterator[SettingsError]:
    alarms = settings.alarms
    if alarms.slow and not alarms.tell:
        yield SettingsError(
            "[alarms] slow: nobody is told.", hint='Set email = ["ops@shop.example"], or topic, in [alarms].'
        )


def _hooks(settings: "Settings") -> Iterator[SettingsError]:
    if settings.hooks.inputs and not settings.hooks.before_package:
        yield SettingsError(
            "[hooks] inputs: there is no before_package that would read them.",
            hint='Set before_package = ["npm run build"], or leave inputs out.',
        )


def _logs(settings: "Settings") -> Iterator[SettingsError]:
    if settings.logs.level != "INFO" and settings.logs.format == "text":
        yield SettingsError(
            f'[logs] level = "{settings.logs.level}": Lambda filters lines of JSON only.',
            hint='Set format = "json", or the level where the app configures its logging.',
        )
    if settings.logs.requests and settings.logs.level in ("WARN", "ERROR", "FATAL"):
        yield SettingsError(
            f'[logs] level = "{settings.logs.level}": Lambda would drop the lines of requests = true.',
            hint='Set level = "INFO", or leave requests out.',
        )
