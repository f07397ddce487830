"""Which index counts: the same one for uv, for pip in a container and for our own downloads."""

from itertools import pairwise

import pytest
from packing.packages import native_tree, source_tree, write_sdist, write_wheel

from lambdify.cli import settings
from lambdify.cli.packing.requirements.indexes import find_indexes
from lambdify.cli.packing.requirements.sources import find_source
from lambdify.cli.packing.resolution.plan import make_plan
from lambdify.cli.packing.target import Target

pytestmark = pytest.mark.slow

IN_TURN = ("UV_DEFAULT_INDEX", "--index-url", "PIP_INDEX_URL", "uv.toml")
"""Ways to name the default index, the first first."""
FURTHER = ("UV_INDEX", "UV_EXTRA_INDEX_URL", "--extra-index-url", "PIP_EXTRA_INDEX_URL", "uv.toml")
VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")


@pytest.fixture(autouse=True)
def no_settings(tmp_path, monkeypatch):
    """Of the indexes that this machine uses, none counts in these tests."""
    for name in (*VARIABLES, "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))


@pytest.fixture
def name_index(project, monkeypatch):
    """`name_index("PIP_INDEX_URL", url)`: name an index that way, and return the project's folder."""

    def name(way, url):
        root = project({})
        root.mkdir(exist_ok=True)
        if way.startswith("--"):
            with (root / "requirements.txt").open("a") as file:
                file.write(f"{way} {url}\n")
        elif way == "uv.toml":
            default = "default = true" if not (root / "uv.toml").exists() else ""
            (root / "uv.toml").write_text(f'[[index]]\nurl = "{url}"\n{default}\n')
        else:
            monkeypatch.setenv(way, url)
        return root

    return name


def require(root, *lines):
    with (root / "requirements.txt").open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


def plan(root, *extra):
    build = settings.load(root).build
    return make_plan(find_source(root, build), root, Target(), build, extra)


def versions(made):
    return {package.name: package.version for package in made.packages}


@pytest.mark.parametrize("way", IN_TURN)
def test_everybody_uses_an_index_and_its_password_however_it_is_named(name_index, index, install, way):
    index.add_sdist("pack", "2.0")
    root = name_index(way, index.url)
    require(root, "pack")
    # uv resolves, we download the source, and pip would build it.
    assert install(root).versions == {"pack": "2.0"}
    assert plan(root).indexes.pip_environment["PIP_INDEX_URL"] == index.url


@pytest.mark.parametrize(("first", "second"), list(pairwise(IN_TURN)))
def test_of_two_that_name_the_default_one_counts_for_everybody(name_index, index, other_index, first, second):
    index.add_wheel("pack", "1.0")
    other_index.add_wheel("pack", "2.0")
    name_index(second, other_index.url)
    root = name_index(first, index.url)
    require(root, "pack")
    made = plan(root)
    assert versions(made) == {"pack": "1.0"}
    assert made.indexes.pip_environment["PIP_INDEX_URL"] == index.url


@pytest.mark.parametrize("way", FURTHER)
def test_a_further_index_is_asked_beside_the_default_one(name_index, index, other_index, way):
    index.add_wheel("pack", "1.0")
    other_index.add_wheel("tool", "2.0")
    name_index("PIP_INDEX_URL", index.url)
    root = name_index(way, other_index.url)
    if way == "uv.toml":
        (root / "uv.toml").write_text(f'[[index]]\nurl = "{other_index.url}"\n')
    require(root, "pack", "tool")
    made = plan(root)
    assert versions(made) == {"pack": "1.0", "tool": "2.0"}
    assert made.indexes.pip_environment == {
        "PIP_INDEX_URL": index.url,
        "PIP_EXTRA_INDEX_URL": other_index.url,
    }


def test_the_nearest_settings_of_uvs_count_and_then_the_users(project, tmp_path):
    """As uv has it: https://docs.astral.sh/uv/concepts/configuration-files/"""
    own = 'name = "own", url = "https://own/simple", default = true'
    user = 'extra-index-url = ["https://user/simple"]\nfind-links = ["https://user/files"]\n'
    root = project(
        {
            "../uv.toml": 'index-url = "https://above/simple"\n',
            "pyproject.toml": f"[tool.uv]\nindex = [{{ {own} }}]\n",
            "../config/uv/uv.toml": user,
        }
    )
    given = find_indexes(
        (), root, {"UV_INDEX_OWN_USERNAME": "me", "XDG_CONFIG_HOME": str(tmp_path / "config")}
    )
    assert given.pip_environment == {
        "PIP_INDEX_URL": "https://me:@own/simple",
        "PIP_EXTRA_INDEX_URL": "https://user/simple",
        "PIP_FIND_LINKS": "https://user/files",
    }
    assert given.uv_environment == ()


def test_an_index_for_some_packages_only_is_no_index_of_pips_but_we_know_its_password(project):
    toml = '[[index]]\nname = "torch"\nurl = "https://me:word@torch/whl"\nexplicit = true\n'
    given = find_indexes((), project({"uv.toml": toml}), {})
    assert given.pip_environment == {}
    assert given.authorization("https://torch/whl/torch.whl") == {"Authorization": "Basic bWU6d29yZA=="}


def test_the_password_of_a_named_index_comes_from_its_own_variables(name_index, index, install, monkeypatch):
    index.add_sdist("pack", "2.1")
    public = index.url.replace(f"{index.user}:{index.password}@", "")
    monkeypatch.setenv("UV_INDEX_INNER_USERNAME", index.user)
    monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", index.password)
    root = name_index("UV_DEFAULT_INDEX", f"inner={public}")
    require(root, "pack")
    assert install(root).versions == {"pack": "2.1"}
    assert plan(root).indexes.pip_environment["PIP_INDEX_URL"] == index.url


def test_the_password_comes_from_netrc_for_pip_in_the_container_too(name_index, index, install, tmp_path):
    index.add_sdist("pack", "2.2")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {index.user} password {index.password}\n")
    root = name_index("PIP_INDEX_URL", index.url.replace(f"{index.user}:{index.password}@", ""))
    require(root, "pack")
    assert install(root).versions == {"pack": "2.2"}
    assert plan(root).indexes.pip_environment["PIP_INDEX_URL"] == index.url


@pytest.mark.docker
@pytest.mark.slow
def test_pip_in_the_container_is_let_into_a_private_index(
    name_index, index, install, build_image, tmp_path, monkeypatch
):
    """What a source has to be built with lies in the index too."""
    monkeypatch.setenv("LAMBDIFY_DOCKER_NETWORK", "host")
    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login {index.user} password {index.password}\n")
    index.add_wheel("buildhelper0", "1.0")
    tree = native_tree("fast")
    tree["pyproject.toml"] = tree["pyproject.toml"].replace("requires = []", 'requires = ["buildhelper0"]')
    tree["backend.py"] = f"import buildhelper0\n{tree['backend.py']}"
    index.add_sdist("fast", "1.0", tree=tree)
    root = name_index("PIP_INDEX_URL", index.url.replace(f"{index.user}:{index.password}@", ""))
    require(root, "fast")
    assert install(root, "3.11", image=build_image).versions == {"fast": "1.0"}
    assert index.password not in (root / ".lambdify" / "logs" / "fast.log").read_text()


def test_a_password_of_a_named_index_is_no_part_of_what_is_kept(name_index, index, monkeypatch):
    index.add_wheel("web", "1.0")
    monkeypatch.setenv("UV_INDEX_INNER_USERNAME", index.user)
    monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", index.password)
    public = index.url.replace(f"{index.user}:{index.password}@", "")
    root = name_index("UV_DEFAULT_INDEX", f"inner={public}")
    require(root, "web")
    assert versions(plan(root)) == {"web": "1.0"}
    index.add_wheel("web", "2.0")
    monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", "another")
    assert versions(plan(root)) == {"web": "1.0"}
    monkeypatch.setenv("UV_INDEX_INNER_PASSWORD", index.password)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", public)
    assert versions(plan(root)) == {"web": "2.0"}


def test_without_an_index_folders_of_files_serve_the_build_too(project, install):
    """--find-links is read from where the line is, and what builds a package may need packages itself."""
    root = project({"deps/requirements.txt": "--no-index\n--find-links ./files\npack\n"})
    files = root / "deps" / "files"
    files.mkdir()
    tree = source_tree("pack", "3.0")
    tree["pyproject.toml"] = tree["pyproject.toml"].replace("requires = []", 'requires = ["buildhelper0"]')
    write_sdist(
        files, "pack", "3.0", tree=tree | {"backend.py": f"import buildhelper0\n{tree['backend.py']}"}
    )
    write_wheel(files, "buildhelper0", "1.0")
    (root / "requirements.txt").write_text("-r deps/requirements.txt\n")
    assert install(root).versions == {"pack": "3.0"}


def test_an_older_version_with_a_wheel_is_looked_for_in_the_same_indexes(name_index, index):
    index.add_sdist("pack", "2.0")
    index.add_wheel("pack", "1.5")
    root = name_index("PIP_INDEX_URL", index.url)
    require(root, "pack")
    assert versions(plan(root)) == {"pack": "1.5"}


@pytest.mark.parametrize("line", ["--index-url={}", "-i {}", "--index-url '{}'", '--index-url "${{HOST}}"'])
def test_the_forms_of_a_line(project, monkeypatch, line):
    monkeypatch.setenv("HOST", "https://host/simple")
    given = find_indexes([line.format("https://host/simple")], environ={})
    assert given.default == "https://host/simple"
