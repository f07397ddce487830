"""Access to AWS: sessions and clients on first use, and AWS's errors turned into ours.

Rules:
- This is the only module that imports boto3 and botocore, and only inside functions: the import takes a
  quarter of a second, which `lambdify --help` must not take.
- Every function that calls AWS takes an Account. A test makes one with stubbed clients.
- An error of botocore never leaves a room: `translated` raises ours, `attempt` returns None for "not found".
- Profiles, SSO, roles and AWS_ENDPOINT_URL work as in boto3; there are no settings of our own for them.
- Calls that must not be made twice, such as invocations, use `Account.without_retries`.
"""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lambdify.cli.errors import AccessDenied, AwsError, CredentialsError, LambdifyError, RegionError
from lambdify.cli.settings import Settings

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
UNKNOWN_KEY = {"AuthFailure", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"}
UNKNOWN_KEY |= {"UnrecognizedClientException"}
DENIED = {"403", "AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation"}
HEAD_PERMISSIONS = {"HeadBucket": "s3:ListBucket", "HeadObject": "s3:GetObject"}
"""Permissions of HEAD requests, whose refusals have no body that names them.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html"""
THROTTLED = {"RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException"}
THROTTLED |= {"TooManyRequestsException"}

ATTEMPTS = 5
"""Attempts for a call that gets no answer, or that AWS throttles."""
LONGEST_INVOCATION = 1800
"""Seconds that a function may run: https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""

_UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


@dataclass(frozen=True, kw_only=True)
class Account:
    """An AWS account and region, with clients for its services."""

    client: Callable[..., Any]
    """`client("s3")`, made on first use, is boto3's; `client("acm", region="us-east-1")` that of there."""
    account_id: str
    region: str
    partition: str
    """The second field of every ARN: "aws", "aws-cn" or "aws-us-gov"."""
    caller: str = ""
    """ARN of the caller."""
    client_without_retries: Callable[[str], Any] | None = None
    """Like `client`, for clients that never retry; None if those of `client` never retry either."""
    registry: bool = True
    """Whether images can be pulled from its ECR; if not, they stay in the engine that built them."""

    @property
    def bucket(self) -> str:
        """The bucket of lambdify in this account and region, which all stages share."""
        return f"lambdify-{self.account_id}-{self.region}"

    def without_retries(self, service: str) -> Any:
        """Return a client that never sends a request twice."""
        return (self.client_without_retries or self.client)(service)


REGION_HINT = (
    'Choose a region: region = "eu-central-1" in lambdify.toml, AWS_REGION=eu-central-1, or '
    "`aws configure set region eu-central-1`."
)


def connect(
    settings: Settings, *, endpoint_url: str | None = None, credentials: tuple[str, str] | None = None
) -> Account:
    """Return the account of the settings' profile, the environment, or `credentials` (key id, secret).

    One call is made, sts:GetCallerIdentity, which needs no permission. So a wrong profile, key or region is
    reported before anything is built. Raises CredentialsError, RegionError.
    """
    profile = settings.profile or os.environ.get("AWS_PROFILE", "")
    with translated(during="connecting to AWS", profile=profile):
        session = _make_session(settings, credentials)
        if not session.region_name:
            raise _without_region(session)

        @cache
        def client(service: str, attempts: int = ATTEMPTS, region: str | None = None) -> Any:
            options = _options(service, attempts, direct=endpoint_url is not None)
            return session.client(service, region, endpoint_url=endpoint_url, config=options)

        try:
            identity = _identify(session, client("sts"))
        except EOFError as error:  # boto3 asks for an MFA code if the profile needs one
            raise CredentialsError(
                f'The profile "{profile}" needs a code of its MFA device, and there is nobody to ask.',
                hint="Run the command in a terminal, or give it credentials that were got before.",
                during="connecting to AWS",
            ) from error
    return Account(
        client=client,
        account_id=identity["Account"],
        region=session.region_name,
        partition=identity["Arn"].split(":")[1],
        caller=identity["Arn"],
        client_without_retries=partial(client, attempts=1),
    )


def offline_account(settings: Settings, account_id: str) -> Account:
    """Return an account by its number, with region and partition but without clients.

    Raises CredentialsError for a missing profile, RegionError.
    """
    with translated(during="looking for the region", profile=settings.profile):
        session = _make_session(settings, None)
        if not session.region_name:
            raise RegionError("No AWS region is set.", hint=REGION_HINT)
        partition = session.get_partition_for_region(session.region_name)
    return placeholder_account(account_id, session.region_name, partition)


def placeholder_account(account_id: str, region: str, partition: str) -> Account:
    """Return an account for ARNs and names, without clients."""

    def refuse(service: str) -> Any:
        raise LookupError(f"{service} of an account that is not there")

    return Account(client=refuse, account_id=account_id, region=region, partition=partition)


def attempt(call: Callable[..., Any], *, none_if: str, **parameters: Any) -> Any:
    """Return the response of `call(**parameters)`; None if AWS answers with an error that `none_if` matches.

    The pattern is searched in "Code: message". It has to be narrow: another error, such as a missing
    permission, must not match.
    """
    from botocore.exceptions import ClientError

    try:
        return call(**parameters)
    except ClientError as error:
        if re.search(none_if, f"{_code(error)}: {_message(error)}"):
            return None
        raise


@contextmanager
def translated(*, during: str, profile: str = "") -> Iterator[None]:
    """Turn boto3's exceptions in the block, or in the function that it decorates, into our errors.

    Hints name the `profile`, if it is known.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ClientError as error:
        raise _refusal(error, during, profile) from error
    except BotoCoreError as error:
        raise _failure(error, during, profile) from error
    except HTTPError as error:  # botocore does not translate it if an event stream breaks off
        raise AwsError(f"The connection to AWS broke: {error}", during=during) from error


def _without_region(session: "boto3.Session") -> LambdifyError:
    """Return the error for a missing region, and for missing credentials, at which the next run would end."""
    if session.get_credentials() is not None:
        return RegionError("No AWS region is set.", hint=REGION_HINT)
    message = "Nothing says which AWS account to use: there are no credentials, and no region is set."
    return CredentialsError(message, hint=f"{_credentials_hint()} {REGION_HINT}", during="connecting to AWS")


def _make_session(settings: Settings, credentials: tuple[str, str] | None) -> "boto3.Session":
    import boto3
    import botocore.session

    if credentials is None:
        session = botocore.session.Session(profile=settings.profile or None)
        _cache_assumed_roles(session)
    else:
        # Explicit credentials are for the local cloud: nothing of the user's configuration is sent there, and
        # a broken profile must not matter.
        no_file = (None, None, os.devnull, None)
        nothing = {"profile": (None,) * 4, "config_file": no_file, "credentials_file": no_file}
        session = botocore.session.Session(session_vars=nothing)
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
    key_id, secret = credentials or (None, None)
    # Only boto3 ignores AWS_REGION: https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    return boto3.Session(
        botocore_session=session,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        region_name=settings.region or os.environ.get("AWS_REGION") or None,
    )


def _parse_time(value: Any) -> Any:
    """Return botocore's reading of a time, which takes 20 times as long for the form that AWS mostly uses.

    Each look at the events of a stack, of which there are dozens in a deployment, reads a hundred times.
    """
    from botocore.utils import parse_timestamp

    usual = isinstance(value, str) and _UTC_TIME.fullmatch(value)
    return datetime.fromisoformat(value) if usual else parse_timestamp(value)


def _cache_assumed_roles(session: Any) -> None:
    """Share the AWS CLI's cache of assumed roles, so that an MFA code is needed only once an hour.

    https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html#cli-configure-role-cache
    """
    from botocore.utils import JSONFileCache

    try:
        folder = Path("~/.aws/cli/cache").expanduser()
    except RuntimeError:  # the system does not know the user, as in some containers
        return
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):  # in CI there may be no writable home folder
        providers = session.get_component("credential_provider")
        providers.get_provider("assume-role").cache = JSONFileCache(str(folder))


def _options(service: str, attempts: int, *, direct: bool) -> Any:
    from botocore.config import Config

    return Config(
        # Signed URLs need the region's own host: the common one redirects to it, and is signed for itself.
        s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
        signature_version="s3v4" if service == "s3" else None,
        # With growing pauses: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
        retries={"mode": "standard", "total_max_attempts": attempts},
        max_pool_connections=100 if service == "lambda" else 10,  # [warm] concurrency starts so many at once
        connect_timeout=10,
        # An invocation answers when the function returns, so the timeout is longer than a function may run.
        read_timeout=LONGEST_INVOCATION + 30 if service == "lambda" else 60,
        tcp_keepalive=True,
        # The local cloud is on this machine, which the user's proxy cannot reach, and has only one host name.
        proxies={} if direct else None,
        inject_host_prefix=not direct,
        # The local cloud writes thousands of log lines a second; checking them takes longer than all else.
        parameter_validation=not (direct and service == "logs"),
    )


def _identify(session: "boto3.Session", sts: Any) -> Any:
    """Return the caller's identity. Raises RegionError for a region that has no host."""
    from botocore.exceptions import EndpointConnectionError

    region = session.region_name
    try:
        return sts.get_caller_identity()
    except EndpointConnectionError as error:
        partitions = session.get_available_partitions()
        known = [name for each in partitions for name in session.get_available_regions("lambda", each)]
        if region in known or region not in (urlsplit(sts.meta.endpoint_url).hostname or ""):
            raise
        near = difflib.get_close_matches(region, known, n=1)
        raise RegionError(
            f'AWS has no region "{region}" that answers.',
            hint=f'Did you mean "{near[0]}"?'
            if near
            else "Regions are written like eu-central-1 or us-east-1.",
        ) from error


def _code(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _message(error: "ClientError") -> str:
    return str(error.response.get("Error", {}).get("Message", ""))


def _login(profile: str) -> str:
    """Return the command that logs in to a profile."""
    return f"aws sso login --profile {profile}" if profile else "aws sso login"


def _refusal(error: "ClientError", during: str, profile: str) -> LambdifyError:
    """Return our error for an error that AWS answered with."""
    code, message, operation = _code(error), _message(error), error.operation_name
    if code in EXPIRED:
        return CredentialsError(
            "The AWS credentials have expired.",
            hint=f"Log in again (`{_login(profile)}`), or get new keys.",
            during=during,
        )
    if code in UNKNOWN_KEY:
        return CredentialsError(
            f"AWS does not accept the credentials: {message}",
            hint="Check the keys or the profile; if they are right, whether the region is enabled.",
            during=during,
        )
    if code == "400" and operation in HEAD_PERMISSIONS:
        return CredentialsError(
            f"S3 refuses {operation} without saying why, as it does when the credentials have expired.",
            hint=f"Log in again (`{_login(profile)}`), or get new keys.",
            during=during,
        )
    if code == "RegionDisabledException":
        return RegionError(
            message, hint="Enable the region in the account, or set another one.", during=during
        )
    if code in DENIED:
        named = re.search(r"not authorized to perform: ([\w-]+:\w+)", message)
        action = named[1] if named else HEAD_PERMISSIONS.get(operation, f"the action behind {operation}")
        return AccessDenied(
            f"AWS refused {action}: {message or 'no reason given'}",
            hint=f"The credentials need the permission for {action}; ask whoever manages the account.",
            during=during,
        )
    if code in THROTTLED:
        return AwsError(
            f"AWS is throttling {operation} and kept doing so.", hint="Try again in a minute.", during=during
        )
    fault = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    hint = "That is a fault of AWS, which passes: try again in a minute." if fault else ""
    return AwsError(f"AWS refused {operation}: {message} ({code})", hint=hint, during=during)


def _failure(error: Exception, during: str, profile: str) -> LambdifyError:
    """Return our error for a call without an answer, or one that was never sent."""
    from botocore import exceptions

    if credentials := _credentials_failure(error, during, profile):
        return credentials
    regions = (exceptions.InvalidRegionError, exceptions.UnknownRegionError)
    if isinstance(error, regions):
        return RegionError(
            str(error), hint="Regions are written like eu-central-1 or us-east-1.", during=during
        )
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return AwsError(
            f"AWS cannot be reached: {error}",
            hint="Check the network, a proxy, and AWS_ENDPOINT_URL if it is set; then try again.",
            during=during,
        )
    return AwsError(f"boto3 gave up: {error}", during=during)


def _credentials_failure(error: Exception, during: str, profile: str) -> CredentialsError | None:
    """Return our error for missing, expired or wrongly configured credentials; None for other errors."""
    from botocore import exceptions as e

    match error:
        case e.ProfileNotFound():
            hint = _near_profile(profile)
        case e.SSOError() | e.TokenRetrievalError():
            hint = f"Log in: `{_login(profile)}`."
        case e.LoginError():
            hint = f"Log in: `{_login(profile).replace('sso ', '')}`."
        case e.MissingDependencyException():
            hint = "Install what is missing beside lambdify: pip install 'botocore[crt]'."
        case e.RefreshWithMFAUnsupportedError():
            hint = "The session of the second factor is over: start again."
        case e.ConfigNotFound() | e.ConfigParseError() | e.InvalidConfigError() | e.UnknownCredentialError():
            hint = "Put it right in ~/.aws/config or ~/.aws/credentials."
        case e.CredentialRetrievalError() | e.NoCredentialsError() | e.PartialCredentialsError():
            hint = _credentials_hint()
        case _:
            return None
    return CredentialsError(f"There are no AWS credentials to work with: {error}", hint=hint, during=during)


def _near_profile(wanted: str) -> str:
    """Return the hint for a profile that does not exist: the nearest name, or how to get credentials."""
    near = difflib.get_close_matches(wanted, _profiles(), n=1)
    return f'Did you mean "{near[0]}"?' if near else _credentials_hint()


def _credentials_hint() -> str:
    """Return how to get credentials: by a profile, of which some may be there, by keys, or not at all."""
    have = "Type `aws configure sso`, or `aws configure` for a user's keys, which makes a profile."
    if known := _profiles():
        have = (
            f'Name a profile ({", ".join(known)}): profile = "{known[0]}" in lambdify.toml, or AWS_PROFILE.'
        )
    return f"{have} Keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY will do as well; --local needs none."


def _profiles() -> list[str]:
    import botocore.session

    return list(botocore.session.Session().available_profiles)
