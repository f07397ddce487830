"""Signed URLs of objects in the local cloud: as AWS's, for whoever has them, for their time, and in parts."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest
from stages import stage_in

from lambdify.cli import aws
from lambdify.cli.artifacts import objects

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(cloud, make_settings):
    settings = make_settings("dev", {"region": "eu-central-1"})
    account = aws.connect(settings, endpoint_url=cloud.endpoint_url, credentials=cloud.credentials)
    aws.attempt(
        account.client("s3").create_bucket,
        none_if="^BucketAlreadyOwnedByYou:",
        Bucket=account.bucket,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    return stage_in(account, settings)


def test_whoever_has_a_signed_url_reads_the_object_whole_or_from_a_place_on(stage):
    objects.put(stage, "shop/dev/commands/1", b"0123456789")
    url = objects.sign(stage, "shop/dev/commands/1", 60)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in url
    assert httpx.get(url).content == b"0123456789"
    part = httpx.get(url, headers={"Range": "bytes=7-"})
    assert (part.status_code, part.content) == (206, b"789")
    assert httpx.get(url, headers={"Range": "bytes=10-"}).status_code == 416
    objects.remove(stage, "shop/dev/commands/1")
    assert httpx.get(url).status_code == 404


def test_a_signed_url_is_for_its_object_and_its_time_alone(stage):
    objects.put(stage, "shop/dev/commands/1", b"0123456789")
    url = objects.sign(stage, "shop/dev/commands/1", 60)
    assert httpx.get(url.replace("commands/1", "commands/2")).status_code == 403
    query = dict(parse_qsl(urlsplit(url).query)) | {"X-Amz-Expires": "6000"}
    assert httpx.get(f"{url.partition('?')[0]}?{urlencode(query)}").status_code == 403
    assert httpx.get(url.partition("?")[0]).status_code == 403
