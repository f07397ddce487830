"""Container images in ECR, for bundles that are too large for zips.

Rules:
- There is one repository per stage, `lambdify/{name}-{stage}`. Tags are digests of the content and never
  move, so an image that exists is not built again, and CloudFormation sees every change.
- Lambda may pull from the repository for the stage's function; its policy allows nobody else.
  https://docs.aws.amazon.com/lambda/latest/dg/images-create.html#gettingstarted-images-permissions
- The repository is removed with the stage.
- In the local cloud ECR has no registry: the container engine that built an image keeps it, under the same
  name, and ECR has only the repository. The images stay in the engine when the cloud stops, until the stage
  is next deployed or removed.
"""

import base64
import json
import os
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.console import Console
from lambdify.cli.errors import AwsError, BundleRefused, DockerUnavailable
from lambdify.cli.packing.bundle import image
from lambdify.cli.packing.wheels import docker_host
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage

if TYPE_CHECKING:
    from lambdify.cli.packing.bundle.bundle import Bundle

NOT_FOUND = "^RepositoryNotFoundException:|^ImageNotFoundException:"
ENGINE_HINT = "Start Docker, or point DOCKER_HOST at an engine."
BUILD_HINT = f'{ENGINE_HINT} Or set [build] form = "layer", if the bundle is small enough for zips.'
ENGINE_TIMEOUT = 60
"""Seconds for the engine to answer if nothing is built."""
BATCH = 100
"""Images that BatchDeleteImage takes at once."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A bundle that is in ECR."""

    uri: str
    """Includes the tag."""
    pushed: bool
    """Whether it did not exist before."""


def repository_name(settings: Settings) -> str:
    """Return the name of the stage's repository, in lower case as ECR requires."""
    return f"lambdify/{settings.full_name.lower()}"


def plan(bundle: "Bundle", stage: Stage) -> str:
    """Return the URI that `put` would push to, without calls of ECR."""
    domain = "amazonaws.com.cn" if stage.account.partition == "aws-cn" else "amazonaws.com"
    registry = f"{stage.account.account_id}.dkr.ecr.{stage.region}.{domain}"
    return f"{registry}/{repository_name(stage.settings)}:{_tag(bundle, stage.settings)}"


def is_uri(artifact: str) -> bool:
    """Whether the artifact is the URI of an image; a key of the bucket has no tag."""
    return ":" in artifact.rpartition("/")[2]


@translated(during="pushing the image")
def put(bundle: "Bundle", stage: Stage, console: Console) -> Image:
    """Build and push the bundle's image if it does not exist; the repository is created if there is none.

    Raises DockerUnavailable, BuildError.
    """
    first = not stage.account.registry and _find_repository(stage) is None
    repository = ensure_repository(stage)
    tag = _tag(bundle, stage.settings)
    uri = f"{repository}:{tag}"
    if not stage.account.registry:
        return _build_in_engine(bundle, stage.settings, uri, console, first=first)
    if _exists(tag, stage):
        return Image(uri=uri, pushed=False)
    # The Docker SDK takes long to import, so only a run that builds imports it.
    from lambdify.cli.packing.wheels.docker import open_engine

    with open_engine("the container image has to be built", hint=BUILD_HINT) as engine:
        paths = [archive.path for archive in bundle.archives]
        image.build(paths, _base(bundle, stage.settings), uri, bundle.target, engine, console)
        user, password = _log_in(stage.account)
        with console.step(f"Pushing {uri}"):
            engine.push_image(uri, user, password)
        engine.forget_images(repository, but=uri)
    return Image(uri=uri, pushed=True)


def _build_in_engine(
    bundle: "Bundle", settings: Settings, uri: str, console: Console, *, first: bool
) -> Image:
    """Do as `put` in the local cloud, where the engine keeps the image.

    With `first`, images of the stage from earlier clouds are removed. Raises DockerUnavailable, also for an
    engine in which the function could not run, and BuildError.
    """
    from lambdify.cli.packing.wheels.docker import open_engine

    here = {"hostname": socket.gethostname(), "kernel": os.uname().release, "platform": sys.platform}
    with open_engine(
        "the function is a container image", hint=f"{ENGINE_HINT} {docker_host.ZIPS_HINT}"
    ) as engine:
        docker_host.find(engine.describe(), **here)
        found = engine.find_image(uri) is not None
        if not found:
            paths = [archive.path for archive in bundle.archives]
            image.build(paths, _base(bundle, settings), uri, bundle.target, engine, console)
        if first:
            engine.forget_images(uri.rpartition(":")[0], but=uri)
    return Image(uri=uri, pushed=not found)


def _remove_from_engine(repository: str, tags: Sequence[str] | None = None) -> None:
    """Remove images of the repository (None: all) from the engine. It is no error if no engine runs."""
    from lambdify.cli.packing.wheels.docker import open_engine

    with (
        suppress(DockerUnavailable),
        open_engine("images are to be removed", timeout=ENGINE_TIMEOUT) as engine,
    ):
        engine.remove_images(repository, tags)


