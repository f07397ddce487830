"""Pitfalls: settings that work but may surprise. A warning is shown before a deployment, and nothing more.

Settings that cannot work are refused: when they are read (settings/conflicts.py), or by `check` and
`check_local`, if that depends on the account or on where the stage is deployed to.
"""

import os
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from lambdify.cli import template
from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import AwsError, SettingsError
from lambdify.cli.failures import variables
from lambdify.cli.packing.bundle import app, secret_scan
from lambdify.cli.packing.bundle.files import ProjectFile
from lambdify.cli.packing.target import with_previews
from lambdify.cli.plan import sources
from lambdify.cli.settings import (
    GENERIC_NAMES,
    Settings,
    conflicts,
    database,
    environment_file,
    function_conflicts,
    name_of_folder,
    slug,
)
from lambdify.cli.stacks import changes
from lambdify.cli.stage import Stage
from lambdify.cli.storage import folders
from lambdify.cli.template.cdn import LONGEST_WAIT

NOTICE_PERIOD = timedelta(days=180)
"""How long before the end of a runtime the warning starts."""
ENDPOINT_TIMEOUTS = {"http-api": 30, "rest-api": 29}
"""Seconds that an endpoint waits for a response. AWS raises the limit of a REST API on request.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
USUAL_TIMEOUT = 30
"""Default of [function] timeout: a second more than a REST API waits, which needs no warning."""
OLD_LIMIT = 900
"""Seconds that a function could run before November 2026."""
WHITENOISE = b"whitenoise.middleware"
STATICFILES = b"django.contrib.staticfiles"
STATIC_URL = re.compile(r"""(?m)^[ \t]*STATIC_URL[ \t]*=[ \t]*["'](?P<url>[^"']+)["']""")
REST_PREFIX = "/live"
"""What the path of each request to a REST API begins with: the name of its stage."""
TRANSLATION = re.compile(r"(.*/)?LC_MESSAGES/[^/]+\.po")
LONGEST_LINK = 255
"""Bytes of a small file that may have been a link."""
ROLE_FOR_LOGS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"


def warn(settings: Settings, console: Console, *, local: bool, today: date | None = None) -> None:
    """Warn of every pitfall in the settings; `today` replaces the current date."""
    if settings.root.name in GENERIC_NAMES and settings.name == slug(name_of_folder(settings.root)):
        text = f'The project is called "{settings.name}", after the folder above {settings.root.name}/'
        console.note(f'{text}; name = "..." in lambdify.toml says otherwise.')
    for caution in find(settings, local=local, today=today or datetime.now(UTC).date()):
        console.warn(caution)


def find(settings: Settings, *, local: bool, today: date) -> Iterator[str]:
    """Yield each warning."""
    yield from _runtime(settings.function.python, today)
    yield from _timeouts(settings)
    yield from _static_links(settings)
    packed = app.select(settings).files
    yield from _translations(settings, packed)
    yield from _flattened_links(settings, packed)
    yield from _environment_file(settings)
    yield from _functions(settings)
    if local:
        yield from _local(settings)
    elif settings.http.endpoint == "function-url" and settings.http.streaming and settings.vpc.subnets:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
        yield "AWS does not promise that the URL of a function in a VPC streams; a REST API does."


def check_local(settings: Settings) -> None:
    """Raise SettingsError for an endpoint or a database that this machine does not have."""
    database.require_local(settings.database)
    if settings.http.endpoint == "alb":
        raise SettingsError(
            '[http] endpoint = "alb": the local cloud has no load balancer, and no listener of yours.',
            hint='Have a stage with another endpoint for it: [stages.NAME.http] endpoint = "http-api".',
        )


@translated(during="looking at what the account is ready for")
def check(stage: Stage) -> None:
    """Raise SettingsError or AwsError for settings that this account or region does not support."""
    conflicts.check_region(stage.settings, stage.region)
    if stage.settings.http.endpoint == "rest-api" and stage.settings.http.access_logs:
        account_settings = stage.client("apigateway").get_account()
        if not account_settings.get("cloudwatchRoleArn"):
            raise AwsError(
                "[http] access_logs: REST APIs of this account and region may not write logs yet.",
                hint=f"It is a setting of the whole account, and so yours to make: {ROLE_FOR_LOGS}",
            )


def _runtime(python: str, today: date) -> Iterator[str]:
    row = with_previews()[python]
    if row.get("preview"):
        yield (
            f"Lambda's Python {python} is a preview, which AWS advises against in production: it may change, "
            "and regions may refuse it."
        )
        return
    deprecated, frozen = row["deprecated"], row["frozen"]
    if today < deprecated - NOTICE_PERIOD:
        return
    ends = (
        f"has had no security updates since {_day(deprecated)}"
        if today >= deprecated
        else f"gets no security updates from {_day(deprecated)} on"
    )
    yield (
        f"Lambda's Python {python} {ends}, and functions with it cannot be changed from {_day(frozen)} on. "
        "Set a newer one in [function] python."
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _timeouts(settings: Settings) -> Iterator[str]:
    limit, timeout = ENDPOINT_TIMEOUTS.get(settings.http.endpoint), settings.function.timeout
    if limit and timeout > USUAL_TIMEOUT and not settings.http.streaming:
        kind = "An HTTP API" if settings.http.endpoint == "http-api" else "A REST API"
        yield (
            f"{kind} waits {limit} seconds for a response; with [function] timeout = {timeout} the function "
            "goes on after its client got an error."
        )
    if settings.http.cdn and timeout > LONGEST_WAIT and (settings.http.streaming or not limit):
        yield (
            f"CloudFront waits {LONGEST_WAIT} seconds for a response, and for each further part of one; with "
            f"[function] timeout = {timeout} the function goes on after its visitor got an error."
        )
    yield from _long_timeouts(settings)


def _long_timeouts(settings: Settings) -> Iterator[str]:
    """Warn of timeouts that a region or a tool may not know yet."""
    found = {
        "[function]": settings.function.timeout,
        "[tasks]": settings.tasks.timeout if settings.tasks.workers else 0,
        "[commands]": settings.commands.timeout,
        **{f"[functions.{name}]": function.timeout for name, function in settings.functions.items()},
    }
    for table, timeout in found.items():
        if timeout > OLD_LIMIT:
            yield (
                f"{table} timeout = {timeout}: Lambda takes more than {OLD_LIMIT} seconds only since "
                "November 2026. A region that does not yet refuses the stack, and cfn-lint says E3717."
            )


def _static_links(settings: Settings) -> Iterator[str]:
    """Warn of links to static files without the stage of a REST API, which then refuses them.

    Django adds what a request says that stands in front of its path, but not to an absolute STATIC_URL; and
    WhiteNoise reads it when the app is loaded, before a request.
    https://docs.djangoproject.com/en/5.2/ref/settings/#static-url
    https://whitenoise.readthedocs.io/en/stable/django.html#WHITENOISE_STATIC_PREFIX
    """
    from lambdify.cli.detection.project import Project

    if settings.http.endpoint != "rest-api" or settings.http.cdn:  # a CDN leads there by itself
        return
    project = Project(settings.root)
    found = [file for file in project.files if "settings" in file and WHITENOISE in project.text(file)]
    for file in sorted(found)[:1]:
        written = [STATIC_URL.search(project.text(name).decode(errors="replace")) for name in project.files]
        urls = {f"/{match['url'].strip('/')}/" for match in written if match and "://" not in match["url"]}
        if urls and not any(url.startswith(f"{REST_PREFIX}/") for url in urls):
            url = min(urls)
            yield (
                f"{file}: with WhiteNoise, links to static files lack {REST_PREFIX}, with which each path of "
                f'a REST API begins. Set STATIC_URL = "{REST_PREFIX}{url}" and '
                f'WHITENOISE_STATIC_PREFIX = "{url}".'
            )
    for file in sorted(project.files) if not found else ():
        code = project.text(file)
        wanted = STATIC_URL.search(code.decode(errors="replace")) if STATICFILES in code else None
        url = wanted["url"] if wanted else ""
        if url.startswith("/") and not url.startswith(("//", f"{REST_PREFIX}/")):
            yield (
                f'{file}: STATIC_URL = "{url}" makes links without {REST_PREFIX}, with which each path of a '
                f'REST API begins. Django adds it to a relative one: STATIC_URL = "{url[1:]}".'
            )


def _translations(settings: Settings, files: Sequence[ProjectFile]) -> Iterator[str]:
    """Warn of translations that gettext does not see, since nobody has compiled them.

    https://docs.djangoproject.com/en/5.2/topics/i18n/translation/#compiling-message-files
    """
    if any("compile" in command for command in settings.build.before):
        return
    packed = {file.name for file in files}
    sources = sorted(name for name in packed if TRANSLATION.fullmatch(name))
    missing = [name for name in sources if f"{name.removesuffix('.po')}.mo" not in packed]
    if not missing:
        return
    folder = missing[0].rsplit("/", 3)[0] if missing[0].count("/") > 2 else "."
    command = "python manage.py compilemessages" if "manage.py" in packed else f"pybabel compile -d {folder}"
    others = f" and {len(missing) - 1} more have" if len(missing) > 1 else " has"
    yield (
        f"{missing[0]}{others} no .mo file beside: what is translated there stays as it is in the code. "
        f"`{command}` makes it."
    )


def _flattened_links(settings: Settings, files: Sequence[ProjectFile]) -> Iterator[str]:
    """Warn of links that became files with the name of what they lead to, as git writes them where it must.

    https://git-scm.com/docs/git-config#Documentation/git-config.txt-coresymlinks
    """
    repository = folders.repository(settings.root).resolve()
    for file in files:
        name = _only_name_in(file)
        target = file.path.parent / name
        if name and target.exists() and target.resolve().is_relative_to(repository):
            yield (
                f"{file.name} holds nothing but the name of {name}: git or an archive wrote a link as a "
                f"file. `ln -sf {name} {file.name}` makes it one again."
            )


def _only_name_in(file: ProjectFile) -> str:
    """Return the relative path that is all that a small file holds; "" if it holds anything else."""
    if not 0 < file.size <= LONGEST_LINK:
        return ""
    try:
        text = file.path.read_bytes()
    except OSError:  # packing tells of it
        return ""
    return os.fsdecode(text) if re.fullmatch(rb"\.\.?/[^\0\n]+", text) else ""


def _environment_file(settings: Settings) -> Iterator[str]:
    """Warn of what an environment file brings into the function's configuration, and of what it does not."""
    name = settings.environment_file
    if not name:
        return
    found = environment_file.read(settings.root, name, "")
    exposed = [
        variable
        for variable, value in found.values.items()
        if value and settings.environment.get(variable) == value and _looks_secret(variable, value)
    ]
    if exposed:
        look = "looks like a secret" if len(exposed) == 1 else "look like secrets"
        keeps, wins = ("keeps it", "wins") if len(exposed) == 1 else ("keep them", "win")
        listed = ", ".join(f"{variable} (line {found.lines[variable]})" for variable in exposed)
        commands = ", ".join(f"`lambdify secrets set {each} --stage {settings.stage}`" for each in exposed)
        yield (
            f"{name}: {listed} {look}. Whoever may read the function's configuration sees what is in there. "
            f"{commands} {keeps} out of it, and {wins} over the file."
        )
    if found.reserved:
        them = "it" if len(found.reserved) == 1 else "them"
        yield (
            f"{name}: Lambda itself sets {', '.join(found.reserved)}, and does without what the file says of "
            f"{them}."
        )


