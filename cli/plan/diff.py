"""lambdify diff, and deploy --dry-run: what a deployment would do, without doing it.

    Bundle ──plan──▶ Artifact ──write──▶ Template ──propose──▶ ChangeSet ──read, discard──▶ Diff

The archives are packed, since the template holds their digests, but not uploaded: CloudFormation reads the
code when a change set is applied, not when it is created. The change set is removed again, and for a new
stage also the empty stack that holds it.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lambdify.cli import template
from lambdify.cli.artifacts import archives, images
from lambdify.cli.aws import Account
from lambdify.cli.console import Console
from lambdify.cli.domains import names
from lambdify.cli.hooks.template import amend
from lambdify.cli.plan import costs, preview, sources
from lambdify.cli.plan import drift as drift_detection
from lambdify.cli.plan.drift import Drift
from lambdify.cli.plan.preview import Preview
from lambdify.cli.rehearsal import gate
from lambdify.cli.releases import new_stage, traffic
from lambdify.cli.releases import refresh as refresh_marks
from lambdify.cli.stacks import change_sets, changes, stack
from lambdify.cli.stacks.changes import Body, Change
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stacks.stack_events import Sleep
from lambdify.cli.stage import Stage
from lambdify.cli.template import Template

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle


@dataclass(frozen=True, kw_only=True)
class Diff:
    """What a deployment would do to a stage."""

    stack: str
    region: str
    creates: bool
    """Whether the stage does not exist yet."""
    changed: bool
    preview: Preview
    drift: Drift | None
    """None if it was not detected."""


def compute(
    stage: Stage,
    pack: Callable[[], "Bundle"],
    console: Console,
    *,
    drift: bool = True,
    refresh: bool = False,
    sleep: Sleep = time.sleep,
) -> Diff:
    """Return what `deploy` would do, with `refresh` as `deploy --refresh`.

    Raises StackBusy, StackForeign, FunctionForeign, and DeployFailed for a template that is refused.
    """
    existing = stack.find(stage)
    if existing is not None and existing.is_busy:
        raise stack.busy(existing.name, existing.state)
    if existing is None or existing.is_new:
        new_stage.check(stage, console, yes=True)
    looked = names.check(stage, existing)
    bundle = pack()
    images.check_kind(bundle, existing.outputs if existing else {})
    artifact = archives.plan(bundle, stage)
    refreshed = datetime.now(UTC) if refresh else None
    settled = names.foresee(stage, looked, console)
    settings = refresh_marks.keep(gate.add_variable(settled), existing, refreshed)
    settings = sources.without_passed(replace(stage, settings=settings), existing, console)
    wanted = amend(template.write(settings, artifact, bundle.target), settings, console)
    with console.step("Asking CloudFormation what would change"):
        found, before = _changes(wanted, existing, stage.account, sleep)
    if existing is not None and before and existing.live != existing.published:
        console.note(f"The traffic is with version {existing.live}, of before: `deploy` moves it forward.")
    by_hand = None
    if drift and existing is not None and before:
        with console.step("Looking for what was changed by hand"):
            by_hand = drift_detection.detect(existing, stage.account, sleep=sleep)
    return Diff(
        stack=stage.name,
        region=stage.region,
        creates=not before,
        changed=bool(found),
        preview=preview.make(found, before, wanted.body, kept=stage.settings.release.keep),
        drift=by_hand,
    )


def _changes(
    wanted: Template, existing: Stack | None, account: Account, sleep: Sleep
) -> tuple[tuple[Change, ...], Body]:
    """Return the changes, and the template that is deployed."""
    if existing is not None and existing.state in stack.NOT_CHANGEABLE:
        # `deploy` removes the remains of a failed creation, and starts again.
        gone = existing.state in stack.FAILED_CREATION
        before = {} if gone else stack.fetch_body(existing, account)
        return changes.compare_templates(before, wanted.body), before
    held = traffic.hold(wanted, existing, account)
    change_set = change_sets.propose(wanted, existing, account, parameters=held, sleep=sleep)
    if change_set is None:
        return (), wanted.body
    change_sets.discard(change_set, account)
    return change_set.changes, change_set.before


def to_json(diff: Diff) -> dict[str, Any]:
    """Return the diff for --json. Programs depend on these names: new ones may be added, none changed."""
    what = diff.preview
    return {
        "stack": diff.stack,
        "region": diff.region,
        "creates": diff.creates,
        "changed": diff.changed,
        "changes": [
            {
                "action": each.action,
                "resource": each.resource,
                "type": each.kind,
                "replaced": each.replaced,
                "loses_data": each.loses_data,
                "properties": [asdict(one) for one in each.properties],
            }
            for each in what.changes
        ],
        "lambdas": dict(what.lambdas),
        "rights": [asdict(each) for each in what.rights],
        "endpoint": asdict(what.url_change) if what.url_change else None,
        "monthly": {
            "currency": "USD",
            "before": what.monthly_before,
            "after": what.monthly,
            "basis": costs.basis(),
            "items": [asdict(each) for each in what.costs],
        },
        "drift": asdict(diff.drift) if diff.drift else None,
    }
