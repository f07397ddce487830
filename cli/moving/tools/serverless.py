"""The Serverless Framework: serverless.yml, .yaml or .json, of its versions 3 and 4.

serverless.toml has what becomes of the keys whose value does not matter. A file that is a program (.ts, .js)
is not run. https://www.serverless.com/framework/docs/providers/aws/guide/serverless.yml
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lambdify.cli.moving.reading import documents, readings, resources
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Moved,
    Setting,
    WrongForm,
    as_list,
    as_number,
    as_table,
    as_texts,
    by_hand,
    carry,
    needless,
    refuse,
)
from lambdify.cli.moving.tools import serverless_functions, serverless_provider, serverless_variables
from lambdify.cli.moving.tools.serverless_provider import OPEN, Service, one, table
from lambdify.cli.moving.tools.serverless_variables import is_open
from lambdify.cli.settings import slug

TOOL = "Serverless Framework"
NAMES = ("serverless.yml", "serverless.yaml", "serverless.json")
PROGRAMS = ("serverless.ts", "serverless.js", "serverless.mjs", "serverless.cjs")
_JUNK = re.compile(
    r"\.?/?(\*\*/)?(node_modules|__pycache__|\.git|\.?venv|\.pytest_cache|\.mypy_cache|\.serverless|\.idea|\.vscode|tests?"
    r"|\.env.*|package(-lock)?\.json|yarn\.lock|README\.md|\*\.pyc)(/\*+)?/?"
)
"""What lambdify leaves out anyway."""


def find(root: Path) -> Path | None:
    """Return the framework's file of the project; None if there is none."""
    return next((root / name for name in (*NAMES, *PROGRAMS) if (root / name).is_file()), None)


def read(path: Path, code: Code) -> Moved:
    """Return what a file of the framework says. Raises SettingsError."""
    if path.name in PROGRAMS:
        why = "a program is not run: `serverless print > serverless.yml` writes what it says, to be read then"
        return Moved(tool=TOOL, file=path.name, stages={"": (by_hand(path.name, why),)})
    document = documents.read(path)
    stages = serverless_variables.stages(document)
    usual = stages[0]
    several = len(stages) > 1
    found = {stage: tuple(_settings(_service(document, stage, code))) for stage in stages}
    name = _name(serverless_variables.fill(document, document, usual))
    written: dict[str, tuple[Setting, ...]] = {_stage_name(stage): each for stage, each in found.items()}
    if not several:
        other: dict[Keys, Any] = {("stage",): _stage_name(usual)}
        chosen = (carry("provider.stage", other),) if usual != serverless_variables.USUAL else ()
        written = {"": (*found[usual], *chosen)}
    return Moved(
        tool=TOOL,
        file=path.name,
        stages=written,
        name=name,
        deployed=tuple(f"{slug(name)}-{_stage_name(stage)}" for stage in stages) if name else (),
        removal=tuple(f"serverless remove --stage {stage}" for stage in stages),
        domains=tuple(dict.fromkeys(_domains(serverless_variables.fill(document, document, usual)))),
    )


