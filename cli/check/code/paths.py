"""Paths: where a file is that the code writes to, as far as reading tells.

What a function was given, or got from a call that is not known, may be anywhere: nothing is said of it.
"""

import ast
import re
from typing import Literal

from lambdify.cli.check.code.code_file import CodeFile
from lambdify.cli.check.code.sites import qualify

Place = Literal["temporary", "project", "unknown"]
TEMPORARY = re.compile(
    r"tempfile|/tmp\b|(?i:tmp_?dir|temp_?dir|temp_?path|temp_?file|tmp_?path|tmp_?file)|gettemp|NamedTemporary"
    r"|BytesIO|StringIO|os\.devnull|/dev/|/proc/|/mnt/"
)
"""What a path says that may be written: [efs] is below /mnt."""
PROJECT = re.compile(
    r"__file__|getcwd\(|\.cwd\(|\b(root_path|instance_path|static_folder)\b|\b(BASE_?DIR|basedir|ROOT_DIR|PROJECT_ROOT)\b"
    r"|\b(settings|config)\b.*(DIR|ROOT|FOLDER|PATH)"
)
"""What a path says that is beside the code."""
NAMED = re.compile(r"/tmp\b")  # noqa: S108 - a pattern, not a path
MAX_STEPS = 5


def find(node: ast.expr | None, file: CodeFile, steps: int = 0) -> Place:
    """Return where a path leads to."""
    if node is None or steps > MAX_STEPS:
        return "unknown"
    shown = ast.unparse(node)
    if TEMPORARY.search(shown):
        return "temporary"
    if PROJECT.search(shown):
        return "project"
    root = _root(node)
    if isinstance(root, ast.Constant):
        return "project" if isinstance(root.value, str) and root.value else "unknown"
    return _of_name(root, file, steps) if isinstance(root, ast.Name) else "unknown"


def is_kept(node: ast.expr, file: CodeFile) -> bool:
    """Whether a path is beside the code, or in /tmp under a name of its own, which is there for later."""
    literal = node.value if isinstance(node, ast.Constant) else None
    named = isinstance(literal, str) and bool(NAMED.match(literal))
    return named or find(node, file) == "project"


def _of_name(root: ast.Name, file: CodeFile, steps: int) -> Place:
    """Return where the path in a name leads to: all values that the file gives it count."""
    imported = file.sites.names.get(root.id, "")
    if imported:
        return "project" if root.id.isupper() and qualify(root, file.sites.names) != root.id else "unknown"
    if re.search(rf"\bas\s+{re.escape(root.id)}\b", file.source):
        return "unknown"
    found = {
        find(each.value, file, steps + 1)
        for each in file.sites.assigned
        if each.form == "name" and each.name == root.id
    }
    return "temporary" if "temporary" in found else "project" if found == {"project"} else "unknown"


def _root(node: ast.expr) -> ast.expr:
    """Return what a path begins with: `base` of `os.path.join(base, "x")`."""
    match node:
        case ast.BinOp(left=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return _root(inner)
        case ast.Call(args=[inner, *_]):
            return _root(inner)
        case ast.Call(func=ast.Attribute(value=inner)):
            return _root(inner)
        case ast.JoinedStr(values=[ast.FormattedValue(value=inner), *_]):
            return _root(inner)
        case ast.JoinedStr(values=[ast.Constant() as inner, *_]):
            return inner
    return node
