"""The page of all options, out of the schema that editors have, which is made of cli/settings/defaults.toml.

`python docs/settings_page.py` writes docs/settings.md; a test holds it against the defaults.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from lambdify.cli.settings import schema

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Every option of lambdify.toml

All of them have a default, which is shown; a project needs none of them. They stand in `lambdify.toml`, or in
`pyproject.toml` below `[tool.lambdify]`. `[stages.NAME]` takes the same options, for one stage, and
`lambdify init --all` writes them all, commented out.

## At the top

"""


def write() -> str:
    """Return the page, in Markdown."""
    return HEAD + "\n\n".join(_table("", schema.write()["properties"])) + "\n"


def _table(name: str, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paragraphs of a table: its options, several with one description, and then its tables."""
    options = [(key, value) for key, value in known.items() if "default" in value]
    for said, several in groupby(options, key=lambda option: option[1].get("description", "")):
        yield " · ".join(f"**`{key} = {json.dumps(value['default'])}`**" for key, value in several)
        if said:
            yield said
    for key, value in known.items():
        if "default" not in value:
            yield f"## [{name}{key}]"
            if value.get("description"):
                yield value["description"]
            yield from _table(f"{name}{key}.", value.get("properties", {}))


if __name__ == "__main__":
    PAGE.write_text(write(), encoding="utf-8")
