"""A clean environment for build backends, which run the code of packages on this machine.

uv needs the user's setup: logins, certificates, a cache. But it passes its whole environment on to build
backends, whose code may come from anybody. So each backend is started again in a clean environment, before
its code runs:

    uv ──PYTHONPATH──▶ python, whose sitecustomize is `backend_start` ──exec──▶ the same python, clean

Rules:
- Only listed variables are passed on: no AWS variables, no tokens, no logins of other indexes.
- HOME and TMPDIR are new folders, which are removed when uv ends. The project's indexes are passed on, since
  old packages download their build requirements themselves.
- git in a backend runs no program that a source's .git/config names; see `git`.
- This is no sandbox: the code runs as this user, and can read the user's files. [build] strategy = "docker"
  isolates it.
"""

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from lambdify.cli.packing.requirements.indexes import Indexes
from lambdify.cli.packing.resolution.backend_start import ENVIRONMENT
from lambdify.cli.programs import git

_ALLOWED_VARIABLES = re.compile(
    "PATH|LANG|LANGUAGE|LC_.*|TZ|LD_LIBRARY_PATH|DYLD_LIBRARY_PATH|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy"
    "|SSL_CERT_FILE|SSL_CERT_DIR|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|PIP_CERT|GIT_SSL_CAINFO"
    # Release machines set the version by these variables, if there is no git history.
    "|SETUPTOOLS_SCM_PRETEND_VERSION.*|PBR_VERSION"
)
_START_PROGRAM = Path(__file__).with_name("backend_start.py")


@contextmanager
def isolated(
    indexes: Indexes,
    extra: Mapping[str, str],
    environ: Mapping[str, str] = os.environ,
    *,
    allowed: bool = True,
) -> Iterator[Mapping[str, str]]:
    """Yield variables for uv that isolate its build backends, which get the variables `extra`, too.

    If backends are not `allowed`, each ends at its start with the message `REFUSAL`.
    """
    with TemporaryDirectory(prefix="lambdify-backends-") as name:
        folder = Path(name)
        for each in ("start", "home", "tmp"):
            (folder / each).mkdir()
        shutil.copyfile(_START_PROGRAM, folder / "start" / "sitecustomize.py")
        clean = {
            **{name: value for name, value in environ.items() if _ALLOWED_VARIABLES.fullmatch(name)},
            **git.variables(),
            **indexes.pip_environment,
            **extra,
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "tmp"),
        }
        yield {
            **extra,
            "PYTHONPATH": str(folder / "start"),
            ENVIRONMENT: json.dumps(clean if allowed else None),
        }
