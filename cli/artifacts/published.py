"""The files that a CDN serves, in a bucket of their own: put before the stack changes, shown with traffic.

    NAME/STAGE/static/app.3f2a91bc.js   a name that changes with its content: put once
    NAME/STAGE/static/style.css         a copy of what the release with the traffic has
    NAME/STAGE.kept/SHA256              what releases have under such names; no path of a CDN leads there

Rules:
- No code lies in this bucket, and every distribution of the account may read it: each asks below its own
  folder.
- A record in the stage's other bucket (`files/DIGEST.json`) says what a release has, and that all of it was
  put: it is written last, and removed before its files. So an upload that was cut short is done again.
- `publish` makes the copies what a release says, in whatever state they are. Whoever moves traffic calls it
  first.
- Nothing is ever invalidated: browsers and edges ask again for names that stay, and never for others.
- A file goes when no record that stays has it: see releases/pruning.py. One without goes after a day.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdify.cli.artifacts import buckets, objects
from lambdify.cli.artifacts.buckets import Statement
from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.packing import archive
from lambdify.cli.stage import Stage
from lambdify.cli.static import publication
from lambdify.cli.static.publication import Publication, PublishedFile

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle

RECORDS = "files/"
MARKER = f"{RECORDS}bucket"
"""Key, below the stage's prefix, that says that the stage has files, or will have some."""
LONGEST_DEPLOYMENT = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Static:
    """What a template says of the files that a CDN serves."""

    bucket: str
    folder: str
    """The stage's folder in it, with a slash at its beginning only."""
    record: str
    """The key of the record."""
    paths: tuple[str, ...]


def plan(bundle: "Bundle", stage: Stage) -> Static | None:
    """Return what a template says of the bundle's files; None if a CDN serves none. No call of AWS."""
    if bundle.static is None:
        return None
    found, _ = publication.unpack(bundle.static.path)
    return Static(
        bucket=stage.static_bucket,
        folder=f"/{stage.prefix.rstrip('/')}",
        record=_record_key(found, stage),
        paths=found.paths,
    )


def _record_key(found: Publication, stage: Stage) -> str:
    return f"{stage.prefix}{RECORDS}{found.digest}.json"


@translated(during="uploading the static files")
def put(bundle: "Bundle", stage: Stage, console: Console, *, previous: str = "") -> int:
    """Put the files that are not there yet, where no visitor sees them before `publish`; return how many.

    `previous` is the key of the record of an earlier release, whose files are there.
    """
    if bundle.static is None:
        return 0
    found, contents = publication.unpack(bundle.static.path)
    record = _record_key(found, stage)
    before = fetch(previous or record, stage)
    if before and not _is_bucket_there(stage):
        before = None
    if before and previous in ("", record):
        return 0
    if before is None:
        buckets.ensure(stage.static_bucket, stage.account, _read_by_cdn(stage.static_bucket, stage.account))
        objects.put(stage, stage.prefix + MARKER, b"", kind="text/plain")
    known = {_place(each, stage) for each in before.files} if before else set()
    changed = {file.name: file for file in before.files if file.lasting} if before else {}
    for file in found.files:
        if file.lasting and changed.get(file.name, file).sha256 != file.sha256:
            console.warn(
                f"{file.name} has changed and kept its name. Browsers that have it keep it for a year."
            )
    wanted = {_place(each, stage): each for each in found.files}
    # An upload that was cut short has left some: what is there is known by its digest.
    there = {} if before else {key: etag for place in _places(stage) for key, etag, _ in _list(stage, place)}
    missing = [
        (key, each)
        for key, each in wanted.items()
        if there.get(key) != each.md5 and (key not in known or changed.get(each.name, each) != each)
    ]
    put_one = _putter(stage, lambda file: archive.inflate(contents[file.sha256]))
    with console.transfer(
        f"Uploading {len(missing):,} static file{'s' if len(missing) > 1 else ''}",
        sum(each.size for _, each in missing),
    ) as bar:
        for size in objects.at_once(put_one, missing):
            bar.advance(size)
    objects.put(stage, record, found.text.encode())
    return len(missing)


def _place(file: PublishedFile, stage: Stage) -> str:
    """Return the key that a release's file is put under."""
    return stage.prefix + file.name if file.lasting else f"{kept(stage)}{file.sha256}"


def _places(stage: Stage) -> tuple[str, str]:
    """Return what the keys of a stage's files begin with."""
    return stage.prefix, kept(stage)


def kept(stage: Stage) -> str:
    """Return what the keys begin with of files that have the same name in several releases."""
    return f"{stage.prefix.rstrip('/')}.kept/"


