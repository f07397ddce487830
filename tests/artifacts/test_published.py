"""Files that a CDN serves: put once, shown with a release, and gone when nobody needs them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from fixtures.static_files import bucket_of, counted, shown
from stages import stage_in

from lambdify.cli.artifacts import archives, buckets, published

pytestmark = [pytest.mark.cloud, pytest.mark.slow]

ONE = {"static/app.3f2a91bc.js": b"one", "static/style.css": b"red", "static/a b+.txt": b"same"}
TWO = {"static/app.4f2a91bd.js": b"two", "static/style.css": b"blue", "static/a b+.txt": b"same"}
TOMORROW = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture
def stage(account, make_settings):
    return stage_in(account, make_settings("dev", {"http.cdn": True}))


@pytest.fixture
def put(stage, make_bundle, add_files, talk):
    """`put(files, previous)`: upload them as `deploy` does; the key of their record."""

    def put(files, previous="", name="dev"):
        bundle = add_files(make_bundle(), files)
        archives.put(bundle, stage, talk.console)
        published.put(bundle, stage, talk.console, previous=previous)
        planned = published.plan(bundle, stage)
        assert planned
        return planned.record

    return put


def test_a_new_name_is_there_at_once_and_no_other_before_it_is_shown(put, stage, account):
    record = put(ONE)
    assert shown(account) == {"static/app.3f2a91bc.js": b"one"}
    assert set(published.publish(record, stage)) == {"static/style.css", "static/a b+.txt"}
    assert shown(account) == ONE
    s3 = account.client("s3")
    plain = s3.head_object(Bucket=bucket_of(account), Key="shop/dev/static/style.css")
    assert (plain["ContentType"], plain["CacheControl"]) == (
        "text/css; charset=utf-8",
        "max-age=0, must-revalidate",
    )
    hashed = s3.head_object(Bucket=bucket_of(account), Key="shop/dev/static/app.3f2a91bc.js")
    assert hashed["CacheControl"] == "max-age=31536000, immutable"


def test_one_two_one_comes_out_right(put, stage, account):
    one = put(ONE)
    published.publish(one, stage)
    two = put(TWO, one)
    assert shown(account)["static/style.css"] == b"red"
    assert published.publish(two, stage) == ("static/style.css",)
    assert shown(account)["static/style.css"] == b"blue"
    assert shown(account)["static/app.3f2a91bc.js"] == b"one", "pages of before may ask for it"
    assert published.publish(one, stage) == ("static/style.css",)
    assert shown(account)["static/style.css"] == b"red"
    assert published.publish(one, stage) == ()


def test_what_was_cut_short_is_done_by_the_next_run(put, stage, account):
    s3, left = account.client("s3"), [0]

    def fail(**_):
        left[0] -= 1
        if left[0] < 0:
            raise ConnectionAbortedError

    for event in ("PutObject", "CopyObject"):
        s3.meta.events.register(f"before-call.s3.{event}", fail)
    ended = []
    for calls in range(12):
        left[0] = calls
        try:
            ended.append(published.publish(put(ONE), stage))
        except ConnectionAbortedError:
            ended.append(None)
    assert ended.count(None) > 4, "it was cut at each of these calls, and went on from there"
    assert ended[-1] == (), "and then there was nothing left to do"
    assert shown(account) == ONE


def test_after_an_upload_that_was_cut_short_only_the_rest_is_put(put, account):
    s3, calls = account.client("s3"), [0]

    def fail(**_):
        calls[0] += 1
        if calls[0] == 30:
            raise ConnectionAbortedError

    many = {f"static/{number}.{number:08x}ab.js": b"%d" % number for number in range(60)}
    s3.meta.events.register("before-call.s3.PutObject", fail)
    with pytest.raises(ConnectionAbortedError):
        put(many)
    left = 60 - len(shown(account))
    assert 0 < left < 60
    calls[0] = 100
    put(many)
    assert calls[0] - 100 == left + 2, "with the marker and the record"
    assert len(shown(account)) == 60


def test_a_bucket_that_somebody_has_removed_is_made_and_filled_again(put, stage, account):
    one = put(ONE)
    published.publish(one, stage)
    buckets.clear(bucket_of(account), [""], account)
    assert put(ONE, one) == one
    published.publish(one, stage)
    assert shown(account) == ONE


def test_the_bucket_is_closed_but_for_the_edges_of_the_account(put, account):
    put(ONE)
    s3, bucket = account.client("s3"), bucket_of(account)
    blocked = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert all(blocked.values())
    tls, *edges = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"]
    assert (tls["Effect"], tls["Principal"]) == ("Deny", "*")
    assert {each["Action"] for each in edges} == {"s3:GetObject", "s3:ListBucket"}
    for each in edges:
        assert each["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        arn = f"arn:aws:cloudfront::{account.account_id}:distribution/*"
        assert each["Condition"] == {"ArnLike": {"AWS:SourceArn": arn}}


def test_without_such_files_nothing_is_asked(stage, make_bundle, talk, account):
    calls = counted(account)
    assert published.put(make_bundle(), stage, talk.console) == 0
    assert published.publish("", stage) == ()
    assert published.plan(make_bundle(), stage) is None
    assert calls == []


def test_a_name_that_lies_about_its_hash_is_told(put, talk):
    one = put(ONE)
    put({**ONE, "static/app.3f2a91bc.js": b"other"}, one)
    assert "static/app.3f2a91bc.js has changed and kept its name." in talk.said


MANY = {**ONE, **{f"static/{number}.{number:08x}ab.js": b"%d" % number for number in range(1000)}}
"""Two pages of a listing. For 5,000 files there are three more, and nothing else."""


def test_of_many_files_only_what_changed_is_put(put, stage, account):
    calls = counted(account)
    one = put(MANY)
    published.publish(one, stage)
    assert calls.count("PutObject") >= 1000
    of_archives = ["HeadBucket", "GetBucketPolicy", "HeadObject", "HeadObject"]
    calls.clear()
    assert put(MANY, one) == one
    published.publish(one, stage)
    assert calls == [*of_archives, "GetObject", "HeadBucket", "GetObject", "ListObjectsV2", "ListObjectsV2"]
    calls.clear()
    two = put({**MANY, "static/style.css": b"blue"}, one)
    published.publish(two, stage)
    assert len(calls) - len(of_archives) <= 12 - 3


# -------------------------------------------------------------------- what goes


def test_files_that_no_record_has_go_and_those_that_one_has_stay(put, stage, account):
    one = put(ONE)
    published.publish(one, stage)
    two = put(TWO, one)
    published.publish(two, stage)
    assert published.prune([two], stage, now=datetime.now(UTC)) == 0, "they are young"
    assert len(shown(account)) == 4
    assert published.prune([one, two], stage, now=TOMORROW) == 0
    assert published.prune([two], stage, now=TOMORROW) == 2, "the script, and the old style sheet"
    assert shown(account) == TWO
    assert len(shown(account, "shop/dev.kept/")) == 2
    assert published.fetch(one, stage) is None
    put(ONE, two)
    assert published.publish(one, stage) == ("static/style.css",)
    assert shown(account)["static/app.3f2a91bc.js"] == b"one"


def test_another_stage_is_not_touched(put, stage, account, make_settings, make_bundle, add_files, talk):
    other = stage_in(account, make_settings("dev-2", {"http.cdn": True}))
    bundle = add_files(make_bundle(), TWO)
    archives.put(bundle, other, talk.console)
    published.put(bundle, other, talk.console)
    one = put(ONE)
    published.publish(one, stage)
    assert published.remove_stage(stage) == 5
    assert shown(account) == {}
    assert shown(account, "shop/dev-2/") == {"static/app.4f2a91bd.js": b"two"}
    assert len(shown(account, "shop/dev-2.kept/")) == 2
    assert published.remove_stage(other) == 3
    names = [each["Name"] for each in account.client("s3").list_buckets()["Buckets"]]
    assert bucket_of(account) not in names


def test_a_removal_of_a_stage_without_files_asks_for_no_bucket(stage, make_bundle, talk, account):
    archives.put(make_bundle(), stage, talk.console)
    calls = counted(account)
    assert published.remove_stage(stage) == 0
    assert calls == ["HeadObject"]
