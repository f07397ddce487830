"""Which files of a project are packed."""

import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from lambdify.cli.errors import BundleRefused, SettingsError
from lambdify.cli.packing.bundle import files

PACKED = [
    "app.py",
    "templates/page.html",
    "static/app.min.js",
    "locale/de/LC_MESSAGES/django.mo",
    ".env.example",
    ".env.sample",
    "config/.env.template",
    "environment.py",
    "keys.py",
    "pem.txt",
    "build/index.html",
    "dist/bundle.js",
    "tests/test_app.py",
    "data.sqlite3",
    "requirements.txt",
    "pyproject.toml",
    ".flaskenv",
    "logs/readme.txt",
    "credentials.py",
    "shop.egg-info/PKG-INFO",
]
JUNK = [
    ".git/config",
    ".gitignore",
    "__pycache__/app.cpython-313.pyc",
    "shop/__pycache__/a.cpython-311.pyc",
    "old.pyc",
    "node_modules/left-pad/index.js",
    "front/node_modules/x.js",
    ".pytest_cache/README.md",
    ".mypy_cache/x.json",
    ".tox/log/x",
    ".coverage",
    ".coverage.host.1",
    "htmlcov/index.html",
    ".idea/a.xml",
    ".DS_Store",
    "notes.txt~",
    ".app.py.swp",
    "Dockerfile",
    "Dockerfile.dev",
    "docker-compose.override.yml",
    ".github/workflows/ci.yml",
    "debug.log",
    "lambdify.toml",
    ".lambdify/build/app-0000000000000000.zip",
    "layer-0123456789abcdef.zip",
    "zappa_settings.json",
]
SECRETS = [
    ".env",
    ".ENV",
    ".env.local",
    ".env.production",
    "deploy/prod.env",
    ".envrc",
    "server.pem",
    "Server.PEM",
    "tls/private.key",
    "id_rsa",
    "keys/id_ed25519",
    ".aws/credentials",
    ".ssh/config",
    ".npmrc",
    ".pypirc",
    ".netrc",
    ".git-credentials",
    "credentials.json",
    "client_secret_42.apps.googleusercontent.com.json",
    "service-account-prod.json",
    "infra/terraform.tfstate",
    "infra/terraform.tfstate.backup",
    "prod.tfvars",
    ".secrets.toml",
    "config/secrets.yaml",
    "master.key",
    "app.p12",
]


def packed(root: Path, **rules) -> list[str]:
    return [file.name for file in files.scan(root, **rules).files]


@pytest.fixture
def everything(project) -> Path:
    return project(dict.fromkeys([*PACKED, *JUNK, *SECRETS], "x"))


def test_what_the_app_may_read_is_packed_and_junk_and_secrets_are_not(everything):
    assert packed(everything) == sorted(PACKED)


def test_every_secret_is_named_with_its_kind(everything):
    left_out = files.scan(everything).left_out
    named = {item.path for item in left_out if item.secret}
    assert named == {*SECRETS, ".aws/", ".ssh/"} - {".aws/credentials", ".ssh/config"}
    assert {item.reason for item in left_out if item.path == "tls/private.key"} == {"private key"}


def test_a_folder_that_is_left_out_is_told_once_and_not_entered(everything):
    told = [item.path for item in files.scan(everything).left_out]
    assert "node_modules/" in told
    assert not any(path.startswith("node_modules/left-pad") for path in told)


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_comes_back_only_by_its_exact_path(everything, secret):
    assert packed(everything, include=[secret]) == sorted([*PACKED, secret])


def test_neither_lambdifyignore_nor_a_folder_brings_a_secret_back(project):
    root = project({".lambdifyignore": "!.env\n!*.pem\n!.aws/\n", ".env": "", "a.pem": "", ".aws/config": ""})
    assert packed(root) == []
    assert packed(root, include=[".aws"]) == []


def test_include_brings_back_a_file_from_a_folder_that_is_left_out(project):
    root = project({"node_modules/a/keep.js": "", "node_modules/a/drop.js": "", "app.py": ""})
    assert packed(root, include=["node_modules/a/keep.js"]) == ["app.py", "node_modules/a/keep.js"]


def test_include_brings_back_a_folder_without_its_junk(project):
    root = project({"node_modules/a/x.js": "", "node_modules/a/.DS_Store": "", "node_modules/a/.npmrc": ""})
    selection = files.scan(root, include=["node_modules/"])
    assert [file.name for file in selection.files] == ["node_modules/a/x.js"]
    assert [item.path for item in selection.left_out] == ["node_modules/a/.DS_Store", "node_modules/a/.npmrc"]


@pytest.mark.parametrize("path", ["missing.txt", "*.pem", "../outside.txt", ""])
def test_include_of_what_is_not_there_is_refused(project, path):
    root = project({"app.py": ""})
    (root.parent / "outside.txt").write_text("")
    with pytest.raises(SettingsError) as refused:
        files.scan(root, include=[path])
    assert f'"{path}"' in refused.value.message


def test_lambdifyignore_has_gitignores_syntax(project):
    lines = "# data\n*.csv\n!keep.csv\n/top.txt\ndocs/\n**/fixtures/*.json\n"
    root = project(
        {
            ".lambdifyignore": lines,
            "a.csv": "",
            "deep/b.csv": "",
            "deep/keep.csv": "",
            "top.txt": "",
            "deep/top.txt": "",
            "docs/index.md": "",
            "docs/keep.csv": "",
            "shop/docs/x": "",
            "shop/fixtures/a.json": "",
            "shop/fixtures/a.txt": "",
        }
    )
    assert packed(root) == ["deep/keep.csv", "deep/top.txt", "shop/fixtures/a.txt"]


