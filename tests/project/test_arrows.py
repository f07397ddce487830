"""The arrows between the rooms, as ARCHITECTURE.md draws them, held against what the code imports."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for room in ("adapter", "cli") for path in (ROOT / room).rglob("*.py"))
MODULES = {
    ".".join(("lambdify", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in SOURCES
}


def room_of(module: str) -> str:
    """The room that a module is in: a folder below cli/, "adapter" for all of it, a module of cli/ itself."""
    folder = MODULES[module].parent.relative_to(ROOT)
    if folder.parts[0] == "adapter":
        return "adapter"
    return folder.relative_to("cli").as_posix() if len(folder.parts) > 1 else MODULES[module].stem


def imported(module: str) -> Iterator[str]:
    """The modules of ours that a module imports, for the type checker alone, too."""
    for node in ast.walk(ast.parse(MODULES[module].read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield from [each for each in (inner, node.module) if each in MODULES][:1]


def drawn() -> tuple[dict[str, list[str]], list[str]]:
    """The rooms with what each may import, in the order of the picture; and what everyone may import."""
    (picture,) = re.findall(r"```arrows\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), flags=re.DOTALL)
    rooms, ground = picture.rstrip().split("\n\n")
    lines = re.sub(r"\n {20,}", " ", rooms).splitlines()
    named = {room.strip(): below.split() for room, _, below in (line.partition("→") for line in lines)}
    return named, ground.split()


@cache
def arrows() -> set[tuple[str, str]]:
    """Every pair of rooms of which one imports the other."""
    pairs = {(room_of(module), room_of(each)) for module in MODULES for each in imported(module)}
    return {(one, other) for one, other in pairs if one != other}


ROOMS, GROUND = drawn()


def test_every_arrow_of_the_code_is_drawn():
    seen = {(one, other) for one, other in arrows() if one in ROOMS and other not in GROUND}
    assert sorted((one, other) for one, other in seen if other not in ROOMS[one]) == []


def test_every_arrow_that_is_drawn_is_in_the_code():
    picture = {(one, other) for one, below in ROOMS.items() for other in below}
    assert sorted(picture - arrows()) == []


def test_every_arrow_leads_down():
    order = [*ROOMS, "adapter", *GROUND]
    assert sorted(pair for pair in arrows() if order.index(pair[0]) > order.index(pair[1])) == []


def test_every_room_is_drawn_once():
    rooms = {room_of(module) for module in MODULES} - {"adapter"}
    assert sorted(rooms - {"__init__"}) == sorted([*ROOMS, *GROUND])
