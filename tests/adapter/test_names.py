"""Names of a stage's own: where others lead, and the path that is not the app's."""

from typing import Any

import pytest

from lambdify.adapter import Adapter
from lambdify.adapter.event_sources import http_api, rest
from lambdify.adapter.in_front.names import Server
from lambdify.adapter.messages import Request, Response

from .entry_process import FASTAPI, FLASK, Invoke, payloads

NAMES = "shop.example www.shop.example shop.org"
API = "abc123.execute-api.eu-central-1.amazonaws.com"
SECRET = "e967e6af-7e50-4f7e-8c82-9ed57ef32449"


class App:
    """What stands behind: it keeps what it was asked."""

    request: Request | None = None

    def run(self, request: Request, event: dict[str, Any], context: object) -> Response:
        self.request = request
        return Response(200, (), b"app")

    def stream(self, request: Request, event: dict[str, Any], context: object, reply: object) -> None:
        self.request, self.reply = request, reply

    def close(self) -> None:
        self.closed = True


class Reply:
    """A streamed response, kept."""

    def send_whole(self, response: Response) -> None:
        self.head, self.body = (response.status, dict(response.headers)), response.body


def ask(request: Request, names: str = NAMES, path: str = "") -> tuple[Response, App]:
    app = App()
    return Server(app, names, path).run(request, {}, None), app  # type: ignore[arg-type]


@pytest.mark.parametrize("host", ["www.shop.example", "WWW.shop.Example", "shop.org"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_another_name_leads_to_the_first_with_path_and_query(host: str, method: str) -> None:
    response, app = ask(Request(method, "/a%20b/ü".replace("ü", "%C3%BC"), "a=1&b=%2F", host=host))
    assert response.status == 308
    assert response.fields["location"] == "https://shop.example/a%20b/%C3%BC?a=1&b=%2F"
    assert app.request is None


@pytest.mark.parametrize("host", ["shop.example", API, "sub.shop.example", "www.shop.example.evil", ""])
def test_the_first_name_and_all_that_are_no_names_of_it_are_the_apps(host: str) -> None:
    request = Request("GET", "/", host=host)
    response, app = ask(request)
    assert (response.status, app.request) == (200, request)


def test_a_path_of_two_slashes_leads_nowhere_else() -> None:
    response, _ = ask(Request("GET", "//evil.example/x", host="shop.org"))
    assert response.fields["location"] == "https://shop.example//evil.example/x"


def test_an_empty_path_leads_to_the_home_page() -> None:
    assert ask(Request("GET", "", host="shop.org"))[0].fields["location"] == "https://shop.example/"


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("shop.example", "/books/basket", ("/books", "/basket")),
        ("shop.example", "/books", ("/books", "")),
        ("shop.example", "/bookshelf", ("", "/bookshelf")),
        ("shop.example", "/basket", ("", "/basket")),
        (API, "/books/basket", ("", "/books/basket")),
    ],
)
def test_the_path_of_a_domain_is_the_mount_there_and_nowhere_else(
    host: str, path: str, expected: tuple[str, str]
) -> None:
    _, app = ask(Request("GET", path, host=host), path="/books")
    assert app.request
    assert (app.request.mount, app.request.path) == expected


def test_a_redirect_keeps_the_path_of_the_domain() -> None:
    response, _ = ask(Request("GET", "/books/basket", host="shop.org"), path="/books")
    assert response.fields["location"] == "https://shop.example/books/basket"


def test_what_a_rest_api_has_split_already_is_not_split_again() -> None:
    event = rest.write_event(Request("GET", "/books/new", host="shop.example"))
    event["path"] = event["requestContext"]["path"] = "/books/books/new"
    app = App()
    Server(app, NAMES, "/books").run(rest.read_event(event), event, None)  # type: ignore[arg-type]
    assert app.request
    assert (app.request.mount, app.request.path) == ("/books", "/books/new")


def test_a_streamed_response_leads_there_as_well() -> None:
    app, reply = App(), Reply()
    server = Server(app, NAMES, "")  # type: ignore[arg-type]
    server.stream(Request("GET", "/a", host="shop.org"), {}, None, reply)  # type: ignore[arg-type]
    assert reply.head == (308, {"location": "https://shop.example/a", "content-length": "0"})
    assert (reply.body, app.request) == (b"", None)
    server.stream(Request("GET", "/a", host="shop.example"), {}, None, reply)  # type: ignore[arg-type]
    assert app.request
    assert app.reply is reply


def test_the_shutdown_is_passed_on() -> None:
    app = App()
    Server(app, NAMES, "").close()  # type: ignore[arg-type]
    assert app.closed


BASKET = """
from flask import Flask, request
app = Flask(__name__)

@app.get("/basket")
def basket():
    return f"{request.url} {request.script_root}"
"""


def test_a_deployed_function_with_names_answers_to_the_first_one(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMBDIFY_HOSTS", "shop.example www.shop.example")
    monkeypatch.setenv("LAMBDIFY_PATH", "/books")
    host = ("host", "shop.example")
    done = invoke(
        BASKET, http_api.write_event(Request("GET", "/books/basket", headers=(host,), host=host[1]))
    )
    assert payloads(done)[0]["body"] == "https://shop.example/books/basket /books"


@pytest.mark.parametrize("source", [FLASK, FASTAPI.replace("BROKEN", "False")])
def test_without_names_nothing_is_imported(invoke: Invoke, source: str) -> None:
    module = "lambdify.adapter.in_front.names"
    told = f"\nimport atexit, sys\natexit.register(lambda: print('{module}' in sys.modules))\n"
    done = invoke(source + told, http_api.write_event(Request("GET", "/")))
    assert done.stdout.splitlines()[-1] == "False"


def test_behind_a_cdn_the_host_of_the_visitor_counts() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [environ["HTTP_HOST"].encode()]

    adapter = Adapter(app)
    adapter.answer_to(NAMES)
    adapter.stand_behind_cdn(SECRET)

    def answer(host: str, secret: str = SECRET) -> dict[str, Any]:
        headers = (("x-lambdify-cdn", secret), ("x-forwarded-host", host))
        found: dict[str, Any] = adapter(
            http_api.write_event(Request("GET", "/", headers=headers, host=API)), None
        )
        return found

    assert answer("www.shop.example")["headers"]["location"] == "https://shop.example/"
    assert answer("shop.example")["body"] == "shop.example"
    assert answer("www.shop.example", "guessed")["statusCode"] == 200
