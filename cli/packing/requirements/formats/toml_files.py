"""TOML files of other tools: read as they are, or refused with their name."""

import tomllib
from pathlib import Path
from typing import Any

from lambdify.cli.errors import RequirementsError
from lambdify.cli.storage import texts

REPAIR_HINT = "Correct it; or, if a tool wrote it, have that write it again."
"""The hint for a broken file."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's content. Raises RequirementsError for a broken file."""
    try:
        return tomllib.loads(texts.read(path))
    # The text is not UTF-8, not TOML, or exceeds Python's limits for numbers or nesting.
    except (OSError, ValueError, RecursionError) as error:
        raise RequirementsError(f"{path.name} cannot be read: {error}", hint=REPAIR_HINT) from error
