"""A static file: its path, its file in the bundle, its type, and how long browsers may keep it.

The list of them is all that whoever serves them needs: here the adapter's table is made of it.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import quote

from lambdify.cli.static import content_types

INDEX = "index.html"
KEPT = "max-age=31536000, immutable"
ASKED_AGAIN = "max-age=0, must-revalidate"
"""A browser may keep the file, and asks each time whether it has changed."""
SAFE = "/!$&'()*+,;=:@~"
"""What stays as it is in a path, as in adapter/wire.py: https://www.rfc-editor.org/rfc/rfc3986#section-3.3"""
PUBLIC = ".well-known"
"""The one name with a dot that is for everybody: https://www.rfc-editor.org/rfc/rfc8615"""


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """A file that is served."""

    path: str
    """As clients ask for it, after a stage or a base path: percent-encoded, with "/" at its beginning."""
    name: str
    """The file in the bundle."""
    sha256: str
    size: int
    """Bytes."""
    hashed: bool
    """Whether its name changes with its content."""

    @cached_property
    def type(self) -> str:
        """The content type."""
        return content_types.find(self.name)

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return self.type.startswith("text/html")

    @property
    def lasting(self) -> bool:
        """Whether browsers may keep it. Pages are always asked for again, whatever they are called."""
        return self.hashed and not self.is_page

    @property
    def cache_control(self) -> str:
        """How long browsers may keep it."""
        return KEPT if self.lasting else ASKED_AGAIN

    @property
    def tag(self) -> str:
        """What an ETag is made of."""
        return self.sha256[:20]


def describe(path: str, name: str, content: bytes, *, hashed: bool) -> StaticFile:
    """Return the file of that name with that content, at a path that is not encoded yet."""
    digest = hashlib.sha256(content).hexdigest()
    return StaticFile(path=quote(path, safe=SAFE), name=name, sha256=digest, size=len(content), hashed=hashed)


def is_hidden(name: str) -> bool:
    """Return whether a file is not to be served: a part of its name begins with a dot."""
    return any(part.startswith(".") and part != PUBLIC for part in PurePosixPath(name).parts)