def test_lambdifyignore_brings_junk_back(project):
    root = project({".lambdifyignore": "!*.log\n!Dockerfile\n", "a.log": "", "Dockerfile": "", "x.pyc": ""})
    assert packed(root) == ["Dockerfile", "a.log"]


def test_exclude_in_the_settings_has_the_last_word(project):
    root = project({".lambdifyignore": "a.txt\n!b.txt\n", "a.txt": "", "b.txt": "", "c.txt": ""})
    assert packed(root, exclude=["!a.txt", "b.txt"]) == ["a.txt", "c.txt"]
    reasons = {item.path: item.reason for item in files.scan(root, exclude=["b.txt"]).left_out}
    assert (reasons["a.txt"], reasons["b.txt"]) == (".lambdifyignore", "[build] exclude")


def test_gitignore_is_not_consulted(project):
    assert "static/built.js" in packed(project({".gitignore": "*.js\n", "static/built.js": ""}))


def test_pathspec_is_imported_only_for_patterns_of_the_users(project):
    root = project({"app.py": ""})
    program = (
        "import sys; from pathlib import Path; from lambdify.cli.packing.bundle import files;"
        f"files.scan(Path({str(root)!r})); print('pathspec' in sys.modules);"
        f"files.scan(Path({str(root)!r}), exclude=['x']); print('pathspec' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True"]


def test_a_virtual_environment_is_known_under_any_name(project):
    root = project(
        {"my-python/pyvenv.cfg": "", "my-python/bin/x": "", "conda/conda-meta/h": "", "venv/app.py": ""}
    )
    selection = files.scan(root)
    assert [file.name for file in selection.files] == ["venv/app.py"]
    assert {item.path: item.reason for item in selection.left_out} == {
        "conda/": "a virtual environment",
        "my-python/": "a virtual environment",
    }


def test_links_are_followed_inside_the_project_only(project, tmp_path):
    root = project({"real/page.html": "hello", "app.py": ""})
    (tmp_path / "private").mkdir()
    (tmp_path / "private/passwords.txt").write_text("")
    (root / "pages").symlink_to("real")
    (root / "main.py").symlink_to("app.py")
    (root / "out").symlink_to(tmp_path / "private")
    (root / "passwords.txt").symlink_to(tmp_path / "private/passwords.txt")
    (root / "nowhere").symlink_to("gone")
    (root / "self").symlink_to("self")
    selection = files.scan(root)
    assert [file.name for file in selection.files] == [
        "app.py",
        "main.py",
        "pages/page.html",
        "real/page.html",
    ]
    assert {item.path: item.reason for item in selection.left_out} == {
        "nowhere": "a link that leads nowhere",
        "out": "a link out of the project",
        "passwords.txt": "a link out of the project",
        "self": "a link that leads nowhere",
    }


def test_a_link_that_goes_in_a_circle_ends(project):
    root = project({"shop/app.py": ""})
    (root / "shop/again").symlink_to("../shop")
    (root / "shop/top").symlink_to("..")
    selection = files.scan(root)
    assert [file.name for file in selection.files] == ["shop/app.py"]
    assert [item.reason for item in selection.left_out] == ["a link to a folder it lies in"] * 2


def test_a_link_to_a_secret_is_a_secret(project):
    root = project({".env": "", ".aws/credentials": ""})
    (root / "settings.txt").symlink_to(".env")
    (root / "aws.txt").symlink_to(".aws/credentials")
    (root / "aws").symlink_to(".aws")
    selection = files.scan(root)
    assert selection.files == ()
    secrets = {item.path for item in selection.left_out if item.secret}
    assert secrets == {".env", ".aws/", "settings.txt", "aws.txt", "aws/"}


def test_the_project_may_itself_be_a_link(project, tmp_path):
    root = project({"app.py": ""})
    (tmp_path / "link").symlink_to(root)
    assert packed(tmp_path / "link") == ["app.py"]


def test_names_are_composed_whatever_the_file_system_gave(project):
    decomposed = unicodedata.normalize("NFD", "Menü.html")
    assert packed(project({decomposed: ""})) == [unicodedata.normalize("NFC", decomposed)]


def test_two_names_that_differ_in_their_encoding_only_are_refused(project):
    root = project({unicodedata.normalize(form, "Menü.html"): "" for form in ("NFC", "NFD")})
    with pytest.raises(BundleRefused, match=r"Menü\.html"):
        files.scan(root)


def test_a_name_that_is_not_utf8_is_refused_by_name(project):
    root = project({"app.py": ""})
    Path(os.fsdecode(os.fsencode(root) + b"/caf\xe9.txt")).write_text("")
    with pytest.raises(BundleRefused, match=r"caf\\xe9\.txt"):
        files.scan(root)


def test_only_the_owners_executable_bit_is_looked_at(project):
    root = project({"run.sh": "", "app.py": ""})
    (root / "run.sh").chmod(0o700)
    (root / "app.py").chmod(0o666)
    assert {file.name: file.executable for file in files.scan(root).files} == {
        "app.py": False,
        "run.sh": True,
    }


def test_sockets_and_pipes_are_passed_over(project):
    root = project({"app.py": ""})
    os.mkfifo(root / "pipe")
    assert packed(root) == ["app.py"]
