"""Code is unpacked as Lambda unpacks it; a configuration is read as Lambda gives it."""

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from lambdify.cli.local.functions.function import Functions, read_function
from lambdify.cli.packing.unpacked import remove_tree, write_tree


def zipped(*entries: tuple[str, str, int]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text, mode in entries:
            entry = zipfile.ZipInfo(name, (2020, 1, 2, 3, 4, 6))
            entry.external_attr = mode << 16
            archive.writestr(entry, text)
    return content.getvalue()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return tmp_path / "functions" / "code"


def test_files_keep_their_modes_and_times_and_cannot_be_written(tree: Path) -> None:
    write_tree(tree, [zipped(("bin/run", "#!", 0o100755), ("app.py", "x", 0o100644))])
    modes = {name: stat.S_IMODE((tree / name).stat().st_mode) for name in ("bin/run", "app.py", "bin")}
    assert modes == {"bin/run": 0o555, "app.py": 0o444, "bin": 0o555}
    assert (tree / "app.py").stat().st_mtime == 1577934246
    remove_tree(tree)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_function_cannot_write_into_its_code(tree: Path) -> None:
    write_tree(tree, [zipped(("app.py", "x", 0o100644))])
    with pytest.raises(PermissionError):
        (tree / "db.sqlite3").touch()
    remove_tree(tree)


def test_a_layer_lies_over_those_before_it(tree: Path) -> None:
    lower = zipped(("python/a.py", "lower", 0o100444), ("python/b.py", "lower", 0o100644))
    write_tree(tree, [lower, zipped(("python/a.py", "upper", 0o100644))])
    assert (tree / "python/a.py").read_text() == "upper"
    assert (tree / "python/b.py").read_text() == "lower"
    remove_tree(tree)


def test_links_stay_links(tree: Path) -> None:
    write_tree(tree, [zipped(("lib.so.1", "x", 0o100755), ("lib.so", "lib.so.1", 0o120777))])
    assert (tree / "lib.so").readlink() == Path("lib.so.1")
    remove_tree(tree)


def test_what_cannot_be_unpacked_leaves_nothing(tree: Path) -> None:
    with pytest.raises(zipfile.BadZipFile):
        write_tree(tree, [zipped(("app.py", "x", 0o100644)), b"not a zip"])
    assert list(tree.parent.iterdir()) == []


def test_a_tree_can_be_removed(tree: Path) -> None:
    write_tree(tree, [zipped(("a/b/c.py", "x", 0o100644))])
    remove_tree(tree)
    assert not tree.exists()
    remove_tree(tree)  # which is fine when there is none


CONFIGURATION = {
    "FunctionName": "shop",
    "FunctionArn": "arn:aws:lambda:eu-west-1:000000000000:function:shop:3",
    "Version": "3",
    "Runtime": "python3.13",
    "Handler": "lambdify.adapter.entry.handler",
    "Timeout": 30,
    "MemorySize": 512,
    "CodeSha256": "q83v",
    "Environment": {
        "Variables": {"B": "2", "A": "1", "MINISTACK_LAMBDA_PROXY_URL": "http://127.0.0.1:1/invoke"}
    },
    "Layers": [{"Arn": "arn:aws:lambda:eu-west-1:000000000000:layer:shop:1"}],
    "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "DEBUG", "LogGroup": "/shop"},
}


def test_a_configuration_is_read() -> None:
    function = read_function(CONFIGURATION, "eu-west-1")
    assert function.python == "3.13"
    assert function.arn == "arn:aws:lambda:eu-west-1:000000000000:function:shop"
    assert function.layers == ("arn:aws:lambda:eu-west-1:000000000000:layer:shop:1",)
    assert (function.log_group, function.log_format, function.log_level) == ("/shop", "JSON", "DEBUG")


def test_a_function_of_an_image_is_read() -> None:
    image = {
        key: value for key, value in CONFIGURATION.items() if key not in {"Runtime", "Handler", "Layers"}
    }
    function = read_function(
        {
            **image,
            "Code": {"ImageUri": "shop:1"},
            "ImageConfigResponse": {"ImageConfig": {"Command": ["lambdify.adapter.entry.handler"]}},
        },
        "eu-west-1",
    )
    assert (function.image, function.command) == ("shop:1", ("lambdify.adapter.entry.handler",))
    assert (function.python, function.handler, function.layers) == ("", "", ())


def test_a_function_does_not_see_that_it_is_local() -> None:
    assert read_function(CONFIGURATION, "eu-west-1").environment == (("A", "1"), ("B", "2"))


def test_what_a_configuration_leaves_out_has_lambdas_defaults() -> None:
    left_out = {"Environment", "Layers", "LoggingConfig"}
    function = read_function({k: v for k, v in CONFIGURATION.items() if k not in left_out}, "eu-west-1")
    assert (function.environment, function.layers) == ((), ())
    assert (function.log_group, function.log_format) == ("/aws/lambda/shop", "Text")


# -------------------------------------------------------------------- an alias that has moved on

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:shop"


@pytest.fixture
def functions(stubbed, tmp_path: Path) -> Functions:
    """They have seen the alias lead to version 2, half a second after it, which is old by now."""
    clock = [0.0]
    functions = Functions(lambda region: stubbed.account, tmp_path, clock=lambda: clock[0])
    stubbed.answers("lambda.get_function_configuration", {**CONFIGURATION, "Version": "2"})
    stubbed.answers("lambda.get_function_concurrency")
    assert functions.find(f"{ARN}:2")
    clock[0] = 0.5
    stubbed.answers("lambda.get_alias", {"FunctionVersion": "2"})
    found = functions.find(f"{ARN}:live")
    assert found
    assert found.version == "2"
    clock[0] = 1.2
    return functions


def test_an_event_whose_version_was_just_removed_goes_where_the_alias_leads_now(stubbed, functions) -> None:
    stubbed.refuses("lambda.get_function_configuration", "ResourceNotFoundException", status=404)
    stubbed.answers("lambda.get_alias", {"FunctionVersion": "3"})
    stubbed.answers("lambda.get_function_configuration", CONFIGURATION)
    stubbed.answers("lambda.get_function_concurrency")
    assert functions.find(f"{ARN}:live").version == "3"


def test_a_function_that_was_removed_is_not_there(stubbed, functions) -> None:
    stubbed.refuses("lambda.get_function_configuration", "ResourceNotFoundException", status=404)
    stubbed.refuses("lambda.get_alias", "ResourceNotFoundException", status=404)
    assert functions.find(f"{ARN}:live") is None
