"""The token that the release command is asked for with: only a deployment of the stage knows it.

    secret of the stage, in the bucket ──HMAC of the artifact──▶ token ──SHA-256──▶ variable of the function

The function compares the token in the event with its variable (adapter/release_command.py). So an event that
somebody else brings, through an alias or with rights to invoke only, runs nothing.

Rules:
- A token fits one artifact: the one of another release is refused.
- The variable tells nothing of the token, and is the same for the same artifact: nothing changes by itself.
- A stage without [release] command has neither a secret nor a variable.
"""

import hashlib
import hmac
import secrets
from dataclasses import replace

from lambdify.cli.artifacts import objects
from lambdify.cli.artifacts.archives import Artifact
from lambdify.cli.aws import translated
from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.stage import Stage

KEY = "project/release-command.key"
VARIABLE = "LAMBDIFY_RELEASE_COMMAND"
"""The function's variable with the digest of the token; adapter/release_command.py reads it."""
UNKNOWN = "0" * 64
"""Stands for the digest where there is no secret yet, and none is to be made."""


def add_variable(stage: Stage, artifact: Artifact, *, creates: bool = True) -> Settings:
    """Return the settings of the stage with the variable, if they have a release command.

    `creates` makes a secret for the stage that has none; else the digest is not known then.
    """
    settings = stage.settings
    if not settings.release.command:
        return settings
    secret = _fetch(stage) or (_create(stage) if creates else b"")
    token = _derive(secret, artifact.image or artifact.app_key)
    digest = hashlib.sha256(token.encode()).hexdigest() if secret else UNKNOWN
    return replace(settings, environment={**settings.environment, VARIABLE: digest})


def make(stage: Stage, deployed: Stack) -> str:
    """Return the token for the artifact that the stack has published last."""
    return _derive(_fetch(stage) or b"", deployed.outputs.get("Image") or deployed.outputs.get("App", ""))


def _derive(secret: bytes, artifact: str) -> str:
    return hmac.new(secret, artifact.encode(), hashlib.sha256).hexdigest()


@translated(during="reading the stage's secret for its release command")
def _fetch(stage: Stage) -> bytes | None:
    return objects.fetch(stage, stage.prefix + KEY)


@translated(during="making the stage's secret for its release command")
def _create(stage: Stage) -> bytes:
    """Make the secret, and return it, or the one that another deployment has made meanwhile."""
    made = secrets.token_bytes(32)
    if objects.put(stage, stage.prefix + KEY, made, kind="application/octet-stream", new=True):
        return made
    return _fetch(stage) or b""
