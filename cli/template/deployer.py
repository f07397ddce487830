"""lambdify policy: the least IAM policy for deploying a stage.

It follows from the template of the stage: deployer.toml lists the actions that CloudFormation takes for each
type of resource, and those of lambdify itself. So it never holds a right that no setting needs.
"""

import functools
import json
import os.path
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lambdify.cli import template
from lambdify.cli.artifacts import published
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.artifacts.published import Static
from lambdify.cli.aws import Account
from lambdify.cli.packing.target import Target
from lambdify.cli.settings import names, stages
from lambdify.cli.settings.domains.conflicts import CDN_REGION
from lambdify.cli.settings.functions import Bucket, Queue, Rule, Topic
from lambdify.cli.settings.tables import Form
from lambdify.cli.stage import Stage
from lambdify.cli.template import alarms, cdn, domain, failed, roles, rollback_alarm, secrets, tasks
from lambdify.cli.template.endpoints import access_logs, alb

Statement = dict[str, Any]
Placeholders = Mapping[str, tuple[str, ...]]
"""Values of the placeholders in deployer.toml."""

RIGHTS = Path(__file__).with_name("deployer.toml")
STACK_PART = 24
"""Characters of a stack's name that CloudFormation always keeps in the names that it generates, such as those
of the project's own roles without a RoleName."""
MANAGED_SIZE = 6144
"""Characters of a managed policy; an inline policy of a role may have 10240.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
ISSUER = "token.actions.githubusercontent.com"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """An IAM policy."""

    document: Mapping[str, Any]
    uncovered: tuple[str, ...] = ()
    """Types of the user's own resources that the policy does not cover."""

    @property
    def text(self) -> str:
        """The policy as JSON."""
        return json.dumps(self.document, indent=2)

    @property
    def size(self) -> int:
        """Characters as IAM counts them: without white space."""
        return len("".join(self.text.split()))


@cache
def rights() -> Mapping[str, Any]:
    """Return deployer.toml: statements by type of resource, and those of "commands" and "images"."""
    return tomllib.loads(RIGHTS.read_text(encoding="utf-8"))


def write(stage: Stage, *, form: Form | None = None, beside: Sequence[Statement] = ()) -> Policy:
    """Return the policy for every command with this stage, without a call of AWS.

    `form` is the form that the last build chose, if the settings leave it open; `beside` are statements of
    deployer.toml that are needed besides.
    """
    wanted = _template(stage)
    resources: Mapping[str, Statement] = wanted["Resources"]
    placeholders = _placeholders(stage, resources)
    images = rights()["images"] if "image" in (stage.settings.build.form, form) else []
    needed = [*rights()["commands"], *beside, *images, *_needed(list(resources.values()))]
    statements = _join(
        [each for each in (_statement(each, placeholders) for each in needed) if each["Resource"]]
    )
    # Of the user's own resources only roles have names like ours; the names of others are not known.
    uncovered = sorted({each["Type"] for each in stage.settings.resources.values()} - {"AWS::IAM::Role"})
    return Policy(document={"Version": "2012-10-17", "Statement": statements}, uncovered=tuple(uncovered))


def write_previews(stage: Stage, pattern: str, *, form: Form | None = None) -> Policy:
    """Return the policy for every command with all stages of a pattern, such as "pr-*".

    `stage` is their example: see settings/stages. Where its name stands, any may stand.
    """
    policy = write(stage, form=form, beside=rights()["previews"])
    text = policy.text
    example = stages.example(pattern)
    if stage.settings.http.alb.listener:
        # The name is cut to fit, and ends with a digest that differs from stage to stage.
        group, begin = alb.group_name(stage.settings), stage.name.removesuffix(stages.EXAMPLE)
        text = text.replace(group, f"{os.path.commonprefix([group, begin])}*")  # noqa: RUF071 - of texts, not of paths
    for name in (example, example.lower()):
        text = text.replace(name, pattern)
    return replace(policy, document=json.loads(text))


def trust_github(
    repository: str, branch: str, stage: str, account: Account, *, previews: bool = False
) -> Policy:
    """Return the trust policy for GitHub workflows on a branch, or in the environment of the stage.

    With `previews` the stage may be a pattern, and workflows of pull requests are let in, too; GitHub gives
    those of forks no token.

    `repository` is OWNER/REPO, or OWNER@ID/REPO@ID. Since July 2026 the tokens of new, renamed and
    transferred repositories contain their ids, those of older ones do not: both forms are accepted. With the
    ids, a later repository of the same name is never accepted.
    https://docs.github.com/actions/reference/security/oidc
    """
    owner, _, name = repository.partition("/")
    plain = f"{owner.partition('@')[0]}/{name.partition('@')[0]}"
    exact = repository if "@" in owner and "@" in name else f"{owner}@*/{name}@*"
    contexts = [f"ref:refs/heads/{branch}", f"environment:{stage}", *(["pull_request"] if previews else [])]
    subjects = [f"repo:{each}:{context}" for each in (plain, exact) for context in contexts]
    provider = f"arn:{account.partition}:iam::{account.account_id}:oidc-provider/{ISSUER}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com"},
            "StringLike": {f"{ISSUER}:sub": subjects},
        },
    }
    return Policy(document={"Version": "2012-10-17", "Statement": [statement]})


