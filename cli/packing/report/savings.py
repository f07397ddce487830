"""Advice on savings: distributions that may be unused, slow imports, and debug symbols.

Advice is only shown. It is not known what an app needs after its start, so nothing is left out automatically.
Symbols are not stripped, since `strip` breaks libraries that were patched after linking, as auditwheel does.
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
"""The smallest number of bytes of symbols that is reported."""
SLOW_MILLISECONDS, SLOW_SHARE = 50.0, 0.1
"""The smallest duration, and the smallest share of all imports, of a slow distribution."""


def find(bundle: Bundle, start: ColdStart | NotMeasured | None) -> tuple[str, ...]:
    """Return lines of advice; without a measurement only those on symbols."""
    if not isinstance(start, ColdStart):
        return tuple(_symbols(bundle))
    return (*_not_imported(bundle, start), *_slow(bundle, start), *_symbols(bundle))


def _not_imported(bundle: Bundle, start: ColdStart) -> Iterator[str]:
    used = {each.name for each in start.imports}
    idle = [part for part in bundle.parts if part.name not in used | sizes.OURS]
    if idle:
        listed = ", ".join(f"{part.name} ({size(part.unzipped)})" for part in idle)
        yield (
            f"Packed, and not imported by the start: {listed}. What no request imports either need not be "
            "among the requirements."
        )


def _slow(bundle: Bundle, start: ColdStart) -> Iterator[str]:
    # The project can defer only its own imports, not those of other packages.
    asked_for = {each.name for each in start.imports if each.asked_for}
    packed = {part.name for part in bundle.parts} - sizes.OURS
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
