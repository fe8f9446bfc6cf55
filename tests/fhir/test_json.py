from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.fhir.issue import FhirError, Malformed
from server.fhir.json import DEPTH_LIMIT, decode, encode


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1.50}',
        '{"a":0.10}',
        '{"a":-0.0}',
        '{"a":1.0000000000000000000000000000000000001}',
        '{"a":100000000000000000000000000001}',
        '{"z":1,"a":{"y":2,"b":[3,{"x":4,"c":5}]}}',
        '{"a":"é\u2028😀"}',
        '{"a":true,"b":false,"c":null,"d":""}',
    ],
)
def test_values_and_the_order_of_properties_stay_as_sent(text: str) -> None:
    assert encode(decode(text.encode())) == text.encode()


def test_a_decimal_is_exact() -> None:
    assert decode(b'{"a":0.1}')["a"] == Decimal("0.1")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbf{}") == {}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"[]", "one JSON object"),
        (b'"text"', "one JSON object"),
        (b"null", "one JSON object"),
        (b"{", "line 1, column 2"),
        (b'{"a":', "line 1, column 6"),
        (b'{"a":1,}', "line 1, column 8"),
        (b'{\n  "a": 1\n  "b": 2\n}', "line 3, column 3"),
        ('{"é" 1}'.encode(), "line 1, column 6"),
        (b"{} {}", "extra data at line 1, column 4"),
        (b'{"a":01}', "not JSON"),
        (b'{"a":.5}', "not JSON"),
        (b'{"a":+1}', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b'{"a":Infinity}', "not JSON"),
        (b'{"a":-Infinity}', "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b'{"a":1} // why', "not JSON"),
        (b'{"a":"\x01"}', "not JSON"),
        (b'{"a":"\xff"}', "not UTF-8: byte 7"),
        (b'{"\xff":1}', "not UTF-8: byte 3"),
        (b'{"a":"\xed\xa0\x80"}', "not UTF-8"),
        ('{"a":"b"}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"\\ud800x"}', "surrogate"),
        (b'{"a":"\\udc00"}', "surrogate"),
        (b'{"a":"\\u0000"}', "U+0000"),
        (b'{"\\u0000":1}', "U+0000"),
        (b'{"a":1e401}', "beyond"),
        (b'{"a":1e-401}', "beyond"),
        (b'{"a":1e999999999}', "beyond"),
        (b'{"a":1e99999999999999999999}', "exponent"),
        (b'{"a":0.' + b"1" * 2000 + b"}", "digits"),
        (b'{"a":' + b"9" * 5000 + b"}", "too long"),
    ],
)
def test_what_is_not_json_or_cannot_be_kept_is_refused_with_its_place(body: bytes, says: str) -> None:
    with pytest.raises(Malformed) as refusal:
        decode(body)
    assert says in refusal.value.issues[0].diagnostics
    assert refusal.value.issues[0].code == "structure"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a": 1, "b": 2, "a" : 3}',
        b'{"b":[{"a":1,"c":{"a":2,"a":3}}]}',
        b'{"a":1,"\\u0061":2}',
        b'{"x":"\\":","a":1,"a":2}',
        b'{"x\\" :":1,"a":1,"a":2}',
    ],
)
def test_a_duplicate_property_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(Malformed, match="'a' appears twice"):
        decode(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"\\":","b":"\\" :"}',
        b'{"a\\":":{"b\\":":1}}',
        b'{ "a" : { "a" : [ { "a" : 1 } , { "a" : 2 } ] } }',
        b'{"a":"\\\\u0000"}',
    ],
)
def test_what_only_looks_like_an_error_is_none(body: bytes) -> None:
    assert decode(body)


def test_nesting_has_a_limit() -> None:
    def nested(depth: int) -> bytes:
        return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"

    assert decode(nested(DEPTH_LIMIT))
    for depth in (DEPTH_LIMIT + 1, 900, 5_000, 200_000):
        with pytest.raises(Malformed, match="deep"):
            decode(nested(depth))
    with pytest.raises(Malformed, match="deep"):
        decode(b'{"a":' * 100_000)


def test_a_broad_body_is_no_deep_one() -> None:
    assert len(decode(b'{"a":[' + b",".join([b'{"b":[]}'] * 1000) + b"]}")["a"]) == 1000


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with suppress(FhirError):
        encode(decode(body))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(-1000, 1000, places=4) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), _json))
def test_what_is_written_is_read_again(tree: dict[str, object]) -> None:
    try:
        text = encode(tree)
    except UnicodeEncodeError:  # half a surrogate pair, which nothing that was read can hold
        return
    if b"\\u0000" not in text:
        assert decode(text) == tree
