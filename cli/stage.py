"""A stage of a project in an account: what is deployed to, looked at and removed.

    Settings + Account → Stage

Everything below the commands takes a Stage and asks it for names. With --local the account is the local
cloud's: from here on nothing can tell.
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
        """What its stack, function and most of its resources are called: "shop-dev"."""
        return self.settings.full_name

    @property
    def region(self) -> str:
        """The region that it is in."""
        return self.account.region

    @property
    def bucket(self) -> str:
        """The bucket that its artifacts and the records of its releases are in."""
        return self.account.bucket

    @property
    def prefix(self) -> str:
        """What the keys of its objects in the bucket begin with."""
        return self.settings.prefix

    @property
    def log_group(self) -> str:
        """The log group of its function."""
        return self.settings.log_group

    def client(self, service: str) -> Any:
        """A client of the account for that service of AWS."""
        return self.account.client(service)

    def command(self, name: str) -> str:
        """The command of that name for this stage, as it is typed: "lambdify logs dev"."""
        return f"lambdify {name} {self.settings.stage}"
