"""The bundle's archives in S3, under keys that contain a digest of their content.

Rules:
- There is one bucket per account and region, `lambdify-{account}-{region}`; keys are
  `{name}/{stage}/{archive}`. The content of a key never changes, so an archive that exists is not uploaded
  again, and CloudFormation sees every change.
- Every call names the expected owner: bucket names are global, and somebody else may have taken ours.
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
- A marker in the stage's part of the bucket says that the stage has a repository of images. It is written
  before the repository is created, and removed after it. So stages of zips need no call of ECR, and no right.
- The bucket is private, encrypted and accepts TLS only. Its policy is set last, so a bucket with a policy is
  complete.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdify.cli.artifacts import images, objects
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import AwsError
from lambdify.cli.stage import Stage

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle

DEFAULT_REGION = "us-east-1"
"""CreateBucket refuses this region as a LocationConstraint, since it is the default."""
IMAGES_MARKER = "images/repository"
"""Key, below the stage's prefix, of the marker of a repository of images."""
BATCH = 1000
"""Keys that DeleteObjects takes at once."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A bundle that is in S3, or as an image in ECR."""

    bucket: str
    app_key: str
    """"" for an image."""
    layer_key: str | None
    image: str = ""
    """URI; "" for zips."""
    uploaded: tuple[str, ...]
    """The keys, or the image's URI, that did not exist before."""


@dataclass(frozen=True, kw_only=True)
class RemovedArtifacts:
    """What `remove_stage` removed."""

    objects: int
    bucket: bool
    images: bool
    """Whether there was a repository of images."""


@translated(during="uploading the bundle")
def put(bundle: "Bundle", stage: Stage, console: Console) -> Artifact:
    """Upload what does not exist yet, and return the artifact; the bucket is created if there is none."""
    planned = plan(bundle, stage)
    _ensure_bucket(planned.bucket, stage.account)
    if planned.image:
        mark_images(stage)
        image = images.put(bundle, stage, console)
        return replace(planned, image=image.uri, uploaded=(image.uri,) if image.pushed else ())
    archives = {stage.prefix + each.path.name: each.path for each in bundle.archives}
    uploaded = tuple(
        key for key, path in archives.items() if _upload(path, planned.bucket, key, stage.account, console)
    )
    return replace(planned, uploaded=uploaded)


def plan(bundle: "Bundle", stage: Stage) -> Artifact:
    """Return the artifact that `put` would upload, without calls of S3 or ECR."""
    if bundle.form == "image":
        return Artifact(
            bucket=stage.bucket,
            app_key="",
            layer_key=None,
            image=images.plan(bundle, stage),
            uploaded=(),
        )
    return Artifact(
        bucket=stage.bucket,
        app_key=stage.prefix + bundle.app.path.name,
        layer_key=stage.prefix + bundle.layer.path.name if bundle.layer else None,
        uploaded=(),
    )


def mark_images(stage: Stage) -> None:
    """Write the marker that says that the stage has, or will have, a repository of images."""
    name = images.repository_name(stage.settings)
    objects.put(stage, stage.prefix + IMAGES_MARKER, name.encode(), kind="text/plain")


@translated(during="removing the uploaded bundles")
def remove_stage(stage: Stage) -> RemovedArtifacts:
    """Delete the stage's images, every version of its objects, and the bucket if it is empty then."""
    s3, bucket, owner = stage.client("s3"), stage.bucket, stage.account.account_id
    missing = "^NoSuchBucket:|^404:"
    if attempt(s3.head_bucket, none_if=missing, Bucket=bucket, ExpectedBucketOwner=owner) is None:
        return RemovedArtifacts(objects=0, bucket=False, images=False)
    marker = {"Bucket": bucket, "Key": stage.prefix + IMAGES_MARKER, "ExpectedBucketOwner": owner}
    has_images = attempt(s3.head_object, none_if="^404:", **marker) is not None
    # The images are removed first: if the removal is cut short, the marker is still there.
    repository = has_images and images.remove_stage(stage)
    removed = 0
    while batch := list(islice(_versions(s3, bucket, owner, stage.prefix), BATCH)):
        _delete(batch, bucket, stage.account)
        removed += len(batch)
    empty = next(_versions(s3, bucket, owner), None) is None
    # If another project uploads at this moment, S3 keeps the bucket.
    gone = empty and attempt(
        s3.delete_bucket,
        none_if="^BucketNotEmpty:|^NoSuchBucket:",
        Bucket=bucket,
        ExpectedBucketOwner=owner,
    )
    return RemovedArtifacts(objects=removed, bucket=bool(gone), images=repository)


