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
        (NOISE + MANIFEST, "auto", False),
        (NOISE + MANIFEST, "app", False),
        (MANIFEST, "app", True),
    ],
)
def test_only_a_manifest_that_nobody_makes_is_told(found, code, serve, told):
    findings = found(django(f"DEBUG = False\n{code}"), {"static.serve": serve})
    assert any(" manifest " in each for each in findings) is told


@pytest.mark.parametrize("name", ["STATICFILES_STORAGE", "STORAGES"])
def test_the_line_with_the_storage_is_told(found, name):
    storage = "'django.contrib.staticfiles.storage.ManifestStaticFilesStorage'"
    value = storage if name == "STATICFILES_STORAGE" else f"{{'staticfiles': {{'BACKEND': {storage}}}}}"
    findings = found(django(f"DEBUG = False\n{name} = {value}\n"), {"static.serve": "app"})
    assert findings == ["surprises manifest shop/settings.py:2"]
