"""The seal on what a project keeps: that this user has made it on this machine.

A repository can bring a `.lambdify/` along, with notes of builds that never were, and zips that are not what
its sources are. What is kept there counts only under a seal, made with a key that never leaves this machine.

    {"seal": "<HMAC of the name and of the rest>", ...the rest}

Rules:
- The key is random, lies in the state folder, and may be read by its owner only. Another user's is none.
- The seal is on the name too: a note under another name says something else.
- Without a place for a key nothing is kept, and nothing that was kept counts.

https://www.rfc-editor.org/rfc/rfc2104
"""

import hashlib
import hmac
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from lambdify.cli.storage import folders

KEY = "seal.key"
_BYTES = 32
_PREFIX, _SUFFIX = '{"seal": "', '", '
_HEADER_LENGTH = len(_PREFIX) + 2 * _BYTES + len(_SUFFIX)


def may_keep(root: Path) -> bool:
    """Whether what is made of this project can be kept, and told from what others made."""
    return folders.may_write(root) and _key() is not None


def write(root: Path, name: str, text: str) -> None:
    """Keep a JSON object in the project's `.lambdify/`, under a seal: whole, or not at all."""
    if folders.may_write(root) and (key := _key()) is not None:
        sealed = f"{_PREFIX}{_sign(key, name, text)}{_SUFFIX}{text[1:]}"
        folders.write_atomically(folders.workspace(root) / name, sealed)


def read(root: Path, name: str) -> str | None:
    """What was kept under that name, and by us; else None."""
    try:
        sealed = (root / folders.WORKSPACE / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    key = _key()
    text = "{" + sealed[_HEADER_LENGTH:]
    if key is None or not sealed.startswith(_PREFIX):
        return None
    return text if hmac.compare_digest(_sign(key, name, text), _seal_of(sealed)) else None


def sign(name: str, text: str) -> str:
    """A digest that nobody else can make or undo; "" where no key can be kept."""
    key = _key()
    return _sign(key, name, text) if key else ""


def remove_unsealed(root: Path) -> tuple[str, ...]:
    """Remove what is kept without our seal, and return its names: it is made anew where it is needed."""
    if not may_keep(root):
        return ()
    own = root / folders.WORKSPACE
    names = sorted(path.relative_to(own).as_posix() for path in own.glob("*/*.json"))
    unsealed = tuple(name for name in names if read(root, name) is None)
    for name in unsealed:
        (own / name).unlink(missing_ok=True)
    return unsealed


def _seal_of(sealed: str) -> str:
    # Of what others wrote, any text may stand there, and only ASCII can be compared.
    return ascii(sealed[len(_PREFIX) : _HEADER_LENGTH - len(_SUFFIX)])[1:-1]


def _sign(key: bytes, name: str, text: str) -> str:
    return hmac.new(key, f"{name}\0{text}".encode(), hashlib.sha256).hexdigest()


def _key() -> bytes | None:
    """The key of this user on this machine, made the first time; None where it cannot be kept."""
    path = folders.home() / KEY
    return _read_key(path) or _make_key(path)


def _make_key(path: Path) -> bytes | None:
    try:
        folders.make_private(path.parent)
        # mkstemp's files are their owner's alone.
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
            with suppress(FileExistsError):
                # Another run may be as far: the first key is the key of both.
                os.link(unfinished, path)
        finally:
            Path(unfinished).unlink()
    except OSError:
        return None
    return _read_key(path)


def _read_key(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            key = file.read()
    except OSError:
        return None
    others = status.st_mode & 0o077
    return key if status.st_uid == os.geteuid() and not others and len(key) == _BYTES else None
