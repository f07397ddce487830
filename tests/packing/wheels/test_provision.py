"""What the app imports and nothing that is packed has: told before anything is uploaded, if it is sure."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.cli import settings as settings_room
from lambdify.cli.console import Console
from lambdify.cli.detection import distributions
from lambdify.cli.detection.imports import Import
from lambdify.cli.errors import ImportUnmet
from lambdify.cli.packing.requirements.sources import Source
from lambdify.cli.packing.wheels import provision
from lambdify.cli.packing.wheels.distributions import Distribution


def wanted(full, *, guarded=False, caught=False, line=3):
    return Import(full.partition(".")[0], full, "app.py", line, guarded, True, caught)


def packed(*files):
    return [
        Distribution(name="some", version="1", files=tuple(files), key="", wheel=Path("x.whl"), sha256="")
    ]


@pytest.mark.parametrize(
    ("full", "files", "met"),
    [
        ("yaml", ["yaml/__init__.py"], True),
        ("yaml.load", ["yaml/__init__.py"], True),
        ("yaml", ["_yaml/__init__.py", "PyYAML-6.dist-info/METADATA"], False),
        ("six.moves.urllib", ["six.py"], True),
        ("nh3", ["nh3.abi3.so"], True),
        ("fast", ["fast.cpython-313-x86_64-linux-gnu.so"], True),
        ("fast", ["fast/core.so"], True),
        ("fast", ["fastly/__init__.py", "fast-1.dist-info/METADATA", "bin/fast"], False),
        # Namespace packages: the part that several distributions share says nothing.
        ("google.cloud.storage", ["google/cloud/storage/__init__.py"], True),
        ("google.cloud.storage.Client", ["google/cloud/storage/__init__.py"], True),
        ("google.cloud.storage", ["google/cloud/bigquery/__init__.py"], False),
        ("google.protobuf.message", ["google/auth/__init__.py"], False),
        ("google.cloud", ["google/cloud/storage/__init__.py"], True),
        ("zope.interface", ["zope/interface/__init__.py"], True),
        ("zope.event", ["zope/interface/__init__.py"], False),
        # A regular package may make its attributes as it likes.
        ("pkg.anything.at.all", ["pkg/__init__.py"], True),
        ("old", ["old.pyc"], True),
        # setuptools has what Python 3.12 left out; the adapter does what its .pth file would.
        ("distutils.util", ["distutils-precedence.pth", "_distutils_hack/__init__.py"], True),
    ],
)
def test_what_files_have(full, files, met):
    assert bool(provision.find_unmet([wanted(full)], packed(*files))) != met


@pytest.mark.parametrize("module", ["boto3", "botocore.client", "urllib3", "dateutil.parser", "six"])
def test_what_the_runtime_has_is_not_missing(module):
    assert provision.find_unmet([wanted(module)], []) == ()


@pytest.mark.parametrize(
    ("module", "python", "expected"),
    [
        ("json", "3.13", False),
        ("os.path", "3.13", False),
        ("_socket", "3.13", False),
        ("__future__", "3.13", False),
        ("lambdify.adapter", "3.13", False),
        ("yaml", "3.13", True),
        ("cgi", "3.12", False),
        ("cgi", "3.13", True),
        ("distutils.core", "3.11", False),
        ("distutils.core", "3.12", True),
        ("compression.zstd", "3.13", True),
        ("compression.zstd", "3.14", False),
    ],
)
def test_the_standard_library_is_that_of_the_functions_python(module, python, expected):
    assert bool(distributions.foreign([wanted(module)], python)) is expected


def check(tmp_path, imports, kind="requirements.txt", files=None, packing=(), **settings):
    """What comes: the error and its hint, or "" and the notes."""
    for name, text in (files or {}).items():
        (tmp_path / name).write_text(text)
    loaded = settings_room.load(tmp_path)
    if build := settings.get("build"):
        loaded = replace(loaded, build=replace(loaded.build, **build))
    if function := settings.get("function"):
        loaded = replace(loaded, function=replace(loaded.function, **function))
    source = Source(kind=kind, path=tmp_path / kind, folder=tmp_path, name=kind) if kind else None
    story = io.StringIO()
    try:
        provision.check(imports, list(packing), source, loaded, Console(stderr=story))
    except ImportUnmet as error:
        return error.message, error.hint
    return "", story.getvalue().strip()


EXTRA = '[project]\nname = "shop"\n[project.optional-dependencies]\ndev = ["PyYAML>=6"]\n'


YAML = "app.py:3 imports yaml; nothing that is packed provides it."
FLASK = "app.py:3 imports flask; nothing that is packed provides it: the project has no dependency file."
GOOGLE = "app.py:3 imports google.cloud.storage; nothing that is packed provides it."
NOTE = "Nothing that is packed provides this, and {}: app.py:3 imports yaml"
LIKELY = 'If requirements-prod.txt has it, say so: [build] requirements = "requirements-prod.txt".'
IN_DEV = 'PyYAML is in the extra "dev" of pyproject.toml'


@pytest.mark.parametrize(
    ("given", "message", "hint"),
    [
        ({"imports": [wanted("yaml")]}, YAML, "Add PyYAML to requirements.txt."),
        (
            {"imports": [wanted("yaml"), wanted("cv2.imread", line=4)]},
            "app.py:3 imports yaml; app.py:4 imports cv2; nothing that is packed provides them.",
            "Add PyYAML, opencv-python-headless to requirements.txt.",
        ),
        (
            {"imports": [wanted("google.cloud.storage")]},
            GOOGLE,
            "Add google-cloud-storage to requirements.txt.",
        ),
        (
            {"imports": [wanted("flask.Flask"), wanted("flask.request")], "kind": ""},
            FLASK,
            "Write requirements.txt, a line for each: flask.",
        ),
        (
            {"imports": [wanted("flask")], "kind": "", "files": {"requirements-prod.txt": "flask"}},
            FLASK,
            f"{LIKELY} Write requirements.txt, a line for each: flask.",
        ),
        (
            {"imports": [wanted("yaml")], "kind": "pyproject.toml"},
            YAML,
            'Add "PyYAML" to dependencies in [project] of pyproject.toml.',
        ),
        ({"imports": [wanted("yaml")], "kind": "uv.lock"}, YAML, "Add it: uv add PyYAML."),
        ({"imports": [wanted("yaml")], "kind": "poetry.lock"}, YAML, "Add it: poetry add PyYAML."),
        ({"imports": [wanted("yaml")], "kind": "Pipfile.lock"}, YAML, "Add it: pipenv install PyYAML."),
        (
            {"imports": [wanted("yaml")], "kind": "uv.lock", "files": {"pyproject.toml": EXTRA}},
            YAML,
            f'{IN_DEV}, which [build] extras = ["dev"] packs. Add it: uv add PyYAML.',
        ),
        (
            {"imports": [wanted("yaml")], "files": {"pyproject.toml": EXTRA}},
            YAML,
            f"{IN_DEV}. Add PyYAML to requirements.txt.",
        ),
        (
            {"imports": [wanted("cgi")], "function": {"python": "3.13"}},
            "app.py:3 imports cgi; nothing that is packed provides it.",
            "Python 3.13 has no cgi any more, an older one does. Add legacy-cgi to requirements.txt.",
        ),
        (
            {"imports": [wanted("uu")], "function": {"python": "3.13"}},
            "app.py:3 imports uu; nothing that is packed provides it.",
            "Python 3.13 has no uu any more, an older one does.",
        ),
        (
            {"imports": [wanted("yaml")], "build": {"omit": ("pyyaml",)}},
            YAML,
            "Take pyyaml out of [build] omit in the settings.",
        ),
        # Not sure: a note, and none where the code says what happens.
        ({"imports": [wanted("yaml", guarded=True)]}, "", NOTE.format("the app may do without")),
        ({"imports": [wanted("yaml", guarded=True, caught=True)]}, "", ""),
        (
            {"imports": [wanted("yaml")], "function": {"layers": ("arn",)}},
            "",
            NOTE.format("it has to be in one of the layers in [function] layers"),
        ),
        (
            {"imports": [wanted("yaml")], "build": {"base": "mine:1"}},
            "",
            NOTE.format("it has to be in the image in [build] base"),
        ),
        ({"imports": [wanted("yaml")], "packing": packed("yaml/__init__.py")}, "", ""),
    ],
)
def test_what_is_said(tmp_path, given, message, hint):
    said, told = check(tmp_path, **given)
    assert (said, " ".join(told.split())) == (message, hint)


def test_many_that_are_not_sure_are_told_in_a_few_words(tmp_path):
    imports = [wanted(f"m{number}", guarded=True) for number in range(9)]
    assert check(tmp_path, imports)[1].endswith("app.py:3 imports m4; ...")
