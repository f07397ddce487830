"""Packages as the world makes them: `lambdify package`, and then the function itself, which uses them.

Each project's app computes a value at import for each of its packages, and answers with all of them. It runs
in the Python that it was packed for, from the unpacked zips and nothing else. What is packed for arm64 cannot
run here: its native files are looked at.
"""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lambdify.cli.packing.wheels.elf import parse_elf
from lambdify.cli.packing.wheels.gate import NATIVE

pytestmark = [pytest.mark.index, pytest.mark.slow]

PURE = (
    "itsdangerous",
    "itsdangerous.Signer('key').unsign(itsdangerous.Signer('key').sign('text')).decode()",
    "text",
)
ABI3 = ("cryptography.fernet", "len(cryptography.fernet.Fernet.generate_key())", 44)
MANYLINUX = ("numpy", "numpy.linalg.det(numpy.eye(3) * 2).round().item()", 8.0)
NATIVE_SDIST = (
    "crcmod",
    "__import__('crcmod.predefined').predefined.mkCrcFun('crc-32')(b'123456789')",
    0xCBF43926,
)
EXTENSION = ("crcmod._crcfunext", "crcmod._crcfunext.__file__.endswith('.so')", True)
SYSTEM_LIBRARY = ("lzo", "lzo.decompress(lzo.compress(b'text' * 99)).decode()[:4]", "text")


def app(*checks):
    """An app that answers with the value of each check; also what it must be."""
    imports = "".join(f"import {name}\n" for name, _, _ in checks)
    values = ", ".join(f"{name!r}: {expression}" for name, expression, _ in checks)
    text = (
        f"import json\n{imports}VALUES = {{{values}}}\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('content-type', 'application/json')])\n"
        "    return [json.dumps(VALUES).encode()]\n"
    )
    return text, {name: value for name, _, value in checks}


@pytest.fixture
def packed(lambdify, tmp_path):
    """`packed(root)`: the zips of `lambdify package`, the app's and the layer's; with env and arguments."""

    def pack(root, *arguments, env=None):
        done = lambdify("package", "--output", str(tmp_path / "out"), "--json", *arguments, cwd=root, env=env)
        assert done.returncode == 0, done.stderr
        layer, own = (Path(archive["path"]) for archive in json.loads(done.stdout))
        return own, layer, done.stderr

    return pack


