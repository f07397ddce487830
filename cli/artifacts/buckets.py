"""Buckets of an account and region: made private, encrypted and for TLS alone; emptied, removed when empty.

The policy is set last, so a bucket with a policy is complete. Every call names the expected owner.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from lambdify.cli.aws import Account, attempt
from lambdify.cli.errors import AwsError

Statement = dict[str, Any]

DEFAULT_REGION = "us-east-1"
"""CreateBucket refuses this region as a LocationConstraint, since it is the default."""
BATCH = 1000
"""Keys that DeleteObjects takes at once."""


def ensure(bucket: str, account: Account, statements: Sequence[Statement] = ()) -> None:
    """Make the bucket if there is none; `statements` are in its policy besides."""
    s3, ours = account.client("s3"), {"Bucket": bucket, "ExpectedBucketOwner": account.account_id}
    if attempt(s3.head_bucket, none_if="^403:|^404:", **ours) is None:
        _create(bucket, account)
    # A bucket without a policy was not completed by an earlier run.
    if attempt(s3.get_bucket_policy, none_if="^NoSuchBucketPolicy:", **ours) is None:
        _secure(bucket, account, statements)


def _create(bucket: str, account: Account) -> None:
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


def _secure(bucket: str, account: Account, statements: Sequence[Statement]) -> None:
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
    policy = {"Version": "2012-10-17", "Statement": [_tls_only(bucket, account.partition), *statements]}
    s3.put_bucket_policy(**ours, Policy=json.dumps(policy))


def _tls_only(bucket: str, partition: str) -> Statement:
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def clear(bucket: str, prefixes: Iterable[str], account: Account) -> tuple[int, bool]:
    """Delete every version of the objects below the prefixes, and the bucket if it is empty then.

    Returns how many were deleted, and whether the bucket was.
    """
    s3, owner = account.client("s3"), account.account_id
    removed = 0
    for prefix in prefixes:
        while batch := list(islice(_versions(s3, bucket, owner, prefix), BATCH)):
            delete(batch, bucket, account)
            removed += len(batch)
    empty = next(_versions(s3, bucket, owner), None) is None
    # If another project uploads at this moment, S3 keeps the bucket.
    gone = empty and attempt(
        s3.delete_bucket,
        none_if="^BucketNotEmpty:|^NoSuchBucket:",
        Bucket=bucket,
        ExpectedBucketOwner=owner,
    )
    return removed, bool(gone)


def delete(which: Iterable[dict[str, str]], bucket: str, account: Account) -> None:
    """Delete objects; those that do not exist are no error."""
    left = iter(which)
    while batch := list(islice(left, BATCH)):
        answer = account.client("s3").delete_objects(
            Bucket=bucket, Delete={"Objects": batch, "Quiet": True}, ExpectedBucketOwner=account.account_id
        )
        for error in answer.get("Errors", []):
            raise AwsError(
                f"S3 did not delete {error['Key']}: {error.get('Message', error.get('Code'))}",
                during="removing the uploaded bundles",
            )


def _versions(s3: Any, bucket: str, owner: str, prefix: str = "") -> Iterator[dict[str, str]]:
    """Yield every version and delete marker under the prefix."""
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=owner
    )
    for page in pages:
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield {"Key": each["Key"], "VersionId": each["VersionId"]}
