"""A module that cannot be imported: which distribution has it, and where the project names that. Pure.

A package's metadata that is missing is none (importlib.metadata): its error is a ModuleNotFoundError, too.
"""

import re
from collections.abc import Iterator

from lambdify.cli.detection import distributions
from lambdify.cli.failures import places, pythons
from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Frame, Raised
from lambdify.cli.failures.told import Told
from lambdify.cli.packing.resolution import serving

_IMPORT_ERRORS = ("builtins.ModuleNotFoundError", "builtins.ImportError", "Runtime.ImportModuleError")
_MISSING = re.compile(r"No module named '?(?P<name>[\w.]+)'?")
_NAME_MISSING = re.compile(
    r"cannot import name '(?P<name>\w+)' from '(?P<module>[\w.]+)'(?! \(unknown location\))"
    r"|module '(?P<of>[\w.]+)' has no attribute '(?P<attribute>\w+)'"
)
_CIRCULAR = "partially initialized module"
_INSTALL = re.compile(
    r"pip install (?:-\S+ )*[\"'`]?(?P<pip>[A-Za-z][\w.-]*(?:\[[\w,.-]+\])?)"
    r"|requires [\"'`](?P<required>[A-Za-z][\w.-]*)[\"'`] to be installed"
    r"|[\"'`](?P<wanted>[A-Za-z][\w.-]*)[\"'`] must be installed"
    r"|(?P<absent>[A-Za-z][\w.-]*) (?:is not installed|needs to be installed)\b"
)
"""What libraries say of others that they need only for some of their work."""
_METADATA = re.compile(r"No package metadata was found for (?P<name>[\w.-]+)")


def explain(raised: Raised, project: Project) -> Told | None:
    """Return what is told of the module that is missing; None if the exception is another one."""
    if found := _METADATA.search(raised.message):
        return _tell_metadata(found["name"], raised)
    if raised.is_a(*_IMPORT_ERRORS) and (found := _MISSING.search(raised.message)):
        return _tell_module(found["name"], raised, project)
    if (found := _NAME_MISSING.search(raised.message)) and _CIRCULAR not in raised.message:
        return _tell_name(
            found["module"] or found["of"], found["name"] or found["attribute"], raised, project
        )
    if found := _INSTALL.search(raised.message):
        return _tell_wanted(next(filter(None, found.groups())), raised, project)
    return None


def _tell_module(found: str, raised: Raised, project: Project) -> Told:
    name = raised.fields.get("name") or found
    frame = _importer(raised)
    if raised.passed("django/conf/") and "." in name and (settings := _tell_settings(name, project)):
        return settings
    return (
        pythons.explain_module(name, frame, project)
        or _tell_own(name, frame, project)
        or _tell_part(name, frame, project)
        or _tell_unknown(name, frame, project)
        or _tell_distribution(name, frame, project)
    )


def _importer(raised: Raised) -> Frame | None:
    """Return the frame that imports: the last one that is not Python's."""
    silent = (places.PYTHON, places.MACHINERY)
    told = [frame for frame in raised.frames if frame.own or places.owner(frame.path) not in silent]
    return told[-1] if told else None


def _tell_name(module: str, name: str, raised: Raised, project: Project) -> Told | None:
    """Return what is told of a name that the packed version of a distribution does not have."""
    packed = project.packed.get(module.partition(".")[0])
    if not packed:
        return None
    user = raised.frames[-1].place if raised.frames else "The app"
    return Told(
        message=f"{user} needs {name} of {module}, which {packed} does not have.",
        hint="The versions do not go together: pin in "
        f"{project.requirements or 'the dependency file'} the ones that the project was written for.",
    )


def _tell_wanted(name: str, raised: Raised, project: Project) -> Told:
    """Return what is told of a distribution that a library asks for by its name."""
    said = raised.message.strip().partition("\n")[0].rstrip(". ")
    where = project.requirements or "the dependencies"
    return Told(message=f"{raised.where}: {said}.", hint=f"Add {name} to {where}{_again(where)}.")


def _tell_metadata(name: str, raised: Raised) -> Told:
    asked = f", for which {raised.own_frames[-1].place} asks" if raised.own_frames else ""
    return Told(
        message=f'The distribution "{name}" is not in the function{asked}.',
        hint="If it is this project: with a [build-system] in pyproject.toml it is installed, with its "
        f"version and entry points. If it is a dependency: {name} has to be in the dependency file.",
    )


