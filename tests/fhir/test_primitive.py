from decimal import Decimal
from typing import Any

import pytest

from server.fhir.primitive import PRIMITIVES

_VALID: dict[str, list[Any]] = {
    "boolean": [True, False],
    "integer": [0, -1, 2147483647, -2147483648],
    "unsignedInt": [0, 2147483647],
    "positiveInt": [1, 2147483647],
    "decimal": [0, -1, Decimal("1.50"), Decimal("1E-9"), 10**30],
    "string": ["a", " a ", "a\nb\tc\r", "é", "😀", "x" * 1048576],
    "markdown": ["# a\n\n* b"],
    "code": ["a", "in-progress", "a b", "<", "text/plain; charset=UTF-8", "é"],
    "id": ["a", "A-1.b", "x" * 64, "."],
    "uri": ["http://a", "urn:oid:1.2", "Patient/1", "#", "a%20b", "http://é"],
    "url": ["https://a/b?c=d#e"],
    "canonical": ["http://a|1.0"],
    "oid": ["urn:oid:0.1", "urn:oid:2.16.840.1.113883"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "base64Binary": ["YQ==", "YWJj", "YW\nJj", " YW Jj "],
    "date": ["2024", "2024-02", "2024-02-29", "2000-02-29", "1900-02-28", "0001-01-01", "9999-12-31"],
    "dateTime": [
        "2024",
        "2024-02",
        "2024-02-29",
        "2024-02-29T00:00:00Z",
        "2024-02-29T23:59:60+14:00",
        "2024-02-29T10:00:00.123456789-11:30",
    ],
    "instant": ["2024-02-29T10:00:00Z", "2024-02-29T10:00:00.1+01:00"],
    "time": ["00:00:00", "23:59:59.999"],
}
_INVALID: dict[str, list[Any]] = {
    "boolean": ["true", 1, 0, None, Decimal(1)],
    "integer": [Decimal("1.0"), "1", 2147483648, -2147483649, True, 1.0],
    "unsignedInt": [-1, 2147483648],
    "positiveInt": [0, -1],
    "decimal": ["1.5", True, 1.5, None],
    "string": ["", 1, True, None, "a\x00", "\x0b", "\ufffe", "\ud800", "x" * 1048577],
    "markdown": [""],
    "code": ["", " a", "a ", "a  b", "a\tb", "a\nb", "\x01", 1],
    "id": ["", "a_b", "x" * 65, "a b", "a/b", "é", "a\n"],
    "uri": ["", "a b", "a\nb", " a", "a\u00a0b"],
    "url": ["http://a b"],
    "canonical": ["http://a |1"],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02"],
    "uuid": ["c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520"],
    "base64Binary": ["", " ", "a", "YQ=", "YQ==YQ==", "%%%%", "YQé=", 1],
    "date": [
        "2011-02-30",
        "2023-02-29",
        "1900-02-29",
        "2024-04-31",
        "2024-13",
        "2024-00",
        "2024-1-1",
        "0000",
        "24",
        "20240229",
        "2024-W01-1",
        "2024-02-29T10:00:00Z",
        "2024-02-29\n",
        "\uff12\uff10\uff12\uff14",
        "01/02/2024",
        "",
        2024,
    ],
    "dateTime": [
        "2011-02-30",
        "2011-02-30T10:00:00Z",
        "2024-02-29T10:00:00",
        "2024-02-29T10:00Z",
        "2024-02-29T24:00:00Z",
        "2024-02-29T10:00:61Z",
        "2024-02-29T10:00:00z",
        "2024-02-29T10:00:00+14:30",
        "2024-02-29T10:00:00+0100",
        "2024-02-29 10:00:00Z",
        "2024-02T10:00:00Z",
    ],
    "instant": ["2024-02-29", "2024-02-29T10:00:00", "2023-02-29T10:00:00Z", "2024-02-29T10:00Z"],
    "time": ["24:00:00", "10:00", "10:00:00Z", "1:00:00", ""],
}


@pytest.mark.parametrize(
    ("type", "value"), [(type, each) for type, values in _VALID.items() for each in values]
)
def test_a_primitive_takes(type: str, value: Any) -> None:
    assert PRIMITIVES[type].valid(value)


@pytest.mark.parametrize(
    ("type", "value"), [(type, each) for type, values in _INVALID.items() for each in values]
)
def test_a_primitive_refuses(type: str, value: Any) -> None:
    assert not PRIMITIVES[type].valid(value)


@pytest.mark.parametrize("type", PRIMITIVES)
@pytest.mark.parametrize("value", [None, [], {}, [1], {"a": 1}])
def test_no_primitive_is_null_or_an_array_or_an_object(type: str, value: Any) -> None:
    assert not PRIMITIVES[type].valid(value)


def test_every_primitive_of_r4_but_xhtml_is_known() -> None:
    assert set(_VALID) == set(_INVALID) == set(PRIMITIVES)
    assert len(PRIMITIVES) == 19
