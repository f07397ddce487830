"""The page of all options, out of the file that lambdify itself reads: cli/settings/defaults.toml.

`python docs/settings_page.py` writes docs/settings.md; a test holds it against the defaults.
"""

import re
from pathlib import Path

DEFAULTS = Path(__file__).parents[1] / "cli" / "settings" / "defaults.toml"
PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Every option of lambdify.toml

All of them have a default, which is shown; a project needs none of them. They stand in `lambdify.toml`, or in
`pyproject.toml` below `[tool.lambdify]`. `[stages.NAME]` takes the same options, for one stage; `lambdify init`
writes them all, commented out.

"""
OPTION = re.compile(r"([a-z_]+) = (.*)")
TABLE = re.compile(r"\[([a-z._]+)\]")


def write(defaults: str) -> str:
    """Return the page, in Markdown, for the text of defaults.toml."""
    # What comes before the first option is said of the file, not of an option.
    _, _, options = defaults.partition("\n\n")
    parts = [HEAD, "## At the top\n\n"]
    said: list[str] = []
    named: list[str] = []

    def end_option() -> None:
        """Tell the options that were named, with what is said of them all."""
        parts.extend([*([" · ".join(named) + "\n\n"] if named else []), _prose(said)])
        named.clear()
        said.clear()

    for line in options.splitlines():
        if not line.startswith("#"):
            if option := OPTION.fullmatch(line):
                named.append(f"**`{option[1]} = {option[2]}`**")
                continue
            if named:
                end_option()
            if table := TABLE.fullmatch(line):
                parts.append(f"## [{table[1]}]\n\n")
            end_option()
            continue
        if named:
            end_option()
        said.append(line.removeprefix("#").removeprefix(" "))
    end_option()
    return "".join(parts).rstrip() + "\n"


def _prose(said: list[str]) -> str:
    """Return sentences as they are, and examples, which are indented, as blocks."""
    text, example = [], []
    for line in said:
        (example if line.startswith("  ") else text).append(line)
    block = ["```toml", *(line.removeprefix("  ") for line in example), "```"] if example else []
    parts = [" ".join(text), "\n".join(block)]
    return "".join(f"{part}\n\n" for part in parts if part)


if __name__ == "__main__":
    PAGE.write_text(write(DEFAULTS.read_text(encoding="utf-8")), encoding="utf-8")
