"""What a start here comes to: it starts, it fails and why, or it cannot be told."""

import sys
from pathlib import Path
from threading import Event

import pytest

from lambdify.cli.programs import guarded, pythons
from lambdify.cli.rehearsal.outcome import Frame

from .conftest import Rehearse

ABSENT = "3.14" if sys.version_info[:2] != (3, 14) else "3.13"
"""A Python that the tests do not run on, and look for in places where it is not."""
pytestmark = pytest.mark.slow


def test_an_error_has_the_projects_frames_and_lambdas_paths(rehearse: Rehearse) -> None:
    outcome = rehearse(
        "import shop.settings", {"shop/settings.py": "import os\nKEY = os.environ['API_KEY']\n"}
    )
    raised = outcome.raised
    assert outcome.kind == "fails"
    assert raised
    assert (raised.type, raised.message, raised.fields["args"]) == (
        "builtins.KeyError",
        "'API_KEY'",
        "API_KEY",
    )
    assert raised.bases[:2] == ("builtins.KeyError", "builtins.LookupError")
    own = [each for each in raised.frames if each.own]
    assert own == [
        Frame(path="app.py", line=1, function="<module>", source="import shop.settings", own=True),
        Frame(
            path="shop/settings.py",
            line=2,
            function="<module>",
            source="KEY = os.environ['API_KEY']",
            own=True,
        ),
    ]
    assert [each.path for each in raised.frames if not each.own] == ["os.py"]
    assert outcome.unset == ("API_KEY",)


def test_what_led_to_an_error_is_told_too(rehearse: Rehearse) -> None:
    outcome = rehearse(
        "try:\n    import nowhere.at_all\n"
        "except ImportError as error:\n    raise RuntimeError('no way') from error"
    )
    assert outcome.raised
    assert outcome.raised.cause
    cause = outcome.raised.cause
    assert (cause.type, cause.fields["name"]) == ("builtins.ModuleNotFoundError", "nowhere")


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import os; os._exit(3)", "fails", "it ended the process with exit code 3 while it was imported"),
        ("import os; os._exit(0)", "fails", "it ended the process with exit code 0 while it was imported"),
        ("import os; os.kill(os.getpid(), 9)", "untold", "it was ended here by SIGKILL"),
        ("import os; os.close(int(__import__('sys').argv[-1] or 0))", "fails", ""),
    ],
)
def test_an_app_that_ends_the_process(rehearse: Rehearse, code: str, kind: str, said: str) -> None:
    outcome = rehearse(code)
    assert (outcome.kind, outcome.reason) == (kind, said)


@pytest.mark.parametrize("code", ["raise SystemExit('no settings')", "import sys; sys.exit(2)", "exit(2)"])
def test_an_app_that_exits_fails(rehearse: Rehearse, code: str) -> None:
    outcome = rehearse(code)
    assert outcome.kind == "fails"
    assert outcome.raised
    assert outcome.raised.type == "builtins.SystemExit"
    assert outcome.raised.fields["code"] in ("no settings", "2")


