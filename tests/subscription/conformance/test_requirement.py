"""Whatever the Subscriptions R5 Backport demands of a server is met, and shown by a test."""

import ast
from pathlib import Path

import pytest

from tests.subscription.conformance import report
from tests.subscription.conformance.requirement import met

ROOT = Path(__file__).parents[3]


def test_every_requirement_has_a_test_or_a_reason():
    assert list(report.faults()) == []


@pytest.mark.parametrize("name", sorted({name for names in met().values() for name in names}))
def test_the_test_is_there(name):
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_the_page_tells_of_it_as_it_is():
    assert report.PAGE.read_text("utf-8") == report.page(), "make conformance"
