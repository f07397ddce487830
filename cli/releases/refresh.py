"""deploy --refresh: a new version of the same code, so that no environment of before answers any more.

What an environment has read when it started, it keeps: a rotated secret is seen by those that start later. A
version publishes only if something of it has changed, so it gets a variable with the time of the refresh. The
stack has that among its outputs, and the next deployment sets the same, or it would be another version again.
"""

from dataclasses import replace
from datetime import datetime

from lambdify.cli.settings import Settings
from lambdify.cli.stacks.stack import Stack
from lambdify.cli.template import REFRESHED, REFRESHED_OUTPUT


def keep(settings: Settings, existing: Stack | None, now: datetime | None = None) -> Settings:
    """Return the settings with the time of the last refresh, which is `now` if there is to be one.

    A stage that was never refreshed, or is not there, has none.
    """
    if existing is None or existing.is_new:
        return settings
    at = f"{now:%Y-%m-%dT%H:%M:%S.%fZ}" if now else existing.outputs.get(REFRESHED_OUTPUT, "")
    return replace(settings, environment={**settings.environment, REFRESHED: at}) if at else settings
