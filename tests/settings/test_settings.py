"""Settings: where they come from, what wins, and how a wrong one is refused."""

import re
from dataclasses import fields, is_dataclass
from typing import get_type_hints

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError
from lambdify.cli.packing.target import runtimes
from lambdify.cli.settings import Settings, options, validators


def refusal(root, **arguments):
    """The message and hint of the SettingsError that loading raises."""
    with pytest.raises(SettingsError) as caught:
        settings.load(root, **arguments)
    return caught.value.message, caught.value.hint


# -------------------------------------------------------------------- what holds without a file


def test_a_project_without_settings_is_named_for_its_folder(tmp_path):
    root = tmp_path / "My Shop (2)"
    root.mkdir()
    assert settings.load(root).full_name == "my-shop-2-dev"


def test_the_name_in_project_metadata_goes_before_the_folder(project):
    root = project({"pyproject.toml": '[project]\nname = "Web_Shop"\n'})
    assert settings.load(root).name == "web-shop"


@pytest.mark.parametrize(
    ("text", "name"), [("2048", "app-2048"), ("---", "app"), ("Über Äpfel", "ber-pfel"), ("a_b.c", "a-b-c")]
)
def test_any_text_becomes_a_name_that_a_stack_may_have(text, name):
    assert settings.slug(text) == name
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", name)


def test_the_newest_python_but_one_that_lambda_has_is_the_default(project):
    chosen = settings.load(project({}))
    assert (chosen.function.python, chosen.names_python) == (list(runtimes())[-2], False)


def test_defaults_name_every_option_and_only_options():
    def names(shape):
        hints = get_type_hints(shape)
        return {
            field.name: names(hints[field.name]) if is_dataclass(hints[field.name]) else None
            for field in fields(shape)
        }

    def keys(table):
        return {
            key: keys(value) if isinstance(value, dict) and value else None for key, value in table.items()
        }

    expected = names(Settings)
    # Where settings are found, and whether they say something, is not what they say.
    for found in ("root", "source", "names_python", "environment_file"):
        del expected[found]
    for found in ("zones", "leads"):
        del expected["domain"][found]
    del expected["warm"]["chosen"]  # follows from the number, or from "auto"
    assert keys(options.defaults()) == {**expected, "stages": None}


def test_every_option_is_explained_above_itself_or_its_neighbour():
    before = ""
    for line in options.DEFAULTS.read_text().splitlines():
        is_option = re.match(r"\w+ = ", line)
        assert not is_option or before.startswith("#") or re.match(r"\w+ = ", before), line
        before = line


def test_the_documented_pythons_are_those_that_lambda_has():
    text = options.DEFAULTS.read_text()
    comment = next(line for line in text.splitlines() if line.startswith("# Python of the function"))
    assert re.findall(r'"([\d.]+)"', comment) == list(runtimes())


# -------------------------------------------------------------------- what wins


FILE = """
    name = "shop"
    region = "eu-central-1"
    [function]
    memory = 256
    timeout = 10
    [environment]
    LOG_LEVEL = "info"
    [stages.production]
    region = "eu-west-1"
    [stages.production.function]
    memory = 1024
    [stages.production.environment]
    SITE = "live"
"""


def test_a_stage_changes_what_it_names_and_keeps_the_rest(project):
    loaded = settings.load(project({"lambdify.toml": FILE}), stage="production")
    assert (loaded.stage, loaded.region) == ("production", "eu-west-1")
    assert (loaded.function.memory, loaded.function.timeout) == (1024, 10)
    assert loaded.environment == {"LOG_LEVEL": "info", "SITE": "live"}


def test_the_default_stage_needs_no_table(project):
    loaded = settings.load(project({"lambdify.toml": FILE}))
    assert (loaded.stage, loaded.region, loaded.function.memory) == ("dev", "eu-central-1", 256)


def test_flags_go_over_the_stage(project):
    root = project({"lambdify.toml": FILE})
    loaded = settings.load(root, stage="production", overrides={"region": "us-east-1", "local.port": 8000})
    assert (loaded.region, loaded.local.port) == ("us-east-1", 8000)


def test_a_flag_that_was_not_given_says_nothing(project):
    loaded = settings.load(project({"lambdify.toml": FILE}), overrides={"region": None})
    assert loaded.region == "eu-central-1"


def test_pyproject_holds_settings_as_well(project):
    text = '[tool.other]\nx = 1\n[tool.lambdify]\nname = "web"\n[tool.lambdify.warm]\nevery = "off"\n'
    loaded = settings.load(project({"pyproject.toml": text}))
    assert (loaded.name, loaded.warm.every, loaded.source.name) == ("web", 0, "pyproject.toml")


@pytest.mark.parametrize(
    ("written", "minutes"),
    [('"5 minutes"', 5), ('"1 minute"', 1), ("7", 7), ('"1 hour"', 60), ('"10m"', 10), ('"off"', 0)],
)
def test_minutes_are_written_as_one_says_them(project, written, minutes):
    assert settings.load(project({"lambdify.toml": f"[warm]\nevery = {written}\n"})).warm.every == minutes


