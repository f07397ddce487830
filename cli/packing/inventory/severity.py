"""How severe an advisory is, by what its record says: GitHub's word, else the score of its CVSS vector.

A record of a malicious package is critical: https://github.com/ossf/malicious-packages
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Severity = Literal["low", "moderate", "high", "critical", "unknown"]
ORDER: tuple[Severity, ...] = ("low", "moderate", "high", "critical", "unknown")
"""Upwards. Of what is unknown nobody has said that it is less, so it reaches every limit."""
_WORDS: Mapping[str, Severity] = {
    "LOW": "low",
    "MODERATE": "moderate",
    "MEDIUM": "moderate",
    "HIGH": "high",
    "CRITICAL": "critical",
}
_SCORES: Mapping[Severity, float] = {"critical": 9.0, "high": 7.0, "moderate": 4.0, "low": 0.0}
"""https://www.first.org/cvss/v4-0/specification-document#Qualitative-Severity-Rating-Scale"""


def of(record: Mapping[str, Any]) -> Severity:
    """Return the severity of a record."""
    if str(record["id"]).startswith("MAL-"):
        return "critical"
    word = str((record.get("database_specific") or {}).get("severity", "")).upper()
    if word in _WORDS:
        return _WORDS[word]
    scores = list(_scores(record))
    return next(name for name, least in _SCORES.items() if max(scores) >= least) if scores else "unknown"


def highest(severities: "Iterator[Severity]") -> Severity:
    """Return the highest that is known; "unknown" if none is."""
    known = [each for each in severities if each != "unknown"]
    return max(known, key=ORDER.index, default="unknown")


def reaches(severity: Severity, limit: Severity) -> bool:
    """Whether a severity is the limit or above it."""
    return ORDER.index(severity) >= ORDER.index(limit)


def _scores(record: Mapping[str, Any]) -> Iterator[float]:
    affected = [each.get("severity") or () for each in record.get("affected") or ()]
    for each in [*(record.get("severity") or ()), *(one for many in affected for one in many)]:
        score = _score(str(each.get("score", "")))
        if score is not None:
            yield score


def _score(vector: str) -> float | None:
    """Return the base score of a CVSS vector; None for what is none."""
    # The library's tables are large, and seldom needed.
    from cvss import CVSS2, CVSS3, CVSS4
    from cvss.exceptions import CVSSError

    kind = CVSS4 if vector.startswith("CVSS:4") else CVSS3 if vector.startswith("CVSS:3") else CVSS2
    try:
        return float(kind(vector).scores()[0])
    except CVSSError:
        return None
