"""Resources that were valid once, and texts that were JSON once."""

import copy
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.soak.examples import EXAMPLES


@dataclass(frozen=True)
class Literal:
    """Written into the body as it is."""

    text: str


def written(value: Any, escaped: bool = False) -> str:
    """JSON, or what a careless client takes for it."""
    match value:
        case Literal():
            return value.text
        case dict():
            inner = (f"{_string(str(key), escaped)}:{written(each, escaped)}" for key, each in value.items())
            return "{" + ",".join(inner) + "}"
        case list():
            return "[" + ",".join(written(each, escaped) for each in value) + "]"
        case str():
            return _string(value, escaped)
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case _:
            return str(value)


def _string(text: str, escaped: bool) -> str:
    def escape(found: re.Match[str]) -> str:
        units = found[0].encode("utf-16-be", "surrogatepass").hex()
        return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))

    # A surrogate that stands alone can be written in no other way.
    never = r'[\x00-\x1f"\\\ud800-\udfff]'
    return '"' + re.sub(r"[^ !#-\[\]-~]" if escaped else never, escape, text) + '"'


_NUMBERS = """
    0 -0 1 -1 1.50 1e3 1E-400 1e400 1e401 1e999999999999 123456789012345678901234567890
    0.0000000000000000000001 9223372036854775808 -9223372036854775809 18446744073709551616 NaN Infinity
    -Infinity 01 1. .5 0x10 +1
"""
_TEXTS = """
    2011-02-30 2024-02-29 2024 0000-01-01 9999-12-31 0001-01-01T00:00:00+14:00 2024-01-01T24:00:00Z
    9999-12-31T23:59:59-14:00 2016-12-31T23:59:60Z 2025-03-30T01:30:00 Patient/1 Patient/ /Patient
    Patient/1/_history/2 #a # urn:uuid:3f1b1c4e-0000-4000-8000-000000000000 urn:oid:1.2 http://[ http://a:b/
    //a ?a=b Patient?identifier=a Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9434765919 Patient?
    https://fhir.nhs.uk/Id/nhs-number 9434765919 final true null male Patient Bundle %s $1 {0} '; -- é <div>
    <div/> <div><script/></div> <div>&nbsp;</div>
"""
_CHARACTERS = ("\ud800", "\0", "a\0b", "\u202e", "\ufffe", "\x1f", "\x7f", "\u2028", "🙂", " a ", "\r\n")
_PROPERTIES = """
    id meta text div status contained extension modifierExtension url valueString valueQuantity value _value
    _status identifier code coding system reference subject entry resource resourceType name _name given
    period start end versionId lastUpdated security tag profile source active birthDate _birthDate category
    performer effectiveDateTime link type display fhir_comments __proto__ constructor
"""

ODD = st.one_of(
    st.sampled_from([None, True, False, [], {}, "", " ", [None], [[]], [{}], {"": ""}]),
    st.sampled_from([Literal(text) for text in _NUMBERS.split()]),
    st.sampled_from([*_TEXTS.split(), *_CHARACTERS]),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from([Literal("9" * 5000), "x" * 70_000, "é" * 3000, "a," * 2000]),
    st.sampled_from([2, 20, 98, 101, 3000]).map(lambda deep: Literal("[" * deep + "]" * deep)),
    st.sampled_from([20, 101, 3000]).map(lambda deep: Literal('{"extension":' * deep + "1" + "}" * deep)),
)
"""A value that is seldom meant."""


def _places(root: list[Any]) -> list[tuple[Any, Any]]:
    """Every (container, key)."""
    found: list[tuple[Any, Any]] = []
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            if isinstance(node[key], dict | list):
                todo.append(node[key])
    return found


def _alike() -> dict[str, list[Any]]:
    """What stands under each property of the examples."""
    found: dict[str, list[Any]] = {}
    for example in EXAMPLES:
        for within, key in _places([example]):
            if isinstance(key, str):
                found.setdefault(key, []).append(within[key])
    return found


# What is changed later must not be what is drawn next.
_odd = ODD.map(copy.deepcopy)
_ALIKE = _alike()
_NAMES = st.sampled_from(_PROPERTIES.split()) | st.text(max_size=8)


@st.composite
def resources(draw: st.DrawFn, changes: int = 3) -> Any:
    """An example with some places changed, most often into something wrong."""
    root = [copy.deepcopy(draw(st.sampled_from(EXAMPLES)))]
    for _ in range(draw(st.sampled_from([0, 1, 1, changes]))):
        _change(draw, root)
    return root[0]


def _change(draw: st.DrawFn, root: list[Any]) -> None:
    places = _places(root)
    within, key = places[draw(st.integers(0, len(places) - 1))]
    match draw(st.integers(0, 9)):
        case 0 | 1:
            within[key] = draw(_odd)
        case 2:
            elsewhere, other = places[draw(st.integers(0, len(places) - 1))]
            within[key] = copy.deepcopy(elsewhere[other])
        case 3 if within is not root:
            del within[key]
        case 4:
            within[key] = [within[key]]
        case 5:
            within[key] = {draw(_NAMES): within[key]}
        case 6 if isinstance(within, dict):
            within[draw(_NAMES)] = draw(_odd)
        case 7 if isinstance(within[key], str):
            within[key] = draw(st.text(max_size=20) | st.sampled_from([*_TEXTS.split(), *_CHARACTERS]))
        case _ if key in _ALIKE:
            within[key] = copy.deepcopy(draw(st.sampled_from(_ALIKE[key])))


@st.composite
def bodies(draw: st.DrawFn, resource: Any) -> bytes:
    """The bytes of a resource, most often as they should be."""
    text = written(resource, draw(st.booleans()))
    match draw(st.integers(0, 30)):
        case 0:
            return draw(st.binary(max_size=60))
        case 1:
            return text.encode()[: draw(st.integers(0, len(text)))]
        case 2:
            at = draw(st.integers(0, len(text)))
            return text.encode()[:at] + draw(st.binary(min_size=1, max_size=4)) + text.encode()[at:]
        case 3:
            return re.sub(r'"(\w+)":', r'"\1":null,"\1":', text, count=draw(st.integers(1, 3))).encode()
        case 4:
            return (
                draw(st.sampled_from([b"\xef\xbb\xbf", b" \n\t", b"\0", b"[", b"null", b'"'])) + text.encode()
            )
        case 5:
            return text.encode(draw(st.sampled_from(["utf-16", "utf-32", "utf-8-sig"])))
        case 6:
            return text.encode("latin-1", "replace") + draw(st.sampled_from([b"{}", b",", b"\0", b" \n"]))
        case _:
            return text.encode()