def _functions(settings: Settings) -> Iterator[str]:
    """Warn of functions that nothing calls, of queues in [resources], and of rights that a role lacks."""
    for name, function in settings.functions.items():
        if not any(function.sources):
            yield f"Nothing calls [functions.{name}] but `lambdify invoke --function {name}`."
        for source in function.sqs:
            if source.queue in settings.resources:
                properties = settings.resources[source.queue].get("Properties", {})
                yield from sources.cautions(
                    source.queue,
                    function_conflicts.visibility(settings, source),
                    function_conflicts.timeout_of(settings, function),
                    redrive="RedrivePolicy" in properties,
                )
    if settings.role.arn and (needed := template.function_rights(settings)):
        rights = "; ".join(f"{', '.join(each['Action'])} on {_on(each['Resource'])}" for each in needed)
        yield f"[role] arn: functions and tasks need rights of that role, which stays as it is: {rights}."


def _on(resource: object) -> str:
    """Return the resources of a statement as a person reads them."""
    if isinstance(resource, list):
        return " and ".join(map(_on, resource))
    return changes.format_value(resource)


def _looks_secret(name: str, value: str) -> bool:
    line = f"{name}={value}".encode()
    return variables.is_secret_name(name) or any(secret_scan.scan("", line))


def _local(settings: Settings) -> Iterator[str]:
    """Warn of settings that only AWS applies."""
    http = settings.http
    asked = {
        f'auth = "{http.auth}"': http.auth != "none",
        "api_key": http.api_key,
        "allow_from": http.allow_from,
        "vpc_endpoints": http.vpc_endpoints,
        "rate": http.rate,
        "cors": http.cors.origins,
        "access_logs": http.access_logs,
    }
    if named := [option for option, is_set in asked.items() if is_set]:
        yield f"The local cloud's endpoint does without: {', '.join(named)}. It answers whoever asks."
