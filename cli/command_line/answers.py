"""Answers of the smaller commands, as tables for people and as JSON for programs.

Rooms return values; this module turns them into what a command prints.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lambdify.cli.formatting import columns, size

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from lambdify.cli.local.daemon.cloud import Cloud, ServedStage
    from lambdify.cli.previews import Preview
    from lambdify.cli.releases import Release
    from lambdify.cli.storage.caches import CacheFolder


def to_json(answer: "DataclassInstance") -> Any:
    """Return an answer's fields for --json; paths, dates and times as text."""
    return json.loads(json.dumps(asdict(answer), default=_text))


def show_cache(caches: "Sequence[CacheFolder]") -> str:
    """Return a table of what the caches hold, and where it is."""
    rows = [
        (
            each.name,
            str(each.entries),
            size(each.bytes),
            f"{each.newest.astimezone():%Y-%m-%d %H:%M}" if each.newest else "",
            each.holds,
            str(each.folder),
        )
        for each in caches
    ]
    return "\n".join(columns(("Kind", "Entries", "Size", "Newest", "What", "Where"), rows))


def show_releases(found: "Sequence[Release]") -> str:
    """Return a table of releases in the order given; ▶ marks the live one."""
    if not found:
        return "No release is recorded."
    rows = [
        (
            "▶" if each.state == "live" else "",
            str(each.number),
            f"{each.at.astimezone():%Y-%m-%d %H:%M}",
            each.by.rpartition(":")[2] or "?",
            (each.commit[:9] or "-") + ("*" if each.dirty else ""),
            each.version,
            _describe_state(each),
        )
        for each in found
    ]
    return "\n".join(columns(("", "Release", "When", "Who", "Commit", "Version", "State"), rows))


def describe_release(release: "Release") -> str:
    """Return what a release is, in a few words."""
    commit = f", {release.commit[:9]}" if release.commit else ""
    return f"{release.at.astimezone():%Y-%m-%d %H:%M}{commit}, {release.state}"


def _describe_state(release: "Release") -> str:
    if not release.reason:
        return release.state
    state = {"live": "live, but failed:", "rolled back": "rolled back"}.get(
        release.state, f"{release.state}:"
    )
    return f"{state} {release.summary}"


def show_previews(found: "Sequence[Preview]") -> str:
    """Return a table of the previews that are deployed."""
    rows = [
        (each.stage, f"{each.changed_at.astimezone():%Y-%m-%d %H:%M}", each.state, each.endpoint)
        for each in found
    ]
    return "\n".join(columns(("Stage", "Deployed", "State", "Endpoint"), rows))


def show_local(running: "Cloud | None", stages: Sequence["ServedStage"]) -> str:
    """Return a table of the stages that the local cloud serves."""
    if running is None:
        return "The local cloud is not running."
    apis = f"AWS's APIs: {running.endpoint_url}, with the keys that `lambdify local env` prints."
    if not stages:
        return f"The local cloud is running, and nothing is deployed to it.\n{apis}"
    rows = [(each.name, each.region, each.url, each.version, str(each.environments)) for each in stages]
    return "\n".join([*columns(("Stage", "Region", "Endpoint", "Version", "Environments"), rows), "", apis])


def exports(variables: Mapping[str, str]) -> str:
    """Lines for a shell. What would lead somewhere else is taken out of its environment."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join([*lines, "unset AWS_PROFILE AWS_SESSION_TOKEN"])


def _text(unknown: object) -> str:
    isoformat = getattr(unknown, "isoformat", None)
    return str(isoformat() if isoformat else unknown)
