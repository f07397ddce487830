"""ASGI apps for tests, and what they send."""

from typing import Any

from lambdify.adapter.messages import Request

GET = Request("GET", "/")
START = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/plain")]}


def http(app: Any) -> Any:
    """An app for requests alone: it refuses lifespan, as Django does."""

    async def wrapped(scope, receive, send):
        if scope["type"] != "http":
            raise ValueError(f"this app does not speak {scope['type']}")
        await app(scope, receive, send)

    return wrapped


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def lifespan(log: list[str], startup: dict[str, Any] | None = None) -> Any:
    """An app that notes its life in `log`, and answers the startup with `startup`."""

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            log.append((await receive())["type"])
            scope["state"]["started"] = True
            await send(startup or {"type": "lifespan.startup.complete"})
            log.append((await receive())["type"])
            await send({"type": "lifespan.shutdown.complete"})
            return
        log.append(f"request with {scope['state']}")
        scope["state"]["mine"] = True
        await send(START)
        await send(body(b""))

    return app
