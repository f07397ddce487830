"""Stages for tests of what takes one."""

from lambdify.cli.aws import Account
from lambdify.cli.settings import Settings
from lambdify.cli.stage import Stage


def stage_in(account: Account, settings: Settings) -> Stage:
    """The stage of these settings, in that account."""
    return Stage(settings=settings, account=account)
