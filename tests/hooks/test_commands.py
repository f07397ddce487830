"""The commands of [hooks]: what they are told, what is said of them, when they run again, how they fail."""

import io
import os

import pytest
from fixtures.stages import Terminal

from lambdify.cli.console import Console
from lambdify.cli.errors import AfterHookFailed, HookFailed, SettingsError
from lambdify.cli.hooks import commands
from lambdify.cli.hooks.commands import Machine

HERE = Machine(name="anvil", environ={"PATH": os.environ["PATH"], "TOKEN": "t", "AWS_PROFILE": "mine"})


@pytest.fixture
def pack(make_settings, talk):
    """`pack("make it", inputs=["src"])`: run before_package once more; the value is what was said of it."""

    def pack(*lines, stage="dev", console=talk.console, **options):
        overrides = {f"hooks.{name}": value for name, value in options.items()}
        settings = make_settings(stage, {"hooks.before_package": [*lines], **overrides})
        before = len(talk.said)
        commands.before_package(settings, console, HERE)
        return talk.said[before:]

    return pack


@pytest.fixture
def root(make_settings):
    return make_settings().root


# -------------------------------------------------------------------- what runs, and what it is told


def test_commands_run_in_the_projects_folder_and_it_is_said_which_where_and_when(pack, root):
    said = pack("echo built > out.txt; echo done", "cat out.txt")
    assert (root / "out.txt").read_text() == "built\n"
    lines = [line.strip() for line in said.splitlines()]
    assert lines[0].startswith("Running `echo built > out.txt; echo done` on anvil, before packing")
    assert "done" in lines
    assert "built" in lines


def test_commands_know_the_stage_and_have_the_variables_of_whoever_calls(pack, root):
    pack("env > seen", stage="live")
    seen = dict(line.split("=", 1) for line in (root / "seen").read_text().splitlines())
    assert {name: seen[name] for name in seen if name.startswith("LAMBDIFY_")} == {
        "LAMBDIFY_HOOK": "before_package",
        "LAMBDIFY_NAME": "shop",
        "LAMBDIFY_STAGE": "live",
        "LAMBDIFY_REGION": "eu-central-1",
    }
    assert seen["TOKEN"] == "t"


def test_a_variable_without_a_value_is_not_there(make_settings, talk, root):
    settings = make_settings(overrides={"hooks.after_deploy": "env > seen"})
    here = Machine(name="anvil", environ={**HERE.environ, "EMPTY": ""})
    commands.after_deploy(settings, talk.console, {"AWS_PROFILE": "", "LAMBDIFY_ENDPOINT": "https://x"}, here)
    seen = (root / "seen").read_text().splitlines()
    assert {"LAMBDIFY_ENDPOINT=https://x", "EMPTY="} <= {*seen}
    assert not [each for each in seen if each.startswith("AWS_PROFILE")]


def test_nothing_of_their_output_reaches_a_terminal_raw(make_settings):
    stderr = Terminal()
    console = Console(stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, environ={"TERM": "dumb"})
    line = r"printf '\033[32mgreen\033[0m \033]0;title\007 https://me:word@host/\n'"
    settings = make_settings(overrides={"hooks.before_package": [line]})
    commands.before_package(settings, console, HERE)
    said = stderr.getvalue()
    assert not {"\x1b", "\x07"} & set(said)
    assert r"green \x1b]0;title\x07 https://***@host/" in said


# -------------------------------------------------------------------- inputs


def test_without_inputs_commands_run_each_time(pack, root):
    for _ in range(2):
        pack("echo x >> count")
    assert (root / "count").read_text() == "x\nx\n"


@pytest.fixture
def build(pack, root):
    """`build()`: pack once more, with what makes `dist/app.js`; whether it ran, and what was said."""
    (root / "src").mkdir()
    (root / "src/main.ts").write_text("1")

    def build(*more, inputs=("src",), **options):
        line = "mkdir -p dist; cp src/main.ts dist/app.js; echo again"
        told = pack(line, *more, inputs=[*inputs], **options)
        return "again" in told, told

    return build


def test_with_inputs_they_run_when_something_of_it_has_changed(build, root):
    assert build()[0]
    ran, told = build()
    assert not ran
    assert "before_package does not run: its inputs are those of 20" in told
    assert "UTC, when it ran on anvil." in told
    os.utime(root / "src/main.ts", (1, 1))
    assert not build()[0], "a date is no change"
    (root / "other.py").write_text("x")
    assert not build()[0], "other files are no inputs"
    (root / "src/main.ts").write_text("2")
    assert build()[0]
    assert (root / "dist/app.js").read_text() == "2"
    assert not build()[0]
    (root / "src/new.ts").write_text("")
    assert build()[0]
    (root / "src/new.ts").unlink()
    assert build()[0]


def test_they_run_again_where_what_they_made_is_gone_or_another(build, root):
    build()
    (root / "dist/app.js").unlink()
    assert build()[0]
    assert not build()[0]
    (root / "dist/app.js").write_text("by hand")
    assert build()[0]
    assert (root / "dist/app.js").read_text() == "1"


def test_they_run_again_for_another_stage_which_may_make_other_files(build):
    build()
    assert build(stage="live")[0]
    assert build()[0], "what lies there now is of another stage"


def test_they_run_again_where_they_are_other_commands_or_inputs(build, root):
    build()
    assert build("true")[0]
    (root / "package.json").write_text("{}")
    assert build("true", inputs=["src", "package.json"])[0]
    assert not build("true", inputs=["src", "package.json"])[0]