def _putter(
    stage: Stage, read: Callable[[PublishedFile], bytes]
) -> Callable[[tuple[str, PublishedFile]], int]:
    s3, ours = stage.client("s3"), _ours(stage)

    def put_one(each: tuple[str, PublishedFile]) -> int:
        key, file = each
        s3.put_object(
            **ours, Key=key, Body=read(file), ContentType=file.type, CacheControl=file.cache_control
        )
        return file.size

    return put_one


def fetch(record: str, stage: Stage) -> Publication | None:
    """Return what a record says; None if there is none of that key."""
    text = objects.fetch(stage, record) if record else None
    return publication.read(text) if text else None


@translated(during="publishing the static files")
def publish(record: str, stage: Stage) -> tuple[str, ...]:
    """Show the files of that record under the names that other releases have, too; return what changed.

    Nothing happens without such files. Safe to call again, in whatever state the files are.
    """
    found = fetch(record, stage)
    if found is None or not found.passing:
        return ()
    there = {key: etag for key, etag, _ in _list(stage, stage.prefix)}
    changed = [each for each in found.passing if there.get(stage.prefix + each.name) != each.md5]
    s3, ours = stage.client("s3"), _ours(stage)

    def copy(file: PublishedFile) -> str:
        source = {"Bucket": stage.static_bucket, "Key": _place(file, stage)}
        s3.copy_object(
            **ours,
            Key=stage.prefix + file.name,
            CopySource=source,
            MetadataDirective="REPLACE",
            ContentType=file.type,
            CacheControl=file.cache_control,
        )
        return file.name

    return tuple(objects.at_once(copy, changed))


@translated(during="removing old static files")
def prune(staying: Iterable[str], stage: Stage, *, now: datetime) -> int:
    """Remove all records but those, and then every file that no record has; return how many files went.

    What is younger than a day stays: it may belong to a deployment that is under way. As long as no record
    goes, the files are not looked at.
    """
    cutoff = now - LONGEST_DEPLOYMENT
    listed = {key: at for key, _, at in _list(stage, stage.prefix + RECORDS, stage.bucket)}
    listed.pop(stage.prefix + MARKER, None)
    gone = {key for key, at in listed.items() if at < cutoff}.difference(staying)
    if not gone:
        return 0
    needed: set[str] = set()
    for key in sorted(listed.keys() - gone):
        found = fetch(key, stage)
        for file in found.files if found else ():
            needed |= {_place(file, stage), stage.prefix + file.name}
    # The records go first: what a record names is there.
    for key in sorted(gone):
        objects.remove(stage, key)
    there = [each for place in _places(stage) for each in _list(stage, place)]
    unneeded = [key for key, _, at in there if key not in needed and at < cutoff]
    buckets.delete(({"Key": key} for key in unneeded), stage.static_bucket, stage.account)
    return len(unneeded)


@translated(during="removing the static files")
def remove_stage(stage: Stage) -> int:
    """Delete the stage's files, and their bucket if it is empty then; return how many there were."""
    s3, bucket = stage.client("s3"), stage.static_bucket
    marker = {**_ours(stage), "Bucket": stage.bucket, "Key": stage.prefix + MARKER}
    if attempt(s3.head_object, none_if="^404:", **marker) is None:
        return 0
    if not _is_bucket_there(stage):
        return 0
    removed, _ = buckets.clear(bucket, _places(stage), stage.account)
    return removed


def _is_bucket_there(stage: Stage) -> bool:
    """Return whether there is a bucket of files; somebody may have removed it by hand."""
    found = attempt(stage.client("s3").head_bucket, none_if="^NoSuchBucket:|^404:", **_ours(stage))
    return found is not None


def _list(stage: Stage, prefix: str, bucket: str = "") -> Iterable[tuple[str, str, datetime]]:
    """Yield key, ETag and date of the objects below a prefix; without `bucket`, of the files."""
    which = {**_ours(stage), "Bucket": bucket or stage.static_bucket}
    pages = stage.client("s3").get_paginator("list_objects_v2").paginate(**which, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", []):
            yield each["Key"], each["ETag"].strip('"'), each["LastModified"]


def _ours(stage: Stage) -> Mapping[str, str]:
    return {"Bucket": stage.static_bucket, "ExpectedBucketOwner": stage.account.account_id}


def _read_by_cdn(bucket: str, account: Account) -> list[Statement]:
    """Return the statements that let the account's own distributions read.

    With s3:ListBucket what is missing is a 404, else a 403. It lists nothing: below a distribution's own
    folder a path that ends with a slash is one more object.
    """
    arn = f"arn:{account.partition}:s3:::{bucket}"
    ours = f"arn:{account.partition}:cloudfront::{account.account_id}:distribution/*"
    edge = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": ours}},
    }
    return [
        {"Sid": "EdgesRead", **edge, "Action": "s3:GetObject", "Resource": f"{arn}/*"},
        {"Sid": "EdgesKnowWhatIsMissing", **edge, "Action": "s3:ListBucket", "Resource": arn},
    ]
