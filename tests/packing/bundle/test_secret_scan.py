"""What looks like a credential in files that are packed. The values here are made up, and put together from
pieces so that no scanner takes this file for a leak."""

import pytest

from lambdify.cli.packing.bundle import secret_scan

KEY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
FOUND = {
    "an AWS access key id": "AK" + "IAIOSFODNN7ABCDEFG",
    "an AWS secret access key": 'aws_secret_access_key = "'
    + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYABCDEFGHIJ"[:40]
    + '"',
    "a private key": "-----BEGIN RSA PRIVATE" + f" KEY-----\n{KEY}\n",
    "a GitHub token": "gh" + "p_" + "a1B2" * 9,
    "a GitLab token": "gl" + "pat-" + "a1B2c" * 4,
    "a live Stripe key": "sk_" + "live_" + "a1B2" * 6,
    "a Slack token": "xo" + "xb-" + "1234567890-abcdefghij",
    "a Google API key": "AI" + "za" + "a1B2c" * 7,
    "a package index token": "pypi-" + "AgE" + "a1B2c" * 12,
    "a URL with a password": "postgresql://shop:" + "s3cr3t-value@db.internal.net/shop",
}
NOT_FOUND = [
    "AK" + "IAIOSFODNN7EXAMPLE",  # AWS's own example
    "postgresql://shop:" + "s3cr3t-value@localhost/shop",
    "postgresql://{user}:{password}@db.example.net/shop",
    "postgresql://user:password@db.prod.net/shop",
    "https://example.org/a:b@c.d",
    "-----BEGIN PRIVATE" + " KEY-----",
    "-----BEGIN PUBLIC" + f" KEY-----\n{KEY}",
    "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']",
]


@pytest.mark.parametrize("what", FOUND)
def test_a_credential_is_told_with_its_line(what):
    text = f"import os\n\nVALUE = 1\n{FOUND[what]}\n".encode()
    assert [(leak.path, leak.line, leak.what) for leak in secret_scan.scan("shop/settings.py", text)] == [
        ("shop/settings.py", 4, what)
    ]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_examples_and_placeholders_are_not_told(text):
    assert list(secret_scan.scan("settings.py", text.encode())) == []


def test_the_value_is_nowhere_in_what_is_told():
    (leak,) = secret_scan.scan("settings.py", FOUND["a GitHub token"].encode())
    assert "a1B2" not in repr(leak)


@pytest.mark.parametrize(
    "content", [b"\0" + b"%s", b"%s" + b" " * secret_scan.MAX_SIZE], ids=["binary", "large"]
)
def test_data_is_not_searched(content):
    assert list(secret_scan.scan("data.bin", content % FOUND["a GitHub token"].encode())) == []
