"""Whether an element of a resource is what a value asks for: one function for each type of parameter.

https://hl7.org/fhir/R4/search.html#ptypes
"""

import math
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from tests.differential.naive import terminology, value
from tests.differential.naive.path import Node, find
from tests.differential.naive.value import INFINITE, Range, fold, split, unescape
from tests.differential.naive.words import says

Resource = dict[str, Any]
NEGATIVE = ("not", "not-in")
"""Modifiers under which a resource matches that has no element of which the positive holds."""


class Place(NamedTuple):
    """What is asked of which parameter; `base`: the address of the server."""

    type: str
    parameter: SearchParameter
    base: str


def matches(place: Place, modifier: str, text: str, resource: Resource, elements: list[Node]) -> bool:
    """Whether one of the elements that the parameter finds in the resource is what one value asks for."""
    match place.parameter.type, place.parameter.code:
        case _, "_id":
            return bool(resource["id"] == unescape(text))
        case _, "_text" | "_content" as code:
            return says(resource, unescape(text), narrative=code == "_text")
        case "composite", _:
            return any(_composite(place, text, resource, each) for each in elements)
        case kind, _:
            return any(_OF[kind](place, modifier, text, each) for each in elements)


# ---- string, uri -------------------------------------------------------------------------------------------

_PARTS = {
    "HumanName": ("text", "family", "given", "prefix", "suffix"),
    "Address": ("text", "line", "city", "district", "state", "postalCode", "country"),
    "CodeableConcept": ("text",),
    "Annotation": ("text",),
}


def strings(element: Node) -> list[str]:
    """Each part of a name or an address is a string of its own."""
    if isinstance(element.value, str):
        return [element.value]
    found = (element.value.get(name, []) for name in _PARTS[element.type])
    return [text for each in found for text in (each if isinstance(each, list) else [each])]


def _string(place: Place, modifier: str, text: str, element: Node) -> bool:
    asked = unescape(text)
    match modifier:
        case "exact":
            return asked in strings(element)
        case "contains":
            return any(fold(asked) in fold(each) for each in strings(element))
        case "equal":
            return any(fold(asked) == fold(each) for each in strings(element))
        case "ending":
            return any(fold(each).endswith(fold(asked)) for each in strings(element))
    return any(fold(each).startswith(fold(asked)) for each in strings(element))


def _uri(place: Place, modifier: str, text: str, element: Node) -> bool:
    asked, uri = unescape(text), element.value
    match modifier:
        case "below":
            return bool(uri.startswith(asked))
        case "above":
            return bool(uri == asked or asked.startswith(uri if uri.endswith("/") else f"{uri}/"))
    # A canonical that has a version is found without it too.
    return asked in (uri, uri.partition("|")[0])


# ---- token -------------------------------------------------------------------------------------------------


class Token(NamedTuple):
    """`system`: None for any, "" for none. `code`: "" for any."""

    system: str | None
    code: str

    @classmethod
    def read(cls, text: str) -> "Token":
        system, *code = split(text, "|")
        return cls(unescape(system), unescape("|".join(code))) if code else cls(None, unescape(system))

    def is_coding(self, coding: value.Coded) -> bool:
        system, code = coding
        return self.system in (None, system or "") and self.code in ("", code)


def _token(place: Place, modifier: str, text: str, element: Node) -> bool:
    own = terminology.implied(place.type, place.parameter.code) if _is_primitive(element) else None
    match modifier:
        case "text":
            said = (fold(each) for each in value.texts(*element))
            return any(each.startswith(fold(unescape(text))) for each in said)
        case "of-type":
            return _is_of_type(element, *map(unescape, split(text, "|")))
        case "in" | "not-in":
            return _is_one(element, terminology.members(unescape(text)), own)
        case "above" | "below":
            return _is_one(element, terminology.family(modifier, Token.read(text), own), own)
    asked = Token.read(text)
    if own is not None and asked.system in ("", own):
        # A code that names no system is from the one that it is bound to.
        asked = Token(None, asked.code)
    return any(asked.is_coding(coding) for coding in value.codings(*element))


def _is_primitive(element: Node) -> bool:
    return not isinstance(element.value, dict)


def _is_one(element: Node, members: set[tuple[str, str]], own: str | None) -> bool:
    found = value.codings(*element)
    if own is not None:
        return any((own, code) in members for _, code in found)
    return any(coding in members for coding in found)


def _is_of_type(element: Node, system: str, code: str, asked: str) -> bool:
    types = value.codings(element.value.get("type", {}), "CodeableConcept")
    return element.value.get("value") == asked and (system, code) in types


# ---- reference ---------------------------------------------------------------------------------------------

_RESTFUL = re.compile(
    r"(?P<base>https?://[^\s?#]+/)?(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9.\-]{1,64})(/_history/[A-Za-z0-9.\-]+)?"
)


