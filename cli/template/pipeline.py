"""lambdify template: the template that `deploy` would apply, for a pipeline that applies it itself.

Nothing is uploaded, and no call of AWS is made. Pseudo parameters stand for account and region, so one
template works for several; the bundle's keys are those of `deploy`.
"""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdify.cli import aws, template
from lambdify.cli.artifacts import archives
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.console import Console
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage
from lambdify.cli.template import Template, domain

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle


def write(settings: Settings, bundle: "Bundle", bucket: str | None, console: Console) -> Template:
    """Return the template of the stage, with the bundle in `bucket`, or where `deploy` would upload it."""
    # CloudFormation's pseudo parameters: it fills in the account and the region.
    any_account = aws.placeholder_account("${AWS::AccountId}", "${AWS::Region}", "${AWS::Partition}")
    planned = archives.plan(bundle, Stage(settings=settings, account=any_account))
    registry = planned.image.replace(".amazonaws.com/", ".${AWS::URLSuffix}/")
    artifact = replace(planned, bucket=bucket or planned.bucket, image=registry)
    _note_uploads(settings, bundle, bucket, artifact, console)
    if settings.domain.names and not domain.served(settings):
        console.note(
            "The names of [domain] are not in it: `lambdify deploy` asks for their certificate. Name one "
            "that is there in [domain] certificate, and the hosted zone in zone."
        )
    return template.write(domain.in_zone(settings), artifact, bundle.target)


def _note_uploads(
    settings: Settings, bundle: "Bundle", bucket: str | None, artifact: Artifact, console: Console
) -> None:
    """Note what has to be uploaded before the template is applied."""
    if artifact.image:
        repository, _, tag = artifact.image.partition("/")[2].partition(":")
        console.note(
            f"The bundle needs a container image: `lambdify deploy` pushes it to {repository}, as {tag}."
        )
        return
    folder = f"s3://{bucket or 'lambdify-ACCOUNT-REGION'}/{settings.prefix}"
    if artifact.static:
        console.note(
            f"The CDN serves static files from {artifact.static.bucket}: `lambdify deploy` puts them there, "
            "and the record that the output Files names says which they are."
        )
    for archive in bundle.archives:
        console.note(f"Upload {archive.path} to {folder}{archive.path.name}")


def as_yaml(written: Template) -> str:
    """Return the template as YAML, which is easier to read. CloudFormation takes JSON and YAML."""
    import yaml

    # The text is parsed again, so that no object occurs twice: YAML would write it with an anchor.
    body: Any = json.loads(written.text)
    text: str = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)
    return text