def _template(stage: Stage) -> Mapping[str, Any]:
    """Return the template's body for the settings, with any bundle."""
    folder = stage.prefix
    artifact = Artifact(
        bucket=stage.bucket,
        app_key=f"{folder}app.zip",
        layer_key=f"{folder}layer.zip",
        static=_static(stage),
        uploaded=(),
    )
    target = Target(python=stage.settings.function.python, architecture=stage.settings.function.architecture)
    return template.write(domain.foresee(stage.settings), artifact, target).body


def _of_cdn(stage: Stage) -> Placeholders:
    """Return the ARNs of a CDN, of the bucket of its files, and of the stage's part of it; () without one."""
    bucket = f"arn:{stage.account.partition}:s3:::{stage.static_bucket}"
    files = (f"{bucket}/{stage.prefix}*", f"{bucket}/{published.kept(stage)}*")
    begin = f"arn:{stage.account.partition}:cloudfront::{stage.account.account_id}:"
    ids = tuple(f"{begin}{kind}/*" for kind in ("distribution", "origin-access-control"))
    function = f"{begin}function/{cdn.global_name(stage.settings, stage.region)}"
    acl = (stage.settings.cdn.web_acl,) if stage.settings.cdn.web_acl else ()
    found = {"static_bucket": (bucket,), "static_files": files, "of_cdn": (*ids, function), "web_acl": acl}
    return found if stage.settings.http.cdn else dict.fromkeys(found, ())


def _of_names(stage: Stage) -> Placeholders:
    """Return what the rights for [domain] are limited to; () for all of it without names."""
    here, chosen = stage.account, stage.settings.domain
    found = dict.fromkeys(
        ("certificates", "to_request", "to_list", "to_look_up", "zones", "records", "domains", "client_ca"),
        (),
    )
    if not chosen.names:
        return {**found, "project": (), "stage": ()}
    paths = [f"/domainnames/{name}{below}" for name in chosen.names for below in ("", "/*")]
    begin = f"arn:{here.partition}"
    # A stage that gets a CDN, or loses it, has had its certificate in the other region.
    regions = dict.fromkeys((stage.region, CDN_REGION))
    certificates = tuple(f"{begin}:acm:{region}:{here.account_id}:certificate/*" for region in regions)
    zone = "*" if chosen.zone == "auto" else chosen.zone
    more: dict[str, tuple[str, ...]] = {
        "domains": tuple(f"{begin}:apigateway:{stage.region}::{path}" for path in ("/domainnames", *paths)),
        "client_ca": (f"{begin}:s3:::{chosen.client_ca.removeprefix('s3://')}",),
        "project": (stage.settings.name,),
        "stage": (stage.settings.stage,),
    }
    if not chosen.path:
        more |= {"certificates": certificates, "to_list": ("*",)}
        more |= {} if chosen.certificate else {"to_request": ("*",)}
    if not chosen.path and zone != "none":
        more |= {"zones": (f"{begin}:route53:::hostedzone/{zone}",), "to_look_up": ("*",)}
        more |= {"records": domain.records_of(chosen.names)}
    return {**found, **more}


def _static(stage: Stage) -> Static | None:
    """Return some files of a CDN, where there is one: that the app has some is known after packing."""
    if not stage.settings.http.cdn:
        return None
    return Static(bucket=stage.static_bucket, folder="/", record="", paths=("/static/*",))


def _needed(resources: list[Statement]) -> Iterator[Statement]:
    """Yield the statements of deployer.toml for each type of resource in the template, once."""
    for kind, statements in rights().items():
        there = [each.get("Properties", {}) for each in resources if each["Type"] == kind]
        for statement in statements if there else ():
            if "if" not in statement or any(statement["if"] in properties for properties in there):
                yield statement


