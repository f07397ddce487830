"""An exception of the app as a value: its type, its message, and the frames that it went through."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A line of the app, of a library or of Python that was running."""

    path: str
    """Of the project's code: relative to the project. Of a distribution: as in site-packages."""
    line: int
    """From 1; 0 if it is not known."""
    function: str
    source: str = ""
    """The text of the line, without its indent."""
    own: bool = False
    """Whether it is the project's code."""

    @property
    def place(self) -> str:
        """The file and the line, as editors and terminals take it: "app.py:5"."""
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, kw_only=True)
class Raised:
    """An exception, and the one that it was raised from."""

    type: str
    """The qualified name, such as "builtins.KeyError"; AWS tells only its last part."""
    bases: tuple[str, ...] = ()
    """Qualified names of the classes above; () where only the type is known."""
    message: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the exception holds besides, as text: "name", "path", "filename", "errno" ..."""
    frames: tuple[Frame, ...] = ()
    """The outermost call first."""
    cause: "Raised | None" = None

    @property
    def name(self) -> str:
        """The last part of the type's name: "KeyError"."""
        return self.type.rpartition(".")[2]

    @property
    def own_frames(self) -> tuple[Frame, ...]:
        """The frames of the project's code, the last one being nearest to the failure."""
        return tuple(frame for frame in self.frames if frame.own)

    @property
    def own_frame(self) -> Frame | None:
        """The project's frame that is nearest to the failure; None if it went through none."""
        own = self.own_frames
        return own[-1] if own else None

    @property
    def where(self) -> str:
        """That frame's file and line, as the subject of a sentence."""
        return self.own_frame.place if self.own_frame else "The app"

    def is_a(self, *types: str) -> bool:
        """Whether it is of one of these classes, given by qualified name.

        A type of which only the last part is known is compared by that part.
        """
        known = {self.type, *self.bases}
        return any(
            each in known or ("." not in self.type and each.rpartition(".")[2] == self.type) for each in types
        )

    def chain(self) -> Iterator["Raised"]:
        """Yield this exception, what it was raised from, and so on."""
        step: Raised | None = self
        while step:
            yield step
            step = step.cause

    def passed(self, *paths: str) -> bool:
        """Whether one of its frames is in a file whose path has one of these parts."""
        return any(part in frame.path for frame in self.frames for part in paths)
