"""What to do about what a build tool printed."""

import pytest

from lambdify.cli.packing.resolution.advice import find_advice, summarize


@pytest.mark.parametrize(
    ("output", "advice"),
    [
        ("Error: pg_config executable not found.", "psycopg2-binary"),
        ("src/x.c:3:10: fatal error: Python.h: No such file or directory", "Python's headers"),
        ("x.c:1:10: fatal error: openssl/ssl.h: No such file", "The C header openssl/ssl.h is missing"),
        ("error: command 'gcc' failed: No such file or directory", "no C compiler"),
        ("error: can't find Rust compiler", "Rust toolchain"),
        ("exec /usr/bin/sleep: exec format error", "emulation"),
        ("/bin/sh: 1: gcc: not found", "no C compiler"),
        ("failed to write: No space left on device (os error 28)", "make room"),
        ("HTTP status client error (401 Unauthorized) for url", "credentials"),
        ("Because flaks was not found in the package registry and you require", "spelling"),
        ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE"),
        ("tcp connect error: Connection refused", "could not be reached"),
    ],
)
def test_known_causes_have_advice(output, advice):
    assert advice in find_advice(output)


def test_an_unknown_cause_has_none():
    assert find_advice("AttributeError: module 'x' has no attribute 'y'") == ""


def test_a_log_is_summed_up_by_its_last_telling_lines():
    log = "Collecting x\n  error: first\nnoise\nerror: second\nbuilding\nerror: third\nERROR: fourth\nbye\n"
    assert summarize(log) == "error: second | error: third | ERROR: fourth"


def test_what_pip_says_of_itself_is_not_the_cause():
    said = """
  Preparing metadata (pyproject.toml): finished with status 'error'
  error: subprocess-exited-with-error
  [2 lines of output]
      Traceback (most recent call last):
      ValueError: the version is missing
      [end of output]
  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed
"""
    assert summarize(said).endswith("ValueError: the version is missing")
