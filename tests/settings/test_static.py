"""[static]: what it takes, and what it says of what it does not take."""

from pathlib import Path

import pytest

from lambdify.cli import settings
from lambdify.cli.errors import SettingsError


def load(root: Path, text: str, stage: str = "dev") -> settings.Settings:
    (root / "lambdify.toml").write_text(text)
    return settings.load(root, stage=stage)


def test_without_settings_the_apps_files_are_its_own_business(tmp_path: Path) -> None:
    static = settings.load(tmp_path).static
    assert (static.serve, static.fallback, static.immutable) == ("auto", "", ())
    assert (static.folders, static.environment) == ({}, {})


def test_folders_are_by_path_and_a_stage_may_add_some(tmp_path: Path) -> None:
    text = """
[static]
serve = "function"
fallback = "index.html"
immutable = ["assets/*"]
[static.folders]
"/" = "frontend/dist/"
"/docs/" = "./docs/build"
[static.environment]
LICENSE_KEY = "0000"
[stages.staff.static.folders]
"/admin-ui" = "admin/dist"
"""
    static = load(tmp_path, text, "staff").static
    assert static.folders == {"": "frontend/dist", "/docs": "docs/build", "/admin-ui": "admin/dist"}
    assert (static.serve, static.fallback, static.immutable) == ("function", "index.html", ("assets/*",))
    assert static.environment == {"LICENSE_KEY": "0000"}


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            'serve = "nobody"',
            'lambdify.toml, line 2: static.serve cannot be "nobody".',
            'It takes one of "auto", "app", "function", "cdn".',
        ),
        (
            'fallback = "/index.html"',
            'lambdify.toml, line 2: static.fallback cannot be "/index.html".',
            'It takes the path of a page among the files, such as "index.html".',
        ),
        (
            'folders = { app = "dist" }',
            'lambdify.toml, line 2: "app" is not the path of files.',
            'It takes "/", or a path that begins with a slash: "/app" = "frontend/dist".',
        ),
        (
            'folders = { "/" = "../frontend/dist" }',
            "lambdify.toml, line 2: static.folders takes folders of the project, relative to it.",
            'Write "/" = "frontend/dist". A link in the project may lead out of it.',
        ),
        (
            "folders = { '/' = 5 }",
            "lambdify.toml, line 2: static.folders takes folders of the project, relative to it.",
            'Write "/" = "frontend/dist". A link in the project may lead out of it.',
        ),
        (
            "environment = { DEBUG = true }",
            "lambdify.toml, line 2: static.environment.DEBUG is not text.",
            'Put the value in quotes: NAME = "value".',
        ),
        (
            "smoke = 30",
            'lambdify.toml, line 2: there is no option "smoke" in [static].',
            '"smoke" belongs below [release].',
        ),
    ],
)
def test_what_it_does_not_take_is_told(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, f"[static]\n{text}\n")
    assert (raised.value.message, raised.value.hint) == (message, hint)


@pytest.mark.parametrize("path", ["/..", "/a/../b", "/a b", "/a?b", "//", "/a//b", "/ä", "", "/%41", "/."])
def test_what_no_path_is(tmp_path: Path, path: str) -> None:
    with pytest.raises(SettingsError, match="is not the path of files"):
        load(tmp_path, f'[static.folders]\n"{path}" = "dist"\n')


@pytest.mark.parametrize("path", ["/", "/a", "/a/", "/a.b/c~d", "/.well-known", "/..."])
def test_what_a_path_is(tmp_path: Path, path: str) -> None:
    assert load(tmp_path, f'[static.folders]\n"{path}" = "dist"\n').static.folders == {
        path.rstrip("/"): "dist"
    }
