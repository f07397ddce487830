"""Drafts as TOML: what is written is what was meant, for any value that settings or templates have."""

import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdify.cli.moving import draft, toml_text
from lambdify.cli.moving.draft import Draft
from lambdify.cli.moving.reading.setting import carry

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.booleans() | st.integers(-(2**40), 2**40) | TEXTS | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@pytest.mark.slow
@settings(deadline=None)
@given(st.dictionaries(st.tuples(st.just("resources"), TEXTS), VALUES, max_size=5))
def test_what_is_written_is_read_back(values):
    text = toml_text.write(Draft(common=values))
    assert tomllib.loads(text) == draft.nest(values)


@pytest.mark.slow
@settings(deadline=None)
@given(st.dictionaries(TEXTS, VALUES, max_size=3), TEXTS)
def test_so_is_what_stages_have(values, remark):
    nested = {("resources", name): each for name, each in values.items()}
    drafted = Draft(common={("name",): "shop"}, stages={"prod": nested}, remarks={"prod": [remark]})
    assert tomllib.loads(toml_text.write(drafted)) == {"name": "shop", "stages": {"prod": draft.nest(nested)}}


def test_lists_of_several_settings_are_joined():
    one = carry("a", {("build", "exclude"): ["x", "y"], ("app",): "a:b"})
    other = carry("b", {("build", "exclude"): ["y", "z"]})
    assert draft.merge([one, other]) == {("build", "exclude"): ["x", "y", "z"], ("app",): "a:b"}


def test_a_name_is_another_one_only_where_a_deployment_has_it():
    assert draft.name_beside("Shop", ["dev"], ["shop-dev"]) == "shop-web"
    assert draft.name_beside("Shop", ["dev"], ["shop"]) == "shop"
    long = draft.name_beside("x" * 80, ["production"], [f"{'x' * 80}-production"])
    assert (len(f"{long}-production"), long[-4:]) == (64, "-web")
