"""Pipelines for GitHub and GitLab that deploy a project: written once, then the project's own file.

    templates/github.yml   what of it is for previews stands between two comments, <previews> and </previews>

The pipelines type the same commands as a person does. They hold no keys: GitHub's and GitLab's tokens are
exchanged for a role's, which `lambdify policy` describes.

https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax
https://docs.gitlab.com/ci/yaml/
"""

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lambdify.cli.errors import UsageError
from lambdify.cli.settings import Settings
from lambdify.cli.storage import folders
from lambdify.cli.version import VERSION

Service = Literal["github", "gitlab"]

TEMPLATES = Path(__file__).with_name("templates")
FILES: dict[Service, str] = {
    "github": ".github/workflows/lambdify.yml",
    "gitlab": ".gitlab/lambdify.yml",
}
"""Where the file stands in the repository. GitLab reads it where `.gitlab-ci.yml` includes it."""
SECTION = re.compile(r"^ *# <(no )?previews>\n(.*?)^ *# </(no )?previews>\n", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """A file for a service that runs what it says."""

    service: Service
    path: Path
    text: str


def make(service: Service, settings: Settings, *, branch: str, pattern: str | None) -> Pipeline:
    """Return the pipeline that deploys the stage from a branch; with a pattern, previews of its stages, too.

    Nothing is written.
    """
    if not re.fullmatch(r"[\w./-]+", branch):
        raise UsageError(f"--branch takes the name of a branch; {branch!r} is none that a pipeline can name.")
    repository = folders.repository(settings.root)
    folder = settings.root.relative_to(repository).as_posix()
    words = {
        "BRANCH": branch,
        "STAGE": settings.stage,
        "REGION": settings.region,
        "FOLDER": json.dumps(folder) if service == "github" else shlex.quote(folder),
        "PREVIEW": (pattern or "").removesuffix("*"),
        "LAMBDIFY": f"uvx lambdify-cli@{VERSION}",
    }
    text = (TEMPLATES / f"{service}.yml").read_text(encoding="utf-8")
    text = SECTION.sub(lambda found: found[2] if bool(found[1]) is (pattern is None) else "", text)
    for word, value in words.items():
        text = text.replace(f"<<{word}>>", value)
    if folder == ".":
        text = re.sub(r"^defaults:\n(  .*\n)+\n|^ +- cd .*\n", "", text, flags=re.MULTILINE)
    return Pipeline(service=service, path=repository / FILES[service], text=text)


def write(pipeline: Pipeline, *, force: bool = False) -> None:
    """Write the file. Raises UsageError if there is one with another text, unless `force` is set."""
    path = pipeline.path
    if path.exists() and not force and path.read_text(encoding="utf-8") != pipeline.text:
        raise UsageError(
            f"{path} is there already, with another text.",
            hint="--force replaces it; `git diff` shows then what that changed.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(pipeline.text, encoding="utf-8")


def next_steps(
    pipeline: Pipeline, settings: Settings, *, branch: str, pattern: str | None
) -> tuple[str, ...]:
    """Return what is left to do before the pipeline can deploy, as lines for a person."""
    roles = [("LAMBDIFY_ROLE", settings.stage, "")]
    if pattern is not None:
        roles.append(("LAMBDIFY_PREVIEW_ROLE", f"'{pattern}'", " --previews"))
    lines = []
    for variable, stage, flag in roles:
        rights = f"`lambdify policy {stage}{flag}`"
        if pipeline.service == "github":
            trust = f"`lambdify policy {stage}{flag} --github OWNER/REPO --branch {branch}` who may be it"
        else:
            trust = "https://docs.gitlab.com/ci/cloud_services/aws/ how it trusts GitLab"
        lines.append(f"{variable} is the ARN of a role: {rights} prints what it may do, {trust}.")
    if pipeline.service == "gitlab":
        lines.append(f'In .gitlab-ci.yml: include: [{{local: "/{FILES["gitlab"]}"}}]')
    return tuple(lines)