def target(element: Node, base: str) -> tuple[str, str] | None:
    """(type, id) of what a reference leads to on this server."""
    if "resourceType" in element.value:
        return element.value["resourceType"], element.value.get("id", "")
    text = element.value.get("reference", "") if isinstance(element.value, dict) else element.value
    found = _RESTFUL.fullmatch(text)
    if found and found["type"] in library().resource_types and found["base"] in (None, f"{base}/"):
        return found["type"], found["id"]
    return None


def known_as(text: str, base: str) -> str:
    """A reference without its version, and without the address of this server."""
    found = _RESTFUL.fullmatch(text)
    if found is None:
        return text
    before = "" if found["base"] in (None, f"{base}/") else found["base"]
    return f"{before}{found['type']}/{found['id']}"


def _reference(place: Place, modifier: str, text: str, element: Node) -> bool:
    if modifier == "identifier":
        identifier = element.value.get("identifier", {}) if isinstance(element.value, dict) else {}
        asked = Token.read(text)
        return "value" in identifier and asked.is_coding((identifier.get("system"), identifier["value"]))
    asked_text = unescape(text)
    stated = element.value.get("reference", "") if isinstance(element.value, dict) else element.value
    local = target(element, place.base)
    if "/" not in asked_text and ":" not in asked_text:
        of_type = local is not None and modifier in ("", local[0])
        return (local is not None and of_type and local[1] == asked_text) or stated == asked_text != ""
    asked_known = known_as(asked_text, place.base)
    found = _RESTFUL.fullmatch(asked_known)
    if modifier and (found is None or found["type"] != modifier):
        return False
    if not stated or stated.startswith("#"):
        return False
    return asked_known in (known_as(stated, place.base), stated.partition("|")[0])


# ---- date, number, quantity --------------------------------------------------------------------------------

Compare = Callable[[Any, Any, Any, Any], bool]

_PREFIXED = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb|ap|po)?(.*)", re.DOTALL)

# Both sides are intervals: [low, high) of the resource, [start, end) of what was asked for. A period that
# ends within the interval asked for is `ge`, one that begins within it is `le`.
_DATES: dict[str, Compare] = {
    "eq": lambda low, high, start, end: start <= low and high <= end,
    "ne": lambda low, high, start, end: not (start <= low and high <= end),
    "gt": lambda low, high, start, end: high > end,
    "lt": lambda low, high, start, end: low < start,
    "ge": lambda low, high, start, end: high > start,
    "le": lambda low, high, start, end: low < end,
    "sa": lambda low, high, start, end: low >= end,
    "eb": lambda low, high, start, end: high <= start,
    "ap": lambda low, high, start, end: low < end and high > start,
    "po": lambda low, high, start, end: low < end and high > start,
}


def dates(element: Node) -> value.Interval:
    match element.type:
        case "Period":
            return value.period(element.value)
        case "Timing":
            return value.timing(element.value)
    return value.interval(element.value)


def _date(place: Place, modifier: str, text: str, element: Node) -> bool:
    prefix, asked = _prefixed(text)
    low, high = dates(element)
    if place.parameter.code == "_lastUpdated":
        # An instant, not the millisecond that it is in.
        high = low + timedelta.resolution
    start, end = value.interval(asked)
    if prefix == "ap":
        start, end = value.about(start, end)
    return _DATES[prefix](low, high, start, end)


# The range of the resource, and what was asked for: what rounds to it, or the number itself.
_NUMBERS: dict[str, Compare] = {
    "eq": lambda low, high, start, end: start <= low and high < end,
    "ne": lambda low, high, start, end: not (start <= low and high < end),
    "gt": lambda low, high, asked, _: high > asked,
    "lt": lambda low, high, asked, _: low < asked,
    "ge": lambda low, high, asked, _: high >= asked,
    "le": lambda low, high, asked, _: low <= asked,
    "sa": lambda low, high, asked, _: low > asked,
    "eb": lambda low, high, asked, _: high < asked,
    "ap": lambda low, high, start, end: low <= end and high >= start,
}


def _number(place: Place, modifier: str, text: str, element: Node) -> bool:
    prefix, asked = _prefixed(text)
    found = numbers(element)
    return found is not None and _NUMBERS[prefix](*found, *_ends(prefix, asked))


def _quantity(place: Place, modifier: str, text: str, element: Node) -> bool:
    amount, *unit = split(text, "|")
    prefix, asked = _prefixed(amount)
    start, end = _ends(prefix, asked)
    for low, high, system, code, name in quantities(element):
        if unit and unit[0]:
            kind, start_there = value.convert(start, unescape(unit[0]), unescape(unit[1]))
            _, end_there = value.convert(end, unescape(unit[0]), unescape(unit[1]))
            same, low_there = value.convert(low, system, code or "")
            _, high_there = value.convert(high, system, code or "")
            if code and kind == same and _NUMBERS[prefix](low_there, high_there, start_there, end_there):
                return True
        elif (not unit or unescape(unit[1]) in (code, name)) and _NUMBERS[prefix](low, high, start, end):
            return True
    return False


