"""Static files that the function serves before the app are served here, and anew when they are saved."""

import os

import pytest
from serve.conftest import Serve

pytestmark = pytest.mark.slow
TOML = '[static]\nfallback = "index.html"\n[static.folders]\n"/" = "dist"\n'


def test_a_front_end_is_served_before_the_app(serve: Serve):
    files = {"dist/index.html": "<h1>front</h1>\n", "dist/site.css": "h1 {}\n"}
    serving = serve(files, pages='PAGES = {"/api": lambda: "from the app"}\n', toml=TOML)
    first = serving.get("/site.css")
    assert (first.text, first.headers["content-type"]) == ("h1 {}\n", "text/css; charset=utf-8")
    assert serving.get("/api").text == "from the app"
    assert serving.get("/").text == "<h1>front</h1>\n"
    serving.save("dist/site.css", "p {}\n")
    second = serving.get("/site.css")
    assert second.text == "p {}\n"
    assert second.headers["etag"] != first.headers["etag"]
    serving.save("dist/more.css", "b {}\n")
    assert serving.get("/more.css").text == "b {}\n"


def test_a_film_that_a_cdn_serves_later_is_no_obstacle(serve: Serve):
    film = os.urandom(2_500_000).hex()  # no response of a function can hold it
    serving = serve(
        {"dist/index.html": "<h1>front</h1>\n", "dist/film.mp4": film},
        pages='PAGES = {"/api": lambda: "from the app"}\n',
        toml=f"[http]\ncdn = true\n{TOML}",
    )
    assert serving.get("/").text == "<h1>front</h1>\n"
    assert "film.mp4 (4.8 MiB) is too big for a function's response, and not" in serving.story("film.mp4")
