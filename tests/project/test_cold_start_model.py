"""The model of cold starts in the documents is that of its script, and about what lambdify does."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lambdify.adapter.aws import warming
from lambdify.cli.plan import costs
from lambdify.cli.releases import warm_up
from lambdify.cli.settings.tables import PAGE

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model():
    spec = importlib.util.spec_from_file_location("cold_starts", ROOT / "benchmarks" / "cold_starts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cold_starts"] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["cold_starts"]


@pytest.fixture(scope="module")
def shown(model):
    """The lines of its tables in the documents."""
    return model.PAGE.read_text().split(model.BEGIN)[1].split(model.END)[0].strip().splitlines()


def test_rows_of_the_documents_are_what_the_script_computes(model, shown):
    """The other rows are left to the script: all of them take a quarter of a minute."""
    assert model.by_count(replace(model.BLOG, parts=3)) in shown


def test_the_documents_have_a_row_for_each_kind_of_traffic(model, shown):
    names = [model.describe(each) for each in model.TRAFFIC]
    assert [line.split(" | ")[0].removeprefix("| ") for line in shown[2 : 2 + len(names)]] == names


def test_one_environment_more_than_a_page_asks_for_is_what_matters(model):
    page_and_six = replace(model.BLOG, parts=6, days=4)
    shares = {
        count: model.simulate(page_and_six, model.Setup(warm=count))
        for count in (1, PAGE - 2, PAGE, PAGE + 2)
    }
    assert shares[1] > 0.2 < 2 * shares[PAGE - 2]
    assert shares[PAGE] < 0.01
    assert shares[PAGE] - shares[PAGE + 2] < 0.01


def test_it_is_about_what_lambdify_does(model):
    assert model.DEFAULT == PAGE
    held = (warming.HOLD, warming.LEAD)
    assert held == (model.HOLD, model.LEAD)
    assert held == (warm_up.HOLD, warm_up.LEAD)
    assert held == (costs.KEEP_WARM_SECONDS, costs.KEEP_WARM_LEAD)
