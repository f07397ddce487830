"""References with arguments, and the interface of apps whose own parameters say nothing."""

import functools
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lambdify.adapter import Adapter, loading
from lambdify.adapter.errors import AppNotLoaded, InterfaceUnknown

SHOP = """
def create_app(name="shop", *, debug=False, port=None):
    return (name, debug, port)

class shops:
    create = staticmethod(create_app)
"""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A module with a factory, which can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shop_of_arguments.py").write_text(SHOP)
    yield "shop_of_arguments"
    sys.modules.pop("shop_of_arguments", None)


class TestArguments:
    @pytest.mark.parametrize(
        ("call", "made"),
        [
            ("create_app()", ("shop", False, None)),
            ("create_app('production')", ("production", False, None)),
            ('create_app("a:b(c)", debug=True)', ("a:b(c)", True, None)),
            ("create_app(name='x', port=-8080)", ("x", False, -8080)),
            ("create_app(None, port=1.5)", (None, False, 1.5)),
            ("create_app({'DEBUG': [1, (2,)]},)", ({"DEBUG": [1, (2,)]}, False, None)),
            ("shops.create( 'production' )", ("production", False, None)),
        ],
    )
    def test_a_factory_is_called_with_literals(self, shop, call, made):
        assert loading.load(f"{shop}:{call}") == made

    @pytest.mark.parametrize(
        "call",
        [
            "create_app(name)",
            "create_app(print('!'))",
            "create_app(*[1])",
            "create_app(**{'name': 1})",
            "create_app('a'",
            "create_app)",
            "create_app('a') or create_app('b')",
            "create_app()('b')",
            "create_app('a'); create_app('b')",
            "create_app({[]: 1})",
            "create_app(f'{1}')",
            "create_app(" + "(" * 500 + ")" * 500 + ")",
            "(1)",
        ],
    )
    def test_nothing_but_one_call_with_literals_is_taken(self, shop, call):
        with pytest.raises(AppNotLoaded, match=r'write "package\.module:attribute"'):
            loading.load(f"{shop}:{call}")

    def test_what_the_factory_raises_is_its_own(self, shop):
        with pytest.raises(TypeError, match="colour"):
            loading.load(f"{shop}:create_app(colour='red')")

    def test_only_arguments_cost_an_import(self):
        script = (
            "import json, sys\nsys.modules.pop('ast', None)\n"
            "from lambdify.adapter import loading\nloading.load('json:JSONDecoder()')\n"
            "before = 'ast' in sys.modules\nloading.load('json:dumps(1)')\n"
            "print(json.dumps([before, 'ast' in sys.modules]))"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
        )
        assert json.loads(done.stdout) == [False, True]


def web(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]


async def site(scope, receive, send): ...


def note(first, second): ...


class Around:
    """The usual wrapper of those who do not care what they wrap."""

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, *args, **kwargs):
        note("called", args)
        return self.inner(*args, **kwargs)


class Further(Around):
    """A Dash object is such a one around such a one."""

    def __call__(self, *args):
        return self.inner.__call__(*args)


class Base:
    def __call__(self, environ, start_response): ...


class Above(Base):
    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


class ByMethod:
    def serve(self, scope, receive, send): ...

    def __call__(self, *args):
        return self.serve(*args)


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner):
        self.inner = inner

    def __call__(self, *args):
        return self.inner(*args)


def timed(function):
    def inner(*args, **kwargs):
        return function(*args, **kwargs)

    return inner


def empty_cell(*, filled=False):
    def inner(*args):
        return later(*args)

    if filled:
        later = web
    return inner


class Both:
    wsgi = staticmethod(web)
    asgi = staticmethod(site)

    def __call__(self, *args):
        return self.wsgi(*args) if len(args) == 2 else self.asgi(*args)


class TestInterfaceOfWrappers:
    @pytest.mark.parametrize(
        "app",
        [
            Around(web),
            Further(Around(web)),
            Above(),
            Slotted(web),
            timed(web),
            timed(timed(Around(web))),
            lambda *args: web(*args),
            lambda environ, *rest: note(environ, rest),
            functools.partial(timed(web)),
        ],
    )
    def test_what_is_called_through_star_args_tells_wsgi(self, app):
        assert loading.find_interface(app) == "wsgi"

    @pytest.mark.parametrize(
        "app",
        [
            Around(site),
            ByMethod(),
            timed(site),
            lambda *args: site(*args),
            lambda scope, *rest: note(scope, rest),
            Further(Further(site)),
        ],
    )
    def test_what_is_called_through_star_args_tells_asgi(self, app):
        assert loading.find_interface(app) == "asgi"

    def test_a_coroutine_function_is_no_wsgi_app(self):
        async def app(*args): ...

        assert loading.find_interface(app) == "asgi"

    def test_a_lambda_handler_behind_star_args_stays_one(self):
        def handler(event, context): ...

        assert loading.find_interface(timed(handler)) == "handler"

    def test_the_object_is_looked_at_and_never_called(self):
        class Trap:
            @property
            def inner(self):
                raise AssertionError("a property was read")

            def __call__(self, *args):
                raise AssertionError(self.inner)

        with pytest.raises(InterfaceUnknown):
            loading.find_interface(Trap())

    @pytest.mark.parametrize("app", [Both(), empty_cell(), lambda *args: note(*args)])
    def test_what_tells_nothing_or_both_is_refused_with_the_way_out(self, app):
        with pytest.raises(InterfaceUnknown, match="interface="):
            loading.find_interface(app)

    def test_wrappers_in_a_circle_end(self):
        app = Around(None)
        app.inner = app
        with pytest.raises(InterfaceUnknown):
            loading.find_interface(app)

    def test_flask_behind_star_args_answers(self):
        from flask import Flask

        flask = Flask("shop")
        assert Adapter(lambda *args: flask(*args)).interface == "wsgi"
        assert Adapter(Around(flask)).interface == "wsgi"

    def test_fastapi_behind_star_args_is_asgi(self):
        from fastapi import FastAPI

        api = FastAPI()
        assert loading.find_interface(lambda *args: api(*args)) == "asgi"


class TestWhatIsRefused:
    def test_a_factory_is_to_be_called(self):
        def create_app(): ...

        with pytest.raises(InterfaceUnknown, match=r"if it makes the app, write create_app\(\)"):
            loading.find_interface(create_app)

    def test_so_is_a_factory_with_a_default(self):
        def create_app(config=None): ...

        with pytest.raises(InterfaceUnknown, match=r"if it makes the app, write create_app\(\)"):
            loading.find_interface(create_app)

    def test_a_factory_with_an_argument_is_no_asgi_2(self):
        def create_app(config_name): ...

        with pytest.raises(
            InterfaceUnknown, match=r"needs config_name.*write create_app\('\.\.\.'\)"
        ) as caught:
            loading.find_interface(create_app)
        assert "ASGI 2" not in str(caught.value)

    def test_an_asgi_2_function_is_named(self):
        def app(scope): ...

        with pytest.raises(InterfaceUnknown, match="only ASGI 3"):
            loading.find_interface(app)

    def test_what_cannot_be_called_is_no_app(self):
        with pytest.raises(InterfaceUnknown, match="cannot be called"):
            loading.find_interface(SimpleNamespace())

    def test_an_old_dash_object_leads_to_its_server(self):
        with pytest.raises(InterfaceUnknown, match=r'cannot be called.*its "\.server" can'):
            loading.find_interface(SimpleNamespace(server=web))
