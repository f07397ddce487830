"""Modules that newer versions of their distributions have lost: the bound to write is told."""

import pytest
from failures.raising import project_of

from lambdify.cli.failures.explanation import explain
from lambdify.cli.failures.raised import Frame, Raised

OWN = Frame(path="app.py", line=3, function="<module>", source="import shop", own=True)
LIBRARY = Frame(path="razorpay/client.py", line=4, function="<module>")


def missing(module, *frames):
    return Raised(
        type="builtins.ModuleNotFoundError",
        bases=("builtins.ImportError",),
        message=f"No module named '{module}'",
        frames=(OWN, *frames),
        fields={"name": module},
    )


CASES = {
    "lost-module": (missing("pkg_resources"), {}),
    "lost-module-of-a-library": (missing("pkg_resources", LIBRARY), {"requirements": "uv.lock"}),
    "lost-module-of-what-is-packed": (
        missing("pkg_resources.extern", LIBRARY),
        {"packed": {"setuptools": "setuptools 82.0.1", "_distutils_hack": "setuptools 82.0.1"}},
    ),
    "lost-module-without-a-file": (missing("pkg_resources"), {"requirements": ""}),
    "lost-module-of-a-package": (missing("flask.ext"), {"packed": {"flask": "flask 3.1.0"}}),
    "lost-module-in-a-module": (
        missing("werkzeug.contrib", LIBRARY),
        {"packed": {"werkzeug": "werkzeug 3.1.3"}},
    ),
    # Only what the table has: nothing is said of a module beside it.
    "module-beside-a-lost-one": (
        missing("werkzeug.contributed"),
        {"packed": {"werkzeug": "werkzeug 3.1.3"}},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_bound_is_told(case, tmp_path, golden):
    error, facts = CASES[case]
    told = explain(error, project_of(tmp_path, **facts))
    golden(f"{case}.txt", f"error: {told.message}\nhint: {told.hint}\n")
