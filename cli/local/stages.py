"""The stages that the daemon serves: which API, which function, which port each of them has.

A stage is known from `endpoint` on, which `lambdify deploy --local` calls, and is dropped when its stack is
gone. Its port stays the same for as long as it is known.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import NotDeployed, PortTaken
from lambdify.cli.local.gateway import Api, Gateway, Start
from lambdify.cli.local.http_server import Server

_MISSING = "^(ValidationError: .*does not exist|.*NotFound)"
_GONE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True, kw_only=True)
class Served:
    """A stage whose gateway listens."""

    name: str
    region: str
    api: Api
    port: int
    server: Server


class Stages:
    """All stages, by region and name."""

    def __init__(self, connect: Callable[[str], Account], start: Start) -> None:
        self._connect, self._start = connect, start
        self._lock = threading.Lock()
        self._served: dict[tuple[str, str], Served] = {}

    @translated(during="looking for the endpoint")
    def serve(self, name: str, region: str, port: int) -> Served:
        """The stage as it is deployed now, with its gateway listening. Raises NotDeployed, PortTaken."""
        api = find_api(name, self._connect(region))
        if api is None:
            raise NotDeployed(f"{name} is not deployed in the local cloud.")
        with self._lock:
            known = self._served.get((region, name))
            server = known.server if known and port in {0, known.port} else self._listen(name, region, port)
            if known and known.server is not server:
                known.server.close()
            served = Served(name=name, region=region, api=api, port=server.port, server=server)
            self._served[region, name] = served
            return served

    def served(self) -> tuple[Served, ...]:
        """Every stage that is served, by name."""
        with self._lock:
            return tuple(self._served[key] for key in sorted(self._served))

    @translated(during="looking for stages that were removed")
    def sweep(self) -> list[Served]:
        """Close the gateways of stages whose stack is gone; those stages."""
        gone = [each for each in self.served() if find_outputs(each.name, self._connect(each.region)) is None]
        for served in gone:
            with self._lock:
                self._served.pop((served.region, served.name), None)
            served.server.close()
        return gone

    def close(self) -> None:
        """Close every gateway."""
        for served in self.served():
            served.server.close()

    def _listen(self, name: str, region: str, port: int) -> Server:
        def current() -> Api | None:
            served = self._served.get((region, name))
            return served.api if served else None

        try:
            return Server(Gateway(current, self._start).answer, port)
        except OSError as error:
            holder = next(
                (f"the stage {each.name}" for each in self._served.values() if each.port == port), ""
            )
            raise PortTaken(
                f"Port {port} of 127.0.0.1, which {name} asks for, is taken"
                f" by {holder or 'another program'}.",
                hint="Set another [local] port; 0 takes any free one.",
            ) from error


def find_api(name: str, account: Account) -> Api | None:
    """The HTTP API of a stack and what it integrates, as CloudFormation and API Gateway tell it."""
    outputs = find_outputs(name, account)
    if not outputs or "Api" not in outputs:
        return None
    gateway = account.client("apigatewayv2")
    routes = gateway.get_routes(ApiId=outputs["Api"])["Items"]
    target = next(route["Target"] for route in routes if route["RouteKey"] == "$default")
    integration = gateway.get_integration(ApiId=outputs["Api"], IntegrationId=target.partition("/")[2])
    # "arn:...:apigateway:...:path/2015-03-31/functions/<ARN>/invocations", or the ARN alone.
    uri: str = integration["IntegrationUri"]
    return Api(id=outputs["Api"], integration=uri.partition("/functions/")[2].partition("/")[0] or uri)


def find_outputs(name: str, account: Account) -> dict[str, str] | None:
    """What a stack gives out; None if there is no stack."""
    found = attempt(account.client("cloudformation").describe_stacks, none_if=_MISSING, StackName=name)
    if found is None or found["Stacks"][0]["StackStatus"] in _GONE:
        return None
    return {each["OutputKey"]: each["OutputValue"] for each in found["Stacks"][0].get("Outputs", ())}
