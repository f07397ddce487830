"""What is said before a deployment about an environment file."""

from datetime import date

import pytest

from lambdify.cli import settings
from lambdify.cli.plan import pitfalls

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
