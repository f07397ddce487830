"""The session of a command: its console, its stage, and with --local the local cloud.

With --local the account is the local cloud's. There is no other difference: no room below notices it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lambdify.cli import aws, settings
from lambdify.cli.console import Console
from lambdify.cli.errors import UsageError
from lambdify.cli.settings import Settings, config_file
from lambdify.cli.stage import Stage

if TYPE_CHECKING:
    from lambdify.cli.local.daemon.cloud import Cloud
    from lambdify.cli.runtime.choice import Choice


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run of a command that is about a stage."""

    console: Console
    stage: Stage
    cloud: "Cloud | None"
    """None on AWS."""

    @property
    def settings(self) -> Settings:
        """The settings of the stage."""
        return self.stage.settings

    @property
    def own_variables(self) -> frozenset[str]:
        """The environment variables that lambdify adds to those of the project."""
        if self.cloud is None:
            return frozenset()
        from lambdify.cli.local.daemon import cloud

        return cloud.OWN_VARIABLES

    def variables(self) -> dict[str, str]:
        """Return the variables of a program that is to work on the same account, and knows where it is.

        In the local cloud AWS's own programs reach that, with its keys, and never the user's account.
        """
        region = self.stage.region
        about = {"LAMBDIFY_REGION": region, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        if self.cloud is None:
            profile = self.settings.profile
            return {**about, "LAMBDIFY_LOCAL": "", **({"AWS_PROFILE": profile} if profile else {})}
        key, secret = self.cloud.credentials
        keys = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": ""}
        return {
            **about,
            **keys,
            "AWS_PROFILE": "",
            "AWS_ENDPOINT_URL": self.cloud.endpoint_url,
            "LAMBDIFY_LOCAL": "1",
        }

    def address(self, endpoint: str) -> str:
        """Return the URL that answers: the endpoint itself on AWS, else the local gateway's."""
        if self.cloud is None or not endpoint:
            return endpoint
        from lambdify.cli.local.daemon import cloud

        return cloud.endpoint(self.cloud, self.settings)


def current_folder() -> Path:
    """Return the folder that the command was called in. Raises UsageError if it was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError as error:
        raise UsageError("The current folder is no longer there.", hint="cd to the project.") from error


def load_settings(stage: str | None, overrides: Mapping[str, object], *, variables: bool = True) -> Settings:
    """Return the settings of the project that the current folder is in. Raises SettingsError.

    `variables` says whether the environment file has to be there.
    """
    root = config_file.find_root(current_folder())
    return settings.load(root, stage=stage, overrides=overrides, variables=variables)


def connect(chosen: Settings, console: Console, *, local: bool, start: bool = False) -> Session:
    """Connect to the stage's account and return the session; `start` starts a local cloud if none runs.

    Raises LocalCloudDown, LocalCloudFailed, CredentialsError, RegionError.
    """
    if not local:
        return Session(console=console, stage=Stage(settings=chosen, account=aws.connect(chosen)), cloud=None)
    # Not at the top: the local cloud imports an HTTP server, which no command needs on AWS.
    from lambdify.cli.local.daemon import cloud

    running = cloud.ensure(console) if start else cloud.require(console)
    prepared = cloud.prepare(chosen, running)
    account = aws.connect(prepared, endpoint_url=running.endpoint_url, credentials=running.credentials)
    # ministack's ECR has repositories but no registry: images stay in the container engine.
    stage = Stage(settings=prepared, account=replace(account, registry=False))
    if start and prepared.domain.names:
        from lambdify.cli.local.daemon import zones

        zones.ensure(stage)
    return Session(console=console, stage=stage, cloud=running)


def settle_python(session: Session, chosen: "Choice", *, run: bool = False) -> Session:
    """Return the session with the function's Python, and say which it is; the stage may have one already.

    `chosen` is what the project's files say, which its settings have already. With `run` the function is to
    run in the local cloud: uv may install its Python here. Raises PythonRefused, PythonNotFound.
    """
    # Not at the top: only commands that pack need it.
    from lambdify.cli.runtime import choice
    from lambdify.cli.stacks import stack

    settled = session.settings
    if chosen.is_open and (deployed := stack.find_python(session.stage)):
        settled, chosen = choice.settle(session.settings, deployed=deployed)
    if run:
        settled, chosen = choice.here(settled, chosen, session.console)
    choice.tell(chosen, session.console)
    return replace(session, stage=replace(session.stage, settings=settled))
