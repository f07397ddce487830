"""Functions beside an app, or alone: each handler has to be in the project, as far as reading tells."""

import pytest

from lambdify.cli import settings
from lambdify.cli.detection import choice
from lambdify.cli.errors import AppNotFound, SettingsError

HELLO = 'def handler(event, context):\n    return {"message": "hi there"}\n'
FLASK = "from flask import Flask\napp = Flask(__name__)\n"


@pytest.fixture
def choose(project, console):
    """`choose({"hello.py": ...}, {"hello": "hello:handler"}, endpoint="none")`: the app that is chosen."""

    def choose(files, handlers, endpoint="none", **more):
        root = project(files)
        functions = {name: {"handler": handler} for name, handler in handlers.items()}
        overrides = {"functions": functions, "http.endpoint": endpoint, **more}
        return choice.choose_app(settings.load(root, overrides=overrides), console)

    return choose


def test_functions_alone_need_no_app(choose):
    found = choose({"hello.py": HELLO}, {"hello": "hello:handler"})
    assert (found.app, found.path, found.file) == ("", "", "hello.py")


def test_the_folder_that_they_are_imported_from_is_found(choose):
    files = {"src/shop/__init__.py": "", "src/shop/jobs.py": f"from shop import mail\n{HELLO}"}
    files["src/shop/mail.py"] = ""
    assert choose(files, {"hello": "shop.jobs:handler"}).path == "src"


def test_an_app_that_is_there_is_deployed_with_them(choose):
    files = {"hello.py": HELLO, "app.py": FLASK}
    assert choose(files, {"hello": "hello:handler"}).app == "app:app"


def test_without_an_app_an_endpoint_leads_nowhere_and_the_line_to_write_is_said(choose):
    with pytest.raises(AppNotFound) as caught:
        choose({"hello.py": HELLO}, {"hello": "hello:handler"}, endpoint="http-api")
    assert 'app = "hello:handler"' in caught.value.hint
    assert 'A stage of functions alone, without a web app, says endpoint = "none" under [http].' in (
        caught.value.hint
    )


def test_a_plain_handler_may_be_the_app_and_a_function_at_once(choose):
    found = choose({"hello.py": HELLO}, {"hello": "hello:handler"}, endpoint="http-api", app="hello:handler")
    assert found.app == "hello:handler"


@pytest.mark.parametrize(
    ("handler", "said", "hint"),
    [
        ("hello:handle", "hello.py has nothing called handle.", 'Did you mean "handler"?'),
        ("hello:zzz", "hello.py has nothing called zzz.", "def zzz(event, context)"),
        ("helo:handler", "there is no module helo in", "It would be helo.py"),
        ("shop.jobs:run", "there is no module shop.jobs in", "It would be shop/jobs.py"),
    ],
)
@pytest.mark.parametrize("app", [{}, {"app.py": FLASK}])
def test_a_handler_that_is_not_there_is_said_before_anything_is_packed(choose, handler, said, hint, app):
    with pytest.raises(SettingsError) as caught:
        choose({"hello.py": HELLO, **app}, {"hello": handler})
    assert caught.value.message.startswith(f'[functions.hello] handler = "{handler}", and ')
    assert said in caught.value.message
    assert hint in caught.value.hint


def test_a_handler_of_a_package_that_is_depended_on_is_believed(choose):
    files = {"hello.py": HELLO, "requirements.txt": "our-jobs==1.0\n"}
    assert choose(files, {"hello": "our_jobs.nightly:run"}).app == ""


@pytest.mark.parametrize(
    "source",
    [
        "from elsewhere import *\n",
        "handler = make()\n",
        "from elsewhere import handler\n",
        "class Handler:\n    def handle(self, event, context): ...\nhandler = Handler()\n",
        "if True:\n    def handler(event, context): ...\n",
        "try:\n    from fast import handler\nexcept ImportError:\n    from slow import handler\n",
        "async def handler(event, context): ...\n",
    ],
)
def test_whatever_has_the_name_will_do(choose, source):
    assert choose({"hello.py": source}, {"hello": "hello:handler.handle"}).app == ""


def test_a_function_for_all_other_events_has_no_app_to_stand_beside(choose):
    with pytest.raises(SettingsError) as caught:
        choose({"hello.py": HELLO}, {"hello": "hello:handler"}, **{"function.on_event": "hello:handler"})
    assert caught.value.message == (
        '[function] on_event = "hello:handler": it gets what the app does not, and there is no app.'
    )
    assert 'handler = "hello:handler" below [functions.NAME]' in caught.value.hint


def test_a_file_that_is_no_python_says_where(choose):
    with pytest.raises(AppNotFound, match=r"hello.py, line 1, is not valid Python"):
        choose({"hello.py": "def handler(event context):\n"}, {"hello": "hello:handler"})
