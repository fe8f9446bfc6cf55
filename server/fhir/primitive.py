"""FHIR's primitive types: which JSON value each takes, and which text.

https://hl7.org/fhir/R4/datatypes.html#primitive
"""

import binascii
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Primitive:
    """`expected` completes the sentence "has to be …"; `quotable` values are no prose and may be shown."""

    name: str
    valid: Callable[[Any], bool]
    expected: str
    json: type | tuple[type, ...] = str
    quotable: bool = False


_STRING_LIMIT = 1024 * 1024
_INTEGER_LIMIT = 2**31
# XML 1.0 has no other characters, and every resource has an XML form.
_NO_CHARACTERS = r"\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff"
_CHARACTERS = re.compile(f"[^{_NO_CHARACTERS}]+")
_NO_CHARACTER = re.compile(f"[{_NO_CHARACTERS}]")
_URI = re.compile(r"[^\s\x00-\x1f\ud800-\udfff\ufffe\uffff]+")
_CODE = re.compile(r"[^\s]+( [^\s]+)*")
_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_OID = re.compile(r"urn:oid:[0-2](\.(0|[1-9][0-9]*))+")
_UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_BASE64_SPACE = re.compile(r"[ \t\r\n]+")

_YEAR = "(?!0000)([0-9]{4})"
_MONTH = "-(0[1-9]|1[0-2])"
_DAY = "-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?"
_ZONE = "(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE = re.compile(f"{_YEAR}({_MONTH}({_DAY})?)?")
_DATE_TIME = re.compile(f"{_YEAR}({_MONTH}({_DAY}(T{_CLOCK}{_ZONE})?)?)?")
_INSTANT = re.compile(f"{_YEAR}{_MONTH}{_DAY}T{_CLOCK}{_ZONE}")
_TIME = re.compile(_CLOCK)


def string(value: Any) -> bool:
    if type(value) is not str or not value or len(value) > _STRING_LIMIT:
        return False
    # Printable is what nearly every text is, and four times faster to tell.
    return value.isprintable() or _CHARACTERS.fullmatch(value) is not None


def legible(text: str) -> str:
    """The text, with a mark in place of what no string may hold: so it can be quoted."""
    return _NO_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


def uri(value: Any) -> bool:
    if type(value) is not str or not value:
        return False
    return (value.isprintable() and " " not in value) or _URI.fullmatch(value) is not None


def code(value: Any) -> bool:
    if type(value) is not str or not value:
        return False
    return value.isalnum() or (_CODE.fullmatch(value) is not None and string(value))


def id(value: Any) -> bool:
    return type(value) is str and _ID.fullmatch(value) is not None


def date(value: Any) -> bool:
    return type(value) is str and _date(value)


def date_time(value: Any) -> bool:
    return type(value) is str and _date_time(value)


def instant(value: Any) -> bool:
    return type(value) is str and _INSTANT.fullmatch(value) is not None and _on_calendar(value)


def time(value: Any) -> bool:
    return type(value) is str and _TIME.fullmatch(value) is not None


def oid(value: Any) -> bool:
    return type(value) is str and _OID.fullmatch(value) is not None


def uuid(value: Any) -> bool:
    return type(value) is str and _UUID.fullmatch(value) is not None


def base64_binary(value: Any) -> bool:
    if type(value) is not str or not value or not value.isascii():
        return False
    try:
        return binascii.a2b_base64(_BASE64_SPACE.sub("", value), strict_mode=True) != b""
    except binascii.Error:
        return False


def boolean(value: Any) -> bool:
    return type(value) is bool


def decimal(value: Any) -> bool:
    return type(value) is Decimal or type(value) is int


def integer(value: Any) -> bool:
    return type(value) is int and -_INTEGER_LIMIT <= value < _INTEGER_LIMIT


def unsigned_int(value: Any) -> bool:
    return type(value) is int and 0 <= value < _INTEGER_LIMIT


def positive_int(value: Any) -> bool:
    return type(value) is int and 0 < value < _INTEGER_LIMIT


@lru_cache(maxsize=8192)
def _date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and _on_calendar(text)


@lru_cache(maxsize=8192)
def _date_time(text: str) -> bool:
    return _DATE_TIME.fullmatch(text) is not None and _on_calendar(text)


def _on_calendar(text: str) -> bool:
    """Whether the month has that day, in a text of the right shape."""
    return text[8:10] <= "28" or int(text[8:10]) <= monthrange(int(text[:4]), int(text[5:7]))[1]


_PLAIN_TEXT = "a string with at least one character and no control characters, of 1 MB at most"
_CALENDAR = "with a day that the calendar has"
_IN_32_BITS = "from -2147483648 to 2147483647"

PRIMITIVES: Mapping[str, Primitive] = {
    each.name: each
    for each in (
        Primitive("string", string, _PLAIN_TEXT),
        Primitive("markdown", string, _PLAIN_TEXT),
        Primitive("uri", uri, "a URI, without spaces"),
        Primitive("url", uri, "a URL, without spaces"),
        Primitive("canonical", uri, "the canonical URL of a definition, without spaces"),
        Primitive(
            "code", code, "a code, without spaces around it and with single ones inside", quotable=True
        ),
        Primitive("id", id, "an id of 1 to 64 letters, digits, '-' and '.'"),
        Primitive("oid", oid, "an OID like 'urn:oid:1.2.3'"),
        Primitive(
            "uuid", uuid, "a UUID like 'urn:uuid:' and 32 lower-case hexadecimal digits in five groups"
        ),
        Primitive("base64Binary", base64_binary, "base64 text (RFC 4648)"),
        Primitive("date", date, f"a date as YYYY, YYYY-MM or YYYY-MM-DD, {_CALENDAR}", quotable=True),
        Primitive(
            "dateTime",
            date_time,
            f"a date as YYYY, YYYY-MM or YYYY-MM-DD, {_CALENDAR}, or that day with a time to the second and "
            "its zone, as in 2015-02-07T13:28:17+01:00",
            quotable=True,
        ),
        Primitive(
            "instant",
            instant,
            f"a day and a time to the second with its zone, as in 2015-02-07T13:28:17.239Z, {_CALENDAR}",
            quotable=True,
        ),
        Primitive("time", time, "a time of day as hh:mm:ss, without a zone", quotable=True),
        Primitive("boolean", boolean, "the JSON boolean true or false", bool, quotable=True),
        Primitive("decimal", decimal, "a JSON number", (int, Decimal), quotable=True),
        Primitive("integer", integer, f"a whole JSON number {_IN_32_BITS}", int, quotable=True),
        Primitive(
            "unsignedInt", unsigned_int, "a whole JSON number from 0 to 2147483647", int, quotable=True
        ),
        Primitive(
            "positiveInt", positive_int, "a whole JSON number from 1 to 2147483647", int, quotable=True
        ),
    )
}
"""All but xhtml, which is a small document and has rules of its own (`validation.narrative`)."""
