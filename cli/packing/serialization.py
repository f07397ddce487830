"""Serialization of frozen values as JSON, for caches.

The values are dataclasses, named tuples, tuples, mappings with text keys, paths, text and numbers. Types are
checked on reading, so a file of another program, or of an older lambdify, raises an error.
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Union, cast

Deserializer = Callable[[Any], Any]
"""Returns the value for parsed JSON. Raises TypeError, ValueError or KeyError if the types do not match."""


def serialize(value: object) -> object:
    """Return the value as `json.dumps` takes it."""
    if dataclasses.is_dataclass(value):
        return {field.name: serialize(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: serialize(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [serialize(each) for each in value]
    return str(value) if isinstance(value, Path) else value


@functools.cache
def deserializer(hint: Any) -> Deserializer:
    """Return the function that reads values of the type `hint`; cached, since thousands are read."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Path:
        return Path
    if isinstance(hint, type) and issubclass(hint, tuple):
        named = tuple(deserializer(each) for each in typing.get_type_hints(hint).values())
        return lambda value: hint(*(read(each) for read, each in zip(named, value, strict=True)))
    if dataclasses.is_dataclass(hint):
        fields = {name: deserializer(each) for name, each in typing.get_type_hints(hint).items()}
        made = cast(Any, hint)
        return lambda value: made(**{name: fields[name](each) for name, each in value.items()})
    if origin is typing.Literal:
        return deserializer(cast(Any, type(inner[0])))
    if origin in (Union, types.UnionType):
        (present,) = (deserializer(each) for each in inner if each is not type(None))
        return lambda value: None if value is None else present(value)
    if origin is tuple:
        return functools.partial(_items, inner)
    if origin is not None and issubclass(origin, Mapping):
        return lambda value: dict(zip(value, map(deserializer(inner[1]), value.values()), strict=True))
    return functools.partial(_check_type, hint)


def _items(inner: tuple[Any, ...], values: list[Any]) -> tuple[Any, ...]:
    if inner[-1] is Ellipsis:
        return tuple(map(deserializer(inner[0]), values))
    return tuple(deserializer(hint)(value) for hint, value in zip(inner, values, strict=True))


def _check_type(kind: type, value: object) -> object:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
