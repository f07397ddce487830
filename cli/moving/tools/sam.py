"""AWS SAM: template.yaml, .yml or .json with AWS::Serverless functions, and samconfig.toml beside it.

Parameters have their defaults; everything else of CloudFormation's is known only there.
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lambdify.cli.errors import SettingsError
from lambdify.cli.moving.reading import code as code_room
from lambdify.cli.moving.reading import documents, readings, resources, sources
from lambdify.cli.moving.reading.code import Code
from lambdify.cli.moving.reading.setting import (
    Moved,
    Setting,
    by_hand,
    carry,
    needless,
)
from lambdify.cli.moving.tools import sam_events, sam_web
from lambdify.cli.moving.tools.sam_web import Function
from lambdify.cli.settings import slug

TOOL = "AWS SAM"
NAMES = ("template.yaml", "template.yml", "template.json")
CONFIG = "samconfig.toml"
FUNCTION = "AWS::Serverless::Function"
APIS = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi")


def find(root: Path) -> Path | None:
    """Return the template of the project; None if there is none of SAM's."""
    there = (root / name for name in NAMES if (root / name).is_file())
    return next((path for path in there if b"AWS::Serverless" in path.read_bytes()), None)


def read(path: Path, code: Code) -> Moved:
    """Return what a template says. Raises SettingsError."""
    template = documents.read(path)
    found = template.get("Resources")
    if not isinstance(found, dict):
        raise SettingsError(f"{path.name} has no Resources.")
    filled = _fill(template, _parameters(template))
    functions = _functions(filled)
    web = next((each for each in functions if each.is_web), None)
    deploy = _deploy_parameters(path.parent / CONFIG)
    stack = deploy.get("stack_name")
    name = str(stack) if isinstance(stack, str) else path.parent.resolve().name
    # The stack is called as it is; ours has the stage behind it.
    ours = name.removesuffix("-dev") or name
    settings = (
        *_app(web, functions, code),
        *(sam_web.read(web) if web else ()),
        *_others([each for each in functions if each != web], web, code),
        *_rest(filled),
        *_config(deploy),
    )
    return Moved(
        tool=TOOL,
        file=path.name,
        stages={"": settings},
        name=ours,
        deployed=(slug(name),),
        removal=(f"sam delete --stack-name {name}",),
        domains=(),
    )