def test_what_they_make_among_their_inputs_is_none(pack, root):
    (root / "web").mkdir()
    (root / "web/main.ts").write_text("1")
    line = "mkdir -p web/dist web/node_modules; date +%N | tee web/dist/a.js > web/node_modules/m; echo ran"
    assert "ran\n" in pack(line, inputs=["web"])
    assert "ran\n" not in pack(line, inputs=["web"])
    (root / "web/main.ts").write_text("2")
    assert "ran\n" in pack(line, inputs=["web"])
    assert "ran\n" not in pack(line, inputs=["web"])


def test_a_file_that_is_changed_while_they_run_is_seen_the_next_time(pack, root):
    (root / "src").mkdir()
    (root / "src/main.ts").write_text("1")
    line = "[ -e once ] || { touch once; echo 2 > src/main.ts; }; echo ran"
    assert "ran\n" in pack(line, inputs=["src"])
    assert "ran\n" in pack(line, inputs=["src"])
    assert "ran\n" not in pack(line, inputs=["src"])


def test_a_run_that_fails_is_no_run(pack, root):
    (root / "src.txt").write_text("1")
    for _ in range(2):
        with pytest.raises(HookFailed):
            pack("exit 1", inputs=["src.txt"])


def test_patterns_are_those_of_gitignore_and_one_that_matches_nothing_is_told(pack, root):
    (root / "web").mkdir()
    for name in ("a.ts", "b.md"):
        (root / "web" / name).write_text("1")
    options = {"inputs": ["web", "!*.md", "fronted"]}
    assert 'warning: [hooks] inputs: no file of the project matches "fronted".' in pack("echo ran", **options)
    (root / "web/b.md").write_text("2")
    assert "ran\n" not in pack("echo ran", **options)
    (root / "web/a.ts").write_text("2")
    assert "ran\n" in pack("echo ran", **options)


def test_a_record_that_somebody_else_made_counts_for_nothing(build, root):
    build()
    record = root / ".lambdify/hooks/before_package.json"
    record.write_text(record.read_text().replace("anvil", "other"))
    assert build()[0]


# -------------------------------------------------------------------- what fails


def test_the_first_that_fails_ends_it_with_an_exit_code_of_its_own(pack, root):
    with pytest.raises(HookFailed) as caught:
        pack("touch one", "echo why >&2; exit 7", "touch three")
    assert (root / "one").exists()
    assert not (root / "three").exists()
    error = caught.value
    assert error.exit_code == 19
    assert error.message == "[hooks] before_package: `echo why >&2; exit 7` ended with 7."
    assert error.hint == "Its output is above. Nothing was packed, and nothing uploaded."


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("no-such-program --now", "ended with 127. The shell did not find a program."),
        ("kill -9 $$", "was ended by signal 9. Its"),
    ],
)
def test_how_it_ended_is_said(pack, line, why):
    with pytest.raises(HookFailed) as caught:
        pack(line)
    assert why in f"{caught.value.message} {caught.value.hint}"


def test_in_a_quiet_run_the_output_of_what_fails_is_shown(pack, make_settings):
    stderr = io.StringIO()
    quiet = Console(quiet=True, stdin=io.StringIO(), stdout=io.StringIO(), stderr=stderr, environ={})
    pack("echo fine", console=quiet)
    assert stderr.getvalue() == ""
    with pytest.raises(HookFailed):
        pack("echo why; exit 1", console=quiet)
    assert stderr.getvalue() == "warning: `echo why; exit 1` wrote:\n  why\n"


def test_a_hook_does_not_run_inside_a_hook(make_settings, talk):
    inside = Machine(name="anvil", environ={**HERE.environ, "LAMBDIFY_HOOK": "after_deploy"})
    settings = make_settings(overrides={"hooks.before_package": "true"})
    with pytest.raises(HookFailed, match="would run inside after_deploy"):
        commands.before_package(settings, talk.console, inside)
    commands.before_package(make_settings(), talk.console, inside)


@pytest.mark.parametrize(
    ("hook", "stands", "further"),
    [
        ("after_deploy", "shop-dev is deployed, and stays so.", "`lambdify deploy dev` runs it again"),
        ("after_undeploy", "shop-dev is gone, and stays so.", "Nothing runs it again"),
    ],
)
def test_after_what_was_done_a_failure_says_that_it_stands(make_settings, talk, hook, stands, further):
    settings = make_settings(overrides={f"hooks.{hook}": "exit 2"})
    with pytest.raises(AfterHookFailed) as caught:
        getattr(commands, hook)(settings, talk.console, {}, HERE)
    assert caught.value.exit_code == 55
    assert caught.value.message == f"{stands} But [hooks] {hook} failed: `exit 2` ended with 2."
    assert further in caught.value.hint


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("hooks.before_package", [""]),
        ("hooks.before_package", " "),
        ("hooks.after_deploy", 1),
        ("hooks.template", "infra.template"),
        ("hooks.template", "../infra.py:template"),
        ("hooks.template", "a/../../infra.py:template"),
        ("hooks.template", "/etc/infra.py:template"),
        ("hooks.inputs", ["src"]),
    ],
)
def test_what_the_settings_refuse(make_settings, option, value):
    with pytest.raises(SettingsError, match="hooks"):
        make_settings(overrides={option: value})
