"""Logical ids that say what they are made of, anew for what a function of the project has changed.

A version publishes only when it is created, and an API's deployment is a snapshot: without another id the
change would be in the template, and would never reach a request.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambdify.cli.template import Template, function
from lambdify.cli.template.endpoints import digest

Resources = Mapping[str, Any]

DIGEST = 12
"""Characters of the digest at the end of such an id."""
VERSION = re.compile(r"Version\w*[0-9a-f]{12}")
IN_SNAPSHOT = "AWS::ApiGateway::"
BESIDE_SNAPSHOT = frozenset(
    f"{IN_SNAPSHOT}{each}"
    for each in ("Account", "ApiKey", "Deployment", "DomainName", "Stage", "UsagePlan", "UsagePlanKey")
)
METHOD, DEPLOYMENT = f"{IN_SNAPSHOT}Method", f"{IN_SNAPSHOT}Deployment"


def renew(written: Template, body: Mapping[str, Any]) -> Template:
    """Return the template with this body, in which what has changed has other ids."""
    before, after = written.body["Resources"], body["Resources"]
    ids = {**_versions(before, after), **_deployments(before, after)}
    text = json.dumps({**body, "Resources": _with_methods(before, after)}, indent=2) + "\n"
    for old, new in ids.items():
        text = text.replace(old, new)
    return replace(
        written, body=json.loads(text), text=text, version=ids.get(written.version, written.version)
    )


def _versions(before: Resources, after: Resources) -> dict[str, str]:
    """Return the new ids of versions, by the old ones, whose Lambda has changed."""
    found = {}
    for name, each in before.items():
        of = each.get("Properties", {}).get("FunctionName")
        if VERSION.fullmatch(name) and isinstance(of, dict) and of.get("Ref") in before:
            old, new = (_code(resources, of["Ref"]) for resources in (before, after))
            if old != new:
                found[name] = _renewed(name, new)
    return found


def _code(resources: Resources, name: str) -> dict[str, Any]:
    """Return what makes a version of a Lambda, as the template's own writer takes it."""
    layer = {"Layer": resources["Layer"]} if "Layer" in resources else {}
    return function.versioned({**layer, "Function": resources[name]})


def _deployments(before: Resources, after: Resources) -> dict[str, str]:
    """Return the new ids of deployments of REST APIs, by the old ones, if anything of an API has changed."""
    old, new = _snapshot(before), _snapshot(after)
    mine = [name for name, each in before.items() if each["Type"] == DEPLOYMENT]
    return {name: _renewed(name, new) for name in mine if old != new}


def _snapshot(resources: Resources) -> dict[str, Any]:
    return {
        name: each
        for name, each in resources.items()
        if each["Type"].startswith(IN_SNAPSHOT) and each["Type"] not in BESIDE_SNAPSHOT
    }


def _with_methods(before: Resources, after: Resources) -> dict[str, Any]:
    """Return the resources; deployments of ours wait for methods that were added."""
    added = [name for name, each in after.items() if each["Type"] == METHOD and name not in before]
    found = dict(after)
    for name, each in before.items():
        if each["Type"] == DEPLOYMENT and added:
            waits = dict.fromkeys([*after[name].get("DependsOn", []), *added])
            found[name] = {**after[name], "DependsOn": list(waits)}
    return found


def _renewed(name: str, of: object) -> str:
    return f"{name[:-DIGEST]}{digest([name, of])}"
