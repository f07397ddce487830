"""Which distribution has a module."""

import re

import pytest

from lambdify.cli.detection import distributions


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("yaml", "PyYAML"),
        ("PIL.Image", "Pillow"),
        ("cv2", "opencv-python-headless"),
        ("bs4.BeautifulSoup", "beautifulsoup4"),
        ("dotenv.load_dotenv", "python-dotenv"),
        ("jwt", "PyJWT"),
        ("sklearn.svm", "scikit-learn"),
        ("google.protobuf.message", "protobuf"),
        ("google.cloud.storage.Client", "google-cloud-storage"),
        ("rest_framework.serializers", "djangorestframework"),
        ("psycopg2", "psycopg2-binary"),
        # No row: the module's own name.
        ("flask.Flask", "flask"),
        ("flask_wtf", "flask-wtf"),
        ("google.cloud.newer", "google"),
    ],
)
def test_the_distribution_to_add(module, expected):
    assert distributions.names_of(module)[0] == expected


def test_a_guess_is_told_from_what_is_known():
    assert distributions.is_known("google.protobuf.message")
    assert not distributions.is_known("flask_wtf")


def test_rows_are_names():
    for module, names in distributions._table().items():
        assert all(part.isidentifier() for part in module.split(".")), module
        assert names, module
        assert all(re.fullmatch(r"[A-Za-z0-9][\w.-]*[A-Za-z0-9]", name) for name in names), module
