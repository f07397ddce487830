"""What is kept warm, as the schedule that is deployed says: the settings may have changed since.

A stage also keeps fewer environments warm than its settings allow where the account has no room for more.
"""

import json
import re
from dataclasses import dataclass

from lambdify.cli.aws import attempt, translated
from lambdify.cli.settings.tables import Warm
from lambdify.cli.stage import Stage

GONE = "^ResourceNotFoundException:"
RATE = re.compile(r"rate\((\d+) minutes?\)")


@dataclass(frozen=True, kw_only=True)
class KeptWarm:
    """The keep-warm schedule of a stage."""

    schedule: str
    """Such as "rate(5 minutes)"; "" if the stage is not kept warm."""
    environments: int
    """How many are kept warm at once; 0 if none is."""

    @property
    def settings(self) -> Warm:
        """The settings that this is the schedule of."""
        rate = RATE.fullmatch(self.schedule)
        return Warm(every=int(rate[1]) if rate else 0, concurrency=max(1, self.environments))


@translated(during="reading what is deployed")
def fetch(stage: Stage) -> KeptWarm:
    """Return what is kept warm."""
    found = attempt(stage.client("scheduler").get_schedule, none_if=GONE, Name=stage.name)
    if found is None:
        return KeptWarm(schedule="", environments=0)
    event = json.loads(found.get("Target", {}).get("Input") or "{}")
    return KeptWarm(schedule=str(found["ScheduleExpression"]), environments=int(event.get("concurrency", 1)))
