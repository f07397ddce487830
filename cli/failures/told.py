"""What is told of a failure: one sentence, and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Told:
    """A cause that is known."""

    message: str
    """What happened, and to what: one sentence or two."""
    hint: str
    """What to do: which file, and the line to write. May have several lines."""
    variables: tuple[str, ...] = ()
    """The environment variables that are missing, if these are the cause."""


def join(words: list[str] | tuple[str, ...]) -> str:
    """Return words as a sentence lists them: "a, b and c"."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