TRIES = """
import socket, time
while True:
    try:
        socket.create_connection(("db.internal", 1))
    except OSError:
        time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("import threading; threading.Event().wait()", "fails", "waits while it is imported"),
        ("while True: pass", "untold", "was not ready here after"),
        (
            TRIES,
            "untold",
            "it connects to db.internal:1 while it is imported, and waits for it",
        ),
    ],
    ids=["waits", "works", "tries to connect"],
)
def test_an_app_that_never_ends(rehearse: Rehearse, code: str, kind: str, said: str) -> None:
    outcome = rehearse(code, limit=3.0)
    assert outcome.kind == kind
    assert said in outcome.reason


def test_nobody_waits_longer_than_wanted(tmp_path: Path) -> None:
    nobody_waits = Event()
    nobody_waits.set()
    ending = guarded.run(
        ["/bin/sleep", "300"],
        cwd=tmp_path,
        environment={},
        tmp=tmp_path,
        readable=[],
        limit=300.0,
        nobody_waits=nobody_waits,
    )
    assert ending.code is None
    assert ending.seconds < 60


def test_a_path_with_an_error_of_its_own_is_told(rehearse: Rehearse) -> None:
    broken = "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\nraise Odd"
    outcome = rehearse(broken)
    assert outcome.raised
    assert outcome.raised.type == "app.Odd"


def test_an_endless_recursion_is_told_in_short(rehearse: Rehearse) -> None:
    outcome = rehearse("def again(): again()\nagain()")
    assert outcome.raised
    assert outcome.raised.type == "builtins.RecursionError"
    assert len(outcome.raised.frames) <= 200


def test_a_syntax_error_names_file_and_line(rehearse: Rehearse) -> None:
    outcome = rehearse("import views", {"views.py": "def index(:\n"})
    assert outcome.raised
    assert outcome.raised.type == "builtins.SyntaxError"
    assert (outcome.raised.fields["filename"], outcome.raised.fields["lineno"]) == ("/var/task/views.py", "1")


VARIABLES = """
import os
os.getenv("FIRST"), os.environ.get("SECOND", "x"), "THIRD" in os.environ, os.environb.get(b"FOURTH")
os.environ.setdefault("FIFTH", "x")
from pathlib import Path
import logging.handlers
os.environ["SIXTH"]
"""


def test_the_variables_that_the_app_looked_up_are_told_in_order(rehearse: Rehearse) -> None:
    assert rehearse(VARIABLES).unset == ("FIRST", "SECOND", "THIRD", "FOURTH", "SIXTH")


LIBRARY = """
import os
DEFAULT = os.environ.get("LIBRARY_DEFAULT")

def config(name, prefix=""):
    os.environ.get("LIBRARY_DEBUG")
    return os.environ.get(prefix + name)
"""


def test_variables_that_the_app_names_to_a_library_are_told_and_not_the_librarys_own(
    rehearse: Rehearse,
) -> None:
    outcome = rehearse(
        "import sys\nsys.path.insert(0, 'lambdify/lib')\nfrom library import config\n"
        "config('API_KEY')\nconfig('KEY', prefix='APP_')",
        {"lambdify/lib/library.py": LIBRARY},
    )
    assert (outcome.kind, outcome.unset) == ("starts", ("API_KEY", "APP_KEY"))


def test_variables_that_are_set_are_those_of_the_settings(rehearse: Rehearse) -> None:
    secrets = '[secrets]\nDATABASE_URL = "ssm:/shop/url"\nSECRET_KEY = "ssm:/shop/key"\n'
    shown = rehearse(
        "import os\nnames = ('API_KEY', 'DATABASE_URL', 'SECRET_KEY', 'TZ')\n"
        "print(*(os.environ[name] for name in names), sep='|')",
        toml=f'[environment]\nAPI_KEY = "x"\n{secrets}',
    )
    assert (shown.kind, shown.output) == ("starts", "x|sqlite:///:memory:|placeholder|UTC\n")


def test_what_fails_with_a_placeholder_cannot_be_told(rehearse: Rehearse) -> None:
    code = "import os\nassert len(os.environ['TOKEN_KEY']) == 44"
    outcome = rehearse(code, toml='[secrets]\nTOKEN_KEY = "ssm:/shop/key"\n')
    said = "it uses the secret TOKEN_KEY while it is imported, whose value is not known here"
    assert (outcome.kind, outcome.reason) == ("untold", said)


def test_a_wrong_import_is_told_though_a_placeholder_was_read(rehearse: Rehearse) -> None:
    code = "import os\nos.environ['TOKEN_KEY']\n__import__('no' + 'where')"
    assert rehearse(code, toml='[secrets]\nTOKEN_KEY = "ssm:/shop/key"\n').kind == "fails"


HIDDEN = """
class Hidden:
    def __init__(self):
        self.apps = {{"": {web}}}
    def __call__(self, *args, **kwargs):
        return self.apps[""](*args, **kwargs)
