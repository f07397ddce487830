"""What only serves and is left out, and what stays since somebody needs it."""

from dataclasses import replace

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.packing.resolution import requirers, serving
from lambdify.cli.packing.resolution.serving import Exclusion
from lambdify.cli.packing.target import Target

SERVERS = {
    "gunicorn", "uvicorn", "uwsgi", "mod-wsgi", "daphne", "hypercorn", "waitress", "granian", "uvloop",
    "httptools", "watchfiles", "websockets", "gevent", "eventlet",
}  # fmt: skip
MARKERS = Target(python="3.13", architecture="x86_64").markers()


def choose(tmp_path, imported=(), required=(), **build):
    return serving.choose(replace(settings_room.load(tmp_path).build, **build), imported, required)


@pytest.mark.parametrize(
    ("imported", "required", "build", "left_out", "stays"),
    [
        ((), (), {}, SERVERS, {"flask-debugtoolbar", "flask", "h11", "click"}),
        (("uvicorn", "json"), (), {}, {"gunicorn"}, {"uvicorn"}),
        (("gevent",), (), {}, {"gunicorn"}, {"gevent"}),
        ((), ("quart", "hypercorn"), {}, {"uvicorn"}, {"hypercorn"}),
        ((), (), {"keep": ("Gunicorn",)}, {"uvicorn"}, {"gunicorn"}),
        ((), (), {"omit": ("Some_Thing", "flask")}, {"some-thing", "flask"}, set()),
        (("flask",), (), {"omit": ("flask",)}, {"flask"}, set()),
    ],
)  # fmt: skip
def test_what_is_chosen(tmp_path, imported, required, build, left_out, stays):
    names = set(choose(tmp_path, imported, required, **build).names)
    assert left_out <= names
    assert not stays & names


@pytest.mark.parametrize(
    ("requires", "asked", "needed"),
    [
        ({"shop": ("uvicorn>=0.30",)}, {}, {"uvicorn"}),
        ({"shop": ("Uvicorn[standard]",)}, {}, {"uvicorn"}),
        ({"shop": ("uvicorn; python_version < '3.8'",)}, {}, set()),
        # An extra that the project asks for is how it is served; one that a library asks for is a need.
        ({"fastapi": ("uvicorn[standard]; extra == 'standard'",)}, {"fastapi": {"standard"}}, set()),
        ({"fastapi": ("uvicorn; extra == 'all'",)}, {}, set()),
        ({"fastapi": ("uvicorn; extra == 'all'",), "ui": ("fastapi[all]",)}, {}, {"uvicorn"}),
        ({"a": ("b[x]",), "b": ("c[y]; extra == 'x'",), "c": ("daphne; extra == 'y'",)}, {}, {"daphne"}),
        # What has other uses stays for the project's own extras too.
        ({"gql": ("websockets; extra == 'ws'",)}, {"gql": {"ws"}}, {"websockets"}),
        ({"gql": ("websockets; extra == 'ws'",)}, {}, set()),
        ({"shop": ("no requirement ((",)}, {}, set()),
        ({"shop": ("gunicorn",)}, {}, set()),
    ],
)
def test_who_needs_one(requires, asked, needed):
    excluded = Exclusion(
        serving=frozenset({"uvicorn", "daphne", "websockets"}), omitted=frozenset({"gunicorn"})
    )
    packed = requirers.read(requires, {name: frozenset(extras) for name, extras in asked.items()}, MARKERS)
    assert requirers.find_needed(excluded, packed, frozenset()) == needed


def test_in_a_lock_any_extra_of_a_library_counts():
    excluded = Exclusion(serving=frozenset({"uvicorn", "websockets"}), companions=frozenset({"h11"}))
    packed = requirers.read(
        {"gql": ("websockets; extra == 'ws'", "uvicorn; extra == 'dev'", "h11; extra == 'x'")}, {}, MARKERS
    )
    assert requirers.find_needed(excluded, packed, frozenset({"websockets", "h11", "uvicorn"})) == {
        "websockets", "h11",
    }  # fmt: skip


def test_the_order_of_names_decides_nothing(tmp_path):
    one = choose(tmp_path, omit=("b", "a")).names
    assert one == choose(tmp_path, omit=("a", "b")).names == tuple(sorted(one))


def test_rows_say_what_and_why():
    for server in serving.known():
        assert server.why, server.name
        assert server.modules, server.name
        assert server.name == server.name.lower().replace("_", "-")
        assert server.name not in server.brings
    names = [server.name for server in serving.known()]
    assert len(names) == len(set(names))
