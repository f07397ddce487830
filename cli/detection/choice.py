"""Choice of the app of a project, by reading its code, never by importing it.

    files ▶ modules ▶ kinds ▶ candidates with scores ▶ one of them, or a question

The steps are in project, module, kind and candidate, in that order; launch reads how the project is started.
"""

from dataclasses import replace
from pathlib import Path

from lambdify.cli.console import Console
from lambdify.cli.detection import candidate, kind
from lambdify.cli.detection.candidate import Candidate
from lambdify.cli.detection.kind import Kind
from lambdify.cli.detection.project import Project
from lambdify.cli.errors import AppAmbiguous, AppNotFound
from lambdify.cli.settings import Settings, options

__all__ = ["Candidate", "choose_app", "find_apps"]

MARGIN = 4
"""Points by which the best candidate has to lead, or the user is asked."""
UNKNOWN = Kind("unknown", "unknown", "")
NAMES = {"fastapi": "FastAPI", "wsgi": "WSGI", "asgi": "ASGI", "unknown": ""}
"""Names of frameworks that are not just capitalised."""


def find_apps(root: Path) -> list[Candidate]:
    """Return every app in the project, the likeliest first; those in tests and examples score below zero."""
    return candidate.find(root)


def choose_app(settings: Settings, console: Console) -> Candidate:
    """Return the app to deploy: the one in the settings, the clearly best one, or the user's choice.

    Raises AppNotFound, and AppAmbiguous if nobody can be asked.
    """
    if settings.app:
        return _find_named(settings)
    apps = find_apps(settings.root)
    likely = [each for each in apps if each.score > 0]
    if not likely:
        raise _not_found(settings.root, apps)
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
            hint=f'Write the one you mean into lambdify.toml: app = "{best.app}"',
        )
    chosen = console.choose("Which app is to be deployed?", [each.app for each in rivals])
    console.note(f'To be asked no more, write this into lambdify.toml: app = "{chosen}"')
    return next(each for each in rivals if each.app == chosen)


def _distinct(apps: list[Candidate]) -> list[Candidate]:
    """Return one candidate of each app, the likeliest."""
    first: dict[str, Candidate] = {}
    for each in apps:
        first.setdefault(each.origin, each)
    return list(first.values())


def _find_named(settings: Settings) -> Candidate:
    """Return the app that the settings name, without importing it. Raises AppNotFound."""
    where = settings.source.name if settings.source else "the settings"
    for found in find_apps(settings.root):
        if found.app == settings.app:
            return replace(found, evidence=(f"{where} names it", *found.evidence))
    source, _, attribute = settings.app.partition(":")
    project = Project(settings.root)
    module = project.find(source)
    if module is None:
        raise AppNotFound(
            f'{where} names the app "{settings.app}", and there is no module {source} in {settings.root}.',
            hint=_suggestion(settings.root)
            or f"It would be {source.replace('.', '/')}.py; a file that is not valid Python does not count.",
        )
    name = attribute.removesuffix("()").partition(".")[0]
    if name not in module.names() and not module.star_imports:
        raise AppNotFound(
            f'{where} names the app "{settings.app}", and {module.file} has nothing called {name}.',
            hint=options.nearest(name, module.names()) or _suggestion(settings.root),
        )
    called = module.functions.get(name) if attribute.endswith("()") else None
    made = (
        kind.classify_factory(module, called, project)
        if called
        else kind.classify_name(module, name, project)
    )
    made = made or UNKNOWN
    return Candidate(
        app=f"{module.name}:{attribute}",
        framework=made.framework,
        interface=made.interface,
        score=0,
        evidence=(f"{where} names it",),
        path=module.root,
        origin=made.origin,
    )


def _suggestion(root: Path) -> str:
    found = [each for each in find_apps(root) if each.score > 0]
    return f'Did you mean "{found[0].app}"? ({found[0].evidence[0]})' if found else ""


def _not_found(root: Path, apps: list[Candidate]) -> AppNotFound:
    aside = f" {apps[0].app} was left aside, being in tests or examples." if apps else ""
    return AppNotFound(
        f"No Flask, Django, FastAPI or other WSGI or ASGI app was found in {root}.{aside}",
        hint='Run it in the project\'s folder, or name the app in lambdify.toml: app = "package.module:app"',
    )


def _describe(app: Candidate) -> str:
    return f"{NAMES.get(app.framework, app.framework.capitalize())} app {app.app}".strip()
