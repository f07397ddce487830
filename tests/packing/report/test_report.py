"""What is said about a bundle."""

from dataclasses import replace
from pathlib import Path

from lambdify.cli.failures.project import Project
from lambdify.cli.packing.bundle.bundle import Archive, Bundle
from lambdify.cli.packing.bundle.files import LeftOut
from lambdify.cli.packing.bundle.secret_scan import Leak
from lambdify.cli.packing.bundle.sizes import UNZIPPED_LIMIT, BundlePart
from lambdify.cli.packing.report import report
from lambdify.cli.packing.report.cold_start import ColdStart, Imports, NotMeasured
from lambdify.cli.packing.report.report import Report
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels.dependencies import Dependencies


def archive(name: str, unzipped: int) -> Archive:
    return Archive(path=Path(name), digest="0" * 64, zipped=unzipped // 4, unzipped=unzipped, files=12)


def bundle(*, layer: int = 4_000_000, parts=(), left_out=(), leaks=()) -> Bundle:
    return Bundle(
        form="layer",
        app=archive("app-0000000000000000.zip", 20_000),
        layer=archive("layer-1111111111111111.zip", layer),
        target=Target(),
        dependencies=Dependencies(source_name="requirements.txt", distributions=(), notes=(), key=""),
        parts=tuple(parts),
        left_out=tuple(left_out),
        leaks=tuple(leaks),
    )


def part(name: str, unzipped: int) -> BundlePart:
    return BundlePart(name=name, zipped=unzipped // 4, unzipped=unzipped, files=3)


PROJECT = Project(
    root=Path("shop"),
    stage="dev",
    variables={".env": ("API_KEY", "DB_PASSWORD", "LOG_LEVEL", "PORT"), ".envs/.production": ("LOG_LEVEL",)},
    given=frozenset({"PORT"}),
)


def test_every_distribution_is_a_row_and_the_limit_the_last(console, story):
    report.show(
        bundle(parts=[part("flask 3.1.2", 800_000), part("the application", 2_048)]), PROJECT, console
    )
    rows = [line.split() for line in story.getvalue().splitlines()[:5]]
    assert rows == [
        ["zipped", "unzipped", "files"],
        ["flask", "3.1.2", "195.3", "KiB", "781.2", "KiB", "3"],
        ["the", "application", "0.5", "KiB", "2.0", "KiB", "3"],
        ["together", "195.8", "KiB", "783.2", "KiB", "6"],
        ["Lambda's", "limit", "250.0", "MiB"],
    ]


def test_the_smallest_are_one_row_together(console, story):
    report.show(bundle(parts=[part(f"package{number}", 10_240) for number in range(18)]), PROJECT, console)
    lines = story.getvalue().splitlines()
    assert lines[report.MAX_ROWS].split()[0] == "package14"
    assert lines[report.MAX_ROWS + 1].split() == ["3", "smaller", "ones", "7.5", "KiB", "30.0", "KiB", "9"]


def test_both_zips_are_named_with_their_sizes(console, story):
    report.show(bundle(parts=[part("flask", 1)]), PROJECT, console)
    assert "layer-1111111111111111.zip: 976.6 KiB, 12 files" in story.getvalue()
    assert "app-0000000000000000.zip: 4.9 KiB, 12 files" in story.getvalue()


def test_junk_is_counted_and_secrets_are_named_with_the_way_to_pack_one(console, story):
    left_out = [
        LeftOut(path=".aws/", reason="cloud credentials", secret=True),
        LeftOut(path=".env", reason="environment file", secret=True),
        LeftOut(path=".env.local", reason="environment file", secret=True),
        LeftOut(path="a.log", reason="logs"),
        LeftOut(path="b.log", reason="logs"),
        LeftOut(path="node_modules/", reason="front-end packages"),
    ]
    report.show(bundle(parts=[part("flask", 1)], left_out=left_out), PROJECT, console)
    told = story.getvalue()
    assert "Left out: logs (2), front-end packages (1)" in told
    assert "Never packed (cloud credentials): .aws/\n" in told
    assert "Never packed (environment file): .env, .env.local\n" in told
    assert '[build] include = [".env"] packs it' in told


def test_variables_of_files_that_are_not_packed_are_told_with_the_ways_to_set_them(console, story):
    left_out = [
        LeftOut(path=".env", reason="environment file", secret=True),
        LeftOut(path=".envs/", reason="environment file", secret=True),
    ]
    report.show(bundle(parts=[part("flask", 1)], left_out=left_out), PROJECT, console)
    *_, env, envs, last = story.getvalue().splitlines()
    assert env == (
        "  The function does not get the variables of .env. Those that it needs: `lambdify secrets set "
        "API_KEY --stage dev` (and DB_PASSWORD); LOG_LEVEL under [environment] in lambdify.toml."
    )
    assert envs == (
        "  The function does not get the variables of .envs/. Those that it needs: LOG_LEVEL under "
        "[environment] in lambdify.toml."
    )
    # What puts secrets into the zip is the last thing that is told.
    assert '[build] include = [".env"] packs it' in last


def test_a_file_of_which_the_settings_have_all_variables_needs_no_word(console, story):
    left_out = [LeftOut(path=".env", reason="environment file", secret=True)]
    given = replace(PROJECT, given=frozenset(PROJECT.variables[".env"]))
    report.show(bundle(parts=[part("flask", 1)], left_out=left_out), given, console)
    assert "variables of" not in story.getvalue()


def test_a_leak_is_a_warning_with_its_place(console, story):
    leak = Leak(path="shop/settings.py", line=12, what="a GitHub token")
    report.show(bundle(parts=[part("flask", 1)], leaks=[leak]), PROJECT, console)
    assert "warning: shop/settings.py:12 looks like a GitHub token" in story.getvalue()


def test_from_four_fifths_of_the_limit_on_there_is_a_warning(console, story):
    report.show(bundle(layer=int(0.7 * UNZIPPED_LIMIT), parts=[part("pandas", 1)]), PROJECT, console)
    assert "warning" not in story.getvalue()
    report.show(bundle(layer=int(0.85 * UNZIPPED_LIMIT), parts=[part("pandas 2.3", 1)]), PROJECT, console)
    assert "warning: The bundle has 85% of what Lambda takes; the largest is pandas 2.3." in story.getvalue()


def full(**changes) -> Report:
    parts = (
        BundlePart(
            name="numpy 2.5", zipped=1, unzipped=3_072, files=2, kinds={"native": 2_048, "python": 1_024}
        ),
        BundlePart(name="the application", zipped=1, unzipped=1_024, files=1, kinds={"python": 1_024}),
    )
    known = Report(
        name="shop-dev",
        runtime="python3.13",
        architecture="x86_64",
        limit=40_960,
        unzipped=4_096,
        zipped=2,
        archives=(),
        parts=parts,
        cold_start=None,
        advice=("Pack less.",),
        page=Path("lambdify-report.html"),
    )
    return replace(known, **changes)


def test_in_full_every_kind_of_file_has_its_column(console, story):
    report.show_in_full(full(), console)
    lines = [line.split() for line in story.getvalue().splitlines()]
    assert lines == [
        ["unzipped", "python", "bytecode", "native", "data"],
        ["numpy", "2.5", "1.0", "KiB", "2.0", "KiB"],
        ["the", "application", "1.0", "KiB"],
        ["together", "2.0", "KiB", "0.0", "KiB", "2.0", "KiB", "0.0", "KiB"],
        ["4.0", "KiB", "are", "10.0%", "of", "Lambda's", "limit."],
        ["Pack", "less."],
    ]


def test_a_measured_start_is_a_table(console, story):
    imports = (Imports(name="numpy 2.5", milliseconds=67.25, modules=102),)
    report.show_in_full(full(cold_start=ColdStart(milliseconds=67.25, modules=102, imports=imports)), console)
    lines = [line.split() for line in story.getvalue().splitlines()]
    assert ["cold", "start", "imports", "modules"] in lines
    assert ["numpy", "2.5", "67.2", "ms", "102"] in lines


def test_a_start_that_was_not_measured_is_a_warning(console, story):
    report.show_in_full(full(cold_start=NotMeasured(reason="this machine has no Python 3.14")), console)
    assert "warning: The cold start was not measured: this machine has no Python 3.14." in story.getvalue()
