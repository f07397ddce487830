"""lambdify template: what `deploy` would hand to CloudFormation, for a pipeline that does it by itself.

Nothing is uploaded and nobody is asked. The account and the region are left to CloudFormation, which puts
them where they belong, so that one text will do for several; the bundle's keys are those that `deploy` would
use.
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
from lambdify.cli.template import Template

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle


def write(settings: Settings, bundle: "Bundle", bucket: str | None, console: Console) -> Template:
    """The template of the stage with this bundle, to be found in `bucket`, or where `deploy` would put it."""
    # CloudFormation's own words: it puts in whose account and which region it is.
    any_account = aws.placeholder_account("${AWS::AccountId}", "${AWS::Region}", "${AWS::Partition}")
    planned = archives.plan(bundle, Stage(settings=settings, account=any_account))
    registry = planned.image.replace(".amazonaws.com/", ".${AWS::URLSuffix}/")
    artifact = replace(planned, bucket=bucket or planned.bucket, image=registry)
    _note_uploads(settings, bundle, bucket, artifact, console)
    return template.write(settings, artifact, bundle.target)


def _note_uploads(
    settings: Settings, bundle: "Bundle", bucket: str | None, artifact: Artifact, console: Console
) -> None:
    """What has to be where before CloudFormation is given the template."""
    if artifact.image:
        repository, _, tag = artifact.image.partition("/")[2].partition(":")
        console.note(
            f"The bundle needs a container image: `lambdify deploy` pushes it to {repository}, as {tag}."
        )
        return
    folder = f"s3://{bucket or 'lambdify-ACCOUNT-REGION'}/{settings.prefix}"
    for archive in bundle.archives:
        console.note(f"Upload {archive.path} to {folder}{archive.path.name}")


def as_yaml(written: Template) -> str:
    """The template as people read it. CloudFormation takes both."""
    import yaml

    # Read again, so that no two places hold the same object: those would become anchors.
    body: Any = json.loads(written.text)
    text: str = yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=110)
    return text
