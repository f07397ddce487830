"""What build backends may see, that is: the code of packages, which runs on this machine.

uv finds versions and builds wheels with what the user has set up for it: logins, certificates, a cache. It
hands its whole environment on to the backends that it starts, whose code nobody here has written. So each of
them begins anew, before it does anything, in an environment that names no more than it needs:

    uv ──PYTHONPATH──▶ python, whose sitecustomize is `backend_start` ──exec──▶ the same python, clean

Rules:
- What is passed on is listed. All else is the user's: AWS's variables, tokens, logins of other indexes.
- HOME and TMPDIR are its own, and gone when uv is. The indexes are those that the project names, since old
  packages look for requirements of their own.
- git in it runs nothing that a source's .git/config names; see `git`.
- This is no wall: the code runs as this user, and finds the user's files if it looks for them on purpose.
  [build] strategy = "docker" is one.
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
    # What a release machine says of versions, where a history would say it elsewhere.
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
    """Variables for uv that keep the backends apart which it starts; `extra` is meant for these too.

    Those that are not `allowed` end before they begin, saying `REFUSAL`.
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
