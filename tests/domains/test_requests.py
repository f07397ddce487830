"""Requests to a stage by its name that come past the endpoint, or to this machine."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from lambdify.adapter import event_sources
from lambdify.adapter.in_front.names import Server
from lambdify.cli.calls import http_event
from lambdify.cli.look import health
from lambdify.cli.template import pipeline

NAMES = {"domain.names": ["shop.example", "www.shop.example"]}
KINDS = {"http-api": {}, "rest-api": {"http.endpoint": "rest-api"}}


class App:
    def run(self, request, event, context):
        self.request = request


def seen(settings, url, path, names="shop.example", below=""):
    """What the app sees of a request that `invoke --http` or a trial sends."""
    event, app = http_event.write(settings, "GET", path, url=url), App()
    Server(app, names, below).run(event_sources.find(event).read_event(event), event, None)
    return app.request


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("url", ["https://shop.example", "http://shop.example.localhost:8000"])
def test_the_host_is_the_first_name_here_and_on_aws(make_settings, kind, url):
    request = seen(make_settings(overrides={**NAMES, **KINDS[kind]}), url, "/basket?a=1")
    assert (request.host, request.port, request.mount, request.path) == ("shop.example", 443, "", "/basket")


@pytest.mark.parametrize("kind", KINDS)
def test_the_path_of_a_domain_is_the_mount(make_settings, kind):
    settings = make_settings(
        overrides={"domain.names": ["shop.example"], "domain.path": "books", **KINDS[kind]}
    )
    request = seen(settings, "https://shop.example/books", "/basket", below="/books")
    assert (request.host, request.mount, request.path) == ("shop.example", "/books", "/basket")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost:8000", "http://abc.localhost:8000"]
)
def test_names_of_this_machine_alone_stay_as_they_are(make_settings, url):
    request = seen(make_settings(), url, "/")
    assert f"http://{request.host}:{request.port}" == url


def test_a_name_of_this_machine_is_asked_though_no_resolver_knows_it(make_settings):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Host"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        host = f"shop.example.localhost:{server.server_port}"
        found = health.check(f"http://{host}", make_settings())
        server.shutdown()
    assert (found.ok, found.problem) == (True, "")
    assert asked == [("/", host)]


def test_a_template_for_a_pipeline_has_names_whose_certificate_is_there(make_settings, make_bundle, talk):
    arn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    named = {**NAMES, "domain.certificate": arn, "domain.zone": "Z0123"}
    found = pipeline.write(make_settings(overrides=named), make_bundle(), None, talk.console)
    assert found.text.count('"HostedZoneId": "Z0123"') == 4
    assert "are not in it" not in talk.said
    plain = pipeline.write(make_settings(overrides=NAMES), make_bundle(), None, talk.console)
    assert "shop.example" not in plain.text
    assert "The names of [domain] are not in it" in talk.said
