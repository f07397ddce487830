"""What of an installed distribution is packed."""

import pytest

from lambdify.cli.packing.bundle import strip

STRIPPED = [
    "shop/__pycache__/a.cpython-313.pyc",
    "shop/old.pyc",
    "shop/py.typed",
    "shop/fast.pyi",
    "shop/_fast.c",
    "shop/_fast.pyx",
    "numpy/core/include/numpy/arrayobject.h",
    "shop-1.0.dist-info/RECORD",
    "shop-1.0.dist-info/INSTALLER",
    "shop-1.0.dist-info/REQUESTED",
    "shop-1.0.dist-info/WHEEL",
    "shop-1.0.dist-info/direct_url.json",
    "shop-1.0.dist-info/uv_cache.json",
    "shop-1.0.dist-info/sboms/shop.cdx.json",
    "bin/shop",
    "shop/locale/de/LC_MESSAGES/django.po",
    "shop/tests/test_a.py",
    "shop/core/tests/data/x.csv",
]
KEPT = [
    "shop/__init__.py",
    "shop/_fast.cpython-313-x86_64-linux-gnu.so",
    "shop.libs/libz.so.1",
    "shop/bin/tool",
    "shop/locale/de/LC_MESSAGES/django.mo",
    "shop/data.csv",
    "shop/testing/__init__.py",
    "shop/_testing.py",
    "shop/tests.py",
    "shop-1.0.dist-info/METADATA",
    "shop-1.0.dist-info/entry_points.txt",
    "shop-1.0.dist-info/licenses/LICENSE",
    "shop-1.0.dist-info/LICENSE",
    "tests/__init__.py",
]


@pytest.mark.parametrize("path", STRIPPED)
def test_what_never_runs_on_lambda_is_stripped(path):
    assert strip.select_files({}, [path]) == ()


@pytest.mark.parametrize("path", KEPT)
def test_what_may_be_read_or_imported_is_kept(path):
    assert strip.select_files({}, [path]) == (path,)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("shop/a.py", b"from shop.tests import helper"),
        ("shop/a.py", b"import shop.tests.helper as h"),
        ("shop/a.py", b"from .tests.helper import x"),
        ("shop/a.py", b"from . import tests"),
        ("shop/sub/a.py", b"def late():\n    from ..tests import helper"),
        ("shop/a.py", b"from . \\\r\n  import tests"),
        ("shop/a.py", b"from . import (  # (all)\n    a,\n    tests,\n)"),
        ("shop/a.py", b"from . import \\\n  (a,\n   tests)"),
        ("shop/a.py", b"this is no Python, but says: import tests"),
    ],
)
def test_a_test_suite_that_other_code_imports_is_kept(module, source):
    paths = [module, "shop/tests/helper.py"]
    assert "shop/tests/helper.py" in strip.select_files({module: source, "shop/tests/helper.py": b""}, paths)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("shop/a.py", b"from shop.other.tests import helper"),
        ("shop/a.py", b"# see the tests"),
        ("shop/tests/test_a.py", b"from shop.tests import helper"),
    ],
)
def test_a_test_suite_that_only_itself_imports_is_stripped(module, source):
    paths = [module, "shop/tests/helper.py"]
    assert "shop/tests/helper.py" not in strip.select_files(
        {module: source, "shop/tests/helper.py": b""}, paths
    )
