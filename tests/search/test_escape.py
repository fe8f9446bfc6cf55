"""The escapes of a search value."""

import pytest

from server.search.escape import split, unescape


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a,,b", ["a", "", "b"]),
        (r"a\,b,c", [r"a\,b", "c"]),
        (r"a\\,b", [r"a\\", "b"]),
        (r"a\\\,b", [r"a\\\,b"]),
        ("a\\", ["a\\"]),
        ("", [""]),
    ],
)
def test_an_escaped_comma_does_not_part_alternatives(text: str, parts: list[str]) -> None:
    assert split(text, ",") == parts


def test_a_limit_leaves_the_rest_together() -> None:
    assert split(r"a\|b|c|d", "|", 1) == [r"a\|b", "c|d"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (r"a\,b", "a,b"),
        (r"a\|b", "a|b"),
        (r"a\$b", "a$b"),
        (r"a\\b", r"a\b"),
        (r"a\b", r"a\b"),
        ("a\\", "a\\"),
    ],
)
def test_an_escape_stands_for_the_character(text: str, meant: str) -> None:
    assert unescape(text) == meant
