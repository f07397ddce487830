"""Zappa: zappa_settings.json (which is Hjson), .toml, .yml or .yaml, with a table for each stage.

zappa.toml has what becomes of the settings whose value does not matter; here are the others. Keys that Zappa
0.63 itself ignores are told, with the nearest that it knows: https://github.com/zappa/Zappa
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

from lambdify.cli import hints
from lambdify.cli.errors import SettingsError
from lambdify.cli.moving.reading import code as code_room
from lambdify.cli.moving.reading import documents, readings
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Moved,
    Setting,
    WrongForm,
    as_list,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
    carry,
    ignored,
    needless,
    refuse,
)
from lambdify.cli.moving.tools import zappa_access, zappa_events
from lambdify.cli.settings import slug

TOOL = "Zappa"
NAMES = ("zappa_settings.json", "zappa_settings.toml", "zappa_settings.yml", "zappa_settings.yaml")
"""In the order in which Zappa looks for them."""
DEPENDENCIES = frozenset({
    "boto3", "botocore", "concurrent", "dateutil", "docutils", "jmespath", "pip", "python_dateutil",
    "s3transfer", "setuptools", "six", "urllib3", "wheel", "zappa",
})  # fmt: skip
"""What people have Zappa leave out: it is packed, since Lambda's own copies change under the app."""
LEFT_OUT = re.compile(
    r"(\*+/)*(__pycache__|\.git|\.gitignore|\.env|\.venv|venv|\*\.py[co]|zappa_settings\.\w+|node_modules|\.idea"
    r"|\.vscode|\.DS_Store|tests?)(/\*+)*/?"
)
"""What lambdify leaves out anyway."""


IMPORT = re.compile(rb"(?m)^[ \t]*(?:from|import)[ \t]+(zappa(?:\.\w+)*)")
TASKS = "import task from lambdify.adapter.tasks instead, and set [tasks] workers"
MODULES: Mapping[str, str] = {
    "zappa.asynchronous": TASKS,
    "zappa.async": TASKS,
    "zappa.websocket": "lambdify has no WebSockets: keep Zappa for them",
}
"""What takes the place of a module of Zappa's."""


class Stage(NamedTuple):
    """A stage of the file."""

    name: str
    """As the file has it."""
    config: Mapping[str, Any]
    """Its settings, with those that it extends."""
    code: Code


Handler = Callable[[str, Any, Stage], Setting | Iterable[Setting]]
"""Called with the key, its value and the stage."""


@cache
def table() -> Mapping[str, Mapping[str, Any]]:
    """Return zappa.toml."""
    return tomllib.loads(resources.files(__package__).joinpath("zappa.toml").read_text("utf-8"))


def known() -> frozenset[str]:
    """Return every setting that Zappa 0.63 has."""
    named = (table()[part] for part in ("carried", "needless", "by_hand", "refused"))
    return frozenset(HANDLERS).union(*named)


def find(root: Path) -> Path | None:
    """Return Zappa's file of the project; None if there is none."""
    return next((root / name for name in NAMES if (root / name).is_file()), None)


def read(path: Path, code: Code) -> Moved:
    """Return what a file of Zappa's says. Raises SettingsError."""
    content = documents.read(path)
    configs = {
        str(name): extend(content, name, path.name)
        for name, each in content.items()
        if isinstance(each, dict)
    }
    if not configs:
        raise SettingsError(
            f"{path.name} has no stage.", hint="A stage is a table: dev, with its settings in it."
        )
    folder = path.parent.resolve().name
    project = next(
        (str(each["project_name"]) for each in configs.values() if each.get("project_name")), folder
    )
    return Moved(
        tool=TOOL,
        file=path.name,
        stages={
            stage_name(name): tuple(_settings(Stage(name, config, code))) for name, config in configs.items()
        },
        name=project,
        deployed=tuple(slug(f"{project}-{name}") for name in configs),
        removal=tuple(f"zappa undeploy {name}" for name in configs),
        domains=tuple(dict.fromkeys(_domains(configs.values()))),
    )


