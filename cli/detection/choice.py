"""Choice of the app of a project, by reading its code, never by importing it.

    files ▶ modules ▶ kinds ▶ candidates with scores ▶ one of them, or a question

The steps are in project, module, kind and candidate, in that order; launch reads how the project is started.
"""

import ast
from dataclasses import replace
from functools import cache
from pathlib import Path

from lambdify.cli import hints
from lambdify.cli.console import Console
from lambdify.cli.detection import absence, candidate, kind
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.detection.kind import Kind
from lambdify.cli.detection.module import Module
from lambdify.cli.detection.project import Project
from lambdify.cli.errors import AppAmbiguous, AppNotFound, SettingsError
from lambdify.cli.programs import pythons
from lambdify.cli.programs.pythons import RUNNING
from lambdify.cli.settings import Settings, app_reference
from lambdify.cli.settings.app_reference import AppReference
from lambdify.cli.settings.functions import FunctionSettings

__all__ = ["Candidate", "choose_app", "explain_absence", "find_apps"]

MARGIN = 4
"""Points by which the best candidate has to lead, or the user is asked."""
UNKNOWN = Kind("unknown", "unknown", "")
FUNCTIONS_ALONE = 'A stage of functions alone, without a web app, says endpoint = "none" under [http].'


def find_apps(root: Path) -> list[Candidate]:
    """Return every app in the project, the likeliest first; those in tests and examples score below zero."""
    return candidate.find(Project(root))


def explain_absence(root: Path) -> AppNotFound:
    """Return why the project has no app that can be deployed, and what to write."""
    project = Project(root)
    return absence.explain(project, candidate.find(project))


def choose_app(settings: Settings, console: Console) -> Candidate:
    """Return the app to deploy: the one in the settings, the clearly best one, or the user's choice.

    A stage of functions alone, without an endpoint, has none: its `app` is "". Raises AppNotFound, and
    AppAmbiguous if nobody can be asked; SettingsError for a function whose handler is not there.
    """
    python = settings.function.python
    project = Project(settings.root, python, cache(lambda: pythons.attempt(python, console)))
    chosen = _find_named(settings, project) if settings.app else _find_best(settings, project, console)
    _tell_flaw(chosen, project, console)
    for function in settings.functions.values():
        _check_handler(function, chosen, project)
    return chosen


def _find_best(settings: Settings, project: Project, console: Console) -> Candidate:
    """Return the clearly best app, or the user's choice. Raises AppNotFound, AppAmbiguous."""
    apps = candidate.find(project)
    likely = [each for each in apps if each.score > 0]
    if not likely:
        if settings.functions and settings.http.endpoint == "none":
            return _without_app(settings, project)
        error = absence.explain(project, apps)
        hint = hints.join(error.hint, FUNCTIONS_ALONE) if settings.functions else error.hint
        raise AppNotFound(error.message, hint=hint)
    best = likely[0]
    close = [each for each in likely if best.score - each.score < MARGIN and each.origin != best.origin]
    if not close:
        console.note(f"Found {_describe(best)}: {'; '.join(best.evidence)}")
        return best
    rivals = _distinct([best, *close])
    if not console.interactive:
        raise AppAmbiguous(
            f"There are {len(rivals)} apps, and nothing says which one to deploy: "
            + "; ".join(f"{_describe(each)} ({each.evidence[0]})" for each in rivals),
            hint=f"Run it in the folder of the one you mean: cd {best.path or '.'}"
            if all(each.app == best.app for each in rivals)
            else f'Write the one you mean into lambdify.toml: app = "{best.app}"',
        )
    chosen = console.choose("Which app is to be deployed?", [each.app for each in rivals])
    console.note(f'To be asked no more, write this into lambdify.toml: app = "{chosen}"')
    return next(each for each in rivals if each.app == chosen)


def _without_app(settings: Settings, project: Project) -> Candidate:
    """Return what stands for the app of a stage that has functions alone. Raises SettingsError."""
    if on_event := settings.function.on_event:
        raise SettingsError(
            f'[function] on_event = "{on_event}": it gets what the app does not, and there is no app.',
            hint=f'Make it a function: handler = "{on_event}" below [functions.NAME], and what calls it.',
        )
    files = [project.file_of(each.module) for each in settings.functions.values()]
    file = next(filter(None, files), "")
    module = project.module(file) if file else None
    return Candidate(
        app="",
        framework="",
        interface="",
        score=0,
        evidence=("functions alone",),
        path=module.root if module else "",
        file=file,
    )


def _check_handler(function: FunctionSettings, app: Candidate, project: Project) -> None:
    """Return if the project has the function, as far as reading tells. Raises SettingsError."""
    said = f'[functions.{function.name}] handler = "{function.handler}"'
    module = project.find(function.module, near=app.path)
    if module is None:
        top = function.module.partition(".")[0]
        file = project.file_of(function.module, near=app.path)
        if flaw := project.flaws.get(file):
            raise absence.refuse_flaw(file, flaw, project.python)
        if project.holds(top, near=app.path) or not project.depends_on(top):
            raise SettingsError(
                f"{said}, and there is no module {function.module} in {project.root}.",
                hint=f"It would be {function.module.replace('.', '/')}.py, "
                "or in a package that a dependency file names.",
            )
        return
    name = function.attribute.partition(".")[0]
    if name not in module.names() and not module.star_imports:
        raise SettingsError(
            f"{said}, and {module.file} has nothing called {name}.",
            hint=hints.nearest(name, module.names()) or f"Define it there: def {name}(event, context).",
        )


