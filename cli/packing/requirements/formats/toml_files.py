"""TOML files of other tools: read as they are, or refused with their name."""

import re
import tomllib
from pathlib import Path
from typing import Any

from lambdify.cli.errors import RequirementsError
from lambdify.cli.storage import texts

REPAIR_HINT = "Correct it; or, if a tool wrote it, have that write it again."
"""The hint for a broken file."""
_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content. Raises RequirementsError for a broken file."""
    text = ""
    try:
        text = texts.read(path)
        return tomllib.loads(text)
    # The text is not UTF-8, not TOML, or exceeds Python's limits for numbers or nesting.
    except (OSError, ValueError, RecursionError) as error:
        raise RequirementsError(
            f"{path.name} cannot be read: {error}",
            hint="A merge left its conflicts in it: settle them, or lock again."
            if _CONFLICT.search(text)
            else REPAIR_HINT,
        ) from error
