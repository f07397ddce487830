"""When an app is asked again whose module was read for its answer: what ran has changed, or what is seen."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from lambdify.cli.console import Console
from lambdify.cli.errors import StaticFilesUnknown

from .conftest import APP, Pack, packer

pytestmark = pytest.mark.slow
CDN = '[function]\npython = "3.13"\n[http]\ncdn = true\n[static]\nserve = "cdn"\n'
IMPORTS = "import functools\nimport inspect\nfrom routes import app, helper, route\n"
ROUTES = """
RULES = {}

def route(path, **more):
    def register(view):
        RULES[path] = view
        return view
    return register

def call(function):
    function()
    return function

def helper():
    return "a"

def app(environ, start_response):
    view = RULES.get(environ["PATH_INFO"])
    start_response("200 OK", [])
    return [view().encode()]
"""
PAGES = """
PAGE = 1
TABLE = {"a": lambda: "left", "b": 2}

@route("/")
def index():
    return "first"

@route("/more", note=helper())
def more(size=10, key=lambda: "key", *, name: str = "n") -> str:
    '''Show more.'''
    def inner():
        return "inner"
    return inner()

def rows():
    yield "a row"

async def live():
    return "live"

class Page:
    kind = "plain"

    def get(self):
        return "of Page"

    def set_up(self):
        self.size = 1

class Other(Page):
    def get(self):
        return "of Other"

    def set_up(self):
        self.size = 2

Other().get()

if PAGE > 1:
    def chosen():
        return "if"
else:
    def chosen():
        return "else"

chosen()

def twice():
    return "once"

twice()

def twice():
    return "again"

def make_app():
    set_up = 1
    @route("/made")
    def made():
        return "made"
    return made

make_app()
type Alias = list[int]

def choose[T](items: list[T]):
    return f"{"nested"}"

LAST = next(each for each in [1, 2])
SORTED = sorted([2, 1],
    key=lambda each: -each)
for function in (lambda: "ran", lambda: "not"):
    pass
"""
CALLED = """
from routes import call

@call
def ready():
    return "ready"

@functools.cache
def waiting():
    return "waiting"

def started():
    yield "begun"

