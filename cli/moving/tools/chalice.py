"""Chalice: .chalice/config.json. Its app is no WSGI app: numbers are carried, and the way is told.

https://aws.github.io/chalice/topics/configfile.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

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
    needless,
    refuse,
)
from lambdify.cli.settings import slug

TOOL = "Chalice"
NAME = ".chalice/config.json"
THE_WAY = (
    "a Chalice app is no WSGI app. Its routes go to Flask, whose decorators are nearly the same; functions "
    "under @app.schedule, @app.on_sqs_message and the like become [functions.NAME], without the decorators"
)
CARRIED: Mapping[str, tuple[Keys, Callable[[object], object]]] = {
    "lambda_memory_size": (("function", "memory"), as_number),
    "lambda_timeout": (("function", "timeout"), as_number),
    "lambda_ephemeral_storage": (("function", "storage"), as_number),
    "reserved_concurrency": (("function", "reserved_concurrency"), as_number),
    "xray": (("function", "tracing"), readings.truth),
    "layers": (("function", "layers"), as_texts),
    "tags": (("tags",), readings.tags),
    "log_retention_in_days": (("logs", "retention"), as_number),
    "iam_role_arn": (("role", "arn"), as_text),
}
NEEDLESS: Mapping[str, str] = {
    "version": "the version of the file's form",
    "app_name": "as name, with -web behind it",
    "api_gateway_stage": "an HTTP API has no stage in its paths",
    "minimum_compression_size": "no endpoint compresses: use the framework's middleware",
    "automatic_layer": "dependencies are a layer anyway",
    "manage_iam_role": "a role is made, unless [role] arn names one",
    "autogen_policy": "a role is made that may write its log: name the rest as [[role.statements]]",
    "api_gateway_endpoint_type": "the endpoint is a regional one",
}
NETWORK = ("subnet_ids", "security_group_ids")
DOMAIN = "api_gateway_custom_domain"
NEEDLESS_OF_DOMAIN: Mapping[str, str] = {
    "certificate_arn": "a certificate is asked for; [domain] certificate names one that exists",
    "tls_version": "TLS 1.2 is the least",
    "tags": "[tags] are those of all resources",
}
PRIVATE = "api_gateway_endpoint_type"


def find(root: Path) -> Path | None:
    """Return Chalice's file of the project; None if there is none."""
    return root / NAME if (root / NAME).is_file() else None


def read(path: Path, code: Code) -> Moved:
    """Return what the file says. Raises SettingsError."""
    content = documents.read(path)
    stages = content.get("stages")
    tables = (
        {str(name): each for name, each in stages.items() if isinstance(each, dict)}
        if isinstance(stages, dict)
        else {}
    )
    tables = tables or {"dev": {}}
    top = {key: value for key, value in content.items() if key != "stages"}
    name = str(content.get("app_name") or path.parent.parent.resolve().name)
    several = len(tables) > 1 or set(tables) != {"dev"}
    return Moved(
        tool=TOOL,
        file=NAME,
        stages={
            stage if several else "": tuple(_settings({**top, **table}, code))
            for stage, table in tables.items()
        },
        name=name,
        deployed=tuple(f"{slug(name)}-{stage}" for stage in tables),
        removal=tuple(f"chalice delete --stage {stage}" for stage in tables),
        domains=tuple(dict.fromkeys(_domains([top, *tables.values()]))),
    )


def _domains(configs: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for config in configs:
        domain = config.get(DOMAIN)
        if isinstance(domain, dict) and isinstance(domain.get("domain_name"), str):
            yield domain["domain_name"]


def _settings(config: Mapping[str, Any], code: Code) -> Iterator[Setting]:
    if not code.apps:
        yield refuse("app.py", THE_WAY)
    for key, value in config.items():
        try:
            if key not in NETWORK:
                yield from _setting(key, value)
            elif key == NETWORK[0] or NETWORK[0] not in config:
                yield from readings.network("subnet_ids, security_group_ids", *map(config.get, NETWORK))
        except WrongForm as error:
            yield by_hand(key, f"it is not {error}")


def _setting(key: str, value: Any) -> Iterator[Setting]:
    if key in CARRIED:
        option, read_value = CARRIED[key]
        yield readings.one(key, value, option, read_value)
    elif key == "environment_variables":
        yield from readings.variables(key, as_table(value))
    elif key == PRIVATE and value == "PRIVATE":
        why = f"name the VPC endpoints in [http] vpc_endpoints, and take auth out; {readings.UNTIL_THEN}"
        yield by_hand(key, why, {("http", "endpoint"): "rest-api", **readings.CLOSED})
    elif key == DOMAIN:
        for name, each in as_table(value).items():
            yield _of_domain(f"{key}.{name}", name, each)
    elif key in NEEDLESS:
        yield needless(key, NEEDLESS[key])
    else:
        yield by_hand(key, "see docs/moving-in.md for what there is")


def _of_domain(key: str, name: str, value: Any) -> Setting:
    if name == "domain_name":
        return readings.own_names(key, as_list(value))
    if name in NEEDLESS_OF_DOMAIN:
        return needless(key, NEEDLESS_OF_DOMAIN[name])
    return by_hand(key, "[domain] path is the path on a name that exists: docs/domains.md")