def _placeholders(stage: Stage, resources: Mapping[str, Statement]) -> Placeholders:
    name, listener = stage.name, stage.settings.http.alb.listener
    log = f"arn:{stage.account.partition}:logs:{stage.region}:{stage.account.account_id}:log-group:"
    log += access_logs.group_name(stage.settings)
    boundary, access_point = stage.settings.role.boundary, stage.settings.efs.access_point
    return {
        "partition": (stage.account.partition,),
        "region": (stage.region,),
        "account": (stage.account.account_id,),
        "name": (name,),
        "functions": _functions(stage, resources),
        **_beside(stage),
        **_roles(stage, resources),
        "secrets": (stage.settings.secrets_path,),
        "vault": _vault(stage),
        "bucket": (stage.bucket,),
        "prefix": (stage.prefix,),
        **_of_cdn(stage),
        **_of_names(stage),
        "group": (alb.group_name(stage.settings),),
        "repository": (name.lower(),),
        "log": (log, f"{log}:*") if stage.settings.http.access_logs else (),
        "layers": stage.settings.function.layers,
        "listener": (listener,),
        "rules": (listener.replace(":listener/", ":listener-rule/") + "/*",),
        "key": (stage.settings.function.kms_key,),
        "authorizer": (stage.settings.http.authorizer.function,)
        if stage.settings.http.auth == "lambda"
        else (),
        "files": (access_point.partition(":access-point/")[0] + ":file-system/*", access_point),
        "boundary": (boundary,) if boundary else (),
        "policies": stage.settings.role.managed_policies,
    }


def _functions(stage: Stage, resources: Mapping[str, Statement]) -> tuple[str, ...]:
    """Return the ARNs of the stage's own Lambdas, each followed by that of its versions and aliases."""
    names = [
        each["Properties"]["FunctionName"]
        for logical, each in resources.items()
        if each["Type"] == "AWS::Lambda::Function" and logical not in stage.settings.resources
    ]
    begin = f"arn:{stage.account.partition}:lambda:{stage.region}:{stage.account.account_id}:function:"
    return tuple(f"{begin}{name}{versions}" for name in names for versions in ("", ":*"))


def _beside(stage: Stage) -> Placeholders:
    """Return the ARNs of what a stage has for functions and tasks; all are () in a stage without them."""
    settings, own = stage.settings, f"{stage.region}:{stage.account.account_id}:"
    begin = f"arn:{stage.account.partition}:"
    here = functools.partial(names.arn, settings)
    scheduled = any(each.is_scheduled for each in settings.functions.values())
    shifted = (rollback_alarm.schedule_name(settings),) if rollback_alarm.is_guarded(settings) else ()
    named = [*shifted, *(f"{each}*" for each in names.beginnings(settings) if scheduled)]
    sources = [source for each in settings.functions.values() for _, _, source in each.sources]
    topics = [each.topic for each in sources if isinstance(each, Topic)]
    polled = [each.queue for each in sources if isinstance(each, Queue)]
    buckets = [each.bucket for each in sources if isinstance(each, Bucket)]
    place = {"partition": stage.account.partition, "place": own.removesuffix(":")}
    tasked, with_rules = settings.tasks.workers, any(isinstance(each, Bucket | Rule) for each in sources)
    return {
        "schedules": tuple(f"{begin}scheduler:{own}schedule/default/{each}" for each in named),
        "asked_buckets": tuple(
            dict.fromkeys(f"{begin}s3:::{each}" for each in buckets if each not in settings.resources)
        ),
        "read_again": tuple(
            dict.fromkeys(
                arn
                for each in settings.functions.values()
                for kind in ("dynamodb", "kinesis")
                for arn in names.streams(settings, each, kind, **place)
            )
        ),
        "later": (f"{begin}scheduler:{own}schedule/{tasks.name(settings)}/*",) if tasked else (),
        "group_later": (f"{begin}scheduler:{own}schedule-group/{tasks.name(settings)}",) if tasked else (),
        "queues": tuple(
            f"{begin}sqs:{own}{name}"
            for name in (failed.name(settings), *([tasks.name(settings)] if tasked else []))
            if settings.keeps_failed
        ),
        "emptied": (
            *([f"{begin}sqs:{own}{tasks.name(settings)}"] if tasked else []),
            *dict.fromkeys(here(each, f"{begin}sqs:{own}{{}}") for each in polled),
        ),
        "results": (f"{begin}dynamodb:{own}table/{tasks.name(settings)}",) if settings.tasks.results else (),
        **_alarms(stage, begin, own),
        "event_rules": tuple(
            f"{begin}events:{own}rule/{bus}{each}*"
            for each in names.beginnings(settings)
            for bus in ("", "*/")
            if with_rules
        ),
        "topics": (
            *dict.fromkeys(here(each, f"{begin}sns:{own}{{}}") for each in topics),
            *([f"{begin}sns:{own}{alarms.topic_name(settings)}"] if settings.alarms.email else []),
        ),
        "subscriptions": ("*",) if topics or settings.alarms.email else (),
        "mappings": (f"{begin}lambda:{own}event-source-mapping:*",) if settings.keeps_failed else (),
        "to_map": ("*",) if settings.keeps_failed else (),
    }


