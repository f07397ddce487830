"""The rules of the house that a program can check: who imports whom, who may speak, how long things are."""

import ast
import configparser
import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from lambdify.cli import errors

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT) for room in ("adapter", "cli") for path in (ROOT / room).rglob("*.py")
)
TREES = {path.as_posix(): ast.parse((ROOT / path).read_bytes()) for path in SOURCES}

LONGEST_MODULE = 400
USUAL_MODULE = 120
"""What half of the modules stay within."""
MOST_MODULES = 16
LONGEST_FUNCTION = 60
LONGEST_FILE_OF_TESTS = 500
LONG_FUNCTION = 30
"""What nine of ten functions stay within."""


@cache
def nodes(file: str) -> list[ast.AST]:
    """All that a file is made of."""
    return list(ast.walk(TREES[file]))


@cache
def imported_by(file: str) -> list[str]:
    return list(imported(TREES[file]))


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a file imports, anywhere in it; what is under TYPE_CHECKING is never imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that this test can read them"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node)


def importers(package: str) -> set[str]:
    """The files that import a package."""
    return {
        file
        for file in TREES
        if any(name == package or name.startswith(f"{package}.") for name in imported_by(file))
    }


# -------------------------------------------------------------------- arrows


def test_the_adapter_never_imports_the_command_line():
    assert not [file for file in importers("lambdify.cli") if file.startswith("adapter/")]


def test_only_the_local_cloud_and_the_writer_of_events_import_the_adapter():
    outside = {file for file in importers("lambdify.adapter") if file.startswith("cli/")}
    assert {file for file in outside if not file.startswith("cli/local/")} == {
        "cli/calls/command.py",
        "cli/calls/command_input.py",
        "cli/calls/http_event.py",
    }


@pytest.mark.parametrize(
    ("package", "door"),
    [
        ("boto3", "cli/aws.py"),
        ("botocore", "cli/aws.py"),
        ("rich", "cli/console.py"),
        ("mangum", "adapter/asgi.py"),
    ],
)
def test_a_heavy_package_has_one_door(package, door):
    assert importers(package) <= {door}


def test_the_container_engine_has_a_door_to_build_and_one_to_run():
    assert importers("docker") == {"cli/packing/wheels/docker.py", "cli/local/functions/engine.py"}


GUESTS = {
    ("adapter/django_tasks/__init__.py", "django"),
    ("adapter/django_postgresql/base.py", "django"),
    ("adapter/database/sqlalchemy.py", "sqlalchemy"),
}
"""Modules that only who brings that package along imports, the framework itself for the first two."""


def test_the_adapter_needs_nothing_that_is_not_in_lambda_but_mangum():
    # Both are in the managed runtimes: AWS's runtime client, for streamed responses, and SnapStart's hooks.
    allowed = {*sys.stdlib_module_names, "lambdify", "mangum", "awslambdaric", "snapshot_restore_py"}
    found = {
        (file, name)
        for file in TREES
        if file.startswith("adapter/")
        for name in imported_by(file)
        if name.partition(".")[0] not in allowed and (file, name.partition(".")[0]) not in GUESTS
    }
    # Faster where the app brings it along, and never missed where it does not.
    assert {name for _, name in found} <= {"pybase64", "pybase64.b64decode", "pybase64.b64encode_as_string"}


def at_start(file: str, seen: set[str]) -> set[str]:
    """The packages that importing a file of ours imports at once, through the other files of ours."""
    seen.add(file)
    statements = [node for node in TREES[file].body if isinstance(node, ast.Import | ast.ImportFrom)]
    found = set()
    for name in imported(ast.Module(body=list(statements), type_ignores=[])):
        package, _, inner = name.partition(".")
        if package != "lambdify":
            found.add(package)
            continue
        path = inner.replace(".", "/")
        for ours in {f"{path}.py", f"{path}/__init__.py"} & TREES.keys() - seen:
            found |= at_start(ours, seen)
    return found


def test_what_a_help_page_imports_is_light():
    light = {
        "click",
        "collections",
        "difflib",
        "gc",
        "importlib",
        "itertools",
        "os",
        "signal",
        "sys",
        "typing",
    }
    assert at_start("cli/main.py", set()) <= light


def test_functions_take_a_stage_and_not_its_parts():
    pairs = {
        (file, node.name)
        for file in TREES
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef)
        and {"settings", "account"} <= {each.arg for each in (*node.args.args, *node.args.kwonlyargs)}
    }
    assert pairs == set()


# -------------------------------------------------------------------- who may speak, and who may swallow

SPEAKERS = {"cli/console.py", "cli/packing/bundle/bytecode_worker.py"}
"""The console; and a worker that talks to us, not to the user, in a process of its own."""
CLICK_SPEAKS = {"cli/main.py", "cli/command_line/arguments.py", "cli/command_line/help_page.py"}
"""Help and version pages are click's."""


