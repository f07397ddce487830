"""`lambdify package --report` and `--profile`, as they are called."""

import json
from pathlib import Path

import pytest

FILES = {
    "lambdify.toml": 'name = "shop"\n[function]\npython = "3.11"\n',
    "app.py": "def app(environ, start_response):\n    return []\n",
}


@pytest.mark.slow
def test_the_answer_is_the_zip_and_the_page(lambdify, project):
    root = project(FILES)
    done = lambdify("package", "--report", "--output", "dist", cwd=root)
    assert done.returncode == 0, done.stderr
    archive, page = done.stdout.splitlines()
    assert archive.endswith(".zip")
    assert page == "dist/lambdify-report.html"
    assert "<h1>shop-dev</h1>" in (root / page).read_text(encoding="utf-8")
    assert "of Lambda's limit." in done.stderr


@pytest.mark.slow
def test_for_programs_it_is_one_value_with_the_same_numbers(lambdify, project):
    root = project(FILES)
    found = json.loads(lambdify("package", "--report", "--json", "--quiet", cwd=root).stdout)
    assert found["cold_start"] is None
    assert found["page"] == str(root / ".lambdify" / "build" / "lambdify-report.html")
    assert found["unzipped"] == sum(part["unzipped"] for part in found["parts"])
    assert found["unzipped"] == sum(archive["unzipped"] for archive in found["archives"])
    own = next(part for part in found["parts"] if part["name"] == "the application")
    assert own["kinds"]["python"] == len(FILES["app.py"])


@pytest.mark.slow
def test_the_page_of_an_earlier_run_is_not_packed(lambdify, project):
    root = project(FILES)
    first = lambdify("package", "--report", "--output", ".", cwd=root)
    again = lambdify("package", "--report", "--output", ".", cwd=root)
    assert again.stdout == first.stdout


@pytest.mark.slow
def test_without_the_functions_python_the_profile_says_why_there_is_none(lambdify, project, tmp_path):
    root = project(FILES | {"lambdify.toml": FILES["lambdify.toml"].replace("3.11", "3.14")})
    done = lambdify("package", "--profile", "--json", cwd=root, env={"PATH": str(tmp_path)})
    reason = "this machine has no Python 3.14; `uv python install 3.14` changes that"
    assert json.loads(done.stdout)["cold_start"] == {"reason": reason}
    assert f"warning: The cold start was not measured: {reason}." in done.stderr


@pytest.mark.index
@pytest.mark.slow
def test_a_profile_says_whose_imports_a_start_waits_for(lambdify, project):
    app = "import boto3\nimport markupsafe\n" + FILES["app.py"]
    root = project(FILES | {"app.py": app, "requirements.txt": "markupsafe==3.0.*\nitsdangerous==2.2.*\n"})
    done = lambdify("package", "--profile", "--json", cwd=root)
    found = json.loads(done.stdout)
    names = [each["name"].split()[0] for each in found["cold_start"]["imports"]]
    assert {"what", "Python", "markupsafe", "the", "lambdify.adapter"} == set(names)
    assert any("not imported by the start: itsdangerous 2.2" in line for line in found["advice"])
    assert "Cold start" in Path(found["page"]).read_text(encoding="utf-8")
