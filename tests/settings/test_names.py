"""What a project is called that does not say so itself."""

import pytest

from lambdify.cli import settings


@pytest.mark.parametrize("folder", ["backend", "app", "api", "src", "web", "server", "src/app"])
def test_a_folder_that_many_projects_have_is_no_name(tmp_path, folder):
    root = tmp_path / "My Shop" / folder
    root.mkdir(parents=True)
    assert settings.load(root).name == "my-shop"


def test_a_name_of_ones_own_comes_first(tmp_path):
    root = tmp_path / "shop" / "backend"
    root.mkdir(parents=True)
    (root / "pyproject.toml").write_text('[project]\nname = "books"\n')
    assert settings.load(root).name == "books"
    (root / "lambdify.toml").write_text('name = "backend"\n')
    assert settings.load(root).name == "backend"
