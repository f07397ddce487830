"""The page for a request that the app has not answered: what happened, with the project's frames first."""

import html
from collections.abc import Sequence
from http import HTTPStatus

from lambdify.cli.local.functions.sandbox import Outcome
from lambdify.cli.local.http_server import Request, Response
from lambdify.cli.serve import explained
from lambdify.cli.serve.live import Version

TEMPLATE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem; }}
p {{ white-space: pre-wrap; }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere; }}
pre {{ background: #8881; padding: 1rem; overflow-x: auto; font: 14px/1.5 ui-monospace, monospace; }}
footer {{ opacity: .7; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>{title}</h1>
<p>{hint}</p>
<pre>{lines}</pre>
<footer>{foot}</footer>
</html>
"""
FOOT = "lambdify serve shows this page. The next save is tried at the next request. On AWS the client gets "


def of_problem(version: Version, request: Request) -> Response:
    """Return the page for an app that cannot be prepared."""
    problem = version.problem
    title, hint = (problem.message, problem.hint) if problem else ("The app could not be prepared.", "")
    response = Response(HTTPStatus.INTERNAL_SERVER_ERROR, (), b"")
    return _write(response, title, hint, (), "nothing: this cannot be deployed.", request)


def of_outcome(
    response: Response, outcome: Outcome, reason: str, version: Version, request: Request
) -> Response:
    """Return the page for an invocation that has failed, with the status of the endpoint's response."""
    foot = f"{response.status} {response.body.decode(errors='replace')}"
    assert version.place
    told = explained.explain(outcome.payload, outcome.log, version.place, version.settings)
    if told is None or outcome.error_type in ("Sandbox.Timedout", "Function.ResponseSizeTooLarge"):
        return _write(response, reason, "", (), foot, request)
    return _write(response, told.message, told.hint, told.lines, foot, request)


def _write(
    response: Response, title: str, hint: str, lines: Sequence[str], foot: str, request: Request
) -> Response:
    """Return the response with a page, or with a text for who wants no page."""
    kept = tuple(pair for pair in response.headers if pair[0] not in ("content-type", "content-length"))
    if "text/html" in dict(request.headers).get("accept", ""):
        shown = TEMPLATE.format(
            title=html.escape(title),
            hint=html.escape(hint),
            lines=html.escape("\n".join(lines)),
            foot=html.escape(FOOT + foot),
        )
        kind, body = "text/html; charset=utf-8", shown
    else:
        kind, body = "text/plain; charset=utf-8", "\n".join(filter(None, (title, hint, *lines, ""))) + "\n"
    return Response(response.status, (*kept, ("content-type", kind)), body.encode())
