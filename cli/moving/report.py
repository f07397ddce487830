"""What `lambdify init` tells of settings that were moved, and what comes next. Pure.

No value of a variable is told: it may be a secret that nobody has recognised.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from lambdify.cli.console import Line
from lambdify.cli.moving.draft import usual_stage
from lambdify.cli.moving.reading.setting import Keys, Moved, Setting, Verdict

STYLES = {Verdict.BY_HAND: "changed", Verdict.REFUSED: "danger", Verdict.IGNORED: "changed"}
WIDTH = 8
"""Characters of the longest verdict."""


def tell(moved: Moved, *, verbose: bool) -> Iterator[Line]:
    """Yield what became of each setting; with `verbose` also of those that were carried over as they are."""
    yield Line(_summary(moved), "title")
    rows = _rows(moved)
    for verdict in Verdict:
        for setting, stages in rows:
            plain = setting.verdict == Verdict.CARRIED and not setting.why
            if setting.verdict == verdict and (verbose or not plain):
                where = f" ({', '.join(stages)})" if len(stages) < len(moved.stages) else ""
                yield Line(
                    f"{verdict:{WIDTH}} {setting.key}{where}: {_outcome(setting)}",
                    STYLES.get(verdict, "quiet"),
                )


def _summary(moved: Moved) -> str:
    said = [each for settings in moved.stages.values() for each in settings]
    counts = Counter(each.verdict for each in said)
    parts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    stages = _count(len(moved.stages), "stage") + ", " if "" not in moved.stages else ""
    return (
        f"{moved.file} ({moved.tool}): {stages}{_count(len(said), 'setting')}{': ' if parts else ''}{parts}"
    )


def _rows(moved: Moved) -> list[tuple[Setting, list[str]]]:
    """Return each setting with the stages that say the same of it."""
    rows: dict[tuple[object, ...], tuple[Setting, list[str]]] = {}
    for stage, settings in moved.stages.items():
        for each in settings:
            row = (each.key, each.verdict, each.why, tuple(each.values))
            rows.setdefault(row, (each, []))[1].append(stage)
    return list(rows.values())


def _outcome(setting: Setting) -> str:
    where = ", ".join(dict.fromkeys(map(name_option, setting.values)))
    return " - ".join(filter(None, (where, setting.why)))


def name_option(keys: Keys) -> str:
    """Return an option as it is written about: "[function] memory"."""
    *tables, key = keys
    return f"[{'.'.join(tables)}] {key}" if tables else key


def next_steps(found: Sequence[Moved], name: str, secrets: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines to type, in their order; `secrets` are names with their stages, "" for the only one."""
    stages = list(dict.fromkeys(stage for each in found for stage in each.stages if stage))
    stage = f" {usual_stage(stages)}" if stages else ""
    full = f"{name}-{usual_stage(stages) if stages else 'dev'}"
    deployed = [each for moved in found for each in moved.deployed]
    domains = list(dict.fromkeys(each for moved in found for each in moved.domains))
    lines = [f"lambdify secrets set {each}{f' --stage {where}' if where else ''}" for each, where in secrets]
    lines += [f"lambdify check{stage}", f"lambdify deploy{stage} --local, then lambdify deploy{stage}"]
    lines[-1] += f": it makes {full}; {', '.join(deployed)} of before goes on" if deployed else ""
    lines.append(
        f"compare: the same requests to both addresses; lambdify status{stage}, lambdify logs{stage}"
    )
    if domains:
        lines.append(f"move {', '.join(domains)} to the new address: docs/moving-in.md")
    lines += [f"remove the old one: {each}" for moved in found for each in moved.removal]
    yield "Next:"
    yield from (f"{number:2} {line}" for number, line in enumerate(lines, 1))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
