"""The same project has the same bundle, whichever Python runs lambdify."""

import json
import subprocess
import sysconfig

import pytest

from lambdify.cli.packing.target import runtimes
from lambdify.cli.programs import pythons

PACK = """
import json, site, sys
site.addsitedir(sys.argv[1])
from lambdify.cli.main import main
sys.argv[:] = ["lambdify", "package", "--json"]
main()
"""
FILES = {
    "app.py": "type Name = str\n\n\ndef app(environ, start_response): ...\n",
    "pyproject.toml": '[project]\nname = "shop"\nrequires-python = ">=3.12,<3.14"\n',
    "lambdify.toml": "",
}


@pytest.mark.slow
def test_the_digest_and_the_runtime_are_those_of_the_project(project, tmp_path):
    here = {minor: python for minor in runtimes() if (python := pythons.find(minor))}
    if len(here) < 2 or not {"3.12", "3.13"} & here.keys():
        pytest.skip("this machine has only one Python of Lambda's")
    root = project(FILES)
    packed, told = {}, set()
    for minor, python in here.items():
        command = [python, "-c", PACK, sysconfig.get_path("purelib")]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        packed[minor] = [(each["digest"], each["zipped"]) for each in json.loads(done.stdout)]
        told |= {line.strip() for line in done.stderr.splitlines() if "Python 3" in line}
    assert len({json.dumps(each) for each in packed.values()}) == 1, packed
    assert told == {'Python 3.13, as pyproject.toml asks (requires-python ">=3.12,<3.14")'}
