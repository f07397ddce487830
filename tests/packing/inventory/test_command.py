"""`lambdify package --sbom --audit` and the audit of `lambdify deploy`, as they are called."""

import json
from pathlib import Path

import pytest
from packing.packages import source_tree

from lambdify.cli.settings import load

APP = "def app(environ, start_response):\n    return []\n"
FOUND, UNANSWERED, NO_CREDENTIALS = 29, 18, 30


@pytest.fixture
def shop(project, index, osv):
    """A project that requires an old version from the index, and a package of its own."""

    def write(*lines: str, audit: str = "") -> Path:
        index.add_wheel("requests", "2.19.0", requires=("idna",))
        index.add_wheel("idna", "3.10")
        own = {f"libs/own/{name}": text for name, text in source_tree("own", "1.0").items()}
        settings = ["[function]", 'python = "3.11"', "[build]", f'audit_service = "{osv.url}"', *lines]
        return project(
            {
                "lambdify.toml": "\n".join(['name = "shop"', *settings]),
                "app.py": APP,
                "requirements.txt": f"{index.option}requests==2.19.0\n./libs/own\n",
                **own,
            }
        )

    return write


@pytest.mark.slow
def test_the_bill_and_the_audit_are_of_what_is_in_the_zips(lambdify, shop, osv):
    root = shop('audit_ignore = ["CVE-2018-18074"]')
    done = lambdify("package", "--sbom", "--audit", "--output", "dist", cwd=root)
    assert done.returncode == 0, done.stderr
    *archives, bill = done.stdout.splitlines()
    assert [Path(each).suffix for each in archives] == [".zip", ".zip"]
    assert bill == "dist/lambdify-sbom.cdx.json"
    listed = json.loads((root / bill).read_text())["components"]
    assert {each["purl"].partition("@")[0] for each in listed} == {
        "pkg:generic/lambdify.adapter",
        "pkg:generic/own",
        "pkg:pypi/idna",
        "pkg:pypi/requests",
    }
    assert {each["package"]["name"] for each in osv.asked} == {"idna", "requests"}
    assert "accepted: requests 2.19.0, high, GHSA-x84v-xcm2-53pg" in done.stderr
    assert "Not asked about, since they are built from folders here: own 1.0" in done.stderr


@pytest.mark.slow
def test_a_finding_has_an_exit_code_and_programs_still_get_the_answer(lambdify, shop):
    root = shop()
    done = lambdify("package", "--audit", "--json", "--quiet", cwd=root)
    assert done.returncode == FOUND
    answer = json.loads(done.stdout)
    assert [Path(each["path"]).suffix for each in answer["archives"]] == [".zip", ".zip"]
    (finding,) = answer["audit"]["findings"]
    assert (finding["name"], finding["severity"], finding["fixed"]) == ("requests", "high", "2.20.0")
    assert answer["audit"]["not_asked"] == ["own 1.0"]
    assert "error: 1 advisory of what is packed, whatever their severity:" in done.stderr
    assert "hint: Require requests>=2.20.0, and lock again." in done.stderr
    # The next run packs nothing anew, and still knows where everything came from.
    again = lambdify("package", "--audit", "--json", cwd=root)
    assert json.loads(again.stdout)["audit"] == answer["audit"]
    assert "Nothing has changed since this was packed." in again.stderr


@pytest.mark.slow
def test_a_service_that_does_not_answer_is_no_clean_audit(lambdify, shop, osv):
    osv.status = 500
    done = lambdify("package", "--audit", cwd=shop('audit = "critical"'))
    assert done.returncode == UNANSWERED
    assert done.stdout == ""
    assert "did not tell which advisories are known" in done.stderr


@pytest.mark.slow
def test_the_bill_of_an_earlier_run_is_not_packed(lambdify, shop):
    root = shop()
    first = lambdify("package", "--sbom", "--output", ".", cwd=root)
    assert first.returncode == 0, first.stderr
    (root / "app.py").write_text(APP + "\n")
    lambdify("package", "--output", ".", cwd=root)
    (root / "app.py").write_text(APP)
    assert lambdify("package", "--sbom", "--output", ".", cwd=root).stdout == first.stdout


@pytest.mark.slow
def test_without_a_question_nobody_is_asked_and_the_answer_is_as_it_was(lambdify, shop, osv):
    done = lambdify("package", "--json", cwd=shop('audit = "low"'))
    assert {key for each in json.loads(done.stdout) for key in each} >= {"path", "digest"}
    assert osv.paths == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('audit = "severe"', 'one of "low", "moderate", "high", "critical"'),
        ('audit_ignore = ["everything"]', 'ids of advisories, such as "GHSA-x84v-xcm2-53pg"'),
        ('audit_service = "ftp://osv.example"', 'an address, such as "https://api.osv.dev"'),
        ('audit_service = "https://anna:s3cret@osv.example"', 'an address, such as "https://api.osv.dev"'),
    ],
)
def test_a_wrong_setting_is_told_with_what_is_right(lambdify, project, line, told):
    done = lambdify("package", cwd=project({"app.py": APP, "lambdify.toml": f"[build]\n{line}\n"}))
    assert done.returncode == 10
    assert told in done.stderr


def test_by_default_nothing_is_asked(project):
    build = load(project({})).build
    assert (build.audit, build.audit_ignore, build.audit_service) == ("", (), "https://api.osv.dev")