@translated(during="removing old bundles")
def remove(artifacts: Iterable[str], stage: Stage) -> None:
    """Delete objects and images by key and URI; those that do not exist are no error."""
    by_kind: dict[bool, list[str]] = {True: [], False: []}
    for artifact in artifacts:
        by_kind[images.is_uri(artifact)].append(artifact)
    if by_kind[True]:
        images.remove(by_kind[True], stage)
    left = iter(by_kind[False])
    while batch := [{"Key": key} for key in islice(left, BATCH)]:
        _delete(batch, stage.bucket, stage.account)


@translated(during="looking for old bundles")
def find_older(when: datetime, stage: Stage) -> frozenset[str]:
    """Return the keys of archives and URIs of images of the stage that were uploaded before `when`."""
    pages = (
        stage.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket=stage.bucket, Prefix=stage.prefix, ExpectedBucketOwner=stage.account.account_id)
    )
    listed = {each["Key"]: each["LastModified"] for page in pages for each in page.get("Contents", [])}
    archives = frozenset(
        key
        for key, uploaded in listed.items()
        if "/" not in key.removeprefix(stage.prefix) and uploaded < when
    )
    has_images = stage.prefix + IMAGES_MARKER in listed
    return archives | images.find_older(when, stage) if has_images else archives


def _delete(batch: list[dict[str, str]], bucket: str, account: Account) -> None:
    answer = account.client("s3").delete_objects(
        Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, ExpectedBucketOwner=account.account_id
    )
    for error in answer.get("Errors", []):
        raise AwsError(
            f"S3 did not delete {error['Key']}: {error.get('Message', error.get('Code'))}",
            during="removing the uploaded bundles",
        )


def _ensure_bucket(bucket: str, account: Account) -> None:
    s3, ours = account.client("s3"), {"Bucket": bucket, "ExpectedBucketOwner": account.account_id}
    if attempt(s3.head_bucket, none_if="^403:|^404:", **ours) is None:
        _create_bucket(bucket, account)
    # A bucket without a policy was not completed by an earlier run.
    if attempt(s3.get_bucket_policy, none_if="^NoSuchBucketPolicy:", **ours) is None:
        _secure_bucket(bucket, account)


def _create_bucket(bucket: str, account: Account) -> None:
    s3, where = account.client("s3"), {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
    here = {} if account.region == DEFAULT_REGION else where
    try:
        made = attempt(s3.create_bucket, none_if="^BucketAlreadyExists:", Bucket=bucket, **here)
    except s3.exceptions.BucketAlreadyOwnedByYou:
        # The credentials may not read the bucket, but it exists and is ours.
        return
    ours = {"Bucket": bucket, "ExpectedBucketOwner": account.account_id}
    if made is None and attempt(s3.head_bucket, none_if="^403:", **ours) is None:
        raise AwsError(
            f'The bucket name "{bucket}" is taken by another AWS account, or hidden from these credentials.',
            hint="Bucket names are global. Nothing was uploaded there; deploy to another region or account.",
            during="making the bucket",
        )


def _secure_bucket(bucket: str, account: Account) -> None:
    """Restrict the bucket to its account and to TLS; the rules at the top explain the order."""
    s3, ours = account.client("s3"), {"Bucket": bucket, "ExpectedBucketOwner": account.account_id}
    s3.put_public_access_block(
        **ours,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    encrypted = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(**ours, ServerSideEncryptionConfiguration={"Rules": [encrypted]})
    # An upload that was killed leaves parts behind, which are not listed but cost money.
    s3.put_bucket_lifecycle_configuration(
        **ours,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "unfinished-uploads",
                    "Status": "Enabled",
                    "Filter": {},
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                }
            ]
        },
    )
    s3.put_bucket_policy(**ours, Policy=json.dumps(_tls_only(bucket, account.partition)))


def _tls_only(bucket: str, partition: str) -> dict[str, Any]:
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _upload(path: Path, bucket: str, key: str, account: Account, console: Console) -> bool:
    """Upload the archive if its key does not exist; return whether it was uploaded."""
    s3, owner = account.client("s3"), account.account_id
    if attempt(s3.head_object, none_if="^404:", Bucket=bucket, Key=key, ExpectedBucketOwner=owner):
        return False
    with (
        path.open("rb") as archive,
        console.transfer(f"Uploading {path.name}", path.stat().st_size) as bar,
    ):
        extra = {"ExpectedBucketOwner": owner}
        s3.upload_fileobj(archive, bucket, key, ExtraArgs=extra, Callback=bar.advance)
    return True


def _versions(s3: Any, bucket: str, owner: str, prefix: str = "") -> Iterator[dict[str, str]]:
    """Yield every version and delete marker under the prefix."""
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=owner
    )
    for page in pages:
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield {"Key": each["Key"], "VersionId": each["VersionId"]}
