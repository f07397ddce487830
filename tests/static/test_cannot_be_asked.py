"""An app that cannot be asked for its files behind a CDN: why, and what to write."""

import pytest

from lambdify.cli.errors import StaticFilesUnknown

from .conftest import APP, Pack

pytestmark = pytest.mark.slow

CDN = '[http]\ncdn = true\n[static]\nserve = "cdn"\n'
UNKNOWN = "The app could not be asked for its static files:"
TO_SET = "Declare it in [secrets], or set it in [static.environment]."
LEFT = '`serve = "app"` in [static] asks nothing, and leaves the files to the app.'
NOT_THERE_EITHER = "Lambda could not write there either: log to stdout, and write files below /tmp."
OF_NONE = "TypeError: int() argument must be a string, a bytes-like object or a real number, not 'NoneType'"
NO_FOLDER = "FileNotFoundError: [Errno 2] No such file or directory"

OF_SQLITE = (
    "Lambda could not write there either: put the database below /tmp, or open it when a request needs it. "
    "If a variable names its place, [static.environment] can set another one for this moment."
)

WRAPPED = """
import sqlite3
class DatabaseFailed(Exception): pass
try:
    sqlite3.connect("shop.db").execute("create table t (x)")
except sqlite3.Error as error:
    raise DatabaseFailed("it is broken") from error
"""
OPENED = """
import logging.config
handler = {"class": "logging.FileHandler", "filename": "logs/shop.log"}
logging.config.dictConfig({"version": 1, "handlers": {"file": handler}, "root": {"handlers": ["file"]}})
"""
CHECKED = """
import os
class Unset(Exception): pass
if "STRIPE_KEY" not in os.environ:
    os.environ.get("STRIPE_KEY")
    raise Unset("Set the STRIPE_KEY environment variable")
"""
VALIDATED = """
import os
os.environ.get("STRIPE_KEY")
class ValidationError(Exception): pass
raise ValidationError("1 validation error for Settings\\nstripe_key\\n  Field required")
"""
CASES = {
    "a key": (
        "import os\nKEY = os.environ['STRIPE_KEY']\n",
        "KeyError: 'STRIPE_KEY'.",
        TO_SET,
    ),
    "a key of another module": (
        "import settings\n",
        "KeyError: 'STRIPE_KEY'.",
        TO_SET,
    ),
    "a number of none": (
        "import os\nPORT = int(os.getenv('SHOP_PORT'))\n",
        f"{OF_NONE} (SHOP_PORT is not set).",
        TO_SET,
    ),
    "a part of none": (
        "import os\nHOSTS = os.environ.get('SHOP_HOSTS').split(',')\n",
        "AttributeError: 'NoneType' object has no attribute 'split' (SHOP_HOSTS is not set).",
        TO_SET,
    ),
    "a check of its own": (CHECKED, "Unset: Set the STRIPE_KEY environment variable.", TO_SET),
    "a check of a class": (
        VALIDATED,
        "ValidationError: 1 validation error for Settings (STRIPE_KEY is not set).",
        TO_SET,
    ),
    "a connection": (
        "import socket\nsocket.create_connection(('db.internal', 5432))\n",
        "it connects to db.internal:5432 while it is imported.",
        LEFT,
    ),
    "a page": (
        "import urllib.request\nurllib.request.urlopen('http://config.internal:8080/x')\n",
        "it connects to config.internal:8080 while it is imported.",
        LEFT,
    ),
    "a datagram": (
        "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('10.1.2.3', 8125))\n",
        "it connects to 10.1.2.3:8125 while it is imported.",
        LEFT,
    ),
    "a file": ("open('shop.log', 'a')\n", "it writes to shop.log.", NOT_THERE_EITHER),
    "a file of the machine": (
        "open('/var/log/shop.log', 'a')\n",
        "it writes to /var/log/shop.log.",
        NOT_THERE_EITHER,
    ),
    "a folder": ("import os\nos.makedirs('media/books')\n", "it writes to media.", NOT_THERE_EITHER),
    "a handler of logs without its folder": (
        OPENED,
        f"ValueError: Unable to configure handler 'file' ({NO_FOLDER}: '/var/task/logs/shop.log').",
        "",
    ),
    "a database in SQLite": (
        "import sqlite3\nsqlite3.connect('shop.db').execute('create table t (x)')\n",
        "OperationalError: unable to open database file.",
        OF_SQLITE,
    ),
    "a database in SQLite, as a library tells it": (
        WRAPPED,
        "DatabaseFailed: it is broken (OperationalError: unable to open database file).",
        OF_SQLITE,
    ),
    "a database in SQLite that is packed": (
        "import sqlite3\nsqlite3.connect('packed.db').execute('create table t (x)')\n",
        "OperationalError: attempt to write a readonly database.",
        OF_SQLITE,
    ),
    "an error of its own": ("raise RuntimeError('no licence')\n", "RuntimeError: no licence.", ""),
    "an end": ("import sys\nsys.exit(3)\n", "SystemExit: 3.", ""),
}


@pytest.mark.parametrize(("code", "message", "hint"), CASES.values(), ids=CASES)
def test_why_an_app_cannot_be_asked_is_told_with_what_to_write(
    pack: Pack, code: str, message: str, hint: str
) -> None:
    files = {
        "app.py": code + APP,
        "settings.py": "import os\nKEY = os.environ['STRIPE_KEY']\n",
        "packed.db": "",
    }
    with pytest.raises(StaticFilesUnknown) as raised:
        pack(files, CDN)
    assert (raised.value.message, raised.value.hint) == (f"{UNKNOWN} {message}", hint)
    assert raised.value.exit_code == 16
