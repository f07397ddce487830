"""What is said before a deployment about files: of variables, static ones, and translations."""

import subprocess
import sys
from datetime import date

import pytest

from lambdify.cli import settings
from lambdify.cli.plan import pitfalls

SITE = """
import sys
from pathlib import Path

from django.conf import settings

root = Path(__file__).parent / "collected"
root.mkdir(exist_ok=True)
(root / "shop.css").write_text("")
url, prefix = sys.argv[1:]
settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, STATIC_URL=url, STATIC_ROOT=root,
    INSTALLED_APPS=["django.contrib.staticfiles"], MIDDLEWARE=["whitenoise.middleware.WhiteNoiseMiddleware"],
    **({"WHITENOISE_STATIC_PREFIX": prefix} if prefix else {}),
)
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.templatetags.static import static
from django.urls import path
from lambdify.adapter import Adapter

urlpatterns = [path("", lambda request: HttpResponse(static("shop.css")))]
adapter = Adapter(get_wsgi_application())

def get(path):
    context = {"stage": "live", "path": f"/live{path}", "domainName": "x.example", "identity": {}}
    event = {"resource": "/{proxy+}", "path": path, "httpMethod": "GET", "requestContext": context}
    return adapter(event, None)

link = get("/")["body"]
print(get(link.removeprefix("/live"))["statusCode"] if link.startswith("/live/") else "none")
"""
TOML = '[environment]\nfile = ".env.live"\n'
KEY = "k3y-of-the-bank"


@pytest.fixture
def said(tmp_path):
    """`said({".env.live": "SITE=x"})`: every caution about a project of these files."""

    def said(files, toml=TOML):
        for name, text in {**files, "lambdify.toml": f'name = "shop"\n{toml}'}.items():
            (tmp_path / name).write_text(text)
        chosen = settings.load(tmp_path, overrides={"function.python": "3.12"})
        return list(pitfalls.find(chosen, local=False, today=date(2020, 1, 1)))

    return said


def test_what_looks_like_a_secret_is_told_with_the_command_that_stores_it_and_without_its_value(said, golden):
    url = "postgres://shop:Kc9-reilly@db.shop.de/shop"
    text = (
        f"SITE=https://shop.de\nAPI_KEY={KEY}\nEMPTY_TOKEN=\nPLACE={url}\nTOKEN_AGE=20\nREPLACED_KEY={KEY}\n"
    )
    (caution,) = said({".env.live": text}, f'{TOML}REPLACED_KEY = "line"\n')
    assert KEY not in caution
    assert url not in caution
    golden("secrets-in-environment-file.txt", f"{caution}\n")


@pytest.mark.parametrize("text", ["SITE=x\n", f"API_KEY={KEY}\n"])
def test_nothing_is_said_of_what_is_no_secret_or_stored_as_one(said, text):
    assert said({".env.live": text}, f'[secrets]\nAPI_KEY = "ssm:/shop/API_KEY"\n{TOML}') == []


def test_what_lambda_sets_itself_is_told(said):
    (caution,) = said({".env.live": f"AWS_REGION=eu-west-1\nAWS_SECRET_ACCESS_KEY={KEY}\n"})
    assert caution == (
        ".env.live: Lambda itself sets AWS_REGION, AWS_SECRET_ACCESS_KEY, and does without what the file "
        "says of them."
    )


# -------------------------------------------------------------------- WhiteNoise behind a REST API

NOISE = 'MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware"]\n'
REST = '[http]\nendpoint = "rest-api"\n'


@pytest.mark.parametrize("url", ["static/", "/static/", "assets"])
def test_links_that_a_rest_api_refuses_are_told_with_the_lines_to_write(said, url):
    (caution,) = said({"settings.py": f"{NOISE}STATIC_URL = '{url}'\n"}, REST)
    path = f"/{url.strip('/')}/"
    assert caution.endswith(f'Set STATIC_URL = "/live{path}" and WHITENOISE_STATIC_PREFIX = "{path}".')
    assert caution.startswith("settings.py: with WhiteNoise, links to static files lack /live")


