"""Regular expressions that come from others: read as `re` reads them, and never for too long."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.fhir import regex as module
from server.fhir.issue import TooCostly
from server.fhir.regex import Regex, Unreadable, regex

_ATOMS = ("a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\.", r"\n", "^", "$", r"\b")
_TIMES = ("*", "+", "?", "{2}", "{1,3}", "{0,}", "{,2}", "+?", "{")

patterns = st.recursive(
    st.sampled_from(_ATOMS),
    lambda inner: st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("({}|{})".format, inner, inner),
        st.builds("(?:{}){}".format, inner, st.sampled_from(_TIMES)),
        st.builds("(?<name>{})".format, inner).map(lambda text: text.replace("?<", "?P<")),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(pattern=patterns, text=st.text("ab1.\n ", max_size=8))
def test_all_ways_at_once_find_what_one_after_another_finds(pattern, text):
    try:
        expected = re.compile(pattern, re.DOTALL)
    except re.error:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_WAYS", 0)
        ours = Regex(pattern, re.DOTALL)
        assert ours.search(text) == (expected.search(text) is not None)
        assert ours.fullmatch(text) == (expected.fullmatch(text) is not None)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^(a+)+$", "a" * 60 + "!", False),
        ("(a|a)*b", "a" * 60, False),
        ("(a|aa)+$", "a" * 60 + "!", False),
        ("a?" * 40 + "a" * 40, "a" * 40, True),
        ("(a|a)" * 40 + "b", "a" * 40, False),
        ("(.*.*.*.*)x", "a" * 3000, False),
        (r"(\w+\s?)+\.$", "word " * 200, False),
        ("a*b", "a" * 20_000, False),
    ],
)
def test_what_can_be_read_in_many_ways_takes_no_longer_for_it(pattern, text, found):
    before = time.perf_counter()
    assert regex(pattern).search(text) is found
    assert time.perf_counter() - before < 2


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("(.{0,99}){0,99}b", "a" * 40), (".*" * 20 + "x", "a" * 1_000_000)],
    ids=["states", "text"],
)
def test_what_would_take_too_long_is_given_up(pattern, text):
    before = time.perf_counter()
    with pytest.raises(TooCostly):
        regex(pattern).search(text)
    assert time.perf_counter() - before < 5


def test_what_is_replaced_is_given_up_too():
    assert regex("[ab]+").sub("x", "ab cab") == "x cx"
    with pytest.raises(TooCostly):
        regex("(a+)+$").sub("x", "a" * 60 + "!")


@pytest.mark.parametrize(
    "pattern", ["(a", "[a", "a**", r"(a)\1", "(?=a)", "(?<!a)b", "(?i)a", "a{3,1}", "(" * 60 + ")" * 60]
)
def test_what_is_not_read_is_refused(pattern):
    with pytest.raises(Unreadable):
        regex(pattern)