def _alarms(stage: Stage, begin: str, own: str) -> Placeholders:
    """Return the ARNs of alarms beside the one of a shift, and of the topic that sends mail; () for none."""
    settings, there = stage.settings, f"{begin}cloudwatch:{own}alarm:"
    names = [failed.name(settings)] if settings.keeps_failed and failed.told(settings) else []
    if settings.alarms.tell:
        names.append(f"{alarms.prefix(settings)}*")
    mail = settings.alarms.email
    return {
        "alarms": tuple(f"{there}{each}" for each in names),
        "alarm_topic": (f"{begin}sns:{own}{alarms.topic_name(settings)}",) if mail else (),
    }


def _vault(stage: Stage) -> tuple[str, ...]:
    """Return the ARNs of the secrets in Secrets Manager that the settings name."""
    begin = f"arn:{stage.account.partition}:secretsmanager:{stage.region}:{stage.account.account_id}:secret:"
    sources = [each for each in stage.settings.secrets.values() if each.startswith("secretsmanager:")]
    names = {each.partition(":")[2].partition("#")[0] for each in sources}
    return tuple(
        each if each.startswith("arn:") else f"{begin}{each}{secrets.ANY_SUFFIX}" for each in sorted(names)
    )


def _roles(stage: Stage, resources: Mapping[str, Statement]) -> Placeholders:
    """Return the ARNs of all roles in the template, of the function's role, and of the schedules' roles."""
    path = f"arn:{stage.account.partition}:iam::{stage.account.account_id}:role/"
    made = {
        logical: path + _role_name(stage, each.get("Properties", {}).get("RoleName"))
        for logical, each in resources.items()
        if each["Type"] == "AWS::IAM::Role"
    }
    function = stage.settings.role.arn or made[roles.LOGICAL_ID]
    others = tuple(dict.fromkeys(arn for logical, arn in made.items() if logical != roles.LOGICAL_ID))
    return {"roles": tuple(dict.fromkeys(made.values())), "role": (function,), "schedulers": others}


def _role_name(stage: Stage, role_name: object) -> str:
    """Return the name of a role; for one that CloudFormation names, a pattern that matches it."""
    if isinstance(role_name, dict) and isinstance(role_name.get("Fn::Sub"), str):
        role_name = role_name["Fn::Sub"].replace("${AWS::Region}", stage.region)
    if isinstance(role_name, str) and "${" not in role_name:
        return role_name
    begins = f"{stage.name}-" if len(stage.name) < STACK_PART else stage.name[:STACK_PART]
    return f"{begins}*" if role_name is None else "*"


def _statement(rule: Statement, placeholders: Placeholders) -> Statement:
    statement: Statement = {
        "Effect": "Allow",
        "Action": list(rule["actions"]),
        "Resource": [arn for each in rule["resources"] for arn in _fill(each, placeholders)],
    }
    condition = {
        operator: {key: values for key, value in keys.items() if (values := _fill(value, placeholders))}
        for operator, keys in rule.get("condition", {}).items()
    }
    if condition := {operator: keys for operator, keys in condition.items() if keys}:
        statement["Condition"] = condition
    return statement


def _fill(text: str, placeholders: Placeholders) -> list[str]:
    """Return the texts for a text with placeholders: several, or none, if it is nothing but a placeholder."""
    if text.startswith("{") and text.endswith("}") and text[1:-1] in placeholders:
        return list(placeholders[text[1:-1]])
    return [text.format(**{name: values[0] for name, values in placeholders.items() if values})]


def _join(statements: list[Statement]) -> list[Statement]:
    """Join statements that differ in actions or in resources only, since policies have a size limit."""
    same_place = _join_by("Resource", "Action", statements)
    return _join_by("Action", "Resource", same_place)


def _join_by(same: str, joined: str, statements: list[Statement]) -> list[Statement]:
    """Return the statements; those with the same condition and the same `same` are one."""
    found: dict[str, Statement] = {}
    for each in statements:
        key = json.dumps([sorted(each[same]), each.get("Condition")])
        there = found.setdefault(key, {**each, joined: []})
        new = [one for one in each[joined] if one not in there[joined]]
        there[joined] = [*there[joined], *new]
    return [{**each, "Action": sorted(each["Action"])} for each in found.values()]
