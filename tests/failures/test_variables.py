"""A variable that is missing, as each library says it: which one, who reads it, and the line to write."""

from dataclasses import replace

import pytest
from failures.raising import fail, fail_all, project_of, text_of

from lambdify.cli.failures import project as facts
from lambdify.cli.failures import tracebacks, variables
from lambdify.cli.failures.explanation import explain

pytestmark = pytest.mark.slow

DJANGO = """
    import os
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site_.settings")
    from django.core.wsgi import get_wsgi_application
    application = get_wsgi_application()
    """

CASES = {
    "os-environ": {"app.py": 'import os\n\n\n\nKEY = os.environ["API_KEY"]\n'},
    "os-environ-in-a-module": {
        "app.py": "from shop import config\n",
        "shop/__init__.py": "",
        "shop/config.py": 'from os import environ\nLEVEL = environ["LOG_LEVEL"]\n',
    },
    "wrapped": {
        "app.py": """
            import os

            def need(name):
                try:
                    return os.environ[name]
                except KeyError as error:
                    raise RuntimeError("bad configuration") from error

            REGION = need("SHOP_REGION")
            """
    },
    "os-environb": {"app.py": 'import os\nTOKEN = os.environb[b"SHOP_TOKEN"]\n'},
    "flask-from-envvar": {
        "app.py": """
            from flask import Flask
            app = Flask(__name__)
            app.config.from_envvar("SHOP_SETTINGS")
            """
    },
    "split-of-none": {"app.py": 'import os\nHOSTS = os.environ.get("SHOP_HOSTS").split(",")\n'},
    "one-of-two-in-a-librarys-words": {
        "app.py": """
            # As the client of an AI service says it.
            raise ValueError(
                "Missing credentials. Please pass an `api_key`, or set the `OPENAI_API_KEY` or "
                "`OPENAI_ADMIN_KEY` environment variable."
            )
            """
    },
    "own-words": {
        "app.py": """
            import os, sys
            if not os.environ.get("BUCKET"):
                sys.exit("BUCKET must be set")
            """
    },
    "own-words-of-an-assert": {
        "app.py": 'import os\nassert os.getenv("STRIPE_TOKEN"), "STRIPE_TOKEN is not set"\n'
    },
    "none-is-passed-on": {"app.py": 'import os\nPORT = int(os.environ.get("APP_PORT"))\n'},
    "pydantic-settings": {
        "app.py": """
            from pydantic_settings import BaseSettings

            class Settings(BaseSettings):
                api_key: str
                database_url: str
                debug: bool = False
                region: str

            settings = Settings()
            """
    },
    "pydantic-settings-prefix": {
        "app.py": """
            from pydantic import Field
            from pydantic_settings import BaseSettings, SettingsConfigDict

            class Settings(BaseSettings):
                model_config = SettingsConfigDict(env_prefix="SHOP_")
                region: str
                level: str = Field(validation_alias="LOG_LEVEL")

            settings = Settings()
            """
    },
    "pydantic-settings-nested": {
        "app.py": """
            from pydantic import BaseModel
            from pydantic_settings import BaseSettings, SettingsConfigDict

            class Mail(BaseModel):
                host: str
                port: int = 25

            class Settings(BaseSettings):
                model_config = SettingsConfigDict(env_nested_delimiter="__")
                mail: Mail

            settings = Settings()
            """,
    },
    "absent-and-passed-to-a-library": {
        "app.py": """
            import os
            from datetime import date

            OPENING = os.environ.get("SHOP_OPENING", "")
            since = date.fromisoformat(OPENING)
            """
    },
    "pydantic-settings-with-a-wrong-value": {
        "app.py": """
            from pydantic_settings import BaseSettings

            class Settings(BaseSettings):
                port: int
                debug: bool = False

            settings = Settings()
            """
    },
    "environs": {"app.py": 'from environs import Env\nenv = Env()\nLEVEL = env.str("LOG_LEVEL")\n'},
    "environs-sealed": {
        "app.py": """
            from environs import Env
            env = Env(eager=False)
            LEVEL = env.str("LOG_LEVEL")
            PORT = env.int("API_PORT")
            env.seal()
            """
    },
    "decouple": {"app.py": 'from decouple import config\nDEBUG = config("DEBUG", cast=bool)\n'},
    "starlette": {
        "app.py": """
            from starlette.config import Config
            from starlette.datastructures import Secret
            config = Config()
            KEY = config("SIGNING_KEY", cast=Secret)
            """
    },
    "django-environ": {
        "app.py": DJANGO,
        "site_/__init__.py": "",
        "site_/settings.py": 'import environ\nenv = environ.Env()\nSECRET_KEY = env("DJANGO_SECRET_KEY")\n',
    },
    "django-secret-key": {
        "app.py": DJANGO + "from django.core import signing\n    signer = signing.Signer()\n",
        "site_/__init__.py": "",
        "site_/settings.py": 'import os\nSECRET_KEY = os.environ.get("SHOP_SECRET_KEY", "")\n',
    },
    "django-settings-module": {
        "app.py": "from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()\n",
        "manage.py": 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")\n',
    },
}
ENVIRON = {
    "pydantic-settings-with-a-wrong-value": {"PORT": "hush", "DEBUG": "perhaps"},
    "pydantic-settings-nested": {"MAIL__PORT": "587"},
}
NOT_IN_TEXT = {"none-is-passed-on", "split-of-none", "django-secret-key"}
"""What only somebody who watched os.environ can know."""


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    return fail_all(CASES, tmp_path_factory.mktemp("variables"), environ=ENVIRON)


