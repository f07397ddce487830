"""What of a bundle could stay away, and which imports could wait: told, never done.

What an app needs after its start cannot be seen from here, so nothing is left out by itself. Nor are symbols
stripped: `strip` breaks libraries whose files were patched after they were linked, as auditwheel does.
https://github.com/NixOS/patchelf/issues/10
"""

import zipfile
from collections import Counter
from collections.abc import Iterator

from lambdify.cli.formatting import size
from lambdify.cli.packing.bundle import sizes
from lambdify.cli.packing.bundle.bundle import LAYER_PREFIX, Bundle
from lambdify.cli.packing.report.cold_start import ColdStart, NotMeasured
from lambdify.cli.packing.wheels.elf import symbol_size
from lambdify.cli.packing.wheels.gate import NATIVE

MIN_SYMBOL_SIZE = 1_048_576
"""Bytes of symbols from which on they are worth a line."""
SLOW_MILLISECONDS, SLOW_SHARE = 50.0, 0.1
"""Milliseconds, and share of all imports, from which on a distribution is called slow."""


def find(bundle: Bundle, start: ColdStart | NotMeasured | None) -> tuple[str, ...]:
    """Lines of advice; what asks for a measurement is left out without one."""
    if not isinstance(start, ColdStart):
        return tuple(_symbols(bundle))
    return (*_not_imported(bundle, start), *_slow(bundle, start), *_symbols(bundle))


def _not_imported(bundle: Bundle, start: ColdStart) -> Iterator[str]:
    used = {each.name for each in start.imports}
    project = {sizes.APPLICATION, sizes.ADAPTER_NAME}
    idle = [part for part in bundle.parts if part.name not in used | project]
    if idle:
        listed = ", ".join(f"{part.name} ({size(part.unzipped)})" for part in idle)
        yield (
            f"Packed, and not imported by the start: {listed}. What no request imports either need not be "
            "among the requirements."
        )


def _slow(bundle: Bundle, start: ColdStart) -> Iterator[str]:
    # What only other packages import cannot be moved by the project.
    asked_for = {each.name for each in start.imports if each.asked_for}
    packed = {part.name for part in bundle.parts} - {sizes.ADAPTER_NAME, sizes.APPLICATION}
    for each in start.imports:
        share = each.milliseconds / start.milliseconds
        if each.name in packed & asked_for and each.milliseconds >= SLOW_MILLISECONDS and share >= SLOW_SHARE:
            yield (
                f"{each.name} is {share:.0%} of the start ({each.milliseconds:.0f} ms, {each.modules:,} "
                "modules). If only some requests need it, import it in the functions that do."
            )


def _symbols(bundle: Bundle) -> Iterator[str]:
    found: Counter[str] = Counter()
    owned = sizes.owners(bundle.dependencies.distributions, LAYER_PREFIX if bundle.layer else "")
    for archive in bundle.archives:
        with zipfile.ZipFile(archive.path) as packed:
            for name in filter(NATIVE.search, packed.namelist()):
                found[sizes.owner(name, owned)] += symbol_size(packed.read(name))
    for name, count in found.most_common():
        if count >= MIN_SYMBOL_SIZE:
            yield (
                f"{size(count)} of {name} are symbols for debuggers, which nothing on Lambda reads; a "
                "wheel that was linked with -s does without them."
            )
