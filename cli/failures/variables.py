"""A variable that is not set: its name, out of what each library says of it.

What os.environ raises names it alone. Other libraries name it in a sentence, of which variables.toml has a
list, and pydantic's names are those of the fields of a class. Pure.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import NamedTuple

from lambdify.cli.failures import tracebacks
from lambdify.cli.failures.project import Project
from lambdify.cli.failures.raised import Frame, Raised
from lambdify.cli.failures.told import Told, join

NAME = r"(?!(?:an?|the|this|your|all|of)\b)[A-Za-z_][A-Za-z0-9_]*"
HINT_MARGIN = "\n      "
"""Between the lines of a hint, so that all stand below the first one."""
MAX_NAMES = 6
"""The most variables of a file that are listed."""
READ_BOTH = "Have the app read os.environ first, such as {**dotenv_values(), **os.environ}. Then:"
UPPER = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*"
QUOTE = r"[\"'`“”]?"
_SEALED = re.compile(rf"'(?P<name>{NAME})': \['Environment variable not set\.'\]")
"""environs tells all at once: https://github.com/sloria/environs#deferred-validation"""
_DJANGO_EMPTY = re.compile(rf"The (?P<name>{UPPER}) setting must not be empty")
_PYDANTIC = ("pydantic_core._pydantic_core.ValidationError", "pydantic_core.ValidationError")
_PYDANTIC_FIELD = re.compile(r"(?m)^(?P<field>\S.*)\n\s+Field required \[type=missing\b")
_PYDANTIC_ERROR = re.compile(r"(?m)^(?P<field>\S.*)\n\s+(?P<why>.+?) \[type=(?!missing\b)\w+")
_PREFIX = re.compile(
    r"\benv_prefix\s*=\s*[\"'](?P<text>[^\"']*)[\"']|[\"']env_prefix[\"']\s*:\s*[\"'](?P<item>[^\"']*)[\"']"
)
_DELIMITER = re.compile(r"\benv_nested_delimiter\s*=\s*[\"'](?P<text>[^\"']+)[\"']")
_READS_ENVIRON = re.compile(r"\b(environ|getenv|getenvb|environb)\b")
_OS = re.compile(r"(<frozen os>|(.*/)?os\.py)")
_MANAGE = re.compile(r"DJANGO_SETTINGS_MODULE[\"'], [\"'](?P<module>[\w.]+)")
_IS_SET = re.compile(r"\b(?:set|defined|configured|environment|env|variable|setting)s?\b")
_IS_ABSENT = re.compile(
    r"\bNone(?:Type)?\b|''|\"\"|\b(?:not|be) set\b|\b(?:empty|required|missing)\b"
    r"|(?i:invalid|not valid|could not parse)"
)


def explain(
    raised: Raised, project: Project, unset: Sequence[str] = (), frames: Sequence[Frame] = ()
) -> Told | None:
    """Return what is told of variables that this exception misses; None if it is about something else.

    `unset` are the names that were asked for and not set, as far as they were watched. `frames` are the
    project's frames of the whole chain of exceptions.
    """
    names = tuple(dict.fromkeys(_find(raised, project, unset)))
    reader = find_reader(frames or raised.own_frames, names)
    if not names:
        return _tell_key_of_file(raised, project) or _tell_invalid(raised, project)
    return tell(names, dict.fromkeys(names, reader), project)


def tell(names: Sequence[str], readers: Mapping[str, Frame | None], project: Project) -> Told:
    """Return what is told of these variables, which are missing; `readers` are the frames that read them."""
    places = {name: frame.place for name, frame in readers.items() if frame}
    verb, each = ("is", "it") if len(names) == 1 else ("are", "them")
    if len(set(places.values())) > 1:
        listed = join([f"{name} ({places[name]})" if name in places else name for name in names])
        message = f"{listed} {verb} not set."
    else:
        where = "".join(f", and {place} reads {each}" for place in set(places.values()))
        message = f"{join(tuple(names))} {verb} not set{where}."
    return Told(
        message=message,
        hint=HINT_MARGIN.join(_write_hint(names, project)),
        variables=tuple(names),
    )


def looks_secret(name: str, project: Project) -> bool:
    """Whether a variable is one that others must not read, by its name or by its value in a file."""
    return name in project.secrets or is_secret_name(name)


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name usually holds what others must not read."""
    table = _table()
    return bool(table.secret.search(name) and not table.plain.search(name))


def advise(path: str, project: Project) -> str:
    """Return how the function gets the variables of an environment file, or of a folder of such files.

    "" if it gets all of them.
    """
    folder = f"{path.rstrip('/')}/"
    files = [file for file in project.variables if f"{file}/".startswith(folder)]
    inside = dict.fromkeys(name for file in files for name in project.variables[file])
    names = [name for name in inside if name not in project.given]
    if not names:
        return ""
    secret = [name for name in names if looks_secret(name, project)]
    plain = [name for name in names if name not in secret]
    ways = []
    if secret:
        ways.append(
            f"`{_command(secret[0], project)}`" + (f" (and {_list(secret[1:])})" if secret[1:] else "")
        )
    if plain:
        ways.append(f"{_list(plain)} under {project.heading('environment')} in {project.settings_file}")
    return f"The function does not get the variables of {path}. Those that it needs: {'; '.join(ways)}."


def _list(names: Sequence[str]) -> str:
    rest = len(names) - MAX_NAMES
    return join([*names[:MAX_NAMES], f"{rest} more"]) if rest > 0 else join(tuple(names))


def _command(name: str, project: Project) -> str:
    return f"lambdify secrets set {name}" + (f" --stage {project.stage}" if project.stage else "")


def files_with(name: str, project: Project) -> tuple[str, ...]:
    """Return the project's environment files that have a value for the variable."""
    return tuple(path for path, names in project.variables.items() if name in names)


