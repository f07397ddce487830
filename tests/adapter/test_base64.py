"""Base64 of large bodies: pybase64 where it is in the bundle, the standard library where it is not.

Which of the two is found is decided once in a process, so each runs in one of its own.
"""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, sys
if {missing}:
    sys.modules["pybase64"] = None  # how Python spells "cannot be imported"
from lambdify.adapter import bodies
bodies.read("QUJD", True), bodies.write(b"\\xff", ())
small = sys.modules.get("pybase64") is not None
body = bytes(range(256)) * 1000
text, is_base64 = bodies.write(body, ())
assert is_base64 and bodies.read(text, True) == body
def refuses(text):
    try:
        bodies.read(text, True, strict=True)
    except ValueError:
        return True
bad = [text[:-1], text[:-1] + "*", text[:100] + "\\n" + text[100:]]
bad += [text + "AAAA", "AAA=" + text, text + "\\u00e9"]
print(json.dumps([text[:8], small, sys.modules.get("pybase64") is not None, [refuses(item) for item in bad]]))
"""


@pytest.mark.parametrize("missing", [True, False], ids=["without pybase64", "with pybase64"])
def test_large_bodies_come_back_and_bad_ones_are_refused(missing):
    script = SCRIPT.format(missing=missing)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    start, small, large, refused = json.loads(done.stdout)
    assert start == "AAECAwQF"
    assert not small, "a small body made it import pybase64"
    assert large is not missing
    assert all(refused), refused
