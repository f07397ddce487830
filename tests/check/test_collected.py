"""A manifest of static files that lambdify makes itself is no finding."""

import pytest

from .projects import django

MANIFEST = "STATICFILES_STORAGE = 'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'\n"
NOISE = "MIDDLEWARE = ['whitenoise.middleware.WhiteNoiseMiddleware']\n"


@pytest.mark.parametrize(
    ("code", "serve", "told"),
    [
        (MANIFEST, "auto", False),
        (NOISE + MANIFEST, "function", False),
        (NOISE + MANIFEST, "auto", True),
        (MANIFEST, "app", True),
    ],
)
def test_only_a_manifest_that_nobody_makes_is_told(found, code, serve, told):
    findings = found(django(f"DEBUG = False\n{code}"), {"static.serve": serve})
    assert any(" manifest " in each for each in findings) is told
