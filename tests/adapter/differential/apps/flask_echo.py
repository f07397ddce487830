"""Flask, answering every request with what it sees, or with the response that the request asks for."""

from echo import asked_for, shown
from flask import Flask, Response, request

app = Flask(__name__)


@app.before_request
def answer() -> Response:
    """Before any route is looked for: whatever the path, it is echoed."""
    if "X-Reply" in request.headers:
        reply = asked_for(request.headers["X-Reply"])
        cookies = [("Set-Cookie", cookie) for cookie in reply["cookies"]]
        return Response(reply["body"], reply["status"], [*reply["headers"], *cookies])
    return Response(
        shown(
            request.get_data(),
            request.headers.items(),
            method=request.method,
            mount=request.root_path,
            path=request.path,
            query=request.query_string.decode("latin-1"),
            arguments=list(request.args.items(multi=True)),
            cookies=request.cookies.to_dict(),
            url=request.url,
            client=request.remote_addr,
        ),
        mimetype="application/json",
    )
