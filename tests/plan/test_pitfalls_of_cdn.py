"""What is said of a stage with a CDN before a deployment, and what is said no more."""

from datetime import date

import pytest

from lambdify.cli import settings
from lambdify.cli.plan import pitfalls

CDN = {"name": "shop", "function.python": "3.12", "http.cdn": True}
STATIC = 'INSTALLED_APPS = ["django.contrib.staticfiles"]\nSTATIC_URL = "/static/"\n'


@pytest.fixture
def said(tmp_path):
    """`said({"function.timeout": 60}, text)`: every caution about these settings, and settings of Django."""

    def said(overrides, text=""):
        (tmp_path / "settings.py").write_text(text)
        chosen = settings.load(tmp_path, overrides={**CDN, **overrides})
        return list(pitfalls.find(chosen, local=False, today=date(2020, 1, 1)))

    return said


def test_links_need_no_stage_where_a_cdn_leads_to_it(said):
    behind = {"http.endpoint": "rest-api"}
    assert said(behind, STATIC) == []
    (caution,) = said({**behind, "http.cdn": False}, STATIC)
    assert "makes links without /live" in caution


@pytest.mark.parametrize(("seconds", "told"), [(120, 0), (121, 1)])
@pytest.mark.parametrize(
    "kind",
    [{"http.endpoint": "function-url"}, {"http.endpoint": "rest-api", "http.streaming": True}],
)
def test_a_function_that_outlasts_cloudfront_is_told(said, kind, seconds, told):
    cautions = said({**kind, "function.timeout": seconds})
    assert len(cautions) == told
    assert all("CloudFront waits 120 seconds" in each for each in cautions)


def test_an_endpoint_that_gives_up_first_is_told_alone(said):
    (caution,) = said({"function.timeout": 600})
    assert "An HTTP API waits 30 seconds" in caution