def _prefixed(text: str) -> tuple[str, str]:
    found = _PREFIXED.fullmatch(text)
    assert found
    return found[1] or "eq", found[2]


def _ends(prefix: str, text: str) -> Range:
    asked, half = value.precision(text)
    match prefix:
        case "eq" | "ne":
            return asked - half, asked + half
        case "ap":
            margin = max(abs(asked) / 10, half)
            return asked - margin, asked + margin
    return asked, asked


def numbers(element: Node) -> Range | None:
    """The range that a number of a resource is: a point, unless it is a Range."""
    if isinstance(element.value, dict):
        low, high = (element.value.get(end, {}).get("value") for end in ("low", "high"))
        if low is None and high is None:
            return None
        return -INFINITE if low is None else Fraction(low), INFINITE if high is None else Fraction(high)
    return Fraction(element.value), Fraction(element.value)


Measured = tuple[Fraction | float, Fraction | float, str | None, str | None, str | None]
"""From, to; system, code and name of the unit."""


def quantities(element: Node) -> Iterator[Measured]:
    """What an element measures: with a comparator it is endless on one side."""
    stated = element.value
    match element.type:
        case "Range":
            found = numbers(element)
            unit = stated["high"] if "value" in stated.get("high", {}) else stated.get("low", {})
        case "SampledData":
            found, unit = _sampled(stated), stated["origin"]
        case "Money":
            found = (Fraction(stated["value"]),) * 2 if "value" in stated else None
            unit = {"system": "urn:iso:std:iso:4217", "code": stated.get("currency")}
        case _:
            found, unit = _compared(stated), stated
    if found is not None:
        yield *found, unit.get("system"), unit.get("code"), unit.get("unit")


def _compared(quantity: Any) -> Range | None:
    if "value" not in quantity:
        return None
    amount = Fraction(quantity["value"])
    match quantity.get("comparator"):
        case "<" | "<=":
            return -INFINITE, amount
        case ">" | ">=":
            return amount, INFINITE
    return amount, amount


def _sampled(data: Any) -> Range | None:
    """The bounds of what was sampled; E is an error, L and U are below and above what the device detects."""
    limits = {"L": data.get("lowerLimit"), "U": data.get("upperLimit"), "E": None}
    stated = (limits.get(each, each) for each in data.get("data", "").split())
    factor, origin = Fraction(data.get("factor", 1)), Fraction(data["origin"].get("value", 0))
    amounts = [origin + Fraction(Decimal(each)) * factor for each in stated if each is not None]
    return (min(amounts), max(amounts)) if amounts else None


# ---- composite, special ------------------------------------------------------------------------------------


# In the value of the resource itself a component looks wherever the parameter looks that it is like.
_WIDER = {
    "value.as(Quantity)": "value.as(Quantity) | value.as(SampledData)",
    "value.as(string)": "value.as(string) | value.as(CodeableConcept).text",
}


def _composite(place: Place, text: str, resource: Resource, element: Node) -> bool:
    """Every component is found in the same element."""
    parts = split(text, "$")
    known = {each.url: each for each in library().search_parameters(place.type).values()}
    for component, part in zip(place.parameter.components, parts, strict=True):
        like = place._replace(parameter=known[component.definition])
        is_whole = element.type == place.type
        expression = component.expression
        inside = find(_WIDER.get(expression, expression) if is_whole else expression, resource, element)
        if not matches(like, "", part, resource, inside):
            return False
    return True


_METRES = {"": 1000, "km": 1000, "m": 1, "mi_us": 1609.347219, "[mi_us]": 1609.347219, "[mi_i]": 1609.344}
_RADIUS = 6_371_008.8


def _near(place: Place, modifier: str, text: str, element: Node) -> bool:
    """Within a distance (50 km where none is named), along a great circle."""
    latitude, longitude, distance, unit = (*split(text, "|"), "", "")[:4]
    here = math.radians(float(latitude)), math.radians(float(longitude))
    there = math.radians(float(element.value["latitude"])), math.radians(float(element.value["longitude"]))
    angle = math.sin((there[0] - here[0]) / 2) ** 2
    angle += math.cos(here[0]) * math.cos(there[0]) * math.sin((there[1] - here[1]) / 2) ** 2
    return 2 * _RADIUS * math.asin(math.sqrt(min(angle, 1))) <= float(distance or 50) * _METRES[unit]


_OF: dict[str, Callable[[Place, str, str, Node], bool]] = {
    "date": _date,
    "number": _number,
    "quantity": _quantity,
    "reference": _reference,
    "special": _near,
    "string": _string,
    "token": _token,
    "uri": _uri,
}