def _tell_flaw(app: Candidate, project: Project, console: Console) -> None:
    """Tell what cannot be read in the app's file. Raises AppNotFound, unless a newer Python may read it."""
    flaw = project.flaws.get(app.file) or project.judge(app.file)
    if flaw is None:
        return
    python = project.python
    if not absence.is_unread(flaw, python):
        raise absence.refuse_flaw(app.file, flaw, python)
    console.warn(
        f"{app.file}, line {flaw.line}, is not valid Python {RUNNING}, which runs lambdify: {flaw.why}. The "
        f"function has Python {python}, which this machine has not; detection left that statement out."
    )


def _distinct(apps: list[Candidate]) -> list[Candidate]:
    """Return one candidate of each app, the likeliest."""
    first: dict[str, Candidate] = {}
    for each in apps:
        first.setdefault(each.origin, each)
    return list(first.values())


def _find_named(settings: Settings, project: Project) -> Candidate:
    """Return the app that the settings name, without importing it. Raises AppNotFound."""
    where = settings.source.name if settings.source else "the settings"
    apps = candidate.find(project)
    for found in apps:
        if settings.app in {found.app, *_object_of(found)}:
            return replace(found, evidence=(f"{where} names it", *found.evidence))
    wanted = app_reference.parse(settings.app)
    module = project.find(wanted.module)
    if module is None:
        return _find_outside(settings, wanted, project, where, apps)
    name = wanted.name
    if name not in module.names() and not module.star_imports:
        if flaw := project.flaws.get(module.file):
            raise absence.refuse_flaw(module.file, flaw, project.python)
        raise AppNotFound(
            f'{where} names the app "{settings.app}", and {module.file} has nothing called {name}.',
            hint=hints.nearest(name, module.names()) or _suggestion(apps),
        )
    made = _classify_named(wanted, module, project, where, apps) or UNKNOWN
    return Candidate(
        app=f"{module.name}:{wanted.attribute if wanted.call else wanted.path + made.suffix}",
        framework=made.framework,
        interface=made.interface,
        score=0,
        evidence=(f"{where} names it",),
        path=module.root,
        origin=made.origin,
        file=module.file,
    )


def _object_of(found: Candidate) -> tuple[str, ...]:
    """Return the name of the object whose attribute is the app: a Dash object means its server."""
    module, _, path = found.app.partition(":")
    return (f"{module}:{path.partition('.')[0]}",) if "." in path else ()


def _classify_named(
    wanted: AppReference, module: Module, project: Project, where: str, apps: list[Candidate]
) -> Kind | None:
    """Return the kind of what the settings name; None if reading does not tell. Raises AppNotFound."""
    owner, function = kind.find_function(module, wanted.path, project)
    if owner is None or function is None:
        made = kind.classify_name(module, wanted.name, project)
        if made is None and not wanted.call:
            _refuse_extension(wanted, module, project, where, apps)
        return made
    if wanted.call:
        if missing := candidate.unfilled(function, len(wanted.positional), wanted.named):
            raise AppNotFound(
                f'{where} names the app "{wanted.module}:{wanted.attribute}", and {wanted.path} in '
                f"{owner.file}, line {function.lineno}, needs {', '.join(missing)} too.",
                hint=absence.write_call(module, wanted.path, function),
            )
        return kind.classify_factory(owner, function, project)
    if made := kind.classify_function(owner, function, project):
        return made
    if made := kind.classify_factory(owner, function, project):
        raise AppNotFound(
            f'{where} names the app "{wanted.module}:{wanted.attribute}", and {wanted.path} in {owner.file}, '
            f"line {function.lineno}, is a function that makes the {absence.describe(made)}.",
            hint=absence.write_call(module, wanted.path, function),
        )
    return None


def _refuse_extension(
    wanted: AppReference, module: Module, project: Project, where: str, apps: list[Candidate]
) -> None:
    """Raise AppNotFound if a name is what only takes an app."""
    for each in reversed(module.assignments):
        if each.name != wanted.path or not isinstance(each.node, ast.Call):
            continue
        if taken := kind.takes_app(module, each.node, project):
            inner = next((app.app for app in apps if app.origin == taken.origin), "")
            raise AppNotFound(
                f'{where} names the app "{wanted.module}:{wanted.attribute}", and that is made by '
                f"{ast.unparse(each.node.func)}, which takes an app and is none: "
                f"{module.file}, line {each.line}.",
                hint=f'Name the app that it takes: app = "{inner}"'
                if inner
                else "Give the app that it takes a name at the top level, and name that.",
            )


def _find_outside(
    settings: Settings, wanted: AppReference, project: Project, where: str, apps: list[Candidate]
) -> Candidate:
    """Return an app of a package that the project depends on. Raises AppNotFound if there is none."""
    top = wanted.module.partition(".")[0]
    if file := project.file_of(wanted.module):
        if flaw := project.flaws.get(file):
            raise absence.refuse_flaw(file, flaw, project.python)
    elif not project.holds(top) and project.depends_on(top):
        return Candidate(
            app=settings.app,
            framework="unknown",
            interface="unknown",
            score=0,
            evidence=(f"{where} names it",),
            path="",
            origin=settings.app,
        )
    raise AppNotFound(
        f'{where} names the app "{settings.app}", and there is no module {wanted.module} in {settings.root}.',
        hint=_suggestion(apps)
        or f"It would be {wanted.module.replace('.', '/')}.py, or in a package that a dependency file names.",
    )


def _suggestion(apps: list[Candidate]) -> str:
    found = [each for each in apps if each.score > 0]
    return f'Did you mean "{found[0].app}"? ({found[0].evidence[0]})' if found else ""


def _describe(app: Candidate) -> str:
    return f"{absence.describe(Kind(app.framework, app.interface, ''))} {app.app}"
