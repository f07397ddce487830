"""sample_fastapi's own tests, as its authors run them: from its folder, with every warning an error."""

import subprocess
import sys

import pytest
from samples.servers import REPOSITORY


@pytest.mark.slow
def test_its_own_tests_pass():
    command = [sys.executable, "-Werror", "-mpytest", "-q", "-pno:cacheprovider", "-pno:xdist"]
    done = subprocess.run(
        command, cwd=REPOSITORY / "sample_fastapi", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout
