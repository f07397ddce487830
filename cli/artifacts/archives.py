"""The bundle's archives in S3, under keys that contain a digest of their content.

Rules:
- There is one bucket per account and region, `lambdify-{account}-{region}`; keys are
  `{name}/{stage}/{archive}`. The content of a key never changes, so an archive that exists is not uploaded
  again, and CloudFormation sees every change.
- Every call names the expected owner: bucket names are global, and somebody else may have taken ours.
  https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
- A marker in the stage's part of the bucket says that the stage has a repository of images. It is written
  before the repository is created, and removed after it. So stages of zips need no call of ECR, and no right.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli.artifacts import buckets, images, objects, published
from lambdify.cli.artifacts.published import Static
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.stage import Stage

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle

IMAGES_MARKER = "images/repository"
"""Key, below the stage's prefix, of the marker of a repository of images."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """A bundle that is in S3, or as an image in ECR."""

    bucket: str
    app_key: str
    """"" for an image."""
    layer_key: str | None
    image: str = ""
    """URI; "" for zips."""
    static: Static | None = None
    """The files that a CDN serves; None if it serves none."""
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
    buckets.ensure(planned.bucket, stage.account)
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
            static=published.plan(bundle, stage),
            uploaded=(),
        )
    return Artifact(
        bucket=stage.bucket,
        app_key=stage.prefix + bundle.app.path.name,
        layer_key=stage.prefix + bundle.layer.path.name if bundle.layer else None,
        static=published.plan(bundle, stage),
        uploaded=(),
    )


def mark_images(stage: Stage) -> None:
    """Write the marker that says that the stage has, or will have, a repository of images."""
    name = images.repository_name(stage.settings)
    objects.put(stage, stage.prefix + IMAGES_MARKER, name.encode(), kind="text/plain")


@translated(during="removing the uploaded bundles")
def remove_stage(stage: Stage) -> RemovedArtifacts:
    """Delete the stage's images, static files, every version of its objects, and buckets then empty."""
    s3, bucket, owner = stage.client("s3"), stage.bucket, stage.account.account_id
    missing = "^NoSuchBucket:|^404:"
    if attempt(s3.head_bucket, none_if=missing, Bucket=bucket, ExpectedBucketOwner=owner) is None:
        return RemovedArtifacts(objects=0, bucket=False, images=False)
    marker = {"Bucket": bucket, "Key": stage.prefix + IMAGES_MARKER, "ExpectedBucketOwner": owner}
    has_images = attempt(s3.head_object, none_if="^404:", **marker) is not None
    # Images and static files are removed first: if the removal is cut short, their markers are still there.
    repository = has_images and images.remove_stage(stage)
    files = published.remove_stage(stage)
    removed, gone = buckets.clear(bucket, (stage.prefix,), stage.account)
    return RemovedArtifacts(objects=files + removed, bucket=gone, images=repository)


@translated(during="removing old bundles")
def remove(artifacts: Iterable[str], stage: Stage) -> None:
    """Delete objects and images by key and URI; those that do not exist are no error."""
    by_kind: dict[bool, list[str]] = {True: [], False: []}
    for artifact in artifacts:
        by_kind[images.is_uri(artifact)].append(artifact)
    if by_kind[True]:
        images.remove(by_kind[True], stage)
    buckets.delete(({"Key": key} for key in by_kind[False]), stage.bucket, stage.account)


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
