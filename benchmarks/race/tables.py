"""From measurements to the tables in README.md."""

from collections.abc import Mapping

from race import apps, contestants

BEGIN = "<!-- tables: begin -->"
END = "<!-- tables: end -->"

Measured = Mapping[str, Mapping[str, float]]
"""Row → contestant → a number."""


def write_versions(versions: Mapping[str, str]) -> str:
    """The line that says what ran."""
    return "Ran on " + ", ".join(f"{name} {version}" for name, version in versions.items()) + "."


def write_events(kind: str, measured: Measured, unit: str) -> str:
    """One app's table: what each contestant took, and ours against the best of the others.

    "of best" compares whole events, "overhead" what is left when the app itself is taken off both.
    """
    names = [contestants.BARE, *contestants.list_names(kind)]
    references = contestants.MANGUMS if kind in apps.ASGI_APPS else ()
    ratios = [*(f"of {name}" for name in references), "of best", "overhead"]
    rows = []
    for row, figures in measured.items():
        cells = [f"{figures[name]:,.1f}" if name in figures else "" for name in names]
        cells += [_compare(figures, figures[name]) for name in references]
        best = min(value for name, value in figures.items() if not name.startswith(("lambdify", "bare")))
        cells.append(_compare(figures, best))
        cells.append(_compare(figures, best, figures[contestants.BARE]))
        rows.append([row, *cells])
    return _write_table([f"{kind}, {unit}", *names, *ratios], rows)


def write_starts(measured: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """What importing each adapter costs on top of a framework."""
    rows = []
    for framework, adapters in measured.items():
        for adapter, figures in adapters.items():
            rows.append([framework, adapter, f"{figures['ms']:.2f}", f"{figures['modules']:.0f}"])
    return _write_table(["already imported", "adapter", "CPU ms", "modules"], rows)


def put(readme: str, tables: str) -> str:
    """The README with these tables between its marks."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def _compare(figures: Mapping[str, float], reference: float, bare: float = 0) -> str:
    """Ours by the reference, and ours with pybase64 where that took part."""
    ours = [figures[name] for name in (contestants.OURS, contestants.OURS_FASTER) if name in figures]
    return " / ".join(f"{(value - bare) / (reference - bare):.2f}" for value in ours)


def _write_table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
