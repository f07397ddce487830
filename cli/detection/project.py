"""The Python files of a project, and the names under which they are imported.

The imports of a file say which folder is on sys.path. If `shop/app.py` has `from storage import Store` and
shop/storage.py exists, the folder is shop/; with `from shop.storage import Store` it is the folder above.
"""

import ast
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lambdify.cli.detection import module, source
from lambdify.cli.detection.module import Module
from lambdify.cli.detection.source import Flaw
from lambdify.cli.programs import pythons, syntax
from lambdify.cli.programs.pythons import RUNNING
from lambdify.cli.storage import folders, links

SKIPPED_FOLDERS = frozenset(
    {"node_modules", "site-packages", "__pycache__", "migrations", "build", "dist", "static"}
)
SOURCE_FOLDERS = frozenset({"src", "lib", "backend", "server", "source"})
"""Folders that usually hold packages, and are none themselves."""
DEPENDENCY_FILES = (
    "*requirements*.txt", "requirements/*.txt", "pyproject.toml", "Pipfile", "setup.cfg", "setup.py",
    "environment.y*ml",
)  # fmt: skip
SETTINGS, MOUNTS = b"DJANGO_SETTINGS_MODULE", b"mount"
"""Words without which a file need not be walked through for what they mean."""
BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")
"""Where statements are in others."""
MAX_BYTES = 1_000_000
"""Bytes; a larger file is data that happens to be Python."""


class Project:
    """The files of a project; each is parsed on first use, with the grammar of the function's Python."""

    def __init__(
        self, root: Path, python: str = RUNNING, interpreter: Callable[[], Path | None] | None = None
    ) -> None:
        """`interpreter` gives one of that Python, or None; it is asked for what this one cannot read."""
        self.root, self.python = root, python
        self._interpreter = interpreter or (lambda: pythons.find(python))
        self.files = frozenset(_python_files(root))
        self._folders = frozenset(folder for file in self.files for folder in _parents(file))
        self.flaws: dict[str, Flaw] = {}
        """What is wrong with the files that were read, by file."""
        self._modules: dict[str, Module | None] = {}
        self._trees: dict[str, ast.Module | None] = {}

    def text(self, file: str) -> bytes:
        """Return the bytes of a file; b"" if it cannot be read, or is too large to be code."""
        path = self.root / file
        try:
            return path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
        except OSError:
            return b""

    def module(self, file: str) -> Module | None:
        """Return a file as a module; None if nothing of it can be read as Python."""
        if file not in self._modules:
            self._modules[file] = self._parse(file)
        return self._modules[file]

    def tree(self, file: str) -> ast.Module | None:
        """Return the statements of a file; None if nothing of it can be read as Python."""
        if file not in self._trees:
            self._trees[file], flaw = self._statements(file)
            if flaw:
                self.flaws[file] = flaw
        return self._trees[file]

    def find(self, name: str, *, near: str = "") -> Module | None:
        """Return the module that `import name` finds from a file whose import root is `near`, or None."""
        file = self.file_of(name, near=near)
        return self.module(file) if file else None

    def file_of(self, name: str, *, near: str = "") -> str:
        """Return the file of a module name; "" if the project has none."""
        inner = name.replace(".", "/")
        for root in dict.fromkeys((near, "", *sorted(SOURCE_FOLDERS))):
            for file in (_join(root, f"{inner}.py"), _join(root, f"{inner}/__init__.py")):
                if file in self.files:
                    return file
        return ""

    def holds(self, name: str, *, near: str = "") -> bool:
        """Whether a file or a folder of the project is imported as `name`, from the root or from `near`."""
        return any(self._holds(root, name) for root in {"", near, *SOURCE_FOLDERS})

    def depends_on(self, name: str) -> bool:
        """Whether a dependency file in the root folder names the package that a module is of."""
        package = re.escape(re.sub("[-_.]+", "-", name.partition(".")[0].lower()))
        wanted = re.compile(rf"(?<![\w-]){package}(?![\w-])")
        texts = (
            path.read_bytes()
            for pattern in DEPENDENCY_FILES
            for path in self.root.glob(pattern)
            if path.is_file()
        )
        return any(wanted.search(re.sub("[-_.]+", "-", source.decode(text).lower())) for text in texts)

    def _statements(self, file: str) -> tuple[ast.Module | None, Flaw | None]:
        """Return what can be read of a file, and what is wrong with it."""
        own = tuple(map(int, self.python.split(".")))
        grammar = (own[0], own[1]) if own < sys.version_info[:2] else None
        tree, flaw = source.parse(self.text(file), grammar)
        if flaw and flaw.newer and own > sys.version_info[:2]:
            return self._ask(file) or (tree, flaw)
        return tree, flaw

    def _ask(self, file: str) -> tuple[ast.Module | None, Flaw | None] | None:
        """Return what the function's Python reads of a file; None if it is not on this machine."""
        python = self._interpreter()
        said = syntax.parse(python, self.root / file) if python else None
        if isinstance(said, syntax.Invalid):
            return source.parse(self.text(file))[0], _flaw(said, self.python)
        return (said, None) if said else None

    def judge(self, file: str) -> Flaw | None:
        """Return what the function's Python cannot read of a file; None if it can, or is not here.

        For an older one than runs lambdify: the grammar is applied by `source.parse` only in part.
        """
        if not file or tuple(map(int, self.python.split("."))) >= sys.version_info[:2]:
            return None
        python = self._interpreter()
        said = syntax.parse(python, self.root / file) if python else None
        return _flaw(said, self.python) if isinstance(said, syntax.Invalid) else None

    def _parse(self, file: str) -> Module | None:
        tree = self.tree(file)
        if tree is None:
            return None
        root = self._import_root(file, tree)
        inner = file.removeprefix(f"{root}/") if root else file
        name = inner.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        mounts = MOUNTS in self.text(file)
        return module.read(tree, name=name, file=file, root=root, mounts=mounts)

    def _import_root(self, file: str, tree: ast.Module) -> str:
        """Return the folder that has to be on sys.path for the file and its imports to work."""
        folder = file.rpartition("/")[0]
        above = ["", *reversed(_parents(file))] if folder else [""]
        package = folder
        while package and f"{package}/__init__.py" in self.files:
            package = package.rpartition("/")[0]
        possible = [root for root in reversed(above) if len(root) <= len(package)]
        imports = list(_imports(tree))
        relative = max((node.level for node in imports if isinstance(node, ast.ImportFrom)), default=0)
        possible = [root for root in possible if _depth(folder) - _depth(root) >= relative] or [""]
        wanted = _imported(imports)
        if SETTINGS in self.text(file):
            wanted |= _settings_named(tree)
        for root in possible:
            if any(self._holds(root, name.partition(".")[0]) for name in wanted):
                return root
        # In a package, a top-level name says little: `celery` may be the library, or the celery.py beside.
        for root in reversed(above):
            if root and any("." in name and self._has_module(root, name) for name in wanted):
                return root
        return self._plain_root(possible)

    def _plain_root(self, possible: list[str]) -> str:
        """Return the highest folder from which the file can be imported, if its imports tell nothing."""
        best = possible[0]
        for root in possible[1:]:
            step = best.removeprefix(root).strip("/").partition("/")[0]
            if not step.isidentifier() or step in SOURCE_FOLDERS:
                break
            best = root
        return best

    def _has_module(self, root: str, name: str) -> bool:
        path = _join(root, name.replace(".", "/"))
        return f"{path}.py" in self.files or path in self._folders

    def _holds(self, root: str, name: str) -> bool:
        return _join(root, f"{name}.py") in self.files or _join(root, name) in self._folders