def test_only_the_console_writes_to_the_terminal():
    # The Lambda side prints to the function's log, the daemon of the local cloud to its own.
    others = [
        file for file in TREES if file not in SPEAKERS and not file.startswith(("adapter/", "cli/local/"))
    ]
    words = {"print", "input", "sys.stdout", "sys.stderr", "click.echo"}
    endings = {word.rpartition(".")[2] for word in words}
    spoken = {
        (file, word)
        for file in others
        for node in nodes(file)
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.id if isinstance(node, ast.Name) else node.attr) in endings
        and (word := ast.unparse(node)) in words
    }
    assert spoken == {(file, "click.echo") for file in CLICK_SPEAKS}


BROAD = {
    "cli/main.py",
    "adapter/__init__.py",
    "adapter/errors.py",
    "adapter/streaming/runtime.py",
    "adapter/wsgi.py",
    "cli/local/http_server.py",
}
"""The ends of the line: of a command, of an app's call (streamed or not, or closed behind its answer), of one
record or task among others, and of a daemon's thread."""


def test_what_went_wrong_is_caught_by_its_name():
    # A broad `except` may clean up and raise again; otherwise it hides what nobody thought of.
    broad = {
        file
        for file in TREES
        for node in nodes(file)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not isinstance(node.body[-1], ast.Raise)
    }
    assert broad == BROAD


def test_nothing_is_left_for_later():
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    assert [(file, word) for file in TREES for word in words if word in (ROOT / file).read_text()] == []


# -------------------------------------------------------------------- budgets


def test_no_module_is_too_long_to_be_read():
    assert [file for file in TREES if len((ROOT / file).read_text().splitlines()) > LONGEST_MODULE] == []


def test_no_file_of_tests_is_too_long_to_be_read():
    files = [*(ROOT / "tests").rglob("*.py")]
    assert [str(file) for file in files if len(file.read_text().splitlines()) > LONGEST_FILE_OF_TESTS] == []


def test_no_test_is_passed_over_for_the_name_of_its_folder(request):
    """pytest looks into no folder called "build", nor into others of its list, unless it is named."""
    patterns = request.config.getini("norecursedirs")
    folders = {
        folder
        for file in (ROOT / "tests").rglob("test_*.py")
        for folder in file.relative_to(ROOT).parent.parts
    }
    assert folders
    assert [each for each in folders if any(fnmatch(each, pattern) for pattern in patterns)] == []


def lengths() -> list[tuple[int, str]]:
    """How many lines each function has."""
    return [
        (node.end_lineno - node.lineno + 1, f"{file}:{node.lineno} {node.name}")
        for file in TREES
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]


def test_no_function_is_too_long():
    assert [name for length, name in lengths() if length > LONGEST_FUNCTION] == []


def test_nine_of_ten_functions_are_short():
    sizes = sorted(length for length, _ in lengths())
    assert sizes[len(sizes) * 9 // 10] <= LONG_FUNCTION


def test_no_room_has_more_modules_than_one_can_look_over():
    modules = Counter(path.parent.as_posix() for path in SOURCES)
    # In commands/ there is one for each command, whose name it has.
    assert {room: n for room, n in modules.items() if n > MOST_MODULES and room != "cli/commands"} == {}


def test_most_modules_are_short():
    sizes = sorted(len((ROOT / file).read_text().splitlines()) for file in TREES)
    assert sizes[len(sizes) // 2] <= USUAL_MODULE


# -------------------------------------------------------------------- names and words


def test_every_module_says_what_it_is():
    silent = [file for file, tree in TREES.items() if not ast.get_docstring(tree)]
    assert silent == []


def test_modules_are_named_for_what_they_are():
    vague = {f"{name}.py" for name in ("utils", "helpers", "common", "manager", "base", "misc")}
    # Django takes a backend from the module of that name.
    found = [path.as_posix() for path in SOURCES if path.name in vague]
    assert found == ["adapter/django_postgresql/base.py"]


def test_what_a_module_says_it_offers_is_there():
    for file, tree in TREES.items():
        if declares_all(tree):
            module = importlib.import_module(name_of(file))
            assert [name for name in module.__all__ if not hasattr(module, name)] == []


def declares_all(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__" for node in tree.body
    )


def name_of(file: str) -> str:
    return "lambdify." + file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def test_every_package_is_named_in_setup_cfg():
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    packages = {
        name_of(f"{path.parent.as_posix()}/__init__.py") for path in SOURCES if path.name == "__init__.py"
    }
    assert packages == set(config["options"]["packages"].split())


def test_every_folder_with_modules_is_a_package():
    assert [path for path in SOURCES if not (ROOT / path.parent / "__init__.py").exists()] == []


def test_every_error_has_a_code_of_its_own_and_stands_in_the_tree():
    classes = [
        each for each in vars(errors).values() if isinstance(each, type) and each is not errors.LambdifyError
    ]
    codes = [each.exit_code for each in classes]
    assert len(codes) == len(set(codes))
    tree = {tuple(line.split()[1:3]) for line in errors.__doc__.splitlines() if line[:1] in "├└" and line}
    assert tree == {(each.__name__, str(each.exit_code)) for each in classes}