def _stage_name(stage: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", stage).strip("-") or serverless_variables.USUAL


def _name(content: Mapping[str, Any]) -> str:
    service = content.get("service")
    name = service.get("name") if isinstance(service, dict) else service
    return name if isinstance(name, str) and not is_open(name) else ""


def _service(document: Mapping[str, Any], stage: str, code: Code) -> Service:
    content = serverless_variables.fill(document, document, stage)
    provider = content.get("provider")
    functions = serverless_functions.named(content.get("functions"))
    return Service(
        content=content,
        provider=provider if isinstance(provider, dict) else {},
        functions=functions,
        web=serverless_functions.find_web(functions),
        code=code,
    )


def _settings(service: Service) -> Iterator[Setting]:
    for key, read_part in (
        ("functions", _app),
        ("provider", serverless_provider.read),
        ("functions", _functions),
        ("custom", _custom),
        ("plugins", _plugins),
        ("package", _package),
        ("resources", _resources),
        ("", _top),
    ):
        try:
            yield from read_part(service)
        except WrongForm as error:
            yield by_hand(key, f"it is not {error}")


# ------------------------------------------------------------------------------------ the app


def _app(service: Service) -> Iterator[Setting]:
    wsgi = as_table(as_table(service.content.get("custom")).get("wsgi")).get("app")
    yield from serverless_functions.app(
        service.web, service.functions.get(service.web, {}), wsgi, service.code
    )
    if service.functions and not service.web:
        yield carry("functions", {("http", "endpoint"): "none"}, "none of them is called by HTTP")


# ------------------------------------------------------------------------------------ the rest


def _functions(service: Service) -> Iterator[Setting]:
    yield from serverless_functions.read(service.functions, service.web, service.code)


def _custom(service: Service) -> Iterator[Setting]:
    for name, value in as_table(service.content.get("custom")).items():
        key = f"custom.{name}"
        if name == "wsgi":
            rest = [each for each in as_table(value) if each != "app"]
            yield from (needless(f"{key}.{each}", "the adapter and the packer do that") for each in rest)
        elif name in {"customDomain", "customDomains"}:
            yield from _own_names(key, value)
        elif name == "pythonRequirements":
            yield from _requirements(key, as_table(value))
        elif name == "warmup":
            yield needless(key, "[warm] every is on by default")
        elif name == "prune":
            number = as_table(value).get("number")
            yield (
                one(key, number, ("release", "keep"), as_number)
                if number
                else needless(key, "[release] keep")
            )
        else:
            yield needless(key, "a name within the file, or a plugin's: what it stands for is written out")


def _own_names(key: str, value: object) -> Iterator[Setting]:
    """Yield the domains of serverless-domain-manager: one, a list, or one below http, rest or websocket."""
    for each in as_list(value):
        inner = [each, *each.values()] if isinstance(each, dict) else []
        for domain in inner:
            if isinstance(domain, dict) and (name := domain.get("domainName")):
                at = f"{key}.domainName"
                unknown = by_hand(at, f"[domain] names: {OPEN}")
                yield unknown if is_open(name) else readings.own_names(at, [name])
                if domain.get("basePath"):
                    yield by_hand(f"{key}.basePath", "[domain] path, when the mapping of before is gone")


def _requirements(key: str, options: Mapping[str, Any]) -> Iterator[Setting]:
    for name, value in options.items():
        if name == "fileName":
            yield one(f"{key}.{name}", value, ("build", "requirements"))
        elif name == "dockerImage":
            yield one(f"{key}.{name}", value, ("build", "image"))
        elif name in table()["requirements"]:
            yield needless(f"{key}.{name}", table()["requirements"][name])
        else:
            yield by_hand(f"{key}.{name}", "see [build] for what there is")


def _plugins(service: Service) -> Iterator[Setting]:
    said = service.content.get("plugins")
    modules = said.get("modules") if isinstance(said, dict) else said
    for name in as_list(modules):
        key = f"plugins: {name}"
        if name == "serverless-domain-manager":
            yield needless(key, "[domain] does that")
        elif why := table()["plugins"].get(str(name)):
            yield needless(key, f"{why} does that")
        else:
            yield by_hand(key, "no counterpart is known: see what it did for the project")


def _package(service: Service) -> Iterator[Setting]:
    said = as_table(service.content.get("package"))
    for name in said.keys() - {"patterns", "exclude", "include"}:
        yield needless(f"package.{name}", "there is one bundle, made anew")
    patterns = as_texts(said.get("patterns")) + [f"!{each}" for each in as_texts(said.get("exclude"))]
    if not patterns:
        return
    if {"!**", "!./**", "!/**", "!**/*"} & set(patterns):
        yield by_hand(
            "package.patterns",
            "it packs only what it names; lambdify packs the project without its junk: [build] exclude",
        )
        return
    kept = [
        each[1:].removeprefix("./")
        for each in patterns
        if each.startswith("!") and not _JUNK.fullmatch(each[1:])
    ]
    yield (
        carry("package.patterns", {("build", "exclude"): kept})
        if kept
        else needless("package.patterns", "left out anyway")
    )


def _resources(service: Service) -> Iterator[Setting]:
    # A list of tables is one table in parts.
    for part in as_list(service.content.get("resources")):
        if is_open(part) and not isinstance(part, dict):
            yield by_hand("resources", "another file has them: write what is wanted into [resources]")
            continue
        said = as_table(part)
        found = as_table(said.get("Resources"))
        shut = {name: body for name, body in found.items() if is_open(body)}
        for name in shut:
            yield by_hand(f"resources.{name}", OPEN)
        yield from resources.read(
            "resources", {name: body for name, body in found.items() if name not in shut}
        )
        for name in said.keys() - {"Resources"}:
            yield by_hand(f"resources.{name}", "write what is wanted into [outputs] or [resources]")


def _top(service: Service) -> Iterator[Setting]:
    read_elsewhere = {"service", "provider", "functions", "custom", "plugins", "package", "resources"}
    rows = table()["top"]
    for key, value in service.content.items():
        if key == "service":
            yield carry(
                key, {}, "as name, with -web behind it: the old stack has the other one until you remove it"
            )
        if key in read_elsewhere:
            continue
        if key in rows["needless"]:
            yield needless(key, rows["needless"][key])
        elif key in rows["by_hand"]:
            yield by_hand(key, rows["by_hand"][key]) if value else needless(key, "off here")
        else:
            yield refuse(key, "lambdify has nothing like it")


def _domains(content: Mapping[str, Any]) -> Iterator[str]:
    custom = content.get("custom")
    for key in ("customDomain", "customDomains"):
        for each in as_list(custom.get(key)) if isinstance(custom, dict) else ():
            inner = [each, *each.values()] if isinstance(each, dict) else []
            for domain in inner:
                name = domain.get("domainName") if isinstance(domain, dict) else None
                if isinstance(name, str) and not is_open(name):
                    yield name
