"""[environment] file: variables in an environment file, read whenever a stage is deployed.

    [environment]
    file = ".env.production"

python-dotenv has the rules: quotes, comments, `export`, values of several lines, and ${NAME} for a variable
of a line above. Unlike there, ${NAME} never is one of this machine: the same files are the same deployment. A
variable that is called "file" can only be set in such a file.

Messages name the file and the line, and never contain a value.
https://github.com/theskumar/python-dotenv#file-format
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.settings.mappings import FILE, MAPPING_READERS, RESERVED_VARIABLES
from lambdify.cli.storage import folders, texts

if TYPE_CHECKING:
    from dotenv.parser import Binding

    from lambdify.cli.settings.config_file import ConfigFile

Layer = dict[str, Any]
"""Settings as read, by option, before those of all stages and those of one are merged."""


@dataclass(frozen=True, kw_only=True)
class EnvironmentFile:
    """The variables of an environment file."""

    name: str
    """The file's path as the settings name it."""
    values: Mapping[str, str]
    lines: Mapping[str, int]
    """The line of each variable, from 1."""
    reserved: tuple[str, ...]
    """Names of variables that Lambda itself sets: they are left out."""


def add(
    common: Layer, own: Layer, root: Path, file: "ConfigFile", *, needed: bool = True
) -> tuple[Layer, Layer]:
    """Return the settings of all stages, and those of one, with the variables of its environment file.

    The file that the stage names takes the place of the common one. Lines beside it win over it, and a common
    file's variables lose against all of the stage's. A secret of the same name wins, too: then the value in
    the file does not reach the function's configuration. A file that is not there has no variables if it is
    not `needed`. Raises SettingsError.
    """
    of_stage = FILE in own.get("environment", {})
    name = {**common.get("environment", {}), **own.get("environment", {})}.get(FILE)
    if name is None:
        return common, own
    keys = ("environment", FILE)
    values: Mapping[str, str] = {}
    if needed or (root / name).exists():
        place = file.locate(("stages", own["stage"], *keys) if of_stage else keys)
        secrets = {**common.get("secrets", {}), **own.get("secrets", {})}
        found = read(root, name, place).values
        values = {key: value for key, value in found.items() if key not in secrets}
    common, own = _with(common, {} if of_stage else values), _with(own, values if of_stage else {})
    return common, {**own, "environment_file": name}


def _with(layer: Layer, values: Mapping[str, str]) -> Layer:
    """Return the layer with more variables, unless it sets them itself."""
    lines = {key: value for key, value in layer.get("environment", {}).items() if key != FILE}
    return {**layer, "environment": {**values, **lines}}


def read(root: Path, name: str, place: str) -> EnvironmentFile:
    """Return the variables of the file; messages name the `place` of the setting. Raises SettingsError."""
    path = _find(root, name, place)
    try:
        text = texts.read(path)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not UTF-8.", hint="Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}.") from error
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, key, raw in _parse(name, text):
        values[key] = _resolve(raw, values, f"{name}, line {line}: {key}")
        lines[key] = line
    reserved = tuple(key for key in values if key in RESERVED_VARIABLES)
    kept = {key: value for key, value in values.items() if key not in reserved}
    checked = MAPPING_READERS["environment"]((name,), kept, lambda keys: _place(name, lines.get(keys[-1], 0)))
    return EnvironmentFile(name=name, values=checked, lines=lines, reserved=reserved)


def _place(name: str, line: int) -> str:
    return f"{name}, line {line}" if line else name


def _find(root: Path, name: str, place: str) -> Path:
    """Return the file's path. Raises SettingsError if it is none, or out of the project's repository."""
    path = root / name
    repository = folders.repository(root).resolve()
    if not path.resolve().is_relative_to(repository):
        raise SettingsError(
            f'{place}: [environment] file names "{name}", which lies outside of {repository}.',
            hint="It takes a file of the project or of its git repository.",
        )
    if not name or not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise SettingsError(
            f'{place}: [environment] file names "{name}", which {what}.',
            hint="It takes the path of an environment file, relative to the project's folder. A variable "
            'that is called "file" is set by a line in such a file.',
        )
    return path


def _parse(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and value of each variable. A name without "=" sets none."""
    # The import is needed by projects with such a file only.
    from dotenv.parser import parse_stream

    for binding in parse_stream(io.StringIO(text)):
        line = _line(binding)
        if binding.error:
            raise SettingsError(
                f"{name}, line {line}: this is no variable.",
                hint='Write NAME=value. A value in quotes ends with the same kind: NAME="a value".',
            )
        if binding.key is not None and binding.value is not None:
            yield line, binding.key, binding.value


def _line(binding: "Binding") -> int:
    """Return the line that a variable begins in: the parser counts empty lines before it, too."""
    written = binding.original.string
    return binding.original.line + written[: len(written) - len(written.lstrip())].count("\n")


def _resolve(raw: str, values: Mapping[str, str], place: str) -> str:
    """Return a value with the variables in it replaced, which lines above have to set."""
    from dotenv.variables import Variable, parse_variables

    atoms = list(parse_variables(raw))
    for atom in atoms:
        if isinstance(atom, Variable) and atom.default is None and atom.name not in values:
            raise SettingsError(
                f"{place} contains ${{{atom.name}}}, and no line above sets {atom.name}.",
                hint="Variables of this machine are not read. Set it in a line above, or write "
                f"${{{atom.name}:-default}}.",
            )
    return "".join(atom.resolve(values) for atom in atoms)
