"""The bill of materials: CycloneDX 1.6 by its own schema, with what is in the bundle and nothing else."""

import json
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packing.packages import sha256

from lambdify.cli.packing.bundle.bundle import Archive, Bundle
from lambdify.cli.packing.inventory import bill, wheel_metadata
from lambdify.cli.packing.requirements.pylock import Package
from lambdify.cli.packing.target import Target
from lambdify.cli.packing.wheels import site_packages
from lambdify.cli.packing.wheels.distributions import Dependencies, Distribution
from lambdify.cli.packing.wheels.wheel_cache import Wheel

pytestmark = pytest.mark.usefixtures("own_cache")
CLASSIFIER = "Classifier: License :: OSI Approved :: "


def wheel(
    folder: Path, name: str, *headers: str, version: str = "1.0", origin: Package | None = None
) -> Distribution:
    """A wheel with these lines in its METADATA, as it is after it was fetched."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *headers]
    with zipfile.ZipFile(path, "w") as made:
        made.writestr(f"{name}/__init__.py", "")
        made.writestr(f"{info}/METADATA", "\n".join(lines) + "\n\nLicense: not a header\n")
        made.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    url = f"https://files.example/{path.name}"
    package = origin or Package(name=name, version=version, kind="wheel", url=url)
    return site_packages.read_contents(Wheel(package=package, path=path, sha256=sha256(path))).distribution


@cache
def schema() -> Any:
    """CycloneDX's, imported where it is used: making its grammars takes a second in each worker."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.V1_6)


def made(*distributions: Distribution) -> dict:
    """The bill of a bundle of these, which the schema has accepted."""
    zipped = Archive(path=Path("app.zip"), digest="0" * 64, zipped=1, unzipped=1, files=1)
    bundle = Bundle(
        form="layer",
        app=zipped,
        layer=zipped,
        target=Target(python="3.13"),
        dependencies=Dependencies(source_name="x", distributions=distributions, notes=(), key=""),
        parts=(),
        left_out=(),
        leaks=(),
    )
    text = bill.make(bundle, "shop")
    assert schema().validate_str(text) is None
    return json.loads(text)


def component(found: dict, name: str) -> dict:
    return next(each for each in found["components"] if each["name"] == name)


def graph(found: dict) -> dict[str, list[str]]:
    return {each["ref"]: each.get("dependsOn", []) for each in found["dependencies"]}


