"""What a stage with a CDN costs: said by `diff`, counted by `status` and `check --cost`."""

import pytest

from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.artifacts.published import Static
from lambdify.cli.check import cost
from lambdify.cli.plan import costs, preview

CDN = {"http.cdn": True}
ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/a1b2c3d4"
FILES = Artifact(
    bucket="bucket",
    app_key="app.zip",
    layer_key=None,
    static=Static(bucket="lambdify-static-1-x", folder="/shop/dev", record="", paths=("/static/*",)),
    uploaded=(),
)
USE = "10 million requests and 1 TB a month are free, then $1.10 a million and $0.085 a GB"


def shown(before, after):
    """The lines of `diff`, for a change from one template to another."""
    what = preview.make((), before.body if before else {}, after.body, kept=5)
    return [line.text.strip() for line in preview.show_in_full(what, None)]


@pytest.mark.parametrize("kind", ["http-api", "rest-api", "function-url"])
def test_diff_says_what_is_billed_and_that_idle_it_is_nothing(write, kind):
    plain = write({"http.endpoint": kind})
    behind = write({"http.endpoint": kind, **CDN, "cdn.web_acl": ACL}, artifact=FILES)
    lines = shown(plain, behind)
    assert f"not known  use of the CDN: {USE}" in lines
    assert "not known  static files: $0.023 for each GB of those kept" in lines
    assert (
        "not known  the web ACL: $5.00 and $1.00 for each rule, whatever it stands before, and $0.60 a "
        "million requests"
    ) in lines
    assert costs.total(costs.estimate_idle(behind.body)) == costs.total(costs.estimate_idle(plain.body))
    assert not [line for line in lines if "prices of its own" in line], "each of its resources is priced"


def test_what_is_not_there_is_not_said(write):
    said = "\n".join(shown(None, write(CDN)))
    assert USE in said
    assert "static files" not in said
    assert "web ACL" not in said
    assert "CDN" not in "\n".join(shown(None, write()))


@pytest.mark.parametrize(
    ("requests", "size", "files", "dollars"),
    [
        (100_000, 50e9, 800_000, 0),
        (2_000_000, 1e12, 8_000_000, 0),
        (3_000_000, 0, 0, 0.1),
        (12_000_000, 0, 0, 2 + 1),
        (0, 1_100e9, 12_000_000, 2 + 8.5),
    ],
)
def test_what_is_beyond_the_free_part_of_a_month_is_counted(requests, size, files, dollars):
    assert costs.price_cdn(requests, size, files=files) == pytest.approx(dollars)


def test_a_month_of_traffic_is_sent_by_the_cdn(make_settings):
    plain, behind = (
        {
            part.what: part.monthly
            for part in cost.estimate(cost.assume(20_000_000), each, today=costs.as_of()).parts
        }
        for each in (make_settings(), make_settings(overrides=CDN))
    )
    (mine,) = behind.keys() - plain.keys()
    (theirs,) = plain.keys() - behind.keys()
    assert mine.startswith("requests and ")
    assert mine.endswith(" by way of the CDN")
    assert theirs.endswith(" GB to the internet")
    assert behind[mine] >= 10 * 1 + 18 * 0.1
