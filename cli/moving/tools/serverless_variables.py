"""Variables of serverless.yml, as far as the file itself knows them: nothing else is read.

    ${self:custom.memory}   ${sls:stage}   ${opt:stage, 'dev'}   ${param:domain}

What the shell, another file or a service would say stays as it is written.
https://www.serverless.com/framework/docs/guides/variables
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_VARIABLE = re.compile(r"\$\{(?!AWS::)([^${}]*)\}")
"""The innermost variable of a text; ${AWS::Region} is CloudFormation's."""
_LITERAL = re.compile(r"""'([^']*)'|"([^"]*)"|(-?\d+(?:\.\d+)?|true|false)""")
_BY_STAGE = re.compile(r"\$\{self:([\w.-]+)\.\$\{(?:sls:stage|opt:stage|self:provider\.stage)[^}]*\}")
"""A table with a key for each stage: ${self:custom.memory.${sls:stage}}."""
USUAL = "dev"
MOST = 50
"""Variables in one text, and tables one inside the other."""
MOST_VALUES = 20_000
"""Values of a file with its variables filled in."""


def usual_stage(document: Mapping[str, Any]) -> str:
    """Return the stage that is deployed where none is named."""
    provider = document.get("provider")
    written = provider.get("stage") if isinstance(provider, dict) else None
    filled = fill(written, document, USUAL) if isinstance(written, str) else USUAL
    return filled if isinstance(filled, str) and re.fullmatch(r"[\w-]+", filled) else USUAL


def stages(document: Mapping[str, Any]) -> list[str]:
    """Return the stages that the file names, the usual one first."""
    named: dict[str, None] = {usual_stage(document): None}
    for key in ("stages", "params"):
        table = document.get(key)
        named |= dict.fromkeys(map(str, table)) if isinstance(table, dict) else {}
    for text in _texts(document):
        for path in _BY_STAGE.findall(text):
            table = _dig(document, path)
            named |= dict.fromkeys(map(str, table)) if isinstance(table, dict) else {}
    return [each for each in named if each not in {"default", "other"} and re.fullmatch(r"[\w-]+", each)]


def fill(value: Any, document: Mapping[str, Any], stage: str) -> Any:
    """Return a value with the variables that the document knows."""
    return _fill(value, document, stage, 0, iter(range(MOST_VALUES)))


def _fill(value: Any, document: Mapping[str, Any], stage: str, depth: int, left: Iterator[int]) -> Any:
    """Return a value with its variables filled in; as it is once `left` is used up, or `depth` too large.

    A variable may stand for a table with variables in it: a few lines for billions of values.
    """
    if next(left, None) is None or depth > MOST:
        return value
    if isinstance(value, dict):
        return {str(key): _fill(each, document, stage, depth, left) for key, each in value.items()}
    if isinstance(value, list):
        return [_fill(each, document, stage, depth, left) for each in value]
    if not isinstance(value, str):
        return value
    for _ in range(MOST):
        found, known = _first_known(value, document, stage)
        if found is None:
            break
        if found[0] == value:
            return _fill(known, document, stage, depth + 1, left)
        if isinstance(known, dict | list):
            break
        value = value.replace(found[0], known if isinstance(known, str) else json.dumps(known))
    return value


def is_open(value: object) -> bool:
    """Whether a variable is left in a value, which something else knows."""
    return any("${" in text.replace("${AWS::", "") for text in _texts(value))


def _first_known(text: str, document: Mapping[str, Any], stage: str) -> tuple[re.Match[str] | None, Any]:
    for found in _VARIABLE.finditer(text):
        known = _look_up(found[1], document, stage)
        if known is not None:
            return found, known
    return None, None


def _look_up(text: str, document: Mapping[str, Any], stage: str) -> Any:
    """Return the value of "self:custom.memory, 512"; None if the file does not know it."""
    for option in re.split(r",\s*(?![^()]*\))", text):
        word = option.strip()
        if literal := _LITERAL.fullmatch(word):
            quoted = literal[1] if literal[1] is not None else literal[2]
            return quoted if quoted is not None else json.loads(literal[3])
        if word in {"sls:stage", "opt:stage", "self:provider.stage"}:
            return stage
        if word.startswith("param:"):
            known = _parameter(document, stage, word.partition(":")[2])
        elif word.startswith("self:"):
            known = _dig(document, word.partition(":")[2])
        else:
            # Of what the shell or another file may say, the default is not the value.
            return None
        if known is not None:
            return known
    return None


def _parameter(document: Mapping[str, Any], stage: str, name: str) -> Any:
    places = (
        f"params.{stage}.{name}",
        f"stages.{stage}.params.{name}",
        f"params.default.{name}",
        f"stages.default.params.{name}",
    )
    return next((known for place in places if (known := _dig(document, place)) is not None), None)


def _dig(document: Any, path: str) -> Any:
    node = document
    for part in path.split("."):
        if isinstance(node, dict):
            node = node.get(part)
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            return None
    # `service` may be a text or a table with its name.
    return node["name"] if path == "service" and isinstance(node, dict) and "name" in node else node


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value
