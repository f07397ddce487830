"""sample_django's own tests and checks, in processes of their own: Django is set up once per process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from samples.servers import REPOSITORY

SAMPLE = REPOSITORY / "sample_django"


def manage(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `manage.py` did, with every warning an error."""
    command = [sys.executable, "-W", "error", "manage.py", *arguments]
    environment = {**os.environ, "BOOKSHELF_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=SAMPLE, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_its_own_tests_pass(tmp_path: Path):
    done = manage(tmp_path, "test")
    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr


@pytest.mark.slow
def test_its_migrations_say_what_its_models_say(tmp_path: Path):
    done = manage(tmp_path, "makemigrations", "--check")
    assert (done.returncode, done.stdout) == (0, "No changes detected\n"), done.stderr


@pytest.mark.slow
def test_djangos_checks_for_a_deployment_find_only_what_the_endpoint_does(tmp_path: Path):
    """HTTPS is API Gateway's: redirects to it and HSTS have no place here."""
    done = manage(tmp_path, "check", "--deploy")
    assert done.returncode == 0, done.stderr
    found = {line.split("(")[1].split(")")[0] for line in done.stderr.splitlines() if line.startswith("?")}
    assert found == {"security.W004", "security.W008", "security.W012", "security.W016"}
