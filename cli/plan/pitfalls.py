"""What works and will surprise: said before a deployment, and nothing more.

What cannot work is refused instead, when settings are read (combinations.py) or, where that takes a look at
the account, or at where a stage is deployed to, by `check` and `check_local`.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from lambdify.cli.aws import translated
from lambdify.cli.console import Console
from lambdify.cli.errors import AwsError, SettingsError
from lambdify.cli.packing.bundle import files
from lambdify.cli.packing.target import runtimes
from lambdify.cli.settings import NO_NAMES, Settings, conflicts, name_of_folder, slug
from lambdify.cli.stage import Stage

NOTICE_PERIOD = timedelta(days=180)
"""How long before a runtime's end it is said."""
ENDPOINT_TIMEOUTS = {"http-api": 30, "rest-api": 29}
"""Seconds that an endpoint waits for a response. A REST API's can be raised by AWS on request.
https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""
USUAL_TIMEOUT = 30
"""Of [function] timeout, by default: a second more than a REST API waits, and nothing to speak about."""
MANIFEST_STORAGE = b"ManifestStaticFilesStorage"
MANIFEST = "staticfiles.json"
"""What such a storage writes, by default, beside the files that it collects."""
ROLE_FOR_LOGS = "https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html"


def warn(settings: Settings, console: Console, *, local: bool, today: date | None = None) -> None:
    """Say all there is to say about the settings; `today` stands in for the day."""
    if settings.root.name in NO_NAMES and settings.name == slug(name_of_folder(settings.root)):
        told = f'The project is called "{settings.name}", after the folder above {settings.root.name}/'
        console.note(f'{told}; name = "..." in lambdify.toml says otherwise.')
    for caution in find(settings, local=local, today=today or datetime.now(UTC).date()):
        console.warn(caution)


def find(settings: Settings, *, local: bool, today: date) -> Iterator[str]:
    """Each caution."""
    yield from _runtime(settings.function.python, today)
    yield from _timeouts(settings)
    yield from _static_files(settings)
    if local:
        yield from _local(settings)
    elif settings.http.endpoint == "function-url" and settings.http.streaming and settings.vpc.subnets:
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
        yield "AWS does not promise that the URL of a function in a VPC streams; a REST API does."


def check_local(settings: Settings) -> None:
    """Raise SettingsError for what the local cloud cannot be."""
    if settings.http.endpoint == "alb":
        raise SettingsError(
            '[http] endpoint = "alb": the local cloud has no load balancer, and no listener of yours.',
            hint='Have a stage with another endpoint for it: [stages.NAME.http] endpoint = "http-api".',
        )


@translated(during="looking at what the account is ready for")
def check(stage: Stage) -> None:
    """Raise for what this account or region is not ready for: SettingsError, AwsError."""
    conflicts.check_region(stage.settings, stage.region)
    if stage.settings.http.endpoint == "rest-api" and stage.settings.http.access_logs:
        account_settings = stage.client("apigateway").get_account()
        if not account_settings.get("cloudwatchRoleArn"):
            raise AwsError(
                "[http] access_logs: REST APIs of this account and region may not write logs yet.",
                hint=f"It is a setting of the whole account, and so yours to make: {ROLE_FOR_LOGS}",
            )


def _runtime(python: str, today: date) -> Iterator[str]:
    deprecated, frozen = runtimes()[python]["deprecated"], runtimes()[python]["frozen"]
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


def _static_files(settings: Settings) -> Iterator[str]:
    """Where Django looks its static files up in a list that `collectstatic` writes, and the bundle has none.

    Every page with a {% static %} tag, the admin's among them, is then a 500: "Missing ... manifest entry".
    https://docs.djangoproject.com/en/5.2/ref/contrib/staticfiles/#manifeststaticfilesstorage
    """
    from lambdify.cli.detection.project import Project

    project = Project(settings.root)
    named = [file for file in project.files if "settings" in file and MANIFEST_STORAGE in project.text(file)]
    if not named or any("collectstatic" in command for command in settings.build.before):
        return
    packed = files.scan(settings.root, include=settings.build.include, exclude=settings.build.exclude).files
    if not any(file.name.rpartition("/")[2] == MANIFEST for file in packed):
        yield (
            f"{min(named)} has Django look its static files up in {MANIFEST}, which is not packed: pages "
            "with static files, such as the admin's, will fail. `python manage.py collectstatic` makes it."
        )


def _local(settings: Settings) -> Iterator[str]:
    """What only AWS looks at."""
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