def test_settings_do_not_change(project):
    loaded = settings.load(project({}))
    with pytest.raises(AttributeError):
        loaded.function.memory = 1


# -------------------------------------------------------------------- what is refused

APP_FORM = 'a module and the name of the app in it: "package.module:app", or "package.module:create_app()"'
OF_HTTP = (
    "endpoint, cdn, streaming, after_reply, show_errors, remote_user, auth, rate, burst, access_logs, "
    "api_key, allow_from, vpc_endpoints, cors, jwt, authorizer, alb"
)
PER_STAGE = (
    "app, region, profile, protect, function, role, vpc, efs, database, build, hooks, static, check, http, "
    "cdn, domain, warm, logs, telemetry, release, alarms, tasks, commands, failed, local, environment, "
    "secrets, functions, tags, resources, outputs"
)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            'name = "shop"\n\n[function]\nmemmory = 512\n',
            'lambdify.toml, line 4: there is no option "memmory" in [function].',
            'Did you mean "memory"?',
        ),
        (
            "[fonction]\nmemory = 512\n",
            'lambdify.toml, line 1: there is no option "fonction".',
            'Did you mean "function"?',
        ),
        (
            "[http]\nx = 1\n",
            'lambdify.toml, line 2: there is no option "x" in [http].',
            f"Options in [http]: {OF_HTTP}.",
        ),
        (
            "[function]\nmemory = 64\n",
            "lambdify.toml, line 2: function.memory cannot be 64.",
            "It takes a whole number of MB from 128 to 10240.",
        ),
        (
            '[function]\ntimeout = "30"\n',
            'lambdify.toml, line 2: function.timeout cannot be "30".',
            "It takes a whole number of seconds from 1 to 1800.",
        ),
        (
            "[function]\nmemory = true\n",
            "lambdify.toml, line 2: function.memory cannot be true.",
            "It takes a whole number of MB from 128 to 10240.",
        ),
        (
            '[function]\non_event = "jobs"\n',
            'lambdify.toml, line 2: function.on_event cannot be "jobs".',
            'It takes a module and the name of a function in it: "package.module:function".',
        ),
        (
            '[function]\narchitecture = "arm"\n',
            'lambdify.toml, line 2: function.architecture cannot be "arm".',
            'It takes one of "x86_64", "arm64".',
        ),
        (
            "[logs]\nretention = 31\n",
            "lambdify.toml, line 2: logs.retention cannot be 31.",
            f"It takes one of {', '.join(map(str, validators.RETENTION_DAYS))}.",
        ),
        (
            '[warm]\nevery = "2 hours"\n',
            'lambdify.toml, line 2: warm.every cannot be "2 hours".',
            'It takes minutes from 1 to 60, such as "5 minutes", or "off".',
        ),
        (
            'app = "app.py"\n',
            'lambdify.toml, line 1: app cannot be "app.py".',
            f"It takes {APP_FORM}.",
        ),
        (
            'name = "my shop"\n',
            'lambdify.toml, line 1: name cannot be "my shop".',
            "It takes letters, digits and hyphens, beginning with a letter.",
        ),
        (
            'build = { include = ["../secret"] }\n',
            'lambdify.toml, line 1: build.include cannot be ["../secret"].',
            "It takes a list of paths inside the project, relative to its folder.",
        ),
        (
            '[http.cors]\norigins = ["shop.example"]\n',
            'lambdify.toml, line 2: http.cors.origins cannot be ["shop.example"].',
            'It takes origins, such as "https://shop.example", or "*".',
        ),
        (
            '[http.cors]\nmethods = ["get"]\n',
            'lambdify.toml, line 2: http.cors.methods cannot be ["get"].',
            'It takes one of "*", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS".',
        ),
        (
            '[vpc]\nsubnets = [""]\n',
            'lambdify.toml, line 2: vpc.subnets cannot be [""].',
            "It takes a list without empty texts.",
        ),
        (
            '[function]\nkms_key = "arn:aws:kms:eu-west-1:1:alias/shop"\n',
            'lambdify.toml, line 2: function.kms_key cannot be "arn:aws:kms:eu-west-1:1:alias/shop".',
            'It takes the ARN of a key, such as "arn:aws:kms:eu-west-1:123456789012:key/1234abcd".',
        ),
        (
            "function = 3\n",
            "lambdify.toml, line 1: function is a table, not a value.",
            "Write [function] and its options below it.",
        ),
        (
            "stages = 3\n",
            "lambdify.toml, line 1: stages are tables.",
            "Write [stages.NAME] and its options below it.",
        ),
        (
            '[stages.live]\nname = "x"\n',
            'lambdify.toml, line 2: there is no option "name" in [stages.live].',
            '"name" is the same for all stages: it stands at the top of the file, above every table.',
        ),
        (
            "[stages.live]\ncolour = 1\n",
            'lambdify.toml, line 2: there is no option "colour" in [stages.live].',
            f"Options in [stages.live]: {PER_STAGE}.",
        ),
        (
            "[stages.live.function]\nmemory = 1\n",
            "lambdify.toml, line 2: stages.live.function.memory cannot be 1.",
            "It takes a whole number of MB from 128 to 10240.",
        ),
    ],
)
def test_a_wrong_setting_is_refused_with_its_place_and_what_is_allowed(project, text, message, hint):
    assert refusal(project({"lambdify.toml": text})) == (message, hint)