@pytest.fixture
def works(packed, answer_of, tmp_path):
    """`works(files, *checks, python="3.13")`: pack a project of these files, and check its answer."""

    def works(files, *checks, python, env=None):
        text, expected = app(*checks)
        root = tmp_path / "project"
        settings = f'[function]\npython = "{python}"\n'
        for name, content in {"app.py": text, "lambdify.toml": settings, **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        own, layer, story = packed(root, env=env)
        answer = answer_of(own, layer, python=python)
        assert json.loads(answer["payload"]["body"]) == expected
        assert answer["compiled"] == []
        return story

    return works


def test_wheels_pure_abi3_and_manylinux(works):
    works(
        {"requirements.txt": "itsdangerous==2.2.0\ncryptography==45.0.7\nnumpy==2.3.3\n"},
        PURE,
        ABI3,
        MANYLINUX,
        python="3.12",
    )


@pytest.mark.docker
def test_native_sdists_one_of_which_needs_a_system_library(works, build_image):
    """python-lzo has no wheel for Linux; Debian's liblzo2 is old enough for Amazon Linux 2."""
    settings = f'[function]\npython = "3.11"\n[build]\nimage = "{build_image}"\npackages = ["liblzo2-dev"]\n'
    files = {"lambdify.toml": settings, "requirements.txt": "crcmod==1.7\npython-lzo==1.15\n"}
    works(files, NATIVE_SDIST, EXTENSION, SYSTEM_LIBRARY, python="3.11")


@pytest.fixture
def repository(tmp_path):
    """A git repository with one package in a subfolder, and its first commit, which is not its last."""
    folder = tmp_path / "origin"
    write_package(folder / "py", "from_git", "src")

    def git(*arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("add", ".")
    git("commit", "--quiet", "--message=one")
    commit = git("rev-parse", "HEAD")
    (folder / "py/src/from_git/__init__.py").write_text("raise ImportError('a later commit')\n")
    git("commit", "--quiet", "--all", "--message=two")
    return f"git+{folder.as_uri()}@{commit}#subdirectory=py"


def write_package(folder, name, layout):
    """A package as setuptools builds it, with data beside its code."""
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["setuptools>=77"]\n'
        'build-backend = "setuptools.build_meta"\n'
        f'[project]\nname = "{name}"\nversion = "1.0"\n'
        f'[tool.setuptools.package-data]\n{name} = ["*.txt"]\n',
        f"{layout}/{name}/__init__.py": "from importlib import metadata, resources\n"
        "told = resources.files(__name__).joinpath('data.txt').read_text() + metadata.version(__name__)\n",
        f"{layout}/{name}/data.txt": name,
    }
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return name, f"{name}.told", f"{name}1.0"


def test_sources_that_are_built_here_sdist_git_folder_and_editable(works, repository, tmp_path):
    folder = write_package(tmp_path / "project/libs/folder", "in_folder", ".")
    editable = write_package(tmp_path / "elsewhere", "editable", "src")
    lines = ("docopt==0.6.2", f"from_git @ {repository}", "./libs/folder", f"-e {tmp_path / 'elsewhere'}")
    works(
        {"requirements.txt": "".join(f"{line}\n" for line in lines), ".lambdifyignore": "libs/\n"},
        ("docopt", "docopt.docopt('Usage: x <name>', ['me'])['<name>']", "me"),
        ("from_git", "from_git.told", "from_git1.0"),
        folder,
        editable,
        python="3.13",
    )
    assert not list((tmp_path / "elsewhere").rglob("*.egg-info"))


def test_extras_hashes_and_markers_are_those_of_the_function_and_not_of_this_machine(works, tmp_path):
    """Pinned as a user pins, for every platform; then for another Python than the one that runs here."""
    (tmp_path / "wanted.in").write_text(
        "requests[socks]==2.32.5\n"
        "itsdangerous==2.2.0 ; python_version >= '3.12'\n"
        "markupsafe==3.0.2 ; python_full_version >= '3.13.1' and platform_machine == 'x86_64'\n"
        "docopt==0.6.2 ; python_version < '3.12'\n"
        "colorama==0.4.6 ; sys_platform == 'win32'\n"
    )
    pin = [
        "pip",
        "compile",
        "--quiet",
        "--universal",
        "--generate-hashes",
        "wanted.in",
        "-o",
        "requirements.txt",
    ]
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, *pin, "--python", sys.executable], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL
    )
    pinned = (tmp_path / "requirements.txt").read_text()
    assert "colorama" in pinned
    assert sys.version_info[:2] == (3, 11), "this Python must not be the function's for this to show anything"
    there = "importlib.util.find_spec({!r}) is not None"
    works(
        {"requirements.txt": pinned},
        ("requests", "requests.__version__", "2.32.5"),
        ("socks", "socks.SOCKS5", 2),
        PURE,
        ("markupsafe._speedups", "str(markupsafe.escape('<'))", "&lt;"),
        ("importlib.util", there.format("docopt"), False),
        ("importlib.metadata", there.format("colorama"), False),
        python="3.13",
    )


def test_for_arm64_every_native_file_is_one_for_arm64(packed, tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(app()[0])
    (root / "lambdify.toml").write_text('[function]\npython = "3.14"\narchitecture = "arm64"\n')
    (root / "requirements.txt").write_text("markupsafe>=3\ncryptography>=45\nitsdangerous==2.2.0\n")
    _, layer, _ = packed(root)
    with zipfile.ZipFile(layer) as archive:
        natives = {name: parse_elf(archive.read(name)) for name in archive.namelist() if NATIVE.search(name)}
    machines = {name: elf.machine for name, elf in natives.items()}
    assert set(machines.values()) == {"aarch64"}
    assert {name.split("/")[1] for name in machines} >= {"markupsafe", "cryptography"}
