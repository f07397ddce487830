"""The endpoint of a stage, as resources of its template: one module for each kind.

    http-api       API Gateway HTTP API, $default route and stage
    function-url   Lambda's own URL                              can stream
    rest-api       API Gateway REST API, catch-all methods       can stream
    alb            a rule of a load balancer that exists
    none           nothing: the alias is called by what it is connected to

Rules:
- Every kind sends all methods and paths to the alias, and may invoke nothing else. Unless [http] says
  otherwise all are public: who may see what is the app's business.
- The kinds share no logical id, so that switching a stage from one to another makes the new endpoint, moves
  the outputs, and only then removes the old one.
- Whether an endpoint streams is set together with the function's handler: a function cannot see how it is
  invoked, and a client would be shown the JSON of an answer that the two do not agree on.
- What a kind cannot do is refused when settings are read (combinations.py), and never left out in silence.
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
    """The endpoint that the settings ask for, in front of the function's alias of that name."""
    return KINDS[settings.http.endpoint](settings, alias)