def test_a_line_is_found_behind_strings_and_lists_that_look_like_keys(project):
    text = '''
        name = "shop"
        [function]
        description = """
        memory = 64
        """
        [build]
        exclude = [
          "a", # memory = 64
          "b",
        ]
        [function2]
    '''
    message, _ = refusal(project({"lambdify.toml": text}))
    assert message.startswith("lambdify.toml, line 11:")


def test_in_pyproject_the_line_is_that_of_our_table(project):
    text = '[tool.black]\nregion = "x"\n\n[tool.lambdify]\nname = "web"\nregion = "mars"\n'
    message, _ = refusal(project({"pyproject.toml": text}))
    assert message == 'pyproject.toml, line 6: region cannot be "mars".'


def test_a_dotted_key_is_found(project):
    message, _ = refusal(project({"lambdify.toml": 'name = "web"\nfunction.memory = 3\n'}))
    assert message == "lambdify.toml, line 2: function.memory cannot be 3."


def test_settings_in_two_places_are_refused(project):
    root = project({"lambdify.toml": "", "pyproject.toml": "[tool.lambdify]\n"})
    message, hint = refusal(root)
    assert (
        message == f"{root} has settings in two places: lambdify.toml, and [tool.lambdify] in pyproject.toml."
    )
    assert hint == "Keep one of them: move the settings of the other into it."


def test_what_is_not_toml_is_refused_with_its_line(project):
    message, _ = refusal(project({"lambdify.toml": "name = \n"}))
    assert message.startswith("lambdify.toml is not valid TOML: Invalid value (at line 1, column 8)")


def test_what_is_not_utf_8_is_refused(project):
    root = project({})
    (root / "lambdify.toml").write_bytes(b'name = "caf\xe9"\n')
    message, _ = refusal(root)
    assert message.startswith("lambdify.toml is not UTF-8")


def test_an_undeclared_stage_is_refused_with_the_nearest(project):
    root = project({"lambdify.toml": FILE})
    assert refusal(root, stage="prodution") == (
        'There is no stage "prodution" in lambdify.toml.',
        'Did you mean "production"?',
    )


def test_without_declared_stages_any_stage_goes(project):
    assert settings.load(project({"lambdify.toml": 'name = "web"\n'}), stage="anna-test").stage == "anna-test"


def test_a_wrong_flag_says_that_it_was_on_the_command_line(project):
    message, hint = refusal(project({}), overrides={"local.port": 99999})
    assert message == "The command line: local.port cannot be 99999."
    assert hint == "It takes a whole number from 0 to 65535."


def test_a_name_that_is_too_long_for_lambda_is_refused(project):
    message, _ = refusal(project({"lambdify.toml": f'name = "{"x" * 61}"\n'}))
    assert "65 characters, and Lambda takes 64" in message


# -------------------------------------------------------------------- the environment


def test_a_value_of_the_environment_never_shows_in_a_message(project):
    message, hint = refusal(project({"lambdify.toml": "[environment]\nTOKEN = 8273645\n"}))
    assert message == "lambdify.toml, line 2: environment.TOKEN is not text."
    assert "8273645" not in message + hint


@pytest.mark.parametrize("name", ["AWS_REGION", "_HANDLER", "LAMBDA_TASK_ROOT"])
def test_variables_that_lambda_sets_itself_are_refused(project, name):
    message, _ = refusal(project({"lambdify.toml": f'[environment]\n{name} = "x"\n'}))
    assert name in message


def test_an_environment_that_lambda_would_not_take_is_refused(project):
    message, _ = refusal(project({"lambdify.toml": f'[environment]\nBIG = "{"x" * 4094}"\n'}))
    assert message == "lambdify.toml, line 1: [environment] holds 4104 bytes; Lambda takes 4096."


@pytest.mark.parametrize("text", ["[http]\nstreaming = true\n", "[stages.dev.http]\nstreaming = true\n"])
def test_an_endpoint_that_cannot_stream_is_refused_and_those_that_can_are_named(project, text):
    assert refusal(project({"lambdify.toml": text})) == (
        '[http] streaming = true: an endpoint of the kind "http-api" cannot stream.',
        'Set endpoint = "function-url" or "rest-api", which can.',
    )


@pytest.mark.parametrize("kind", ["function-url", "rest-api"])
def test_an_endpoint_that_can_stream_may(project, kind):
    text = f'[http]\nendpoint = "{kind}"\nstreaming = true\n'
    http = settings.load(project({"lambdify.toml": text})).http
    assert (http.endpoint, http.streaming) == (kind, True)
