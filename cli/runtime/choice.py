"""The choice of the function's Python.

    [function] python, else the first wish, else what is deployed, else Lambda's newest but one

All within the project's bounds. A contradiction is refused before anything is resolved: the function would
fail later, with a message of the resolver, or of Python.
"""

from dataclasses import dataclass, replace

from lambdify.cli import hints
from lambdify.cli.console import Console
from lambdify.cli.errors import PythonNotFound, PythonRefused
from lambdify.cli.packing.target import runtimes, with_previews
from lambdify.cli.programs import pythons
from lambdify.cli.runtime import asked, constraints
from lambdify.cli.runtime.asked import Asked, Bound
from lambdify.cli.settings import Settings, config_file, conflicts, default_python


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The function's Python, and why it is that."""

    python: str
    """Minor version, one that Lambda has: "3.13"."""
    reason: str
    """"as .python-version asks"; "" if the settings name it."""
    allowed: tuple[str, ...]
    """The versions that the project allows, oldest first."""
    is_open: bool = False
    """Whether another one of the allowed would do as well: nothing asks for this one."""
    caution: str = ""


def settle(settings: Settings, *, deployed: str = "") -> tuple[Settings, Choice]:
    """Return the settings with the function's Python, and why it is that.

    `deployed` is the Python of the stage as it is deployed; "" if it is not known. Raises PythonRefused for a
    contradiction, SettingsError where another setting does not go with that Python.
    """
    choice = choose(settings, asked.find(settings.root), deployed=deployed)
    return take(settings, choice.python), choice


def take(settings: Settings, python: str) -> Settings:
    """Return the settings with that Python. Raises SettingsError if another setting does not go with it."""
    if python == settings.function.python:
        return settings
    taken = replace(settings, function=replace(settings.function, python=python))
    conflicts.check(taken)
    return taken


def here(settings: Settings, choice: Choice, console: Console) -> tuple[Settings, Choice]:
    """Return the settings with a Python that this machine has, for the local cloud; uv may install it.

    If it cannot be had, and the settings do not name it, the nearest that the project allows is taken of
    those that are here: most apps run on it as well. Raises PythonNotFound if there is none.
    """
    try:
        pythons.fetch(choice.python, console)
    except PythonNotFound:
        python = _nearest_here(choice) if choice.reason else ""
        if not python:
            raise
        reason = f"since this machine has no {choice.python}, which it would be on AWS"
        asked_for = (
            f"Python {choice.python}, {choice.reason}, is not on this machine: the local cloud runs the app "
        )
        caution = (
            choice.caution if choice.is_open else f"{asked_for}with {python}, and AWS with {choice.python}."
        )
        return take(settings, python), replace(choice, python=python, reason=reason, caution=caution)
    return settings, choice


def _nearest_here(choice: Choice) -> str:
    """Return the allowed Python that this machine has, the nearest to the chosen one; "" if there is none."""
    there = [each for each in choice.allowed if each != choice.python and pythons.find(each)]
    return min(reversed(there), key=lambda each: abs(_key(each)[1] - _key(choice.python)[1]), default="")


def tell(choice: Choice, console: Console) -> None:
    """Say which Python the function gets, and why, unless the settings name it."""
    if choice.caution:
        console.warn(choice.caution)
    if choice.reason:
        console.note(f"Python {choice.python}, {choice.reason}")


def choose(settings: Settings, said: Asked, *, deployed: str = "") -> Choice:
    """Return the function's Python. Raises PythonRefused."""
    allowed = _allowed(said.bounds)
    if settings.names_python:
        if _forbidding(said.bounds, settings.function.python):
            raise _refuse_setting(settings, said, allowed)
        return Choice(python=settings.function.python, reason="", allowed=allowed)
    if not allowed:
        raise PythonRefused(
            f"{_describe(said.bounds)} allows no Python that Lambda has: {_listed()}.",
            hint=_preview_hint(said.bounds, settings)
            or f'Let {said.bounds[-1].file} allow one of them: ">={default_python()}".',
        )
    if said.wishes:
        return _of_wish(said, allowed, settings)
    if deployed in allowed:
        reason = "as the stage is deployed"
        return Choice(python=deployed, reason=reason, allowed=allowed, is_open=True)
    python = _usual(_allowed(said.bounds, exactly=True) or allowed)
    bound = _binding(said.bounds, python)
    reason = f"as {bound.file} asks ({_quote(bound)})" if bound else "Lambda's newest but one"
    return Choice(python=python, reason=reason, allowed=allowed, is_open=True)