def _tell_settings(name: str, project: Project) -> Told | None:
    """Return what is told of a settings module of Django that does not exist."""
    top = name.partition(".")[0]
    if not project.has(top) and not project.has(f"src/{top}"):
        return None
    return Told(
        message=f"DJANGO_SETTINGS_MODULE names {name}. No such module is packed{_left_out(name, project)}.",
        hint=project.write("environment", 'DJANGO_SETTINGS_MODULE = "..."') + ", the one for production.",
    )


def _left_out(name: str, project: Project) -> str:
    reason = next(filter(None, (project.reason(path) for path in _paths(name))), "")
    return f": it is left out ({reason})" if reason else ""


def _tell_own(name: str, frame: Frame | None, project: Project) -> Told | None:
    """Return what is told of a module that the project has, and that is not packed or not found."""
    for path in _paths(name):
        if project.has(path):
            reason = project.reason(path)
            if not reason:
                return Told(
                    message=f"{_subject(name, frame)}, and {path} is not where imports begin.",
                    hint="Imports begin at the folder from which the app is named: "
                    + project.write("", 'app = "package.module:attribute"'),
                )
            return Told(
                message=f"{_subject(name, frame)}, and {path} is not packed: {reason}.",
                hint=project.write("build", f'include = ["{path}"]'),
            )
    return None


def _tell_unknown(name: str, frame: Frame | None, project: Project) -> Told | None:
    """Return what is told of a module of one of the project's own packages, which has none of that name."""
    top, dot, _ = name.partition(".")
    if not dot or top in project.packed or not (project.has(top) or project.has(f"src/{top}")):
        return None
    return Told(
        message=f"{_subject(name, frame)}, and the project has no such module.",
        hint="What a command makes, such as a client or a version, has to be made before it is packed.",
    )


def _paths(name: str) -> Iterator[str]:
    path = name.replace(".", "/")
    for before in ("", "src/"):
        yield from (f"{before}{path}.py", f"{before}{path}/__init__.py", f"{before}{path}")


def _tell_part(name: str, frame: Frame | None, project: Project) -> Told | None:
    """Return what is told of a module that its distribution has not in the version that is packed."""
    top, dot, _ = name.partition(".")
    if not dot or top not in project.packed:
        return None
    if bound := distributions.bound_of(name):
        return _tell_lost(project.packed[top], bound, _subject(name, frame), project)
    return Told(
        message=f"{_subject(name, frame)}, which {project.packed[top]} does not have.",
        hint=f"Another version of it may: see which one the project was written for, and write it into "
        f"{project.requirements or 'the dependency file'}.",
    )


def _tell_lost(packed: str, bound: str, subject: str, project: Project) -> Told:
    """Return what is told of a module that older versions of what is packed have."""
    where = project.requirements
    place = f" into {where}{_again(where)}" if where else " into the dependencies"
    return Told(
        message=f"{subject}, which {packed} does not have any more.",
        hint=f"Write {bound}{place}, or take a newer version of what asks for the module.",
    )


def _tell_distribution(name: str, frame: Frame | None, project: Project) -> Told:
    names = distributions.names_of(name)
    known = {distributions.normalize(each) for each in names}
    if serves := next((each.name for each in serving.known() if each.name in known), ""):
        return Told(
            message=f"{_subject(name, frame)}, and {serves} is left out as what only serves an app.",
            hint=project.write("build", f'keep = ["{serves}"]'),
        )
    had = [label for label in project.packed.values() if distributions.normalize(label.split()[0]) in known]
    if had and (bound := distributions.bound_of(name)):
        return _tell_lost(had[0], bound, _subject(name, frame), project)
    needed = distributions.requirement_for(name)
    offers = [each for each in project.offers if each.distribution in known]
    message = f"{_subject(name, frame)}, and nothing that is packed has it."
    if offers:
        message = f"{message} {offers[0].distribution} stands in {offers[0].place}."
    if options := dict.fromkeys(each.option for each in offers if each.option):
        return Told(message=message, hint=project.write("build", " or ".join(options)))
    where = project.requirements
    if not where:
        return Told(message=message, hint=f"Add {needed} to the dependencies.")
    lacks = "has no line for it" if project.requirements.endswith(".txt") else "does not name it"
    return Told(message=message, hint=f"{where} {lacks}: add {needed}{_again(where)}.")


def _again(file: str) -> str:
    """Return what has to be done for a lock: it is written by its own tool."""
    commands = {
        "uv.lock": "uv add",
        "poetry.lock": "poetry add",
        "Pipfile.lock": "pipenv install",
        "pdm.lock": "pdm add",
    }
    return f" (`{commands[file]}` does that)" if file in commands else ""


def _subject(name: str, frame: Frame | None) -> str:
    return f"{frame.place} imports {name}" if frame else f"{name} is imported"
