"""From a reference to an app, and from an app to its interface; with real modules and real frameworks."""

import asyncio
import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest

from lambdify.adapter import Adapter, loading
from lambdify.adapter.errors import AppNotLoaded, InterfaceUnknown


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Write modules of a project that can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    names: list[str] = []

    def write(name: str, text: str) -> None:
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        names.append(name)

    yield write
    for name in names:
        for module in [module for module in sys.modules if f"{name}.".startswith(f"{module}.")]:
            del sys.modules[module]


class TestLoad:
    def test_an_attribute_of_a_module(self, project):
        project("shop.site", "app = 'the app'")
        assert loading.load("shop.site:app") == "the app"

    def test_an_attribute_of_an_attribute(self, project):
        project("main_module", "class holder:\n    app = 'the app'")
        assert loading.load("main_module:holder.app") == "the app"

    def test_a_factory_is_called(self, project):
        project("made", "def create_app():\n    return 'the app'")
        assert loading.load("made:create_app()") == "the app"

    @pytest.mark.parametrize(
        "reference", ["main", "main.app", ":app", "main:", "main:app(x)", "a b:app", "main:a-b", ""]
    )
    def test_a_bad_form_is_refused_with_the_right_one(self, reference):
        with pytest.raises(AppNotLoaded, match=r'write "package\.module:attribute"'):
            loading.load(reference)

    @pytest.mark.parametrize("reference", ["nowhere_to_be_found:app", "nowhere_to_be_found.main:app"])
    def test_a_module_that_is_not_there(self, reference):
        with pytest.raises(AppNotLoaded, match="there is no module 'nowhere_to_be_found'"):
            loading.load(reference)

    def test_a_submodule_that_is_not_there(self, project):
        project("shop.site", "")
        with pytest.raises(AppNotLoaded, match=r"there is no module 'shop\.sight'"):
            loading.load("shop.sight:app")

    def test_an_attribute_that_is_not_there(self, project):
        project("lonely", "")
        with pytest.raises(AppNotLoaded, match="'lonely' has no attribute 'app'"):
            loading.load("lonely:app")

    def test_an_import_that_fails_inside_the_app_passes_through(self, project):
        project("hungry", "import nowhere_to_be_found")
        with pytest.raises(ModuleNotFoundError) as caught:
            loading.load("hungry:app")
        assert caught.value.name == "nowhere_to_be_found"

    def test_a_distribution_that_the_app_misses_is_no_missing_module(self, project):
        """The distribution of an app is often called as its package: what misses is not the module."""
        project("unheard_of", "from importlib.metadata import version\nversion('unheard_of')")
        with pytest.raises(PackageNotFoundError, match="unheard_of"):
            loading.load("unheard_of:app")

    def test_an_error_inside_the_app_passes_through(self, project):
        project("broken", "1 / 0")
        with pytest.raises(ZeroDivisionError):
            loading.load("broken:app")


def wsgi_app(environ, start_response): ...
def wsgi_with_options(environ, start_response, debug=False): ...
def wsgi_with_settings(environ, start_response, settings): ...
def settings_first(settings, environ, start_response): ...
async def asgi_app(scope, receive, send): ...
def asgi_without_async(scope, receive, send): ...
def lambda_handler(event, context): ...
def anything(*args, **kwargs): ...


@functools.wraps(asgi_app)
async def wrapped_asgi(*args, **kwargs): ...


class Holder:
    def app(self, environ, start_response): ...

    @classmethod
    def class_app(cls, scope, receive, send): ...


class WSGIMiddleware:
    def __init__(self, app): ...
    def __call__(self, environ, start_response): ...


class ASGIMiddleware:
    def __init__(self, app): ...
    async def __call__(self, scope, receive, send): ...


class WSGIClass:
    def __init__(self, environ, start_response): ...


class ASGI2Class:
    def __init__(self, scope): ...
    async def __call__(self, receive, send): ...


class TestInterface:
    @pytest.mark.parametrize(
        "app",
        [
            wsgi_app,
            wsgi_with_options,
            functools.partial(wsgi_with_settings, settings={}),
            functools.partial(settings_first, {}),
            Holder().app,
            WSGIMiddleware(None),
            WSGIClass,
        ],
    )
    def test_wsgi(self, app):
        assert loading.find_interface(app) == "wsgi"

    @pytest.mark.parametrize(
        "app", [asgi_app, asgi_without_async, wrapped_asgi, Holder.class_app, ASGIMiddleware(None)]
    )
    def test_asgi(self, app):
        assert loading.find_interface(app) == "asgi"

    def test_a_lambda_handler_names_its_parameters(self):
        assert loading.find_interface(lambda_handler) == "handler"
        assert loading.find_interface(Adapter(wsgi_app)) == "handler"

    def test_mangum_is_a_handler(self):
        from mangum import Mangum

        loop = asyncio.new_event_loop()  # it asks for one, and would make it
        asyncio.set_event_loop(loop)
        assert loading.find_interface(Mangum(asgi_app, lifespan="off")) == "handler"
        asyncio.set_event_loop(None)
        loop.close()

    def test_flask(self):
        from flask import Flask
        from werkzeug.middleware.proxy_fix import ProxyFix

        app = Flask("shop")
        for way_in in (app, app.wsgi_app, ProxyFix(app.wsgi_app)):
            assert loading.find_interface(way_in) == "wsgi"

    def test_django(self):
        from django.core.handlers.asgi import ASGIHandler
        from django.core.handlers.wsgi import WSGIHandler

        assert loading.find_interface(object.__new__(WSGIHandler)) == "wsgi"
        assert loading.find_interface(object.__new__(ASGIHandler)) == "asgi"

    def test_starlette_and_fastapi(self):
        from fastapi import FastAPI
        from starlette.applications import Starlette
        from starlette.middleware.cors import CORSMiddleware

        for app in (FastAPI(), Starlette(), CORSMiddleware(Starlette())):
            assert loading.find_interface(app) == "asgi"

    def test_asgi_2_is_named(self):
        with pytest.raises(InterfaceUnknown, match=r"ASGI2Class takes one argument.*only ASGI 3"):
            loading.find_interface(ASGI2Class)

    @pytest.mark.parametrize("app", [anything, print, SimpleNamespace])
    def test_what_cannot_be_told_is_refused_with_the_way_out(self, app):
        with pytest.raises(InterfaceUnknown, match="interface="):
            loading.find_interface(app)

    @pytest.mark.parametrize("app", [None, 5, "app", SimpleNamespace(), contextlib])
    def test_what_cannot_be_called_is_no_app(self, app):
        with pytest.raises(InterfaceUnknown, match="cannot be called"):
            loading.find_interface(app)
