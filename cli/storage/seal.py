"""The seal of files in a project's `.lambdify/`: a proof that this user made them on this machine.

A repository can contain a `.lambdify/` with faked records of builds, and zips that do not match the sources.
So a file in it is used only with a seal, made by a key that never leaves this machine.

    {"seal": "<HMAC of the name and of the rest>", ...the rest}

Rules:
- The key is random, and is stored in the state folder, readable by its owner only. Another user's key is
  ignored.
- The seal includes the file's name, so that a file cannot be used under another name.
- If no key can be stored, no file is written or used.

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
    """Whether sealed files can be written for this project."""
    return folders.may_write(root) and _key() is not None


def write(root: Path, name: str, text: str) -> None:
    """Write a JSON object with a seal to the project's `.lambdify/`, atomically, if `may_keep` allows it."""
    if folders.may_write(root) and (key := _key()) is not None:
        sealed = f"{_PREFIX}{_sign(key, name, text)}{_SUFFIX}{text[1:]}"
        folders.write_atomically(folders.workspace(root) / name, sealed)


def read(root: Path, name: str) -> str | None:
    """Return the JSON object of that name if its seal is ours; else None."""
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
    """Return a digest that only this user can make on this machine; "" if no key can be stored."""
    key = _key()
    return _sign(key, name, text) if key else ""


def remove_unsealed(root: Path) -> tuple[str, ...]:
    """Remove files without our seal, which are made again when needed; return their names."""
    if not may_keep(root):
        return ()
    own = root / folders.WORKSPACE
    names = sorted(path.relative_to(own).as_posix() for path in own.glob("*/*.json"))
    unsealed = tuple(name for name in names if read(root, name) is None)
    for name in unsealed:
        (own / name).unlink(missing_ok=True)
    return unsealed


def _seal_of(sealed: str) -> str:
    # A file of somebody else may have any text here, and compare_digest takes only ASCII.
    return ascii(sealed[len(_PREFIX) : _HEADER_LENGTH - len(_SUFFIX)])[1:-1]


def _sign(key: bytes, name: str, text: str) -> str:
    return hmac.new(key, f"{name}\0{text}".encode(), hashlib.sha256).hexdigest()


def _key() -> bytes | None:
    """Return this user's key, which is created at the first call; None if it cannot be stored."""
    path = folders.home() / KEY
    return _read_key(path) or _make_key(path)


def _make_key(path: Path) -> bytes | None:
    try:
        folders.make_private(path.parent)
        # Only the owner may read a file of mkstemp.
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(_BYTES))
            with suppress(FileExistsError):
                # If another run creates a key at the same time, both use the first one.
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