def extend(content: Mapping[str, Any], name: str, file: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a stage's settings with those of the stages that it extends. Raises SettingsError."""
    config = content.get(name)
    if not isinstance(config, dict):
        raise SettingsError(f'{file}: {seen[-1]} extends "{name}", and there is no such stage.')
    if name in seen:
        raise SettingsError(f"{file}: {' extends '.join((*seen, name))}: that has no end.")
    base = config.get("extends")
    return {**extend(content, str(base), file, (*seen, name)), **config} if base else dict(config)


def stage_name(name: str) -> str:
    """Return the name of a stage as ours may be: "prod_eu" is "prod-eu"."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "dev"


def _domains(configs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for config in configs:
        for each in (*as_list(config.get("domain")), *as_list(config.get("function_url_domains"))):
            if isinstance(each, str):
                yield each


def _imports(code: Code) -> Iterator[Setting]:
    """Yield each place of the project that imports Zappa, which the function will not have around it."""
    for file in sorted(code.project.files):
        for found in IMPORT.finditer(code.project.text(file)):
            module = found[1].decode()
            line = code.project.text(file).count(b"\n", 0, found.start(1)) + 1
            yield by_hand(
                f"{file}:{line} {module}", MODULES.get(module, "there is no Zappa around the app any more")
            )


def _settings(stage: Stage) -> Iterator[Setting]:
    yield from _imports(stage.code)
    for key, value in stage.config.items():
        try:
            found = _setting(key, value, stage)
            yield from [found] if isinstance(found, Setting) else found
        except WrongForm as error:
            yield by_hand(key, f"it is not {error}")


def _setting(key: str, value: Any, stage: Stage) -> Setting | Iterable[Setting]:
    rows = table()
    if key in HANDLERS:
        return HANDLERS[key](key, value, stage)
    if value is None and key in known():
        return needless(key, "it has no value")
    if key in rows["carried"]:
        option: Keys = tuple(rows["carried"][key].split("."))
        return readings.one(key, value, option, READERS.get(key, as_text))
    if key in rows["needless"]:
        return needless(key, rows["needless"][key])
    if key in rows["refused"]:
        return refuse(key, rows["refused"][key]) if value else needless(key, "off here")
    if key in rows["by_hand"]:
        return (
            [by_hand(key, rows["by_hand"][key]), *_inside(key, value)] if value else needless(key, "off here")
        )
    if key in rows["gone"]:
        return needless(key, f"Zappa 0.63 knows it no more, and {rows['gone'][key]}")
    # "cors_options" is nearer to "cors" than any similar word.
    begin = max((each for each in known() if key.startswith(f"{each}_")), key=len, default="")
    near = f'Did you mean "{begin}"?' if begin else hints.nearest(key, sorted(known()))
    return ignored(key, f"Zappa does not know it. {near}".strip())


def _inside(key: str, value: Any) -> Iterator[Setting]:
    """Yield the keys inside a setting that Zappa does not read."""
    names = table()["inside"].get(key, ())
    for name in value if names and isinstance(value, dict) else ():
        if name not in names:
            near = next((each for each in names if each.lower() == str(name).lower()), "")
            meant = f'Did you mean "{near}"?' if near else hints.nearest(str(name), names)
            yield ignored(f"{key}.{name}", f"Zappa does not know it there. {meant}".strip())


# ------------------------------------------------------------------------------------ the app


def _app_function(key: str, value: Any, stage: Stage) -> Setting:
    found = code_room.reference(as_text(value))
    if found and stage.code.has(found):
        return carry(key, {("app",): found})
    if readings.PLACEHOLDER.fullmatch(str(value)):
        return by_hand(key, f"what stands there is a placeholder; {stage.code.found}")
    return by_hand(key, f"the project has no such app; {stage.code.found}")


def _django_settings(key: str, value: Any, stage: Stage) -> Iterator[Setting]:
    module = as_text(value)
    values: dict[Keys, Any] = {("environment", "DJANGO_SETTINGS_MODULE"): module}
    if stage.code.project.file_of(module, near=stage.code.near()) or stage.code.project.depends_on(module):
        yield carry(key, values)
    else:
        yield by_hand(key, "there is no such module: write DJANGO_SETTINGS_MODULE into [environment]")
    if not stage.code.apps:
        yield by_hand(
            key,
            "no wsgi.py was found, which lambdify takes for the app: `django-admin startproject` makes one",
        )


def _project_name(key: str, _: Any, __: Stage) -> Setting:
    return carry(
        key, {}, "as name, with -web behind it: Zappa's functions have the other one until you remove them"
    )


# ------------------------------------------------------------------------------------ the function


def _ephemeral_storage(key: str, value: Any, _: Stage) -> Iterator[Setting]:
    yield readings.one(f"{key}.Size", as_table(value).get("Size"), ("function", "storage"), as_number)
    yield from _inside(key, value)


def _snap_start(key: str, value: Any, _: Stage) -> Setting:
    if value == "PublishedVersions":
        return carry(key, {("function", "snapstart"): True})
    return needless(key, "off unless [function] snapstart = true")


def _efs(key: str, value: Any, _: Stage) -> Iterator[Setting]:
    mounts = [each for each in as_list(value) if isinstance(each, dict) and each.get("Arn")]
    if not mounts:
        yield by_hand(key, "Zappa makes a file system; [efs] takes an access_point that exists, by its ARN")
        return
    values: dict[Keys, Any] = {("efs", "access_point"): mounts[0]["Arn"]}
    if path := mounts[0].get("LocalMountPath", "/mnt/efs"):
        values["efs", "mount"] = path
    yield carry(key, values)
    if len(mounts) > 1:
        yield by_hand(f"{key} 2", "a Lambda of lambdify's has one file system")


def _vpc(key: str, value: Any, _: Stage) -> Iterator[Setting]:
    said = as_table(value)
    yield from readings.network(key, said.get("SubnetIds"), said.get("SecurityGroupIds"))
    yield from _inside(key, said)


def _runtime(key: str, value: Any, _: Stage) -> Setting:
    return readings.python(key, value)


def _keep_warm(key: str, value: Any, _: Stage) -> Setting:
    if value is False:
        return carry(key, {("warm", "every"): "off"})
    return needless(key, "on by default: [warm] every")


def _keep_warm_expression(key: str, value: Any, stage: Stage) -> Setting:
    if stage.config.get("keep_warm") is False:
        return needless(key, "keep_warm is off")
    found = re.fullmatch(r"rate\((\d+) (minute|hour)s?\)", as_text(value).strip())
    minutes = int(found[1]) * (60 if found[2] == "hour" else 1) if found else 0
    if not 1 <= minutes <= 60:
        return by_hand(key, "[warm] every takes 1 to 60 minutes, and no times of the day")
    return carry(key, {("warm", "every"): f"{minutes} minute{'s' if minutes > 1 else ''}"})


def _variables(key: str, value: Any, _: Stage) -> Iterator[Setting]:
    yield from readings.variables(key, as_table(value))


def _kept_versions(key: str, value: Any, _: Stage) -> Setting:
    if value is None:
        return carry(key, {("release", "keep"): 100}, "all of them; lambdify keeps 100 at most")
    return readings.one(key, value, ("release", "keep"), as_number)


def _rights(key: str, value: Any, _: Stage) -> Iterator[Setting]:
    yield from readings.rights(key, value)


def _exclude(key: str, value: Any, _: Stage) -> Setting:
    given = as_texts(value)
    kept = [
        each
        for each in given
        if each.removesuffix("*").rstrip("-/.").lower() not in DEPENDENCIES and not LEFT_OUT.fullmatch(each)
    ]
    if not kept:
        return needless(key, "such files are left out anyway, and dependencies are packed")
    return carry(
        key,
        {("build", "exclude"): kept},
        "" if len(kept) == len(given) else "without what is left out anyway",
    )


# ------------------------------------------------------------------------------------ releases


def _touch_path(key: str, value: Any, _: Stage) -> Setting:
    return readings.one(
        key, value, ("release", "smoke"), why="it has to answer with 200, or say [release] status"
    )


def _debug(key: str, value: Any, stage: Stage) -> Setting:
    if value is not True:
        return needless(key, "off by default: [http] show_errors")
    if "prod" in stage.name.lower():
        return refuse(
            key, "everybody would see tracebacks: [http] show_errors is for stages nobody else can reach"
        )
    return carry(key, {("http", "show_errors"): True}, "whoever reaches the stage sees tracebacks")


def _prebuild_script(key: str, value: Any, _: Stage) -> Setting:
    module, name = as_text(value).rpartition(".")[::2]
    command = f"python -c 'import {module}; {module}.{name}()'"
    return by_hand(key, f'write [hooks] before_package = ["{command}"]; it runs on this machine')


def _async_source(key: str, _: Any, __: Stage) -> Setting:
    return by_hand(
        key,
        "set [tasks] workers, and import task from lambdify.adapter.tasks instead of zappa.asynchronous",
    )


def _access(key: str, value: Any, stage: Stage) -> Iterator[Setting]:
    yield from zappa_access.HANDLERS[key](key, value, stage.config)
    yield from _inside(key, value)


READERS: Mapping[str, Callable[[object], object]] = {
    "memory_size": as_number,
    "timeout_seconds": as_number,
    "lambda_concurrency": as_number,
    "provisioned_concurrency": as_number,
    "layers": as_texts,
    "xray_tracing": readings.truth,
    "architecture": readings.architecture,
    "tags": readings.tags,
}
HANDLERS: Mapping[str, Handler] = {
    "app_function": _app_function,
    "django_settings": _django_settings,
    "project_name": _project_name,
    "ephemeral_storage": _ephemeral_storage,
    "snap_start": _snap_start,
    "efs_config": _efs,
    "vpc_config": _vpc,
    "runtime": _runtime,
    "keep_warm": _keep_warm,
    "keep_warm_expression": _keep_warm_expression,
    "environment_variables": _variables,
    "aws_environment_variables": _variables,
    "num_retained_versions": _kept_versions,
    "extra_permissions": _rights,
    "exclude": _exclude,
    "exclude_glob": _exclude,
    "touch_path": _touch_path,
    "debug": _debug,
    "async_source": _async_source,
    "prebuild_script": _prebuild_script,
    "events": lambda key, value, stage: zappa_events.read(key, value, stage.code),
    "cognito": lambda key, value, _: zappa_events.read_cognito(key, value),
    **dict.fromkeys(zappa_access.HANDLERS, _access),
}
