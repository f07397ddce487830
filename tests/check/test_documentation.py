"""docs/check.md has every rule, in the words of the catalogue."""

import re
from pathlib import Path

import pytest

from lambdify.cli.check.rules.finding import LEVELS, catalogue

DOCUMENT = (Path(__file__).parents[2] / "docs" / "check.md").read_text()
SECTIONS = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=\n##|\Z)", DOCUMENT, flags=re.MULTILINE | re.DOTALL))


def test_the_document_has_every_rule_in_the_order_of_the_catalogue():
    assert list(SECTIONS) == list(catalogue())


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.name)
def test_a_rule_reads_as_it_does_in_the_terminal(rule):
    assert rule.level in LEVELS
    section = " ".join(SECTIONS[rule.name].split())
    for text in (f"**{rule.title}** ({rule.level}).", rule.why, f"→ {rule.todo}"):
        assert text in section
