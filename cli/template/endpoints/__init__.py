"""The endpoint of a stage as resources of its template: one module for each kind.

    http-api       API Gateway HTTP API, $default route and stage
    function-url   Lambda's own URL                              can stream
    rest-api       API Gateway REST API, catch-all methods       can stream
    alb            a rule of a load balancer that exists
    none           nothing: other event sources call the alias

Rules:
- Every kind sends all methods and paths to the alias, and may invoke nothing else. Unless [http] says
  otherwise, the endpoint is public: the app decides who may see what.
- No two kinds share a logical id. So if the kind changes, CloudFormation creates the new endpoint, changes
  the outputs, and only then removes the old one.
- Streaming is set for the endpoint and for the function's handler together: a function cannot see how it is
  invoked, and if the two differed, the client would get the response as JSON.
- Options that a kind does not have are refused when settings are read (settings/conflicts.py), never ignored.
"""

from collections.abc import Callable, Mapping

from lambdify.cli.settings import Settings
from lambdify.cli.template.endpoints import alb, function_url, http_api, rest_api
from lambdify.cli.template.endpoints.endpoint import Endpoint, Resource, digest

__all__ = ["Endpoint", "Resource", "digest", "write"]


def _none(*_: object) -> Endpoint:
    return Endpoint(resources={}, url=None)


KINDS: Mapping[str, Callable[[Settings, str], Endpoint]] = {
    "http-api": http_api.write,
    "function-url": function_url.write,
    "rest-api": rest_api.write,
    "alb": alb.write,
    "none": _none,
}


def write(settings: Settings, alias: str) -> Endpoint:
    """Return the endpoint that the settings ask for, which calls the alias of that name."""
    return KINDS[settings.http.endpoint](settings, alias)
