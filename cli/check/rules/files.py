"""Files that the code writes, makes, moves or removes where a function may not, and logs in files."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.check.code import paths
from lambdify.cli.check.code.app_code import AppCode
from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import Assigned, Call, Moment, text
from lambdify.cli.check.rules import names
from lambdify.cli.check.rules.finding import Finding, Level, report

OPENERS = names.find("files", "openers")
"""They take a path, and then a mode."""
FOLDERS = names.find("files", "folders")
CHANGES = names.find("files", "removals")
MOVES = names.find("files", "moves")
"""The last path that they take is written."""
DATABASES = names.find("files", "databases")
DOWNLOADS = names.find("files", "downloads")
PATH_METHODS = {
    name: {"mkdir": "makes the folder", "unlink": "removes", "rmdir": "removes"}.get(name, "writes")
    for name in names.find("files", "paths")
}
NOTHING: tuple[str, ast.expr | None] = ("", None)
METHODS = frozenset({"write_text", "write_bytes"})
EXPORTS = names.find("files", "exports")
HANDLERS = names.find("files", "handlers")
MOST_SHOWN = 48


def find(code: AppCode) -> Iterator[Finding]:
    """Yield what writes beside the code."""
    for file, call in code.calls():
        if call.moment.caught:
            continue
        what, path = _describe(call, file)
        if path is not None and paths.find(path, file) == "project" and not _is_there(call, path, code):
            yield _finding(code, file, call.moment, call.line, f"{what} {_shorten(path)}".strip())
    for file, each in code.assigned():
        if each.name in {"class", "()"} and each.form == "entry" and _logs(each, file):
            what = f"{str(text(each.value)).rpartition('.')[2]} opens a log file"
            yield _finding(code, file, each.moment, each.line, what)


def _finding(code: AppCode, file: CodeFile, moment: Moment, line: int, what: str) -> Finding:
    level: Level = "stops" if code.will(file, moment) else "surprises"
    when = " while the app starts" if code.starts(file, moment) else ""
    return report("files", file, line, f"{what}{when}", level=level)


def _describe(call: Call, file: CodeFile) -> tuple[str, ast.expr | None]:
    """Return what a call does to a path, and the path; None if it does nothing to one."""
    first = call.argument(0, "file") or call.argument(0, "path")
    if call.name in OPENERS:
        return ("writes", first) if _writes(call, 1) else NOTHING
    if call.name in DATABASES:
        is_stream = first is not None and ast.unparse(first).startswith("sys.")
        return NOTHING if is_stream else ("writes", first)
    if call.name in FOLDERS:
        return "makes the folder", call.argument(0, "name")
    if call.name in CHANGES:
        return "removes", first
    if call.name in MOVES or call.name in DOWNLOADS:
        return "writes", call.argument(1, "dst")
    if call.last in EXPORTS:
        return ("writes", first) if text(first) else NOTHING
    if call.name == "logging.basicConfig" or (call.last in HANDLERS and call.name.startswith("logging")):
        return "logs to", call.argument(-1 if call.name == "logging.basicConfig" else 0, "filename")
    return _describe_method(call, file)


def _describe_method(call: Call, file: CodeFile) -> tuple[str, ast.expr | None]:
    """Return what a method of a path does to it, or what is saved by a name."""
    path = call.node.func.value if isinstance(call.node.func, ast.Attribute) else None
    first = text(call.argument(0))
    if path is None:
        return NOTHING
    if call.last in METHODS:
        return "writes", path
    if call.last == "save" and first and re.search(r"\.\w{2,4}$", first):
        return "writes", call.argument(0)
    is_path = call.name.startswith("pathlib.") or _is_path(path, file)
    if call.last == "open" and is_path:
        return ("writes", path) if _writes(call, 0) else NOTHING
    says_so = any(each.arg in {"parents", "exist_ok", "missing_ok"} for each in call.node.keywords)
    if call.last in PATH_METHODS and (is_path or says_so):
        return PATH_METHODS[call.last], path
    return NOTHING


def _is_path(node: ast.expr, file: CodeFile) -> bool:
    """Whether an expression is a pathlib.Path, as far as its file tells."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return True
    return isinstance(node, ast.Name) and node.id in file.paths


def _writes(call: Call, place: int) -> bool:
    mode = text(call.argument(place, "mode")) or "r"
    return bool(set(mode) & set("wax+"))


def _logs(each: Assigned, file: CodeFile) -> bool:
    """Whether an entry of a logging configuration opens a file as soon as it is read."""
    name = text(each.value) or ""
    if not name.startswith("logging.") or name.rpartition(".")[2] not in HANDLERS or each.owner is None:
        return False
    inner = {text(key): value for key, value in zip(each.owner.keys, each.owner.values, strict=True) if key}
    if (delay := inner.get("delay")) is not None and ast.unparse(delay) == "True":
        return False
    return paths.find(inner.get("filename"), file) != "temporary"


def _is_there(call: Call, path: ast.expr, code: AppCode) -> bool:
    """Whether a folder that is made is in the project, and so in the bundle."""
    name = text(path)
    makes = call.name in FOLDERS or call.last == "mkdir"
    return bool(name) and makes and (code.settings.root / str(name)).is_dir()


def _shorten(path: ast.expr) -> str:
    shown = ast.unparse(path)
    return shown if len(shown) <= MOST_SHOWN else f"{shown[: MOST_SHOWN - 3]}..."
