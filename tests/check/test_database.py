"""What of Django's settings does not fit to [database]."""

import pytest
from check.projects import django

DSQL = {
    "database.kind": "dsql",
    "database.host": "abcdefghij0123456789abcdef.dsql.eu-west-1.on.aws",
    "database.user": "app",
}
PLAIN = "import os\nDATABASES = {'default': {'ENGINE': 'django.db.backends.postgresql', 'NAME': 'shop'%s}}\n"
OURS = "DATABASES = {'default': {'ENGINE': 'lambdify.adapter.django_postgresql'}}\n"


def test_djangos_own_backend_has_no_token(examined):
    (only,) = examined(django(PLAIN % ", 'HOST': os.environ['DATABASE_HOST']"), DSQL).findings
    assert (only.level, only.rule, only.place) == ("stops", "tokens", "shop/settings.py:2")
    assert only.what == 'ENGINE = "django.db.backends.postgresql"'


@pytest.mark.parametrize(
    "more", [", 'PASSWORD': os.environ['OTHER']", ", 'OPTIONS': {'service': 'other'}", ", 'OPTIONS': OPTIONS"]
)
def test_one_that_signs_in_otherwise_is_another_one(found, more):
    assert not [each for each in found(django(PLAIN % more), DSQL) if "tokens" in each]


def test_the_backend_that_has_tokens_is_right(found):
    assert found(django(OURS), DSQL) == []


@pytest.mark.parametrize("overrides", [{}, {"database.local": "postgresql:///shop"}])
def test_without_a_database_on_aws_there_are_no_tokens(found, overrides):
    assert found(django(PLAIN % ""), overrides) == []