def _write_hint(names: Sequence[str], project: Project) -> Iterator[str]:
    secret = [name for name in names if looks_secret(name, project)]
    plain = [name for name in names if name not in secret]
    if secret:
        commands = join([f"`{_command(name, project)}`" for name in secret])
        yield f"{join(secret)} {_look(secret)}: {commands}."
    if plain:
        yield f"Write into {project.settings_file}, with the value that the function needs:"
        yield from _lines(plain, project)
    elif len(names) == 1:
        yield f"If it is none, write into {project.settings_file}, with its value:"
        yield from _lines(names, project)
    for path in dict.fromkeys(path for name in names for path in files_with(name, project)):
        there = [name for name in names if path in files_with(name, project)]
        yield (
            f"{path} has {'a value' if len(there) == 1 else 'values'} for {join(there)}; "
            "that file is for this machine, and is not packed."
        )


def _look(secret: Sequence[str]) -> str:
    return "looks like a secret" if len(secret) == 1 else "look like secrets"


def _lines(names: Sequence[str], project: Project) -> Iterator[str]:
    yield f"  {project.heading('environment')}"
    yield from (f'  {name} = "{_example(name, project)}"' for name in names)


def _example(name: str, project: Project) -> str:
    """Return the value to write: that of manage.py for Django's settings, else dots."""
    found = _MANAGE.search(project.read("manage.py")) if name == "DJANGO_SETTINGS_MODULE" else None
    return found["module"] if found else "..."


def _find(raised: Raised, project: Project, unset: Sequence[str]) -> Iterator[str]:
    """Yield the names that the exception says are missing."""
    if raised.is_a("builtins.KeyError"):
        yield from _missing_key(raised, unset)
    if raised.is_a(*_PYDANTIC) and raised.passed("pydantic_settings/"):
        yield from _missing_fields(raised, project)
    if sealed := _SEALED.findall(raised.message):
        yield from sealed
    elif name := _named(raised, unset):
        yield name
    if raised.is_a("django.core.exceptions.ImproperlyConfigured"):
        yield from _django_setting(raised, unset)
    yield from _passed_on(raised, unset)


def _named(raised: Raised, unset: Sequence[str]) -> str:
    """Return the name that a sentence says is missing; "" if none does.

    What a library says of a name in capitals may be about a setting of its own.
    """
    if found := _search(_table().sentences, raised.message):
        return found["name"]
    found = _search(_table().own_words, raised.message)
    if found and found["name"] in unset:
        return found["name"]
    own = not raised.frames or raised.frames[-1].own
    if found and own and ("_" in found["name"] or _IS_SET.search(raised.message)):
        return found["name"]
    return ""


def _search(patterns: Sequence["re.Pattern[str]"], message: str) -> "re.Match[str] | None":
    return next(filter(None, (pattern.search(message) for pattern in patterns)), None)


def _missing_key(raised: Raised, unset: Sequence[str]) -> Iterator[str]:
    """Yield the key of a KeyError, if it was os.environ that did not have it."""
    name = _key(raised)
    own = raised.own_frames[-1:]
    last = raised.frames[-1:]
    asked = any(_OS.fullmatch(frame.path) for frame in last) or any(
        _READS_ENVIRON.search(frame.source) for frame in own
    )
    if name and (name in unset or asked):
        yield name


def _key(raised: Raised) -> str:
    """Return the key of a KeyError, os.environb's as well; "" if it cannot be a variable's name."""
    name = re.sub(r"\Ab?(?P<quote>[\"'])(.*)(?P=quote)\Z", r"\2", raised.message)
    return name if re.fullmatch(NAME, name) else ""


def _tell_key_of_file(raised: Raised, project: Project) -> Told | None:
    """Return what is told of a KeyError of a mapping that the app has read from an environment file."""
    name = _key(raised) if raised.is_a("builtins.KeyError") else ""
    files = files_with(name, project) if name else ()
    if not files or not raised.own_frame:
        return None
    return Told(
        message=f"{raised.where} asks for {name}, which {files[0]} has: that file is never packed.",
        hint=HINT_MARGIN.join([READ_BOTH, *_write_hint([name], project)]),
    )