def test_a_distribution_has_its_version_hash_purl_licence_and_origin(tmp_path):
    packed = wheel(tmp_path, "Shop_Core", "Summary: The core", "License-Expression: MIT", version="2.1")
    found = component(made(packed), "Shop_Core")
    assert found["version"] == "2.1"
    assert found["hashes"] == [{"alg": "SHA-256", "content": packed.sha256}]
    assert found["purl"] == found["bom-ref"] == "pkg:pypi/shop-core@2.1"
    assert found["licenses"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    assert found["description"] == "The core"
    assert found["externalReferences"] == [
        {"type": "distribution", "url": "https://files.example/Shop_Core-2.1-py3-none-any.whl"}
    ]


def test_it_names_the_app_the_function_and_who_wrote_it(tmp_path):
    found = made()
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    about = found["metadata"]
    assert (about["component"]["type"], about["component"]["name"]) == ("application", "shop")
    assert about["timestamp"]
    assert about["lifecycles"] == [{"phase": "build"}]
    assert {each["name"]: each["value"] for each in about["properties"]} == {
        "lambdify:architecture": "x86_64",
        "lambdify:runtime": "python3.13",
    }
    assert [each["name"] for each in about["tools"]["components"]] == ["lambdify"]


def test_the_adapter_is_in_the_bundle_and_not_the_packages_of_the_index_with_our_name():
    assert component(made(), "lambdify.adapter")["purl"].startswith("pkg:generic/lambdify.adapter@")


def test_the_graph_says_what_requires_what_on_the_function(tmp_path):
    found = graph(
        made(
            wheel(tmp_path, "web", "Requires-Dist: core[fast]>=1", "Requires-Dist: absent"),
            wheel(
                tmp_path,
                "core",
                'Requires-Dist: speed; extra == "fast"',
                'Requires-Dist: docs; extra == "docs"',
                'Requires-Dist: docs; sys_platform == "win32"',
                "Requires-Dist: !!",
            ),
            wheel(tmp_path, "speed"),
            wheel(tmp_path, "docs"),
        )
    )
    assert found["pkg:pypi/web@1.0"] == ["pkg:pypi/core@1.0"]
    assert found["pkg:pypi/core@1.0"] == ["pkg:pypi/speed@1.0"]
    assert found["app:shop"] == [f"lambdify.adapter@{bill.VERSION}", "pkg:pypi/docs@1.0", "pkg:pypi/web@1.0"]


def test_those_that_require_each_other_in_a_circle_hang_on_the_app(tmp_path):
    one, two = wheel(tmp_path, "one", "Requires-Dist: two"), wheel(tmp_path, "two", "Requires-Dist: one")
    assert {"pkg:pypi/one@1.0", "pkg:pypi/two@1.0"} <= set(graph(made(one, two))["app:shop"])


GIT = Package(
    name="own", version="", kind="git", url="https://anna:s3cret@git.example/own.git", commit="abc123"
)
SIGNED = "https://anna:s3cret@files.example/own.whl?X-Amz-Signature=s3cret#sha256=00"


WHEEL = Package(name="own", version="1.0", kind="wheel", url=SIGNED)
FILE = Package(name="own", version="1.0", kind="wheel", path=Path("/home/anna/own.whl"))
FOLDER = Package(name="own", version="", kind="directory", path=Path("/home/anna/own"))
CLONE = Package(name="own", version="", kind="git", url="file:///home/anna/own", commit="abc123")


@pytest.mark.parametrize(
    ("origin", "purl", "urls"),
    [
        (
            GIT,
            "pkg:pypi/own@1.0?vcs_url=git%2Bhttps://git.example/own.git%40abc123",
            ["git+https://git.example/own.git@abc123"],
        ),
        (WHEEL, "pkg:pypi/own@1.0", ["https://files.example/own.whl"]),
        (FILE, "pkg:pypi/own@1.0", []),
        (FOLDER, "pkg:generic/own@1.0", []),
        (CLONE, "pkg:generic/own@1.0", []),
    ],
    ids=["git", "signed address", "file", "folder", "repository here"],
)
def test_where_it_came_from_is_told_without_logins_and_without_paths_of_this_machine(
    tmp_path, origin, purl, urls
):
    found = made(wheel(tmp_path, "own", origin=origin))
    own = component(found, "own")
    assert own["purl"] == purl
    assert [each["url"] for each in own.get("externalReferences", [])] == urls
    assert not [word for word in ("anna", "s3cret") if word in json.dumps(found)]


def test_the_same_wheel_from_elsewhere_is_not_told_to_be_from_where_it_first_came(tmp_path):
    wheel(tmp_path, "own")
    here = Package(name="own", version="1.0", kind="wheel", path=tmp_path / "own.whl")
    assert "externalReferences" not in component(made(wheel(tmp_path, "own", origin=here)), "own")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (["License-Expression: mit"], [{"license": {"id": "MIT"}}]),
        (["License-Expression: MIT OR Apache-2.0"], [{"expression": "MIT OR Apache-2.0"}]),
        (["License-Expression: what it says"], [{"license": {"name": "what it says"}}]),
        (["License: BSD-3-Clause", CLASSIFIER + "BSD License"], [{"license": {"id": "BSD-3-Clause"}}]),
        (["License: see LICENSE.txt", CLASSIFIER + "MIT License"], [{"license": {"id": "MIT"}}]),
        (["License: UNKNOWN", CLASSIFIER + "BSD License"], [{"license": {"name": "BSD License"}}]),
        (["License: Permission is\n        hereby granted", "Classifier: License :: OSI Approved"], []),
        (
            [CLASSIFIER + "MIT License", CLASSIFIER + "ISC License (ISCL)"],
            [{"license": {"id": "ISC"}}, {"license": {"id": "MIT"}}],
        ),
        (["License: Zope Public", "Classifier: Topic :: Software"], [{"license": {"name": "Zope Public"}}]),
        (["License: " + "x" * 81], []),
        ([], []),
    ],
)
def test_the_licence_is_the_one_that_the_metadata_declares(tmp_path, headers, expected):
    found = component(made(wheel(tmp_path, "own", *headers)), "own").get("licenses", [])
    for each in found:
        assert (each.get("license") or each).pop("acknowledgement") == "declared"
    assert found == expected


def test_every_classifier_of_the_table_stands_for_a_licence_of_spdx():
    from cyclonedx import spdx

    assert [name for name in wheel_metadata.TROVE.values() if not spdx.is_supported_id(name)] == []