def _allowed(bounds: tuple[Bound, ...], *, exactly: bool = False) -> tuple[str, ...]:
    """Return Lambda's versions that all bounds allow; `exactly` for the patch release that Lambda has.

    A bound such as "==3.12.4" names a patch release, and nobody chooses that of Lambda: any of them will do.
    """
    return tuple(
        minor
        for minor, row in runtimes().items()
        if all(constraints.allows(each.versions, minor, row["full"] if exactly else "") for each in bounds)
    )


def _of_wish(said: Asked, allowed: tuple[str, ...], settings: Settings) -> Choice:
    wish, *others = said.wishes
    also = [f"{each.file}: {each.python}" for each in others if each.python != wish.python]
    differs = f" ({', '.join(also)})" if also else ""
    if wish.python in allowed:
        return Choice(python=wish.python, reason=f"as {wish.file} asks{differs}", allowed=allowed)
    oldest, *_, newest = runtimes()
    if forbidding := _forbidding(said.bounds, wish.python):
        raise PythonRefused(
            f"{wish.file} asks for Python {wish.python}, and {forbidding.file} does not allow it: "
            f"{_quote(forbidding)}.",
            hint=f"Change one of them, or write {_line(settings, allowed)}.",
        )
    if wish.python in with_previews() and not runtimes().get(wish.python):
        raise PythonRefused(
            f"{wish.file} asks for Python {wish.python}, which Lambda has as a preview only.",
            hint=hints.join(
                _preview_hint((), settings, wish.python), f"Or let {wish.file} ask for {default_python()}."
            ),
        )
    if wish.python.startswith("2") or _key(wish.python) > _key(newest):
        raise PythonRefused(
            f"{wish.file} asks for Python {wish.python}, and Lambda has {_listed()}.",
            hint=f"Write one of these into {wish.file}, or {_line(settings, allowed)}.",
        )
    # Old pins of versions have wheels for the nearest newer Python sooner than for the newest.
    return Choice(
        python=allowed[0],
        reason=f"the nearest to {wish.python}, which {wish.file} asks for",
        allowed=allowed,
        caution=f"{wish.file} asks for Python {wish.python}, and Lambda has none before {oldest}: the "
        f"function gets Python {allowed[0]}.",
    )


def _refuse_setting(settings: Settings, said: Asked, allowed: tuple[str, ...]) -> PythonRefused:
    python = settings.function.python
    bound = _forbidding(said.bounds, python) or said.bounds[0]
    return PythonRefused(
        f'[function] python = "{python}", and {bound.file} does not allow it: {_quote(bound)}.',
        hint=f"Write {_line(settings, allowed)}, or change {bound.file}."
        if allowed
        else f"Change {bound.file}: Lambda has {_listed()}.",
    )


def _preview_hint(bounds: tuple[Bound, ...], settings: Settings, python: str = "") -> str:
    """Return how to take a preview that the bounds allow, or that one; "" if there is none."""
    previews = [each for each in with_previews() if each not in runtimes()]
    found = python or next((each for each in previews if not _forbidding(bounds, each)), "")
    if not found:
        return ""
    return f"Lambda has {found} as a preview, not for production: {_line(settings, (found,))} takes it."


def _line(settings: Settings, allowed: tuple[str, ...]) -> str:
    """Return the line that sets an allowed Python, and where it belongs."""
    source = settings.source.name if settings.source else config_file.LAMBDIFY_TOML
    table = ".".join((*(config_file.TABLE if source == config_file.PYPROJECT_TOML else ()), "function"))
    return f'python = "{_usual(allowed)}" into {source}, under [{table}]'


def _forbidding(bounds: tuple[Bound, ...], python: str) -> Bound | None:
    return next((each for each in bounds if not constraints.allows(each.versions, python)), None)


def _binding(bounds: tuple[Bound, ...], python: str) -> Bound | None:
    """Return the first bound that excludes a version next to the chosen one; None if none does."""
    table = list(runtimes())
    at = table.index(python)
    beside = table[max(0, at - 1) : at + 2]
    return next(
        (each for each in bounds if any(not constraints.allows(each.versions, other) for other in beside)),
        None,
    )


def _describe(bounds: tuple[Bound, ...]) -> str:
    return " with ".join(f"{each.file} ({_quote(each)})" for each in bounds)


def _quote(bound: Bound) -> str:
    return f'{bound.key} "{bound.versions}"'


def _key(minor: str) -> tuple[int, ...]:
    return tuple(map(int, minor.split(".")))


def _usual(minors: tuple[str, ...]) -> str:
    """Return the default where it is among these, else the nearest older one, else the oldest."""
    usual = _key(default_python())
    return max((each for each in minors if _key(each) <= usual), key=_key, default=minors[0])


def _listed() -> str:
    *others, last = runtimes()
    return f"{', '.join(others)} and {last}"