@pytest.mark.parametrize(
    ("text", "toml"),
    [
        (f"{NOISE}STATIC_URL = 'static/'\n", ""),
        (f"{NOISE}STATIC_URL = '/live/static/'\n", REST),
        (f"{NOISE}STATIC_URL = 'https://cdn.shop.de/'\n", REST),
        (f"{NOISE}STATIC_URL = os.environ['STATIC_URL']\n", REST),
        ("STATIC_URL = 'static/'\n", REST),
    ],
)
def test_links_that_are_answered_are_no_matter(said, text, toml):
    assert said({"settings.py": text}, toml) == []


def test_an_absolute_url_is_told_where_nobody_serves_the_files(said):
    text = "INSTALLED_APPS = ['django.contrib.staticfiles']\nSTATIC_URL = '{}'\n"
    (caution,) = said({"settings.py": text.format("/static/")}, REST)
    assert caution == (
        'settings.py: STATIC_URL = "/static/" makes links without /live, with which each path of a REST API '
        'begins. Django adds it to a relative one: STATIC_URL = "static/".'
    )
    for url in ("static/", "/live/static/", "//cdn.shop.de/static/"):
        assert said({"settings.py": text.format(url)}, REST) == []
    assert said({"settings.py": text.format("/static/")}, "") == []


@pytest.mark.slow
def test_the_lines_to_write_make_links_that_are_answered(tmp_path):
    """Really: Django, WhiteNoise and a REST API's events, with the settings that are advised."""
    program = tmp_path / "site.py"
    program.write_text(SITE)
    for url, prefix, answer in (("static/", None, "none"), ("/live/static/", "/static/", "200")):
        done = subprocess.run(
            [sys.executable, program, url, prefix or ""],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.split() == [answer]


# -------------------------------------------------------------------- translations

GERMAN = "locale/de/LC_MESSAGES/django.po"


@pytest.fixture
def translated(tmp_path, said):
    """`translated(*paths)`: what is said of a project with these files of translations."""

    def translated(*paths, toml=""):
        for path in paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text("")
        return said({}, toml)

    return translated


def test_translations_that_are_not_compiled_are_told(translated):
    (caution,) = translated("manage.py", GERMAN, "locale/fr/LC_MESSAGES/django.po")
    assert caution == (
        "locale/de/LC_MESSAGES/django.po and 1 more have no .mo file beside: what is translated there stays "
        "as it is in the code. `python manage.py compilemessages` makes it."
    )


def test_without_django_it_is_babel_that_compiles(translated):
    (caution,) = translated("shop/translations/de/LC_MESSAGES/messages.po")
    assert caution.endswith("`pybabel compile -d shop/translations` makes it.")


@pytest.mark.parametrize(
    ("paths", "toml"),
    [
        ([GERMAN, GERMAN.replace(".po", ".mo")], ""),
        (["notes/river.po"], ""),
        ([GERMAN], '[build]\nexclude = ["locale/"]\n'),
        ([GERMAN], '[build]\nbefore = ["python manage.py compilemessages"]\n'),
    ],
)
def test_what_is_compiled_or_not_packed_is_no_matter(translated, paths, toml):
    assert translated(*paths, toml=toml) == []


# -------------------------------------------------------------------- links that became files


def test_a_link_that_git_wrote_as_a_file_is_told_with_what_makes_it_one(said, tmp_path):
    (tmp_path / "shared/util").mkdir(parents=True)
    (tmp_path / "web").mkdir()
    (tmp_path / "web/util").write_text("../shared/util")
    (caution,) = said({}, "")
    assert caution == (
        "web/util holds nothing but the name of ../shared/util: git or an archive wrote a link as a file. "
        "`ln -sf ../shared/util web/util` makes it one again."
    )


@pytest.mark.parametrize(
    "text", ["../nowhere", "../shared/util\n", "shared", "../../../../../../etc/hosts", ""]
)
def test_a_file_that_only_looks_so_is_no_matter(said, tmp_path, text):
    (tmp_path / "shared/util").mkdir(parents=True)
    (tmp_path / "web").mkdir()
    (tmp_path / "web/util").write_text(text)
    assert said({}, "") == []
