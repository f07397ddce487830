"""vercel.json, of Vercel. https://vercel.com/docs/project-configuration"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.moving.reading import documents, readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Moved,
    Setting,
    as_list,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
    carry,
    needless,
    read_each,
)

NAME = "vercel.json"
REGIONS: Mapping[str, str] = {
    "arn1": "eu-north-1", "bom1": "ap-south-1", "cdg1": "eu-west-3", "cle1": "us-east-2",
    "cpt1": "af-south-1", "dub1": "eu-west-1", "dxb1": "me-central-1", "fra1": "eu-central-1",
    "gru1": "sa-east-1", "hkg1": "ap-east-1", "hnd1": "ap-northeast-1", "iad1": "us-east-1",
    "icn1": "ap-northeast-2", "kix1": "ap-northeast-3", "lhr1": "eu-west-2", "pdx1": "us-west-2",
    "sfo1": "us-west-1", "sin1": "ap-southeast-1", "syd1": "ap-southeast-2",
}  # fmt: skip
"""https://vercel.com/docs/regions"""
NEEDLESS: Mapping[str, str] = {
    "$schema": "it is for editors: `lambdify schema`",
    "builds": "lambdify packs the project",
    "version": "there is one",
    "name": "as name",
    "framework": "the framework is found",
    "installCommand": "dependencies are resolved for the function",
    "devCommand": "`lambdify serve`",
    "ignoreCommand": "what has not changed is not deployed",
    "git": "lambdify deploys when it is called",
    "github": "lambdify deploys when it is called",
    "public": "sources are never public",
    "fluid": "a Lambda serves one request at a time",
}
BY_HAND: Mapping[str, str] = {
    "buildCommand": "write it into [hooks] before_package",
    "outputDirectory": 'serve what was built: [static.folders] "/" = "FOLDER"',
    "redirects": "have the app redirect",
    "rewrites": "every path goes to the app: have its routes say so",
    "routes": "every path goes to the app: have its routes say so",
    "headers": "have the app send them",
    "cleanUrls": "have the app's routes say so",
    "trailingSlash": "have the app's routes say so",
    "images": "lambdify makes no images smaller",
    "env": "write it into [environment], or `lambdify secrets set`",
}


def find(root: Path) -> Path | None:
    """Return vercel.json of the project; None if there is none."""
    return root / NAME if (root / NAME).is_file() else None


def read(path: Path, _: Code) -> Moved:
    """Return what vercel.json says. Raises SettingsError."""
    content = documents.read(path)
    name = content.get("name")
    return Moved(
        tool="Vercel",
        file=NAME,
        stages={"": tuple(read_each(content, _setting))},
        name=name if isinstance(name, str) else "",
    )


def _setting(key: str, value: Any) -> Iterator[Setting]:
    if key == "functions":
        yield from _functions(as_table(value))
    elif key == "crons":
        yield from _crons(value)
    elif key == "regions":
        yield from _regions(as_texts(value))
    elif key == "env" and isinstance(value, dict):
        plain = {name: each for name, each in value.items() if not str(each).startswith("@")}
        yield from readings.variables(key, plain)
        for name in value.keys() - plain.keys():
            yield by_hand(
                f"{key}.{name}",
                "it is a secret of Vercel's: `lambdify secrets set` stores it",
                {("secrets", name): ""},
            )
    elif key in NEEDLESS:
        yield needless(key, NEEDLESS[key])
    else:
        yield by_hand(key, BY_HAND.get(key, "see docs/settings.md for what there is"))


def _functions(tables: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield the limits of functions: one Lambda does what all of them did, so the largest counts."""
    for option, ours in (("memory", ("function", "memory")), ("maxDuration", ("function", "timeout"))):
        given = [
            as_number(each[option]) for each in tables.values() if isinstance(each, dict) and option in each
        ]
        if given:
            yield carry(f"functions.{option}", {ours: max(given)})
    for name, each in tables.items():
        for option in as_table(each):
            if option not in {"memory", "maxDuration"}:
                yield needless(
                    f"functions.{name}.{option}", "lambdify packs the project without its junk: [build]"
                )


def _crons(value: Any) -> Iterator[Setting]:
    for each in as_list(value):
        cron = as_table(each)
        path, times = as_text(cron.get("path", "")), as_text(cron.get("schedule", ""))
        why = (
            f'a schedule calls a function, not a path: [functions.NAME], schedule = [{{ cron = "{times}" }}]'
        )
        yield by_hand(f"crons: {path}", why)


def _regions(given: list[str]) -> Iterator[Setting]:
    if given and given[0] in REGIONS:
        yield carry(
            "regions", {("region",): REGIONS[given[0]]}, "a stage is in one region" if len(given) > 1 else ""
        )
    else:
        yield by_hand("regions", "write the AWS region into region")