def _parameters(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that have a default, which hides no secret."""
    parameters = template.get("Parameters")
    return {
        str(name): each["Default"]
        for name, each in (parameters.items() if isinstance(parameters, dict) else ())
        if isinstance(each, dict)
        and "Default" in each
        and not each.get("NoEcho")
        and not str(each.get("Type", "")).startswith("AWS::SSM")
    }


def _fill(value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a value with the defaults of parameters in the place of their references."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and isinstance(value["Ref"], str) and value["Ref"] in parameters:
            return parameters[value["Ref"]]
        return {str(key): _fill(each, parameters) for key, each in value.items()}
    return [_fill(each, parameters) for each in value] if isinstance(value, list) else value


def _functions(template: Mapping[str, Any]) -> list[Function]:
    shared = template.get("Globals")
    common = shared.get("Function") if isinstance(shared, dict) else None
    common = common if isinstance(common, dict) else {}
    found = []
    for name, body in template["Resources"].items():
        own = body.get("Properties") if isinstance(body, dict) and body.get("Type") == FUNCTION else None
        if isinstance(body, dict) and body.get("Type") == FUNCTION:
            found.append(Function(name, _merge(common, own if isinstance(own, dict) else {})))
    return found


def _merge(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's properties over those of Globals: tables are merged, lists are joined.

    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
    """
    merged = dict(common)
    for key, value in own.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict) and not readings.is_reference(value):
            merged[key] = _merge(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            merged[key] = [*before, *value]
        else:
            merged[key] = value
    return merged


# ------------------------------------------------------------------------------------ the app


def _app(web: Function | None, functions: list[Function], code: Code) -> Iterator[Setting]:
    if web is None:
        if functions:
            yield carry("Resources", {("http", "endpoint"): "none"}, "no function is called by HTTP")
        return
    key = f"{web.name}.Handler"
    if sam_web.has_web_adapter(web):
        yield needless(f"{web.name}: Lambda Web Adapter", f"the adapter calls the app itself; {code.found}")
        return
    yield readings.app(key, str(web.properties.get("Handler", "")), code)


# ------------------------------------------------------------------------------------ the rest


def _others(functions: Sequence[Function], web: Function | None, code: Code) -> Iterator[Setting]:
    """Yield the functions beside the web app."""
    taken: dict[str, None] = {}
    for each in functions:
        key, own = each.name, _own(each, web)
        runtime = str(each.properties.get("Runtime", "python"))
        handler = code_room.reference(str(each.properties.get("Handler", "")))
        if not runtime.startswith("python") or not handler:
            yield by_hand(key, "it is no function in Python: leave it in a stack of its own")
            continue
        name = sources.name_for(key[:1].lower() + key[1:].removesuffix("Function"), taken)
        taken[name] = None
        yield from sam_events.read(key, name, handler, own, each.events, code)


def _own(function: Function, web: Function | None) -> dict[str, Any]:
    """Return the properties in which a function differs from the web app, whose others it shares."""
    shared = web.properties if web else {}
    own = {
        key: value for key, value in function.properties.items() if key not in shared or shared[key] != value
    }
    if sam_web.variables(function).items() <= (sam_web.variables(web) if web else {}).items():
        own.pop("Environment", None)
    return own


def _rest(template: Mapping[str, Any]) -> Iterator[Setting]:
    others = {}
    for name, body in template["Resources"].items():
        kind = str(body.get("Type", "")) if isinstance(body, dict) else ""
        if kind in APIS:
            yield from _api(name, body)
        elif not kind.startswith("AWS::Serverless::"):
            others[name] = body
        elif kind == "AWS::Serverless::SimpleTable":
            yield by_hand(name, f"{kind}: it holds data and stays in the old stack; {resources.RETAIN}")
        elif kind != FUNCTION:
            yield by_hand(name, f"{kind}: lambdify has no counterpart; leave it in a stack of its own")
    yield from resources.read("Resources", others)
    for part, why in (
        ("Conditions", "lambdify has stages instead"),
        ("Mappings", "lambdify has stages instead"),
    ):
        if template.get(part):
            yield by_hand(part, why)
    if template.get("Outputs"):
        yield by_hand("Outputs", "write those that others read into [outputs]")


def _api(name: str, body: Mapping[str, Any]) -> Iterator[Setting]:
    properties = body.get("Properties")
    properties = properties if isinstance(properties, dict) else {}
    yield needless(name, "an API with one catch-all route is made")
    auth = properties.get("Auth")
    if isinstance(auth, dict) and auth.get("ApiKeyRequired"):
        yield carry(
            f"{name}.Auth", {("http", "endpoint"): "rest-api", ("http", "api_key"): True}, "for every path"
        )
    elif auth:
        yield sam_web.closed(f"{name}.Auth")
    if properties.get("Domain"):
        domain = properties["Domain"]
        named = domain.get("DomainName") if isinstance(domain, dict) else domain
        yield readings.own_names(f"{name}.Domain", [named])
    if properties.get("Cors") or properties.get("CorsConfiguration"):
        yield by_hand(f"{name}.Cors", "[http.cors] origins, or leave it to the app")


def _deploy_parameters(path: Path) -> dict[str, Any]:
    """Return what samconfig.toml says of `sam deploy`."""
    if not path.is_file():
        return {}
    found: Any = documents.read(path)
    for key in ("default", "deploy", "parameters"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _config(deploy: Mapping[str, Any]) -> Iterator[Setting]:
    for key, value in deploy.items():
        at = f"{CONFIG}: {key}"
        if key in {"region", "profile"}:
            yield readings.one(at, value, (key,))
        elif key == "stack_name":
            yield carry(at, {}, "as name, with -web behind it where the stage would make it the old stack's")
        elif key == "parameter_overrides":
            yield by_hand(at, "lambdify has no parameters: stages, [environment] and `lambdify secrets set`")
        elif key == "tags":
            yield by_hand(at, "write them into [tags]")
        else:
            yield needless(at, "lambdify asks before it changes anything, and has a bucket of its own")