def _flaw(said: syntax.Invalid, python: str) -> Flaw:
    return Flaw(said.line, said.why, newer=True, python=python)


def _python_files(root: Path) -> Iterator[str]:
    """Yield the Python files; hidden folders, virtual environments and the like are skipped.

    This is not the packer's walk, which reads ignore files and lists every file: here only ".py" counts, and
    a project of thousands of files takes a few hundredths of a second.
    """
    stack: list[tuple[str, frozenset[Path]]] = [("", frozenset())]
    while stack:
        folder, above = stack.pop()
        try:
            entries = list(os.scandir(root / folder))
        except OSError:
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            name = _join(folder, entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and entry.is_dir():
                if target := _shared_folder(root, Path(entry.path), above):
                    stack.append((name, above | {target}))
            elif entry.is_dir():
                if entry.name not in SKIPPED_FOLDERS and not entry.name.endswith(".egg-info"):
                    stack.append((name, above))
            elif entry.name.endswith(".py"):
                yield name


def _shared_folder(root: Path, link: Path, above: frozenset[Path]) -> Path | None:
    """Return the folder that a link leads to, out of the project but within its repository; else None.

    What a link inside of the project leads to is found without it.
    """
    project, target = root.resolve(), link.resolve()
    if target.is_relative_to(project) or links.refusal(link, project, [folders.repository(project)], above):
        return None
    return target


def _imports(tree: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield all imports. Only statements are looked at, since most of a file is expressions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        for field in BLOCKS:
            waiting += getattr(node, field, ())


def _imported(imports: Sequence[ast.Import | ast.ImportFrom]) -> set[str]:
    """Return the names of all modules that are imported absolutely."""
    names: set[str] = set()
    for node in imports:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif node.module and not node.level:
            names.add(node.module)
    return names


def _settings_named(tree: ast.Module) -> set[str]:
    """Return the settings that wsgi.py and manage.py pass to os.environ.setdefault."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    given = ([arg.value for arg in node.args if isinstance(arg, ast.Constant)] for node in calls)
    return {texts[-1] for texts in given if texts[:1] == [SETTINGS.decode()] and isinstance(texts[-1], str)}


def _parents(file: str) -> list[str]:
    """Return the folders above a file, innermost first."""
    parts = file.split("/")[:-1]
    return ["/".join(parts[:count]) for count in range(len(parts), 0, -1)]


def _depth(folder: str) -> int:
    return folder.count("/") + 1 if folder else 0


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
