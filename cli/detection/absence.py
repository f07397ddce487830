"""Why no app was found, or not the one that is named: what is there instead, and the line to write next."""

import ast
import re
from collections.abc import Iterator

from lambdify.cli.detection import candidate, catalogue, kind, launch, strangers
from lambdify.cli.detection.candidate import ENTRY_FILES, SIDE, TESTS, Candidate
from lambdify.cli.detection.kind import Kind, called_name
from lambdify.cli.detection.module import FunctionNode, Module
from lambdify.cli.detection.project import Project
from lambdify.cli.detection.source import Flaw
from lambdify.cli.errors import AppNotFound
from lambdify.cli.packing.target import runtimes
from lambdify.cli.storage import texts

NAME_IT = 'Run it in the project\'s folder, or name the app in lambdify.toml: app = "package.module:app"'
PASTE_APP = re.compile(r"^\[(app:[\w-]+|composite:[\w-]+)\]\s*$|^use\s*=\s*egg:", re.MULTILINE)


def explain(project: Project, apps: list[Candidate]) -> AppNotFound:
    """Return why nothing can be deployed: the first of these reasons that holds.

    A file cannot be read, a factory needs arguments, the app is made where no import reaches it, Django has
    neither wsgi.py nor asgi.py, the project is something else; and else, that nothing was found.
    """
    files = _of_interest(project)
    modules = [module for module in map(project.module, files) if module]
    for reason in (_flawed, _factory, _out_of_reach, _paste, _django, _stranger):
        if found := reason(project, files, modules):
            return found
    aside = f" {apps[0].app} was left aside, being in tests or examples." if apps else ""
    return AppNotFound(
        f"No Flask, Django, FastAPI or other WSGI or ASGI app was found in {project.root}.{aside}",
        hint=NAME_IT,
    )


def is_unread(flaw: Flaw, python: str) -> bool:
    """Whether nobody knows if the function's Python can read it, since an older one could not."""
    return flaw.newer and _version(python) > _version(flaw.python)


def refuse_flaw(file: str, flaw: Flaw, python: str) -> AppNotFound:
    """Return the error for a file that the function's Python cannot read."""
    if is_unread(flaw, python):
        return AppNotFound(
            f"{file}, line {flaw.line}, is not valid Python {flaw.python}, which runs lambdify: {flaw.why}. "
            f"The function has Python {python}, and this machine has none that could read it.",
            hint=f"`uv python install {python}` brings it here.",
        )
    hint = "Correct it there: the app could not be imported either."
    newer = [each for each in runtimes() if _version(each) > _version(flaw.python)]
    if flaw.newer and newer:
        hint = (
            "Correct it there. If it is right for a newer Python, say which one in lambdify.toml, under "
            f'[function]: python = "{newer[0]}"'
        )
    return AppNotFound(f"{file}, line {flaw.line}, is not valid Python {flaw.python}: {flaw.why}.", hint=hint)


def _version(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))


def call_of(module: Module, name: str, function: FunctionNode) -> str:
    """Return the line for lambdify.toml that calls a factory; one of a wsgi.py where no literal would do."""
    needed = {each: _literal(function, each) for each in candidate.required(function)}
    if all(needed.values()):
        keywords = {each.arg for each in function.args.kwonlyargs}
        given = ", ".join(f"{each}={text}" if each in keywords else text for each, text in needed.items())
        return f'app = "{module.name}:{name}({given})"'
    values = ", ".join(needed)
    return f"from {module.name} import {name}; app = {name}({values})"


def write_call(module: Module, name: str, function: FunctionNode) -> str:
    """Return the hint for a factory: what to write, and where."""
    line = call_of(module, name, function)
    if line.startswith("app = "):
        needed = candidate.required(function)
        value = f", with your value of {' and '.join(needed)}" if needed else ""
        return f"Write this into lambdify.toml{value}: {line}"
    return f"Make the app in a file of its own, such as wsgi.py: {line}"


def _literal(function: FunctionNode, name: str) -> str:
    """Return a value to begin with, as it is written; "" if the argument is no text, number or boolean."""
    arguments = function.args
    annotation = next(
        each.annotation
        for each in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if each.arg == name
    )
    if annotation is None:
        return "'production'"
    kinds = {"str": "'production'", "int": "1", "float": "1.0", "bool": "False", "dict": "{}", "list": "[]"}
    return next((kinds[word] for word in re.findall(r"\w+", ast.unparse(annotation)) if word in kinds), "")


def _of_interest(project: Project) -> list[str]:
    """Return the files that may be the reason; those of tests and tools come last, or not at all."""
    likely = candidate.worth_parsing(project, launch.find(project.root))
    names = {*strangers.markers(), b"event, context"}
    likely += [file for file in project.files if any(name in project.text(file) for name in names)]
    kept = [file for file in dict.fromkeys(likely) if not TESTS.search(file)]
    return sorted(
        kept,
        key=lambda file: (bool(SIDE.search(file)), file.count("/"), not ENTRY_FILES.search(file), file),
    )


