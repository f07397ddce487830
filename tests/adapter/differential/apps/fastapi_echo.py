"""FastAPI, answering every request with what it sees, or with the response that the request asks for."""

from echo import asked_for, shown
from fastapi import FastAPI, Request, Response

app = FastAPI()


@app.middleware("http")
async def answer(request: Request, call_next: object) -> Response:
    """Before any route is looked for: whatever the path, it is echoed."""
    if "x-reply" in request.headers:
        reply = asked_for(request.headers["x-reply"])
        response = Response(reply["body"], reply["status"])
        cookies = [("set-cookie", cookie) for cookie in reply["cookies"]]
        for name, value in [*reply["headers"], *cookies]:
            response.raw_headers.append((name.lower().encode(), value.encode("latin-1")))
        return response
    scope = request.scope
    return Response(
        shown(
            await request.body(),
            request.headers.items(),
            method=request.method,
            mount=scope["root_path"],
            path=scope["path"],
            raw_path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            arguments=request.query_params.multi_items(),
            cookies=request.cookies,
            url=str(request.url),
            base=str(request.base_url),
            client=request.client.host if request.client else None,
            version=scope["http_version"],
        ),
        media_type="application/json",
    )
