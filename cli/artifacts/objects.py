"""Small objects in the bucket: what a stage remembers beside its archives, under keys of its own."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lambdify.cli.aws import attempt
from lambdify.cli.stage import Stage

NOT_THERE = "^NoSuchBucket:|^NoSuchKey:|^404:"
TAKEN = "^PreconditionFailed:|^ConditionalRequestConflict:"
AT_ONCE = 10
"""Calls of S3 at a time: as many as boto3 keeps connections."""


def fetch(stage: Stage, key: str) -> bytes | None:
    """Return the content of an object; None if there is none, or no bucket."""
    found = attempt(
        stage.client("s3").get_object,
        none_if=NOT_THERE,
        Bucket=stage.bucket,
        Key=key,
        ExpectedBucketOwner=stage.account.account_id,
    )
    return bytes(found["Body"].read()) if found else None


def find(stage: Stage, folder: str) -> tuple[str, ...]:
    """Return the keys that begin with `folder`; none if there is no bucket."""
    return _list(stage, folder, "Contents", "Key")


def find_folders(stage: Stage, folder: str) -> tuple[str, ...]:
    """Return the folders in `folder`, each with a slash at its end; none if there is no bucket."""
    return _list(stage, folder, "CommonPrefixes", "Prefix", Delimiter="/")


def _list(stage: Stage, folder: str, kind: str, name: str, **which: str) -> tuple[str, ...]:
    """Return the name of each entry of a kind in the listing of a folder."""
    pages = stage.client("s3").get_paginator("list_objects_v2")
    found = attempt(
        lambda **given: [each[name] for page in pages.paginate(**given) for each in page.get(kind, [])],
        none_if=NOT_THERE,
        Bucket=stage.bucket,
        Prefix=folder,
        ExpectedBucketOwner=stage.account.account_id,
        **which,
    )
    return tuple(found or ())


def remove(stage: Stage, key: str) -> None:
    """Delete an object; one that does not exist is no error."""
    stage.client("s3").delete_object(
        Bucket=stage.bucket, Key=key, ExpectedBucketOwner=stage.account.account_id
    )


def sign(stage: Stage, key: str, seconds: int) -> str:
    """Return a URL by which whoever has it may read an object for that time."""
    url: str = stage.client("s3").generate_presigned_url(
        "get_object", Params={"Bucket": stage.bucket, "Key": key}, ExpiresIn=seconds
    )
    return url


def put(stage: Stage, key: str, content: bytes, *, kind: str = "application/json", new: bool = False) -> bool:
    """Write an object; return False if it is to be `new` and somebody else has made one of that key."""
    condition = {"IfNoneMatch": "*"} if new else {}
    written = attempt(
        stage.client("s3").put_object,
        none_if=TAKEN,
        Bucket=stage.bucket,
        Key=key,
        Body=content,
        ContentType=kind,
        ExpectedBucketOwner=stage.account.account_id,
        **condition,
    )
    return written is not None


def at_once(function: Callable[[Any], Any], values: Iterable[Any]) -> Iterable[Any]:
    """Yield the results of several calls at a time. After an error no further call begins."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        begun = [threads.submit(function, each) for each in values]
        try:
            for each in begun:
                yield each.result()
        finally:
            threads.shutdown(wait=True, cancel_futures=True)
