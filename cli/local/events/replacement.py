"""Replaces a function of ministack, if it is still the one that the replacement was written for."""

import inspect
import sys
from typing import Any


def replace(module: Any, name: str, replacement: Any) -> Any:
    """Replace a module's function, and return the original.

    Exits if the parameters of the two differ.
    """
    original = getattr(module, name)
    wanted = list(inspect.signature(replacement).parameters)
    found = list(inspect.signature(original).parameters)
    if found != wanted:
        sys.exit(
            f"ministack's {name} takes {found}, not {wanted}: this is not the version we were written for."
        )
    setattr(module, name, replacement)
    return original