def _tell_invalid(raised: Raised, project: Project) -> Told | None:
    """Return what is told of variables that are set, and that pydantic does not accept."""
    if not raised.is_a(*_PYDANTIC) or not raised.passed("pydantic_settings/"):
        return None
    found = [
        (_variable_of(each["field"], raised, project), each["why"])
        for each in _PYDANTIC_ERROR.finditer(raised.message)
    ]
    if not found:
        return None
    listed = "; ".join(f"{name}: {why[:1].lower()}{why[1:]}" for name, why in found)
    where = f" ({raised.own_frame.place})" if raised.own_frame else ""
    given = [name for name, _ in found if name in project.given]
    place = (
        f"{project.heading('environment')} in {project.settings_file}"
        if given
        else "the function's variables"
    )
    return Told(
        message=f"A variable has no value that will do{where}: {listed}.", hint=f"Correct it in {place}."
    )


def _missing_fields(raised: Raised, project: Project) -> Iterator[str]:
    """Yield the variables of the fields that pydantic misses: the class's prefix, and the field's name."""
    for found in _PYDANTIC_FIELD.finditer(raised.message):
        yield _variable_of(found["field"], raised, project)


def _variable_of(field: str, raised: Raised, project: Project) -> str:
    """Return the variable of a field of the class, by what the file that makes it says of names."""
    text = "\n".join(project.read(frame.path) for frame in raised.own_frames)
    prefix = _PREFIX.search(text)
    delimiter = _DELIMITER.search(text)
    before = (prefix["text"] or prefix["item"] or "") if prefix else ""
    inner = field.replace(".", delimiter["text"] if delimiter else "__")
    # An alias is the variable's whole name, and the error has it in place of the field's.
    is_alias = inner.isupper() and not re.search(rf"\b{re.escape(inner)}\s*:", text)
    name = inner if is_alias else f"{before}{inner}".upper()
    known = {each.upper(): each for names in project.variables.values() for each in names}
    return known.get(name.upper(), name)


def _django_setting(raised: Raised, unset: Sequence[str]) -> Iterator[str]:
    """Yield the variable that an empty setting of Django is read from."""
    if found := _DJANGO_EMPTY.search(raised.message):
        yield from [name for name in unset if name.endswith(found["name"])][-1:]
    elif "DJANGO_SETTINGS_MODULE" in raised.message and "not configured" in raised.message:
        yield "DJANGO_SETTINGS_MODULE"


def _passed_on(raised: Raised, unset: Sequence[str]) -> Iterator[str]:
    """Yield what was read as None on the line that failed: "int() argument ... not 'NoneType'"."""
    if _IS_ABSENT.search(raised.message) and raised.own_frame:
        yield from (name for name in unset if name in raised.own_frame.source)


def suspect(raised: Raised, project: Project, unset: Sequence[str]) -> Told | None:
    """Return what is told of an error that an absent value may have led to; None if nothing points there."""
    if not unset or not _IS_ABSENT.search(raised.message):
        return None
    verb, each = ("is", "it is") if len(unset) == 1 else ("are", "one of them is")
    said = tracebacks.summarize(raised).partition("\n")[0]
    place = f" ({raised.own_frame.place})" if raised.own_frame else ""
    hint = f"The app has read {_list(unset)} before, which {verb} not set. If {each} the cause:"
    return Told(
        message=f"{said}{place}", hint=HINT_MARGIN.join([hint, *_write_hint(unset[:MAX_NAMES], project)])
    )


def find_reader(frames: Sequence[Frame], names: Sequence[str]) -> Frame | None:
    """Return the frame that reads the variables: the last one that names one of them, else the last one."""
    named = [frame for frame in frames if any(name in frame.source for name in names)]
    return [*frames, *named][-1] if frames else None


class _Table(NamedTuple):
    """The patterns of variables.toml."""

    sentences: tuple["re.Pattern[str]", ...]
    own_words: tuple["re.Pattern[str]", ...]
    secret: "re.Pattern[str]"
    """Finds names of secrets."""
    plain: "re.Pattern[str]"
    """Finds those of them that are none."""


@cache
def _table() -> _Table:
    rows = tomllib.loads(resources.files(__package__).joinpath("variables.toml").read_text(encoding="utf-8"))
    words, ends, services, addresses = (
        "|".join(rows[each]) for each in ("secret_words", "secret_ends", "services", "addresses")
    )
    return _Table(
        sentences=tuple(map(_compile, rows["sentences"])),
        own_words=tuple(map(_compile, rows["own_words"])),
        secret=re.compile(
            rf"(?i)(?:^|_)(?:{words})(?:_|$)|(?:^|_)(?:{ends})$|(?:^|_)(?:{services})_?(?:{addresses})$"
        ),
        plain=re.compile(
            rf"(?i)(?:^|_)(?:{'|'.join(rows['plain_words'])})(?:_|$)|_(?:{'|'.join(rows['plain_ends'])})$"
        ),
    )


def _compile(sentence: str) -> "re.Pattern[str]":
    written = {"NAME": NAME, "UPPER": UPPER, "Q": QUOTE}
    return re.compile(
        re.sub(r"\b(?:NAME|UPPER)\b|Q(?=\(\?P|[ $(])|Q$", lambda found: written[found[0]], sentence)
    )
