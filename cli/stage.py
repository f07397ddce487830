"""A stage of a project in an account: the target of deploy, status and undeploy.

    Settings + Account → Stage

Every room below the commands takes a Stage, which knows the names of its resources. With --local the account
is the local cloud's; no room notices the difference.
"""

from dataclasses import dataclass
from typing import Any

from lambdify.cli.aws import Account
from lambdify.cli.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Stage:
    """The settings of a stage, and the account that it is in."""

    settings: Settings
    account: Account

    @property
    def name(self) -> str:
        """The name of its stack, its function and most of its resources: "shop-dev"."""
        return self.settings.full_name

    @property
    def region(self) -> str:
        """The region that it is in."""
        return self.account.region

    @property
    def bucket(self) -> str:
        """The bucket with its artifacts and records of releases; all stages of a region share it."""
        return self.account.bucket

    @property
    def static_bucket(self) -> str:
        """The bucket with the files that CDNs serve; all stages of a region share it."""
        return f"lambdify-static-{self.account.account_id}-{self.region}"

    @property
    def prefix(self) -> str:
        """The prefix of the keys of its objects in the bucket."""
        return self.settings.prefix

    @property
    def log_group(self) -> str:
        """The log group of its function."""
        return self.settings.log_group

    def client(self, service: str) -> Any:
        """Return the account's boto3 client for that service of AWS."""
        return self.account.client(service)

    def command(self, name: str) -> str:
        """Return the command of that name for this stage, as it is typed: "lambdify logs dev"."""
        return f"lambdify {name} {self.settings.stage}"
