"""What several tools say in nearly the same words: variables, rights, a Python, CORS, numbers.

Pure. Values that look like secrets are never part of what is returned.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lambdify.cli.failures import variables as secret_names
from lambdify.cli.moving.reading import code as code_room
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Keys,
    Setting,
    WrongForm,
    as_list,
    as_number,
    as_table,
    as_text,
    as_texts,
    by_hand,
    carry,
    needless,
)
from lambdify.cli.packing.bundle import secret_scan
from lambdify.cli.packing.target import runtimes, with_previews
from lambdify.cli.settings.domains import forms
from lambdify.cli.settings.mappings import FILE

PLACEHOLDER = re.compile(r"(?i)\s*(<.*>|\{\{.*\}\}|your[-_ ].*|change.?me|todo|x{3,})\s*")
"""What examples and generators leave to be filled in."""
NAME = re.compile(forms.NAME[0])
"""A host name."""
OWN_URL = "function-url"
"""The kind of endpoint that Lambda has itself."""
CLOSED: Mapping[Keys, Any] = {("http", "auth"): "iam"}
"""What lets nobody in where something kept strangers out that cannot be carried."""
UNTIL_THEN = 'until then auth = "iam" lets in signed requests only'
CLOUDFORMATION = "it is a value of CloudFormation's, known only there: write what it is"
_WITH_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")
_SWITCH = re.compile(r"(?i)|true|false|yes|no|on|off|none|\d{1,6}")
"""Values of variables that are no secrets, whatever the variable is called."""


# ------------------------------------------------------------------------------------ single options


def one(
    key: str, value: object, option: Keys, read: Callable[[object], object] = as_text, why: str = ""
) -> Setting:
    """Return a setting that is carried to one option, if its value has the form."""
    if is_reference(value):
        return by_hand(key, f"{_name(option)}: {CLOUDFORMATION}")
    try:
        found = read(value)
    except WrongForm as error:
        return by_hand(key, f"{_name(option)}: it is not {error}")
    if isinstance(found, str) and PLACEHOLDER.fullmatch(found):
        return by_hand(key, f"{_name(option)}: what stands there is a placeholder")
    return carry(key, {option: found}, why)


def app(key: str, written: str, code: Code) -> Setting:
    """Return the app behind a handler: what it wraps, or else itself."""
    handler = code_room.reference(written)
    module = handler.partition(":")[0]
    same = next((each for each in code.apps if each.app.partition(":")[0] == module), None)
    if same:
        return carry(key, {("app",): same.app}, "the adapter takes the place of what wraps it")
    if code.apps:
        return needless(key, f"the adapter takes its place; {code.found}")
    if handler and code.has(handler):
        return carry(key, {("app",): handler}, "a handler of your own, which is called as it is")
    return by_hand(key, code.found)


def is_reference(value: object) -> bool:
    """Whether a value is one of CloudFormation's functions: {"Ref": "Orders"}."""
    return (
        isinstance(value, dict)
        and len(value) == 1
        and str(next(iter(value))).startswith(("Ref", "Fn::", "Condition"))
    )


def holds_reference(value: object) -> bool:
    """Whether one of CloudFormation's functions is anywhere in a value."""
    if isinstance(value, dict):
        return is_reference(value) or any(map(holds_reference, value.values()))
    return any(map(holds_reference, value)) if isinstance(value, list) else False


def truth(value: object) -> bool:
    """Return true or false. Raises WrongForm."""
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise WrongForm("true or false")
    return value


def tags(value: object) -> dict[str, str]:
    """Return tags. Raises WrongForm."""
    return {name: as_text(each) for name, each in as_table(value).items()}


def architecture(value: object) -> str:
    """Return the CPU's architecture, as lambdify calls it. Raises WrongForm."""
    given = as_texts(value)
    if given not in (["arm64"], ["x86_64"]):
        raise WrongForm('"x86_64" or "arm64"')
    return given[0]


def python(key: str, runtime: object) -> Setting:
    """Return the function's Python, from Lambda's name of a runtime: "python3.13"."""
    found = re.fullmatch(r"python(3)\.?(\d{1,2})", str(runtime).strip())
    minor = f"{found[1]}.{found[2]}" if found else ""
    if minor in with_previews():
        return carry(key, {("function", "python"): minor})
    if found:
        oldest = next(iter(runtimes()))
        return by_hand(
            key,
            f"lambdify has no {minor}: try the app on {oldest} or newer first, and write [function] python",
        )
    return by_hand(key, "it is no Python that lambdify knows: write [function] python")


def network(key: str, subnets: object, groups: object) -> Iterator[Setting]:
    """Yield the subnets and the security groups of a VPC, which go together. Raises WrongForm."""
    if holds_reference([subnets, groups]):
        yield by_hand(key, f"[vpc] subnets and security_groups: {CLOUDFORMATION}")
    elif subnets or groups:
        values: dict[Keys, Any] = {
            ("vpc", "subnets"): as_texts(subnets),
            ("vpc", "security_groups"): as_texts(groups),
        }
        yield carry(key, {keys: value for keys, value in values.items() if value})


