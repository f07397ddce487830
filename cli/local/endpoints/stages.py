"""The stages that the daemon serves, each with its API, function and port.

`lambdify deploy --local` adds a stage through POST /endpoint. A stage is dropped when its stack or its
endpoint is gone. Until then it keeps its port.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from lambdify.cli.aws import Account, attempt, translated
from lambdify.cli.errors import NotDeployed, PortTaken
from lambdify.cli.local.endpoints import distribution
from lambdify.cli.local.endpoints.edge import Edge
from lambdify.cli.local.endpoints.front_ends import Api
from lambdify.cli.local.endpoints.gateway import Gateway, Start
from lambdify.cli.local.endpoints.names import HERE, ByName
from lambdify.cli.local.http_server import Server
from lambdify.cli.template import ALIAS
from lambdify.cli.template.cdn import DISTRIBUTION

MAPPING = "AWS::ApiGatewayV2::ApiMapping"
_MISSING = "^(ValidationError: .*does not exist|.*NotFound)"
_GONE = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}


@dataclass(frozen=True, kw_only=True)
class Served:
    """A stage with a listening gateway."""

    name: str
    region: str
    api: Api
    port: int
    server: Server

    @property
    def url(self) -> str:
        """The URL of its app, without a slash at the end."""
        if self.api.names:
            return f"http://{self.api.names[0]}{HERE}:{self.port}{self.api.path}"
        return self.server.url + ("" if self.api.distribution else self.api.mount)


class Stages:
    """All stages, by region and name."""

    def __init__(self, connect: Callable[[str], Account], start: Start) -> None:
        self._connect, self._start = connect, start
        self._lock = threading.Lock()
        self._served: dict[tuple[str, str], Served] = {}

    @translated(during="looking for the endpoint")
    def serve(self, name: str, region: str, port: int) -> Served:
        """Start the stage's gateway; return the stage as deployed now. Raises NotDeployed, PortTaken."""
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
        """Return all stages that are served, in the order of region and name."""
        with self._lock:
            return tuple(self._served[key] for key in sorted(self._served))

    @translated(during="looking for stages that were removed")
    def sweep(self) -> list[Served]:
        """Close the gateways of stages without an endpoint. Return those stages whose stack is gone, too."""
        gone = []
        for served in self.served():
            outputs = find_outputs(served.name, self._connect(served.region))
            if outputs is not None and "Endpoint" in outputs:
                continue
            with self._lock:
                if self._served.get((served.region, served.name)) is not served:
                    continue  # it was deployed again meanwhile
                # The gateway is closed first, so that a stage that is not listed takes no connections.
                served.server.close()
                del self._served[served.region, served.name]
            if outputs is None:
                gone.append(served)
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
            gateway = Gateway(current, self._start)
            edge = Edge(current, self._connect(region), gateway.answer)
            return Server(ByName(current, edge.answer).answer, port)
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
    """Return the endpoint of a stack, read through AWS's APIs; None if there is none."""
    outputs = find_outputs(name, account)
    if outputs is None:
        return None
    found = account.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    deployed = {
        each["ResourceType"]: each["PhysicalResourceId"]
        for each in found
        if each["ResourceStatus"] != "DELETE_COMPLETE"
        # A project may have other distributions among its own resources.
        and (each["ResourceType"] != DISTRIBUTION or each["LogicalResourceId"] == "Distribution")
    }
    api = _find_endpoint(deployed, outputs, account)
    if api is None:
        return None
    if DISTRIBUTION in deployed:
        api = replace(api, distribution=distribution.read(deployed[DISTRIBUTION], account))
    names = _find_names(api, account) if MAPPING in deployed else {}
    if api.distribution:
        names = dict.fromkeys(api.distribution.names, "")
    first = urlsplit(outputs.get("Endpoint", "")).hostname
    ordered = sorted(names, key=lambda name: name != first)
    return replace(api, names=tuple(ordered), path=names[ordered[0]] if ordered else "")


def _find_names(api: Api, account: Account) -> dict[str, str]:
    """Return the names that lead to an API, and the path on each: "" or "/shop"."""
    gateway = account.client("apigatewayv2")
    found = {}
    for domain in gateway.get_domain_names()["Items"]:
        for mapping in gateway.get_api_mappings(DomainName=domain["DomainName"])["Items"]:
            if mapping["ApiId"] == api.id:
                found[domain["DomainName"]] = f"/{mapping.get('ApiMappingKey', '')}".rstrip("/")
    return found


def _find_endpoint(deployed: Mapping[str, str], outputs: Mapping[str, str], account: Account) -> Api | None:
    """Return the endpoint among resources by type, without a CDN in front of it."""
    if api := deployed.get("AWS::ApiGatewayV2::Api"):
        return _read_http_api(api, account)
    if api := deployed.get("AWS::ApiGateway::RestApi"):
        return _read_rest_api(api, deployed["AWS::ApiGateway::Stage"], account)
    if "AWS::Lambda::Url" in deployed:
        return _read_function_url(outputs["Function"], account)
    return None


def _read_http_api(api: str, account: Account) -> Api:
    gateway = account.client("apigatewayv2")
    routes = gateway.get_routes(ApiId=api)["Items"]
    target = next(route["Target"] for route in routes if route["RouteKey"] == "$default")
    integration = gateway.get_integration(ApiId=api, IntegrationId=target.partition("/")[2])
    return Api(id=api, integration=_read_arn(integration["IntegrationUri"]))


def _read_rest_api(api: str, stage: str, account: Account) -> Api:
    gateway = account.client("apigateway")
    paths = gateway.get_resources(restApiId=api, limit=500)["items"]
    proxy = next(each["id"] for each in paths if each["path"] == "/{proxy+}")
    uri = gateway.get_integration(restApiId=api, resourceId=proxy, httpMethod="ANY")["uri"]
    streams = uri.endswith("/response-streaming-invocations")
    return Api(kind="rest-api", id=api, integration=_read_arn(uri), mount=f"/{stage}", streams=streams)


def _read_function_url(function: str, account: Account) -> Api:
    url = account.client("lambda").get_function_url_config(FunctionName=function, Qualifier=ALIAS)
    arn = ":".join(url["FunctionArn"].split(":")[:7])
    return Api(
        kind="function-url",
        id=url["FunctionUrl"].removeprefix("https://").partition(".")[0],
        integration=f"{arn}:{ALIAS}",
        streams=url["InvokeMode"] == "RESPONSE_STREAM",
    )


def _read_arn(uri: str) -> str:
    """Return the ARN in "arn:...:apigateway:...:path/DATE/functions/ARN/invocations"; else the URI itself."""
    return uri.partition("/functions/")[2].partition("/")[0] or uri


def find_outputs(name: str, account: Account) -> dict[str, str] | None:
    """Return the outputs of a stack; None if there is no stack."""
    found = attempt(account.client("cloudformation").describe_stacks, none_if=_MISSING, StackName=name)
    if found is None or found["Stacks"][0]["StackStatus"] in _GONE:
        return None
    return {each["OutputKey"]: each["OutputValue"] for each in found["Stacks"][0].get("Outputs", ())}