"""
WSGI = "def web(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"
ASGI = (
    "async def web(scope, receive, send):\n"
    "    if scope['type'] == 'http':\n"
    "        await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
)


@pytest.mark.parametrize(
    ("web", "interface"),
    [(WSGI, "wsgi"), pytest.param(ASGI, "asgi", marks=[pytest.mark.slow, pytest.mark.index])],
)
def test_an_app_that_hides_its_interface_is_asked_for_it(
    rehearse: Rehearse, web: str, interface: str
) -> None:
    files = {"hidden.py": f"{web}{HIDDEN.format(web='web')}app = Hidden()\n"}
    outcome = rehearse("", files, toml='app = "hidden:app"\n', interface=interface)
    assert (outcome.kind, outcome.interface, outcome.asked) == ("starts", interface, True)


def test_an_app_that_answers_in_no_way_fails(rehearse: Rehearse) -> None:
    files = {"hidden.py": f"{HIDDEN.format(web='len')}app = Hidden()\n"}
    outcome = rehearse("", files, toml='app = "hidden:app"\n')
    assert outcome.kind == "fails"
    assert outcome.raised
    assert outcome.raised.type == "lambdify.adapter.errors.InterfaceUnknown"


def test_native_code_of_another_cpu_is_not_started(rehearse: Rehearse) -> None:
    outcome = rehearse("", {"fast.so": "\x7fELF"}, toml='[function]\narchitecture = "arm64"\n')
    assert outcome.kind == "untold"
    assert "Linux on aarch64" in outcome.reason


def test_a_report_of_nonsense_is_no_report(tmp_path: Path) -> None:
    script = (
        "import json, os, sys\n"
        'text = \'{"event": 1}\\nnot json\\n[]\\n{"event": "starts"}\'\n'
        "os.write(json.loads(sys.argv[1])['report'], text.encode())"
    )
    python = pythons.locate(Path(sys.executable))
    ending = guarded.run(
        [str(python.file), "-I", "-c", script],
        cwd=tmp_path,
        environment={},
        tmp=tmp_path,
        readable=python.prefixes,
        limit=30.0,
    )
    assert [each["event"] for each in ending.report] == ["starts", "ended"]


def test_a_guard_that_cannot_start_the_app_says_nothing_of_the_app(
    rehearse: Rehearse, tmp_path: Path
) -> None:
    # The interpreter prints what it is asked for where it is looked for, and is none.
    code = f"print('{ABSENT}', sys.argv[0], *['/usr'] * 3, sep='\\n')"
    fake = tmp_path / "bin" / f"python{ABSENT}"
    fake.parent.mkdir()
    fake.write_text(
        f"#!{sys.executable}\nimport sys\nif sys.argv[1] != '-I': raise SystemExit('broken')\n{code}\n"
    )
    fake.chmod(0o755)
    toml = f'[function]\npython = "{ABSENT}"\n[build]\nbytecode = false\n'
    environ = {"PATH": str(fake.parent), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    outcome = rehearse("", toml=toml, environ=environ)
    assert outcome.kind == "untold"
    assert outcome.reason.startswith("the process that was to start it failed itself: ")


def test_no_interpreter_is_no_outcome(rehearse: Rehearse, tmp_path: Path) -> None:
    toml = f'[function]\npython = "{ABSENT}"\n[build]\nbytecode = false\n'
    outcome = rehearse(
        "", toml=toml, environ={"PATH": "", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    )
    assert (outcome.kind, outcome.seconds) == ("untold", 0.0)
    assert f"uv python install {ABSENT}" in outcome.reason


LAYERS = '[function]\nlayers = ["arn:aws:lambda:us-east-1:123456789012:layer:shared:1"]\n'
EFS = (
    '[efs]\nmount = "/mnt/shop"\n'
    'access_point = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0"\n'
    '[vpc]\nsubnets = ["subnet-0123456789abcdef0"]\nsecurity_groups = ["sg-0123456789abcdef0"]\n'
)


@pytest.mark.parametrize(
    ("code", "toml", "kind"),
    [
        ("import shared", LAYERS, "untold"),
        ("1 / 0", LAYERS, "fails"),
        ("open('/mnt/shop/catalogue.json')", EFS, "untold"),
        ("open('/mnt/other/catalogue.json')", EFS, "fails"),
        ("open('/var/task/catalogue.json')", "", "untold"),
        ("open('catalogue.json')", "", "fails"),
    ],
)
def test_what_only_the_function_has_is_not_missed(
    rehearse: Rehearse, code: str, toml: str, kind: str
) -> None:
    assert rehearse(code, toml=toml).kind == kind