@pytest.mark.parametrize("case", CASES)
def test_a_missing_variable_is_named_with_the_line_to_write(case, failed, golden):
    root, raised, unset, text = failed[case]
    explained = explain(raised, project_of(root), unset)
    golden(f"variables-{case}.txt", text_of(explained))
    # A log on AWS holds no more than the text, and the project's folder is another one there.
    told = tracebacks.read(text.replace(f"{root}/", "/var/task/"), project_of(root).owns)
    if case not in NOT_IN_TEXT:
        assert explain(told, project_of(root)).variables == explained.variables


OTHERS = [
    'BOOKS = {}\nBOOKS["FIRST"]\n',
    'raise ValueError("no such book: the FIRST is missing")\n',
    'raise RuntimeError("GET /books is not found")\n',
    "from pydantic import BaseModel\nclass Book(BaseModel):\n    title: str\nBook()\n",
    "int(None)\n",
]


def test_what_is_about_something_else_is_not_taken_for_a_variable(tmp_path):
    failed = fail_all({str(number): {"app.py": code} for number, code in enumerate(OTHERS)}, tmp_path)
    told = [explain(each.raised, project_of(each.root), each.unset).variables for each in failed.values()]
    assert told == [()] * len(OTHERS)


def test_values_that_an_environment_file_has_are_offered_by_name(tmp_path, make_settings, golden):
    files = {
        "app.py": """
            from environs import Env
            env = Env(eager=False)
            for name in ("API_KEY", "SHOP_REGION", "PAYMENT", "LEVEL"):
                env.str(name)
            env.seal()
            """,
        ".env": f"""
            # the shop's
            export API_KEY=hush
            SHOP_REGION = "eu"
            PAYMENT=sk_live_{"1a2B3c4D5e" * 3}
            """,
        ".envs/.production/.django": "SHOP_REGION=eu-central-1\n",
        ".env.example": "LEVEL=info\n",
    }
    failed = fail(files, tmp_path)
    settings = replace(make_settings(), root=failed.root)
    text = text_of(explain(failed.raised, facts.look_at(settings), failed.unset))
    golden("variables-of-files.txt", text)
    assert "hush" not in text
    assert "1a2B3c4D5e" not in text


def test_an_app_that_reads_the_file_itself_is_led_to_variables(tmp_path, make_settings, golden):
    files = {"app.py": 'SETTINGS = {}\nKEY = SETTINGS["API_KEY"]\n', ".env": "API_KEY=hush\nLEVEL=info\n"}
    failed = fail(files, tmp_path)
    known = facts.look_at(replace(make_settings(), root=failed.root))
    text = text_of(explain(failed.raised, known, failed.unset))
    missing = fail({"app.py": 'TEXT = open(".env").read()\n'}, tmp_path / "other")
    known = replace(known, root=missing.root)
    golden("variables-of-a-file.txt", text + text_of(explain(missing.raised, known, missing.unset)))


def test_values_that_pydantic_tells_are_left_out(tmp_path):
    code = """
        from pydantic_settings import BaseSettings
        class Settings(BaseSettings):
            api_key: str
            port: int
        Settings()
        """
    failed = fail({"app.py": code}, tmp_path, environ={"API_KEY": "hush-hush"})
    assert "hush-hush" in failed.text
    assert "hush-hush" not in text_of(explain(failed.raised, project_of(failed.root), failed.unset))


SECRET = """
    API_KEY SECRET_KEY STRIPE_TOKEN DB_PASSWORD DATABASE_URL REDIS_URL SENTRY_DSN MONGO_URI
    AWS_SECRET_ACCESS_KEY DJANGO_SECRET JWT_SIGNING_KEY SMTP_PASS apikey
    """
PLAIN = """
    LOG_LEVEL DEBUG PORT BUCKET PUBLIC_KEY API_KEY_HEADER TOKEN_TTL SITE_URL KEYBOARD PASSENGERS ALLOWED_HOSTS
    SECRET_NAME AUTH_TOKEN_LIFETIME MONKEY COMPASS
    """


@pytest.mark.parametrize(("secret", "names"), [(True, SECRET), (False, PLAIN)])
def test_secrets_are_told_by_their_names(secret, names, tmp_path):
    known = project_of(tmp_path)
    assert [name for name in names.split() if variables.looks_secret(name, known) != secret] == []