def check_kind(bundle: "Bundle", deployed: Mapping[str, str]) -> None:
    """Return if the bundle can replace the code of a stack with these outputs. Raises BundleRefused.

    A function cannot change between image and zips: CloudFormation would have to create another function of
    the same name first.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
    """
    runs = "image" if "Image" in deployed else "zips" if "App" in deployed else ""
    packed = "image" if bundle.form == "image" else "zips"
    if not runs or runs == packed:
        return
    names = {"image": "a container image", "zips": "zips"}
    back = (
        'set [build] form = "image" again'
        if runs == "image"
        else "make the bundle small enough for zips (`lambdify package --report` shows what is large)"
    )
    raise BundleRefused(
        f"The function is deployed as {names[runs]}, and what was packed is {names[packed]}: "
        "AWS cannot make one of the other.",
        hint=f"Deploy to another stage, remove this one first (`lambdify undeploy`), or {back}.",
    )


@translated(during="removing old images")
def remove(uris: Iterable[str], stage: Stage) -> None:
    """Delete the images of these URIs; those that do not exist are no error."""
    uris = tuple(uris)
    tags = [{"imageTag": uri.rpartition(":")[2]} for uri in uris]
    for at in range(0, len(tags), BATCH):
        attempt(
            stage.client("ecr").batch_delete_image,
            none_if=NOT_FOUND,
            repositoryName=repository_name(stage.settings),
            imageIds=tags[at : at + BATCH],
        )
    if uris and not stage.account.registry:
        _remove_from_engine(uris[0].rpartition(":")[0], [each["imageTag"] for each in tags])


def find_older(when: datetime, stage: Stage) -> frozenset[str]:
    """Return the URIs of the stage's images pushed before `when`; none for a registry in an engine."""
    repository = _find_repository(stage) if stage.account.registry else None
    if repository is None:
        return frozenset()
    pages = stage.client("ecr").get_paginator("describe_images")
    return frozenset(
        f"{repository}:{tag}"
        for page in pages.paginate(repositoryName=repository_name(stage.settings))
        for each in page["imageDetails"]
        if each["imagePushedAt"] < when
        for tag in each.get("imageTags", ())
    )


@translated(during="removing the images")
def remove_stage(stage: Stage) -> bool:
    """Delete the stage's repository with all images; return False if there was none."""
    found = None if stage.account.registry else _find_repository(stage)
    if found:
        _remove_from_engine(found)
    gone = attempt(
        stage.client("ecr").delete_repository,
        none_if=NOT_FOUND,
        repositoryName=repository_name(stage.settings),
        force=True,
    )
    return gone is not None


def _base(bundle: "Bundle", settings: Settings) -> str:
    return settings.build.base or bundle.target.base_image


def _tag(bundle: "Bundle", settings: Settings) -> str:
    digests = [archive.digest for archive in bundle.archives]
    return image.tag(digests, _base(bundle, settings), bundle.target)


def ensure_repository(stage: Stage) -> str:
    """Return the URI of the stage's repository, which is created if there is none."""
    ecr, name = stage.client("ecr"), repository_name(stage.settings)
    uri = _find_repository(stage) or _create_repository(stage)
    ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(_pull_policy(stage)))
    return uri


def _create_repository(stage: Stage) -> str:
    ecr, name = stage.client("ecr"), repository_name(stage.settings)
    try:
        made = ecr.create_repository(
            repositoryName=name,
            imageTagMutability="IMMUTABLE",
            encryptionConfiguration={"encryptionType": "AES256"},
            tags=[
                {"Key": "lambdify:project", "Value": stage.settings.name},
                {"Key": "lambdify:stage", "Value": stage.settings.stage},
            ],
        )["repository"]
    except ecr.exceptions.RepositoryAlreadyExistsException:
        # boto3 repeated a request whose answer was lost, or somebody else deploys at the same time.
        (made,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    return str(made["repositoryUri"])


def _find_repository(stage: Stage) -> str | None:
    """Return the repository's URI; None if there is none."""
    name = repository_name(stage.settings)
    found = attempt(stage.client("ecr").describe_repositories, none_if=NOT_FOUND, repositoryNames=[name])
    return str(found["repositories"][0]["repositoryUri"]) if found else None


def _pull_policy(stage: Stage) -> dict[str, Any]:
    function = f"arn:{stage.account.partition}:lambda:{stage.region}:{stage.account.account_id}:function"
    statement = {
        "Sid": "LambdaPulls",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": {"ArnLike": {"aws:SourceArn": f"{function}:{stage.name}"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _exists(tag: str, stage: Stage) -> bool:
    found = attempt(
        stage.client("ecr").describe_images,
        none_if=NOT_FOUND,
        repositoryName=repository_name(stage.settings),
        imageIds=[{"imageTag": tag}],
    )
    return found is not None and bool(found["imageDetails"])


def _log_in(account: Account) -> tuple[str, str]:
    """Return user name and password for the registry, which are valid for twelve hours."""
    (found,) = account.client("ecr").get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(found["authorizationToken"]).decode().partition(":")
    if not password:
        raise AwsError("ECR gave no password for its registry.", during="pushing the image")
    return user, password
