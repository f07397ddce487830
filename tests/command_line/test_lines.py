"""Lines of people who know other tools: their words, options in front, --stage everywhere, -h and -V."""

import click
import pytest

from lambdify.cli.command_line import arguments, help_page, other_words
from lambdify.cli.errors import UsageError
from lambdify.cli.main import commands

DELETING = ("destroy", "remove", "delete", "rm", "down", "teardown", "terminate", "destory", "delte", "remov")


def run(*line):
    """What the command line makes of a line: the path of the command and its parameters."""
    context = commands.make_context("lambdify", list(line), obj={})
    path = []
    while isinstance(context.command, click.Group):
        name, command, rest = context.command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        path.append(name)
        context = command.make_context(name, rest, parent=context)
    return " ".join(path), context.params


def refuse(*line):
    with pytest.raises(UsageError) as caught:
        run(*line)
    return f"error: {caught.value.message}\nhint: {caught.value.hint}\n"


# -------------------------------------------------------------------- the words of other tools


def test_the_words_of_other_tools_lead_to_ours(golden):
    words = (*DELETING[:3], "tail", "update", "up", "info", "ls", "start", "plan", "synth", "deplay", "stat")
    lines = [("local", "start"), ("local", "down"), ("cache", "clean"), *((word,) for word in words)]
    golden("other-words.txt", "".join(f"$ lambdify {' '.join(line)}\n{refuse(*line)}\n" for line in lines))


@pytest.mark.parametrize("word", DELETING)
def test_a_wish_to_delete_never_leads_to_deploy(word):
    hint = refuse(word)
    assert "`lambdify undeploy`" in hint
    assert "deploy`" not in hint.replace("undeploy`", "")


@pytest.mark.parametrize("group", other_words.WORDS)
def test_every_line_of_the_table_is_a_line_that_works_and_no_word_is_ours(group):
    words = [word for others in other_words.WORDS[group].values() for word in others.split()]
    assert len(words) == len(set(words))
    known = commands if group == "lambdify" else commands.commands[group.split()[1]]
    assert not set(words) & set(known.commands)
    for line in other_words.WORDS[group]:
        if line not in ("--help", "--version"):
            run(*line.split())


# -------------------------------------------------------------------- options in front


@pytest.mark.parametrize(
    ("line", "path", "expected"),
    [
        ("--local deploy", "deploy", {"local": True, "stage": None}),
        ("--region eu-west-1 --local status prod", "status", {"region": "eu-west-1", "stage": "prod"}),
        ("--profile status deploy", "deploy", {"profile": "status"}),
        ("--stage prod logs -f", "logs", {"stage": "prod", "follow": True}),
        ("--region=eu-west-1 env", "env", {"region": "eu-west-1"}),
        ("--quiet -y deploy prod", "deploy", {"yes": True, "stage": "prod"}),
        ("--json local status", "local status", {}),
        ("deploy --local prod", "deploy", {"local": True, "stage": "prod"}),
    ],
)
def test_options_may_stand_before_the_command(line, path, expected):
    found, parameters = run(*line.split())
    assert found == path
    assert expected.items() <= parameters.items()


def test_an_option_that_the_command_does_not_have_is_refused_by_it():
    with pytest.raises(click.NoSuchOption) as caught:
        run("--local", "init")
    assert caught.value.ctx.command.name == "init"


# -------------------------------------------------------------------- --stage, -h, -V


FIRST = {"ci": ("github",)}
"""Words that a command wants before the stage."""


def with_stage():
    return [name for name, each in commands.commands.items() if "stage" in {p.name for p in each.params}]


@pytest.mark.parametrize("name", with_stage())
@pytest.mark.parametrize("option", ["--stage", "-s"])
def test_every_command_about_a_stage_takes_it_as_an_option_too(name, option):
    _, parameters = run(name, *FIRST.get(name, ()), option, "prod")
    assert (parameters.get("stage") or parameters["named"]) == "prod"


def test_rollback_takes_a_number_beside_it():
    _, parameters = run("rollback", "--stage", "prod", "12")
    assert (parameters["named"], parameters["stage"]) == ("prod", "12")


def test_the_same_stage_twice_is_one_and_two_are_refused():
    assert run("status", "prod", "--stage", "prod")[1]["stage"] == "prod"
    assert refuse("status", "prod", "--stage", "dev").startswith(
        'error: Two stages are named: "prod" and, with --stage, "dev".'
    )
    assert arguments.agree_on_stage(None, None) is None


@pytest.mark.parametrize("page", ["", "deploy", "local", "local stop"])
def test_short_help_is_the_help_page(lambdify, page):
    assert lambdify(*page.split(), "-h").stdout == lambdify(*page.split(), "--help").stdout != ""


def test_short_version_is_the_version(lambdify):
    assert lambdify("-V").stdout == lambdify("--version").stdout != ""


def test_the_group_keeps_its_own_options_and_moves_the_others():
    assert help_page._move_options(["--debug", "--local"], {"--debug"}) == ["--debug", "--local"]
    assert help_page._move_options(["--debug", "--local", "x", "y"], {"--debug"}) == [
        "--debug",
        "x",
        "--local",
        "y",
    ]


def pages(group=commands, prefix=""):
    for name, each in group.commands.items():
        yield f"{prefix}{name}"
        if isinstance(each, click.Group):
            yield from pages(each, f"{prefix}{name} ")


def enter(page, *more):
    """The command of that name reads its own line."""
    context = click.Context(commands, info_name="lambdify", obj={})
    for name in page.split():
        command = context.command.commands[name]
        context = click.Context(command, parent=context, info_name=name, obj=context.obj)
    context.command.parse_args(context, list(more))
    return context


@pytest.mark.parametrize("page", list(pages()))
def test_every_command_takes_the_short_options(page, capsys):
    for option, expected in (("-h", f"Usage: lambdify {page} "), ("-V", "lambdify ")):
        with pytest.raises(click.exceptions.Exit) as ended:
            enter(page, option)
        assert ended.value.exit_code == 0
        assert capsys.readouterr().out.startswith(expected)
    # What else it needs is not there; -v is read before that is missed.
    try:
        context = enter(page, "-v")
    except click.MissingParameter as missing:
        context = missing.ctx
    assert context.obj == {"verbose": True}


def test_short_options_may_stand_before_the_command_as_well():
    context = commands.make_context("lambdify", ["-v", "deploy"], obj={})
    assert context.obj == {"verbose": True}


@pytest.mark.slow
def test_a_page_shows_the_short_options_that_say_something_there(lambdify):
    for page in ("deploy", "rollback", "undeploy"):
        assert "-v, --verbose" in lambdify(page, "--help").stdout
    assert "verbose" not in lambdify("init", "--help").stdout
