"""JSON on and off the wire: exact decimals, the order of properties kept, one meaning per text.

https://hl7.org/fhir/R4/json.html
"""

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from typing import Any

import msgspec

from server.fhir import json_place
from server.fhir.issue import Malformed

DEPTH_LIMIT = 100
"""How deeply objects and arrays may nest; a real resource stays under twenty."""

EXPONENT_LIMIT = 400
"""A number beyond 1e±400 is no measurement, and arithmetic on it would take all the memory there is."""

_DIGITS_LIMIT = 1000
_SEARCHED_LIMIT = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_KEY = re.compile(rb'"[ \t\r\n]*:')


def decode(body: bytes) -> Any:
    """The object that `body` holds; whatever can be read in two ways, or not at all, is refused."""
    return _decoded(body, dict, "object, '{ … }'")


def decode_array(body: bytes) -> list[Any]:
    """The array that `body` holds, as strictly."""
    found: list[Any] = _decoded(body, list, "array, '[ … ]'")
    return found


def _decoded(body: bytes, kind: type, called: str) -> Any:
    if body.startswith(_BYTE_ORDER_MARK):
        body = body[len(_BYTE_ORDER_MARK) :]
    try:
        tree = _decoder.decode(body)
    except _Unreadable as unreadable:
        raise Malformed(str(unreadable)) from None
    except msgspec.MsgspecError as error:
        raise Malformed(_explanation(error, body)) from None
    except UnicodeDecodeError:
        raise Malformed(_not_utf8(body)) from None
    except RecursionError:
        raise Malformed(_TOO_DEEP) from None
    if not isinstance(tree, kind):
        raise Malformed(f"The body has to be one JSON {called}.")
    # What is written again as it was read has lost no key, and writing is the cheapest way to know.
    if body.count(b"{") + body.count(b"[") > DEPTH_LIMIT or _encoder.encode(tree) != body:
        _refuse_ambiguity(tree, body)
    if b"\\u0000" in body and any("\0" in text for text in _texts(tree)):
        raise Malformed("The body holds the character U+0000, which no FHIR string may contain.")
    return tree


def encode(value: Any) -> bytes:
    """Compact UTF-8; a Decimal is written as it was read: 1.50 stays 1.50."""
    return _encoder.encode(value)


def copied(value: Any) -> Any:
    """A copy that shares no object and no array."""
    if type(value) is dict:
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if type(value) is list else value


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON: numbers by what they are worth (1.50 is 1.5), and no boolean
    is one."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def identical(one: Any, other: Any) -> bool:
    """Whether two values say the same in FHIR, where 1.50 says more than 1.5; the order of properties says
    nothing."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(identical(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, Decimal) or isinstance(other, Decimal):
        return type(one) is type(other) and str(one) == str(other)
    return type(one) is type(other) and bool(one == other)


class _Unreadable(Exception):
    """A number that cannot be kept, though it may be JSON."""


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Unreadable("A number in the body has an exponent that is out of any range.") from None
    if len(text) > _DIGITS_LIMIT or abs(value.adjusted()) > EXPONENT_LIMIT:
        raise _Unreadable(
            f"A number in the body is beyond 1e±{EXPONENT_LIMIT} or has over {_DIGITS_LIMIT} digits."
        )
    return value


_decoder = msgspec.json.Decoder(float_hook=_decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

_TOO_DEEP = f"The body nests objects and arrays more than {DEPTH_LIMIT} deep."


def _refuse_ambiguity(tree: Any, body: bytes) -> None:
    # The text has at least as many `":` as it has keys, and the tree at most as many; equal means that no key
    # was lost and that none stands inside a string. Only otherwise is a slower look worth its time.
    if _keys(tree) != len(_KEY.findall(body)):
        _refuse_duplicate_keys(body)


def _keys(tree: Any) -> int:
    """How many keys the tree has, level by level, so that depth costs no stack."""
    level: list[Any] = [tree]
    keys = depth = 0
    while level:
        depth += 1
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                keys += len(node)
                node = node.values()
            below += [child for child in node if type(child) is dict or type(child) is list]
        level = below
    if depth > DEPTH_LIMIT:
        raise Malformed(_TOO_DEEP)
    return keys


def _texts(tree: Any) -> Iterable[str]:
    """Every string of the tree, keys included."""
    todo: list[Any] = [tree]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case dict() as node:
                yield from node
                todo.extend(node.values())
            case list() as node:
                todo.extend(node)


def _refuse_duplicate_keys(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                text = f"The property '{shown(key)}' appears twice in one object of the body"
                raise Malformed(f"{text}{_second_time(body)}.")
            seen.add(key)

    JSONDecoder(object_pairs_hook=unique, parse_int=str, parse_float=str).decode(body.decode())


def _second_time(body: bytes) -> str:
    # Looking for the place takes a hundred times as long as reading.
    found = json_place.twice(body.decode()) if len(body) <= _SEARCHED_LIMIT else None
    return f", the second time at line {found[0]}, column {found[1]}" if found else ""


def shown(text: str) -> str:
    """A client's word, cut to what an error message may quote."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def _explanation(error: msgspec.MsgspecError, body: bytes) -> str:
    if isinstance(error, msgspec.ValidationError):
        return "The body holds an integer that is too long to keep."
    if not body.strip():
        return "The body is empty; a JSON object was expected."
    return _error(body) or "The body holds half a surrogate pair in a string, which is no character."


def _error(body: bytes) -> str | None:
    """What is wrong, and where: the standard library is slow, and exact about the place."""
    try:
        _strict.decode(body.decode())
    except UnicodeDecodeError:
        return _not_utf8(body)
    except JSONDecodeError as wrong:
        what = f"{wrong.msg[0].lower()}{wrong.msg[1:].removesuffix(' at').removesuffix(' starting')}"
        return f"The body is not JSON: {what} at line {wrong.lineno}, column {wrong.colno}."
    except RecursionError:
        return _TOO_DEEP
    except _Unreadable as word:
        return f"The body is not JSON: it has no {word}."
    return None


def _refuse_word(word: str) -> None:
    raise _Unreadable(word)


# Numbers stay text: a long one would take long, and what it says is not what is asked here.
_strict = JSONDecoder(parse_int=str, parse_float=str, parse_constant=_refuse_word)


def _not_utf8(body: bytes) -> str:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        return f"The body is not UTF-8: byte {error.start + 1} begins no character."
    return "The body is not UTF-8: a string holds half a surrogate pair."
