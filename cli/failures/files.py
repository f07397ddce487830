"""A file that cannot be written where the code is, or that is not packed. Pure.

Lambda's code is read-only; only /tmp can be written, and each execution environment has a /tmp of its own:
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

import re

from lambdify.cli.failures import places, variables
from lambdify.cli.failures.project import ENVIRONMENT_FILE, Project
from lambdify.cli.failures.raised import Frame, Raised
from lambdify.cli.failures.told import Told

READ_ONLY, DENIED, NOT_FOUND = "30", "13", "2"
"""Numbers of errors of Linux."""
_ERRNO = re.compile(r"\[Errno (?P<errno>\d+)\] (?P<what>[^:]+)(?:: (?P<file>.+))?")
_FOLDER = re.compile(r"Directory '(?P<file>[^']+)' does not exist")
_SQLITE_READ_ONLY = re.compile(r"attempt to write a readonly database")
_SQLITE_CLOSED = re.compile(r"unable to open database file")
_SQLITE = ("sqlite3.OperationalError", "django.db.utils.OperationalError", "sqlalchemy.exc.OperationalError")
_DATABASE = re.compile(r"[\w./-]+\.(?:db|db3|sqlite|sqlite3)\b")
_TEMPLATE = ("jinja2.exceptions.TemplateNotFound", "django.template.exceptions.TemplateDoesNotExist")
_LOG = re.compile(r"\.log\b|(^|/)logs?(/|$)")
KEPT = (
    "What has to stay belongs into a database or a bucket (S3); what may go with the environment, into /tmp"
)
LOGS = "A function's log is what it writes to stdout: log to a StreamHandler, and `lambdify logs` shows it"


def explain(raised: Raised, project: Project) -> Told | None:
    """Return what is told of a file that could not be written or found; None if it is not about one."""
    if raised.is_a(*_SQLITE) or "sqlite3.OperationalError" in raised.message:
        return _tell_database(raised)
    if found := _FOLDER.search(raised.message):
        return _tell_missing(found["file"], raised, project)
    if raised.is_a(*_TEMPLATE):
        return _tell_template(raised, project)
    errno, file = _read(raised)
    if errno in (READ_ONLY, DENIED) and file and raised.passed("flask_sqlalchemy/"):
        return _tell_sqlite(raised, "keeps a SQLite database", _relative(file, project)[0])
    if errno in (READ_ONLY, DENIED) and file:
        log = raised.passed("logging/")
        return tell_write(_relative(file, project)[0], _writer(raised), log=log)
    if errno == NOT_FOUND and file and not raised.passed("subprocess.py"):
        return _tell_missing(file, raised, project)
    return None


def _read(raised: Raised) -> tuple[str, str]:
    """Return the number and the file of an OSError; "" for what it does not have."""
    found = _ERRNO.search(raised.message)
    errno = raised.fields.get("errno") or (found["errno"] if found else "")
    file = raised.fields.get("filename") or ((found["file"] or "").strip("\"'") if found else "")
    return errno, file.removeprefix("b'").strip("'")


def tell_write(file: str, writer: Frame | None, *, log: bool = False) -> Told:
    """Return what is told of a file that `writer` cannot write; `log` says that it is a log."""
    path, inside = places.locate(file, lambda _: True)
    beside = " beside the code" if inside or not path.startswith("/") else ""
    where = writer.place if writer else "The app"
    message = f"{where} writes {path}{beside}, and on Lambda only /tmp can be written."
    return Told(message=message, hint=f"{LOGS if log or _LOG.search(path) else KEPT}.")


def _tell_database(raised: Raised) -> Told | None:
    writes = _SQLITE_READ_ONLY.search(raised.message)
    if not writes and not _SQLITE_CLOSED.search(raised.message):
        return None
    found = _DATABASE.search(raised.own_frame.source) if raised.own_frame else None
    verb = "writes to" if writes else "cannot open"
    return _tell_sqlite(raised, f"{verb} a SQLite database", found[0] if found else "")


def _tell_sqlite(raised: Raised, what: str, path: str) -> Told:
    at = f" ({path})" if path else ""
    return Told(
        message=f"{raised.where} {what}{at}: on Lambda only /tmp can be written.",
        hint="Each execution environment would have a copy of its own, which goes with it. Use a database "
        "that all of them share, such as PostgreSQL, and give the app its address in a variable.",
    )


def _tell_missing(file: str, raised: Raised, project: Project) -> Told | None:
    path, inside = _relative(file, project)
    if not inside:
        if file.startswith("/tmp/"):  # noqa: S108 - the function's, not ours
            return Told(
                message=f"{raised.where} needs {file}, and /tmp is empty when an environment starts.",
                hint="Make it when the app starts, or pack it with the code.",
            )
        return None
    subject = f"{raised.where} needs {path}"
    reason = project.reason(path) or project.reason(f"{path}/")
    if path in project.variables or reason == ENVIRONMENT_FILE:
        advice = variables.advise(path, project)
        return Told(
            message=f"{subject}, an environment file, which is never packed.",
            hint=f"{advice} And have the app start where that file is not there.".strip(),
        )
    if project.has(path) and reason:
        return Told(
            message=f"{subject}, and it is not packed: {reason}.",
            hint=project.write("build", f'include = ["{path}"]'),
        )
    if project.has(path):
        return None
    return Told(
        message=f"{subject}, and the project has no such file or folder.",
        hint="What is made before an app starts, such as collected static files or a built front end, has to "
        "be made before it is packed. What the app makes while it runs has to be in /tmp.",
    )


def _tell_template(raised: Raised, project: Project) -> Told | None:
    """Return what is told of a template that is in the project, and not packed."""
    name = raised.message.partition(" ")[0].strip("\"'")
    at = next((path for path in project.left_out if path.rstrip("/").endswith(name)), "")
    if not name or not at:
        return None
    return Told(
        message=f"{raised.where} needs the template {name}. {at} is not packed: {project.left_out[at]}.",
        hint=project.write("build", f'include = ["{at}"]'),
    )


def _relative(file: str, project: Project) -> tuple[str, bool]:
    """Return a path as the project has it, and whether it is in the function's folder of code."""
    if not file.startswith("/"):
        return file.removeprefix("./"), True
    root = f"{project.root}/"
    if file.startswith(root):
        return file.removeprefix(root), True
    path, inside = places.locate(file, lambda _: True)
    return path, inside


def _writer(raised: Raised) -> Frame | None:
    """Return the project's frame that is nearest to the failure; else the last one of a library."""
    if raised.own_frame:
        return raised.own_frame
    told = [
        each for each in raised.frames if places.owner(each.path) not in (places.PYTHON, places.MACHINERY)
    ]
    return told[-1] if told else None
