"""`lambdify policy` as it is typed: it asks nobody where the account is given."""

import functools
import json

import pytest

from lambdify.cli.programs.pythons import RUNNING
from lambdify.cli.storage import seal

SETTINGS = """
name = "shop"
region = "eu-central-1"
[resources.Orders]
Type = "AWS::SQS::Queue"
[hooks]
template = "infra.py:template"
"""


@pytest.fixture
def shop(project):
    return project({"app.py": "", "lambdify.toml": SETTINGS})


@pytest.mark.slow
def test_the_answer_is_a_policy_and_nothing_else(lambdify, shop):
    asked = lambdify("policy", "production", "--account", "123456789012", cwd=shop)
    assert asked.returncode == 0
    policy = json.loads(asked.stdout)
    assert "arn:aws:cloudformation:eu-central-1:123456789012:stack/shop-production/*" in asked.stdout
    assert {each["Effect"] for each in policy["Statement"]} == {"Allow"}


@pytest.mark.slow
def test_what_it_does_not_cover_is_said(lambdify, shop):
    asked = lambdify("policy", "--account", "123456789012", cwd=shop)
    warning = "warning: [resources]: what AWS::SQS::Queue needs is not known here, and has to be added.\n"
    assert warning in asked.stderr
    assert "warning: [hooks]: what infra.py:template adds is not known here" in asked.stderr


APP = "def app(environ, start_response):\n    start_response('200 OK', [])\n    return [b'hello']\n"


@pytest.mark.slow
def test_it_is_for_the_form_that_the_last_build_chose(lambdify, project, tmp_path, monkeypatch):
    # A build without bytecode, for want of that Python, is not recalled: the next one may have it.
    function = f'[function]\npython = "{RUNNING}"\n'
    shop = project({"app.py": APP, "lambdify.toml": SETTINGS + function})
    ask = functools.partial(lambdify, "policy", "--account", "123456789012", cwd=shop)
    before = ask()
    assert "ecr:PutImage" not in before.stdout
    assert "nothing was packed here yet. After `lambdify package`" in before.stderr
    assert lambdify("package", cwd=shop).returncode == 0
    zips = ask()
    assert zips.stdout == before.stdout
    assert "image" not in zips.stderr
    (note,) = (shop / ".lambdify" / "last-builds").iterdir()
    # The note counts under the seal of the one who runs lambdify alone.
    monkeypatch.setenv("LAMBDIFY_HOME", str(tmp_path / "lambdify-home"))
    content = json.loads(seal.read(shop, f"last-builds/{note.name}"))
    content["result"]["form"] = "image"
    seal.write(shop, f"last-builds/{note.name}", json.dumps(content))
    image = ask()
    assert "ecr:PutImage" in image.stdout
    assert "the last build became one" in image.stderr


@pytest.mark.slow
def test_the_trust_policy_is_for_the_stages_environment_and_the_branch(lambdify, shop):
    words = ["policy", "production", "--account", "123456789012", "--github", "octo/shop", "--branch", "next"]
    asked = lambdify(*words, cwd=shop)
    assert "repo:octo/shop:environment:production" in asked.stdout
    assert "repo:octo@*/shop@*:ref:refs/heads/next" in asked.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--account", "1234"), "--account takes the twelve digits of an account."),
        (
            ("--account", "123456789012", "--github", "shop"),
            "--github takes a repository, such as octo/shop.",
        ),
    ],
)
def test_a_wrong_word_is_refused(lambdify, shop, words, said):
    asked = lambdify("policy", *words, cwd=shop)
    assert asked.returncode == 2
    assert said in asked.stderr
