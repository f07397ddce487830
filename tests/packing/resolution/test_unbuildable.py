"""A package that has to be built to know what it requires, and whose build fails: what to write instead."""

import pytest
from packing.packages import PYPROJECT, source_tree

from lambdify.cli.errors import RequirementsError

BROKEN = {"backend.py": "import ConfigParser\n", "pyproject.toml": PYPROJECT}


def add(index, name, version):
    tree = {**source_tree(name, version), **BROKEN}
    # Only since 2.2 a source says what it requires without a build.
    tree["PKG-INFO"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    index.add_sdist(name, version, tree=tree)


@pytest.fixture
def hint_of(index, project, install):
    """`hint_of(requirement)`: the hint of the error when the project has only that one."""

    def hint(requirement):
        root = project({"requirements.txt": f"{index.option}{requirement}\n"})
        with pytest.raises(RequirementsError) as raised:
            install(root)
        return raised.value.hint

    return hint


@pytest.mark.slow
def test_what_is_ready_instead_is_told(index, hint_of):
    add(index, "mysql-python", "1.2.5")
    assert hint_of("MySQL-python==1.2.5") == "In place of mysql-python: PyMySQL, pure Python."


@pytest.mark.slow
def test_the_first_version_with_a_wheel_is_told(index, hint_of):
    add(index, "aged", "1.0")
    for version in ("1.2", "1.3"):
        index.add_wheel("aged", version)
    assert hint_of("aged==1.0") == (
        "aged 1.0 has no wheel for Python 3.13 on x86_64; 1.2 is the first that has: write aged==1.2."
    )


@pytest.mark.slow
def test_what_is_not_known_is_not_told(index, hint_of):
    add(index, "aged", "1.0")
    assert hint_of("aged==1.0") == "Change the requirement that is named above."