def cors(key: str, value: object, names: Mapping[str, str]) -> Setting:
    """Return what browsers may do; `names` are the tool's words for ours: {"origins": "allowed_origin"}."""
    if value in (False, None):
        return needless(key, "off unless [http.cors] origins are set")
    said = {} if value is True else as_table(value)
    readers: Mapping[str, Callable[[object], object]] = {
        "origins": as_texts, "methods": as_texts, "headers": as_texts, "expose": as_texts,
        "credentials": truth, "max_age": as_number,
    }  # fmt: skip
    found: dict[Keys, Any] = {
        ("http", "cors", option): readers[option](said[theirs])
        for option, theirs in names.items()
        if said.get(theirs) not in (None, [], "")
    }
    return carry(key, {("http", "cors", "origins"): ["*"], **found})


def own_names(key: str, names: object, why: str = "") -> Setting:
    """Return host names that are carried to [domain]; their records are told, since they lead elsewhere."""
    try:
        found = as_texts(names)
    except WrongForm as error:
        return by_hand(key, f"[domain] names: it is not {error}")
    if not found or any(is_reference(name) or not NAME.fullmatch(name) for name in found):
        return by_hand(key, "[domain] names, as they are in the end: docs/domains.md")
    told = "its certificate is asked for; it is served when the other tool has let it go: docs/domains.md"
    values: dict[Keys, Any] = {("domain", "names"): found, ("domain", "zone"): "none"}
    return carry(key, values, "; ".join(filter(None, (why, told))))


def _name(option: Keys) -> str:
    """Return an option as it is written about: "[function] memory"."""
    *tables, name = option
    return f"[{'.'.join(tables)}] {name}" if tables else name


# ------------------------------------------------------------------------------------ variables


def variables(key: str, values: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield environment variables. What looks like a secret becomes a line of [secrets], without a value."""
    for name, value in values.items():
        at = f"{key}.{name}"
        if holds_reference(value) and names_secret(name):
            why = "a secret that CloudFormation knows: `lambdify secrets set` stores it"
            yield by_hand(at, why, {("secrets", name): ""})
        elif holds_reference(value):
            yield by_hand(at, f"[environment] {name}: {CLOUDFORMATION}")
        elif value is None:
            yield needless(at, "it has no value")
        elif name == FILE:
            yield by_hand(at, "[environment] file names a file of variables: call the variable otherwise")
        elif isinstance(value, dict | list):
            yield by_hand(at, "a variable is text: write it into [environment] as the app reads it")
        else:
            yield _variable(at, name, value if isinstance(value, str) else json.dumps(value))


def _variable(key: str, name: str, value: str) -> Setting:
    if looks_secret(name, value):
        return by_hand(
            key,
            "it looks like a secret, so its value is not copied: `lambdify secrets set` stores it",
            {("secrets", name): ""},
        )
    return carry(key, {("environment", name): value})


def names_secret(name: str) -> bool:
    """Whether a variable of that name usually holds what others must not read."""
    return secret_names.is_secret_name(name)


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable holds what others must not read, by its name or by its value."""
    if _SWITCH.fullmatch(value.strip()):
        return False
    if value.startswith("sqlite:"):
        return False
    named = secret_names.is_secret_name(name)
    return (
        named
        or bool(_WITH_PASSWORD.search(value))
        or any(secret_scan.scan("env", f'{name} = "{value}"'.encode()))
    )


# ------------------------------------------------------------------------------------ rights


def rights(key: str, statements: object) -> Iterator[Setting]:
    """Yield the statements of a role: one setting for what can be carried, and one for each that cannot.

    Beside a statement that denies nothing is carried: what it took away would be allowed.
    """
    kept = []
    given = as_list(statements)
    if any(isinstance(each, dict) and each.get("Effect", "Allow") != "Allow" for each in given):
        yield by_hand(
            key, "a statement denies, and [[role.statements]] only allow: name a role of your own, [role] arn"
        )
        return
    for number, each in enumerate(given, 1):
        problem, statement = _statement(each)
        if problem:
            yield by_hand(f"{key} {number}", problem)
        else:
            kept.append(statement)
    if kept:
        wide = sorted({each for one in kept for each in one["actions"] if each == "*" or each.endswith(":*")})
        why = f"wide: {', '.join(wide)}; name the actions that the app needs" if wide else ""
        yield carry(key, {("role", "statements"): kept}, why)


def _statement(value: object) -> tuple[str, dict[str, list[str]]]:
    """Return why a statement cannot be carried, or "" and the statement as [[role.statements]] has it."""
    if not isinstance(value, dict):
        return "a statement is a table: write it as [[role.statements]]", {}
    extra = sorted(set(value) - {"Effect", "Action", "Resource", "Sid"})
    if extra:
        return f"[[role.statements]] have no {', '.join(extra)}: name a role of your own, [role] arn", {}
    actions, resources = as_list(value.get("Action")), as_list(value.get("Resource", "*"))
    if holds_reference(actions) or holds_reference(resources):
        return f"[[role.statements]] resources: {CLOUDFORMATION}", {}
    if not actions or not all(isinstance(each, str) for each in (*actions, *resources)):
        return "a statement has actions and resources: write it as [[role.statements]]", {}
    return "", {"actions": actions, "resources": resources}
