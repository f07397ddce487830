"""A stage's CDN as it is deployed: read through AWS's APIs, so that a wrong template is wrong here, too."""

import fnmatch
import json
from dataclasses import dataclass

from lambdify.cli.aws import Account, attempt

SERVICE = "cloudfront.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What of a distribution decides on a response."""

    id: str
    header: tuple[str, str]
    """Name and value that are added on the way to the app."""
    files: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Path patterns in their order, and the methods that each takes; all other paths are the app's."""
    bucket: str = ""
    folder: str = ""
    """What keys begin with, with a slash at its end."""
    names: tuple[str, ...] = ()
    may: frozenset[str] = frozenset()
    """What the bucket's policy allows it."""

    def find_methods(self, path: str) -> tuple[str, ...] | None:
        """Return the methods of the first pattern that a path matches; None if the path is the app's."""
        return next((methods for pattern, methods in self.files if fnmatch.fnmatchcase(path, pattern)), None)


def read(distribution: str, account: Account) -> Distribution:
    """Return the distribution of that id."""
    config = account.client("cloudfront").get_distribution_config(Id=distribution)["DistributionConfig"]
    origins = {each["Id"]: each for each in config["Origins"]["Items"]}
    (header,) = origins["app"]["CustomHeaders"]["Items"]
    behaviors = config.get("CacheBehaviors", {}).get("Items") or ()
    files = origins.get("files", {})
    bucket = files.get("DomainName", "").partition(".s3.")[0]
    return Distribution(
        id=distribution,
        header=(header["HeaderName"], header["HeaderValue"]),
        files=tuple((each["PathPattern"], tuple(each["AllowedMethods"]["Items"])) for each in behaviors),
        bucket=bucket,
        names=tuple(config.get("Aliases", {}).get("Items") or ()),
        folder=f"{files.get('OriginPath', '').lstrip('/')}/",
        may=_read_policy(bucket, account) if files.get("OriginAccessControlId") else frozenset(),
    )


def _read_policy(bucket: str, account: Account) -> frozenset[str]:
    """Return the actions that a bucket's policy allows CloudFront."""
    found = attempt(account.client("s3").get_bucket_policy, none_if="^NoSuchBucket", Bucket=bucket)
    statements = json.loads(found["Policy"])["Statement"] if found else ()
    return frozenset(
        each["Action"]
        for each in statements
        if each["Effect"] == "Allow" and isinstance(each["Principal"], dict)
        if each["Principal"].get("Service") == SERVICE
    )
