"""A small function in a sandbox, as the tests of the local cloud run it."""

import sys

from lambdify.cli.local.credentials import Credentials
from lambdify.cli.local.functions.function import Function
from lambdify.cli.local.functions.output import Event
from lambdify.cli.local.functions.sandbox import Outcome, Program, Sandbox

MINOR = "{}.{}".format(*sys.version_info)
ARN = "arn:aws:lambda:us-east-1:000000000000:function:shop"
CREDENTIALS = Credentials("LAMBDIFYKEY", "of-this-cloud")
REQUEST_ID = "8e2f4ab0-0000-4000-8000-000000000000"

FUNCTION = Function(
    region="us-east-1",
    name="shop",
    version="7",
    arn=ARN,
    handler="app.handler",
    python=MINOR,
    timeout=30,
    memory=512,
    environment=(("GREETING", "hello"),),
    log_group="/aws/lambda/shop",
    log_format="Text",
    log_level="",
    code="",
    layers=(),
)


class Running:
    """A sandbox of a handler, and what it wrote to its log."""

    def __init__(self, program: Program) -> None:
        self.events: list[Event] = []
        self.sandbox = Sandbox(program, lambda _, event: self.events.append(event))

    def invoke(self, event: str = "{}", request_id: str = REQUEST_ID) -> Outcome:
        return self.sandbox.invoke(request_id, event.encode(), f"{ARN}:7")

    @property
    def log(self) -> list[str]:
        return [event.message for event in self.events]