next(started())
"""
SEEN = "import inspect\ndef shown():\n    return 'a'\nTEXT = inspect.getsource(shown)\n"
PLAIN = "def plain():\n    return 1\n"
READ = "from pathlib import Path\nimport plain\nPath(__file__).with_name('plain.py').read_text()\n"
PROJECT = {
    "routes.py": ROUTES,
    "pages.py": IMPORTS + PAGES,
    "called.py": IMPORTS + CALLED,
    "seen.py": SEEN,
    "plain.py": PLAIN,
    "read.py": READ,
    "app.py": "from routes import app\nimport called\nimport pages\nimport read\nimport seen\n",
}
SAME = {
    "a view": ("pages.py", '"first"', '"second" + helper()'),
    "more lines in a view": ("pages.py", '    return "first"', "    import os\n\n    return os.name"),
    "a lambda that waits": ("pages.py", '"left"', '"right"'),
    "a default that is a function": ("pages.py", '"key"', '"other key"'),
    "a function in a view": ("pages.py", '"inner"', '"outer"'),
    "a generator": ("pages.py", '"a row"', '"another row"'),
    "a coroutine": ("pages.py", '"live"', '"lively"'),
    "a method": ("pages.py", '"of Page"', '"of a page"'),
    "a method of the other class": ("pages.py", "self.size = 2", "self.size = 3"),
    "the condition's other side": ("pages.py", '"if"', '"iff"'),
    "the second of a name": ("pages.py", '"again"', '"twice"'),
    "a view that a factory makes": ("pages.py", '"made"\n', '"new"\n'),
    "what a decorator keeps": ("called.py", '"waiting"', '"waiting on"'),
    "what only a newer Python reads": ("pages.py", '"{"nested"}"', '"{"nested"} as well"'),
    "a comment": ("pages.py", "PAGE = 1", "# The first.\nPAGE = 1  # or so"),
    "an app's own body": ("routes.py", "[view().encode()]", "[view().encode('ascii')]"),
}
CHANGED = {
    "a route": ("pages.py", '"/more"', '"/most"'),
    "a default": ("pages.py", "size=10", "size=11"),
    "an annotation": ("pages.py", "name: str", "name: bytes"),
    "what comes back": ("pages.py", "-> str", "-> bytes"),
    "a docstring": ("pages.py", "Show more.", "Show less."),
    "a default of a lambda": ("pages.py", 'lambda: "left"', 'lambda x=1: "left"'),
    "its kind": ("pages.py", "async def live", "def live"),
    "its kind by a yield": ("pages.py", 'yield "a row"', 'return "a row"'),
    "a type": ("pages.py", "Alias = list[int]", "Alias = list[str]"),
    "a parameter of a type": ("pages.py", "choose[T]", "choose[T: int]"),
    "a constant": ("pages.py", 'kind = "plain"', 'kind = "fancy"'),
    "a base": ("pages.py", "Other(Page)", "Other(Page, object)"),
    "a method that ran": ("pages.py", '"of Other"', '"of another"'),
    "the condition": ("pages.py", "PAGE > 1", "PAGE > 2"),
    "the side that ran": ("pages.py", '"else"', '"elsewhere"'),
    "the first of a name": ("pages.py", '"once"', '"at first"'),
    "a factory": ("pages.py", "    set_up = 1\n", "    set_up = 2\n"),
    "a route in a factory": ("pages.py", '"/made"', '"/make"'),
    "a lambda that ran": ("pages.py", "-each", "+each"),
    "a generator that ran": ("called.py", '"begun"', '"began"'),
    "an expression that ran": ("pages.py", "[1, 2])", "[1, 3])"),
    "a helper that ran": ("routes.py", 'return "a"', 'return "b"'),
    "what a decorator calls": ("called.py", '"ready"', '"steady"'),
    "an import": ("pages.py", "import functools\n", "import functools\nimport os\n"),
    "a view less": ("pages.py", '@route("/")\ndef index():\n    return "first"\n', ""),
    "what somebody reads as text": ("seen.py", "return 'a'", "return 'b'"),
    "what is opened besides": ("plain.py", "return 1", "return 2"),
}


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project that was asked, with the state of this machine."""
    folder, story = tmp_path_factory.mktemp("asked"), io.StringIO()
    console = Console(stdin=io.StringIO(), stdout=story, stderr=story, environ={})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert packer(folder, patch, console, story)(PROJECT, CDN).asked == 1
        yield folder


@pytest.fixture
def again(asked: Path, tmp_path: Path, pack: Pack) -> Pack:
    shutil.copytree(asked, tmp_path, dirs_exist_ok=True)
    return lambda name, before, after: pack(_changed(name, before, after), CDN)


def _changed(name: str, before: str, after: str) -> dict[str, str]:
    assert PROJECT[name].count(before) == 1
    return {**PROJECT, name: PROJECT[name].replace(before, after)}


@pytest.mark.parametrize(("name", "before", "after"), SAME.values(), ids=SAME)
def test_a_body_that_did_not_run_asks_nothing(again: Pack, name: str, before: str, after: str) -> None:
    assert again(name, before, after).asked == 0


@pytest.mark.parametrize(("name", "before", "after"), CHANGED.values(), ids=CHANGED)
def test_all_else_asks_again(again: Pack, name: str, before: str, after: str) -> None:
    assert again(name, before, after).asked == 1


def test_before_python_3_12_every_change_of_a_module_asks(pack: Pack) -> None:
    old = CDN.replace("3.13", "3.11")
    view = APP.replace("404 Not Found", "200 OK")
    assert [pack({"app.py": text}, old).asked for text in (APP, view)] == [1, 1]


def test_a_file_that_python_cannot_read_any_more_asks(pack: Pack) -> None:
    assert pack({}, CDN).asked == 1
    with pytest.raises(StaticFilesUnknown, match="SyntaxError: 'await' outside async function"):
        pack({"app.py": APP.replace("return []", "return await []")}, CDN)
