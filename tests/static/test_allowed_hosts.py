"""ALLOWED_HOSTS of a Django that was asked, and the hosts that its visitors will use."""

from collections.abc import Iterator

import pytest

from lambdify.cli.static import allowed_hosts

from .conftest import Pack
from .django_project import DJANGO, write

CDN = "[http]\ncdn = true\n"
TOLD = (
    'ALLOWED_HOSTS lacks ".cloudfront.net": Django answers 400 to visitors who come by that name. '
    'Let them in: ALLOWED_HOSTS = [".cloudfront.net"]'
)


@pytest.mark.parametrize(
    ("allowed", "known"),
    [
        ((), False),
        (("*",), True),
        ((".cloudfront.net",), True),
        ((".CloudFront.net",), True),
        ((".net",), True),
        (("d111111abcdef8.cloudfront.net",), True),
        (("cloudfront.net",), False),
        (("mycloudfront.net", ".mycloudfront.net"), False),
        (("localhost", "127.0.0.1", ".amazonaws.com"), False),
        (("placeholder",), True),
    ],
    ids=str,
)
def test_the_name_of_a_distribution_is_let_in_by_its_end(allowed: tuple[str, ...], known: bool) -> None:
    assert allowed_hosts.lets_in(allowed, allowed_hosts.OF_CDN) == known
    assert allowed_hosts.caution(allowed, allowed_hosts.OF_CDN) == ("" if known else TOLD)


@pytest.mark.parametrize(
    ("allowed", "known"),
    [
        (("shop.example",), True),
        ((".shop.example",), True),
        ((".example",), True),
        (("www.shop.example",), False),
        (("hop.example",), False),
    ],
    ids=str,
)
def test_a_name_is_let_in_as_django_does(allowed: tuple[str, ...], known: bool) -> None:
    assert allowed_hosts.lets_in(allowed, "shop.example") == known


def test_every_name_that_is_refused_is_told() -> None:
    said = allowed_hosts.caution(("shop.example",), "shop.example", "www.shop.example", "*.cloudfront.net")
    assert said.startswith('ALLOWED_HOSTS lacks "www.shop.example", ".cloudfront.net": ')


@pytest.fixture(scope="module")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAMBDIFY_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.slow
@pytest.mark.index
def test_a_django_is_asked_for_them_and_its_answer_is_kept(pack: Pack, shared_cache: None) -> None:
    hosts = "import os\nALLOWED_HOSTS = os.environ.get('HOSTS', 'localhost').split(',')\n"
    assert f"warning: {TOLD}" in pack(write(hosts), CDN, **DJANGO).said
    again = pack({"books/views.py": "# a line\n"}, CDN, **DJANGO)
    assert (again.asked, TOLD in again.said) == (0, True)
    assert TOLD not in pack({}, f'{CDN}[environment]\nHOSTS = "localhost,.cloudfront.net"\n', **DJANGO).said
    assert TOLD not in pack({}, "", **DJANGO).said, "without a CDN"
    names = '[domain]\nnames = ["shop.example", "www.shop.example", "*.shop.example"]\n'
    told = pack({}, CDN + names, **DJANGO).said
    assert 'ALLOWED_HOSTS lacks "shop.example", ".shop.example": ' in told, "www leads to the first by itself"


@pytest.mark.slow
def test_an_app_without_such_a_list_has_nothing_to_be_told(pack: Pack) -> None:
    assert "ALLOWED_HOSTS" not in pack({"static/a.css": "a"}, CDN).said