def _flawed(project: Project, files: list[str], _: list[Module]) -> AppNotFound | None:
    for file in files:
        # A template of a generator has a name that nobody imports.
        if (flaw := project.flaws.get(file)) and re.fullmatch(r"[\w/.-]+", file):
            return refuse_flaw(file, flaw, project.python)
    return None


def _factory(project: Project, _: list[str], modules: list[Module]) -> AppNotFound | None:
    for module in modules:
        for name, function in module.functions.items():
            made = kind.classify_factory(module, function, project)
            if made is None or name.startswith("_"):
                continue
            needed = candidate.required(function)
            needs = f", which needs {_listed(needed)} and" if needed else ", which"
            return AppNotFound(
                f"{module.file}, line {function.lineno}, has {name}({ast.unparse(function.args)}){needs} "
                f"makes a {describe(made)}; no file calls it for one.",
                hint=write_call(module, name, function),
            )
    return None


def _out_of_reach(project: Project, _: list[str], modules: list[Module]) -> AppNotFound | None:
    """An app that is made in a function, or below `if __name__ == "__main__":`."""
    for module in modules:
        tree = project.tree(module.file)
        known = strangers.whole(module, tree) if tree else module
        for node in ast.walk(tree) if tree else ():
            if isinstance(node, ast.Call) and (made := catalogue.find_app(called_name(known, node.func))):
                return AppNotFound(
                    f"{module.file}, line {node.lineno}, makes a {_named(made.framework)} app where no "
                    'import reaches it: in a function, or below `if __name__ == "__main__":`.',
                    hint=f"Make it a name at the top level of {module.file}: app = {_quote(node)}",
                )
    return None


def _paste(project: Project, _: list[str], __: list[Module]) -> AppNotFound | None:
    """An app that an ini file describes, as those of Pyramid's cookiecutter."""
    found = sorted(project.root.glob("*.ini"), key=lambda path: ("prod" not in path.name, path.name))
    for path in found:
        text = texts.read(path, errors="replace")
        if match := PASTE_APP.search(text):
            line = text.count("\n", 0, match.start()) + 1
            return AppNotFound(
                f"{path.name}, line {line}, describes the app, as `pserve` reads it, and no file has it.",
                hint=f'Write wsgi.py: from pyramid.paster import get_app; app = get_app("{path.name}")',
            )
    return None


def _django(project: Project, _: list[str], __: list[Module]) -> AppNotFound | None:
    """A Django project without wsgi.py and asgi.py."""
    for file in sorted(project.files, key=lambda file: (file.count("/"), file)):
        if file.rpartition("/")[2] != "manage.py":
            continue
        match = re.search(rb"DJANGO_SETTINGS_MODULE[\"'][,)\]]\s*=?\s*[\"']([\w.]+)", project.text(file))
        if match:
            settings = match[1].decode()
            folder = file.rpartition("/")[0]
            target = f"{folder}/wsgi.py" if folder else "wsgi.py"
            return AppNotFound(
                f"{file} runs a Django project with the settings {settings}, and there is neither a wsgi.py "
                "nor an asgi.py.",
                hint=f"Write {target}, as startproject does: import os; "
                f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{settings}"); '
                "from django.core.wsgi import get_wsgi_application; application = get_wsgi_application()",
            )
    return None


def _stranger(project: Project, files: list[str], modules: list[Module]) -> AppNotFound | None:
    if found := strangers.find(project, files):
        return AppNotFound(
            f"{found.file}, line {found.line}: this is {found.what}. {found.why}", hint=found.instead
        )
    return next(_handlers(modules), None)


def _handlers(modules: list[Module]) -> Iterator[AppNotFound]:
    """Yield the Lambda handlers: they are deployed as they are, but only if they are named."""
    for module in modules:
        for name, function in module.functions.items():
            if [each.arg for each in function.args.args] == ["event", "context"]:
                yield AppNotFound(
                    f"{module.file}, line {function.lineno}, has the Lambda handler {name}(event, context), "
                    "and there is no WSGI or ASGI app.",
                    hint=f'It is deployed as it is, if lambdify.toml names it: app = "{module.name}:{name}"',
                )


def describe(made: Kind) -> str:
    """Return what a kind is called: "Flask app"."""
    return f"{_named(made.framework)} app".strip()


FRAMEWORKS = {"fastapi": "FastAPI", "wsgi": "WSGI", "asgi": "ASGI", "unknown": "", "mcp": "MCP",
              "fasthtml": "FastHTML", "cherrypy": "CherryPy", "webpy": "web.py"}  # fmt: skip
"""Names of frameworks that are not just capitalised."""


def _named(framework: str) -> str:
    return FRAMEWORKS.get(framework, framework.capitalize())


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _quote(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."
