"""What a wheel's METADATA says of its licence and its requirements.

https://packaging.python.org/en/latest/specifications/core-metadata/
"""

from dataclasses import dataclass
from email.parser import HeaderParser

from lambdify.cli.packing import archive
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.distributions import Distribution

LONGEST_NAME = 80
"""Characters of a licence's name. Some projects put the whole text of the licence there."""
TROVE = {
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
"""Classifiers that stand for one licence of SPDX. Others, such as "BSD License", stand for several."""


@dataclass(frozen=True, kw_only=True)
class WheelMetadata:
    """The parts of METADATA that an inventory tells."""

    expression: str
    """License-Expression, in SPDX's syntax; "" if there is none."""
    licences: tuple[str, ...]
    """What older fields call the licences; empty if there is an expression."""
    summary: str
    requires: tuple[str, ...]


def read(distribution: Distribution) -> WheelMetadata:
    """Return what the wheel of a distribution says. Raises BuildError if the wheel is lost or has changed."""
    name = f"{distribution.name}-{distribution.version}.dist-info/METADATA"
    entry = site_packages.entries(distribution)[name]
    return parse(archive.inflate(entry).decode("utf-8", "replace"))


def parse(text: str) -> WheelMetadata:
    """Return what METADATA says."""
    headers = HeaderParser().parsestr(text)
    expression = " ".join((headers["License-Expression"] or "").split())
    return WheelMetadata(
        expression=expression,
        licences=() if expression else _licences(headers["License"] or "", headers.get_all("Classifier", [])),
        summary=" ".join((headers["Summary"] or "").split()),
        requires=tuple(headers.get_all("Requires-Dist", [])),
    )


def _licences(named: str, classifiers: list[str]) -> tuple[str, ...]:
    """Return the licences by the classifiers, whose names are fixed, or by the field that holds anything."""
    parts = [each.split(" :: ") for each in classifiers if each.startswith("License :: ")]
    found = tuple(TROVE.get(each[-1], each[-1]) for each in parts if each[-1] != "OSI Approved")
    exact = tuple(each for each in found if each in TROVE.values())
    line = named.strip()
    if exact or not line or line == "UNKNOWN" or "\n" in line or len(line) > LONGEST_NAME:
        return found
    # "BSD-3-Clause" says more than the classifier "BSD License".
    return (line,)
