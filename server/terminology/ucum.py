"""Units of measure: what a quantity comes to in base units, so that 1 kg and 1000 g compare as equal.

https://ucum.org/ucum

The table is UCUM's own, unaltered. Factors are fractions: a search by grams must meet its edges exactly when
the value was stored in pounds.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import cache, lru_cache
from typing import NamedTuple

from lxml import etree

from server.definition.folder import terminology

SYSTEM = "http://unitsofmeasure.org"
"""The code system of units in FHIR."""

_PRECISION = Context(prec=28, rounding=ROUND_HALF_EVEN)
_ESSENCE = "ucum-essence.xml"
_SPACE = "{http://unitsofmeasure.org/ucum-essence}"
_BASE = f"{_SPACE}base-unit"
_MAX_LENGTH, _MAX_EXPONENT = 200, 99

Dimensions = tuple[tuple[str, int], ...]
"""Base units with their exponents, in order."""


class Measure(NamedTuple):
    """`value` times factor plus offset is the amount in base units; `dimensions` says which those are."""

    factor: Fraction
    dimensions: Dimensions
    offset: Fraction = Fraction(0)

    @property
    def base(self) -> str:
        """The base units, written as UCUM does: `g.m-3`."""
        return ".".join(f"{unit}{power if power != 1 else ''}" for unit, power in self.dimensions) or "1"

    def amount(self, value: Decimal) -> Decimal:
        """The value in base units: equal amounts give equal numbers, whatever they were stated in."""
        exact = Fraction(value) * self.factor
        if self.offset:
            exact += self.offset
        return _PRECISION.divide(Decimal(exact.numerator), Decimal(exact.denominator))


class _Unit(NamedTuple):
    measure: Measure
    metric: bool
    ratio: bool
    """Whether it can be multiplied: degrees Celsius cannot."""


@lru_cache(maxsize=4096)
def measure(code: str) -> Measure | None:
    """What a unit is in base units; None if it is no unit, or one on a scale that is no line (pH, dB)."""
    if not code or len(code) > _MAX_LENGTH:
        return None
    try:
        return _Term(code).measure()
    except (_Unread, ZeroDivisionError):
        return None


@lru_cache(maxsize=4096)
def valid(code: str) -> bool:
    """Whether it is a unit: one on a scale that is no line (pH, dB) too."""
    if not code or len(code) > _MAX_LENGTH or not code.isascii():
        return False
    try:
        _Spelt(code).measure()
    except (_Unread, ZeroDivisionError):
        return False
    return True


class _Unread(Exception):
    """It is not a unit, or not one of those that can be converted."""


# A symbol may hold brackets, and inside them anything: `m[H2O]`, `[in_i'Hg]`, `10*`.
_PART = re.compile(
    r"(?P<symbol>10[*^]|(?:[^\s./(){}\[\]+\-\d]|\[[^\[\]]*\])+)(?P<power>[+-]?\d+)?(?P<note>\{[^{}]*\})?"
    r"|(?P<number>\d+)(?P<noted>\{[^{}]*\})?"
    r"|(?P<bare>\{[^{}]*\})"
)
_NOTE = re.compile(r"\{[^{}]*\}")


class _Term:
    """Reads one unit from left to right."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    def measure(self) -> Measure:
        alone = _PART.fullmatch(self.text)
        if alone and alone["symbol"] and not alone["power"]:
            return self._unit(alone["symbol"]).measure
        found = self._term()
        if self.at != len(self.text):
            raise _Unread
        return found

    def _term(self) -> Measure:
        found = _ONE
        operator = "/" if self._take("/") else "."
        while True:
            part = self._component()
            found = _times(found, part, -1 if operator == "/" else 1)
            operator = self._take("./")
            if not operator:
                return found

    def _component(self) -> Measure:
        if self._take("("):
            inner = self._term()
            if not self._take(")"):
                raise _Unread
            note = _NOTE.match(self.text, self.at)
            self.at = note.end() if note else self.at
            return inner
        part = _PART.match(self.text, self.at)
        if part is None:
            raise _Unread
        self.at = part.end()
        if part["number"]:
            return Measure(Fraction(int(part["number"])), ())
        if part["bare"]:
            return _ONE
        unit, power = self._unit(part["symbol"]), int(part["power"] or 1)
        if not unit.ratio or not 0 < abs(power) <= _MAX_EXPONENT:
            raise _Unread
        return _times(_ONE, unit.measure, power)

    def _unit(self, symbol: str) -> "_Unit":
        return _symbol(symbol)

    def _take(self, any_of: str) -> str:
        here = self.text[self.at : self.at + 1]
        if not here or here not in any_of:
            return ""
        self.at += 1
        return here


class _Spelt(_Term):
    """Reads a unit for its symbols alone, and works nothing out."""

    def _unit(self, symbol: str) -> "_Unit":
        if symbol in _elements():
            return _ANY_UNIT
        for length in (1, 2):
            prefix, rest = symbol[:length], symbol[length:]
            if prefix in _prefixes() and rest in _elements() and _is_metric(rest):
                return _ANY_UNIT
        raise _Unread


_ONE = Measure(Fraction(1), ())
_ANY_UNIT = _Unit(_ONE, metric=True, ratio=True)


def _is_metric(code: str) -> bool:
    element = _elements()[code]
    return element.tag == _BASE or element.get("isMetric") == "yes"


def _times(one: Measure, other: Measure, power: int) -> Measure:
    powers = dict(one.dimensions)
    for unit, exponent in other.dimensions:
        powers[unit] = powers.get(unit, 0) + exponent * power
    dimensions = tuple(sorted((unit, exponent) for unit, exponent in powers.items() if exponent))
    return Measure(one.factor * other.factor**power, dimensions)


def _symbol(text: str) -> _Unit:
    """A unit by its symbol, or by that of a metric unit after a prefix."""
    if text in _elements():
        return _unit(text)
    for length in (1, 2):
        prefix, rest = text[:length], text[length:]
        if prefix in _prefixes() and rest in _elements():
            unit = _unit(rest)
            if unit.metric:
                scaled = unit.measure._replace(factor=unit.measure.factor * _prefixes()[prefix])
                return unit._replace(measure=scaled)
    raise _Unread


@cache
def _unit(code: str) -> _Unit:
    element = _elements()[code]
    base = element.tag == _BASE
    metric = _is_metric(code)
    if base or (element.get("isArbitrary") == "yes" and not _defined(element)):
        return _Unit(Measure(Fraction(1), ((code, 1),)), metric, ratio=True)
    if element.get("isSpecial") == "yes":
        if code not in _SCALES:
            raise _Unread
        return _Unit(_SCALES[code], metric, ratio=False)
    value = element.find(f"{_SPACE}value")
    assert value is not None
    of = _Term(str(value.get("Unit"))).measure()
    return _Unit(of._replace(factor=of.factor * Fraction(str(value.get("value")))), metric, ratio=True)


def _defined(element: "etree._Element") -> bool:
    """Whether an arbitrary unit is only another name of one (`[IU]` of `[iU]`): all others are their own."""
    value = element.find(f"{_SPACE}value")
    return value is not None and value.get("Unit") != "1"


_KELVIN: Dimensions = (("K", 1),)
_FREEZING = Fraction("273.15")
# The scales that are a line; the others (pH, bel) are logarithms, and compare with nothing but themselves.
_SCALES: Mapping[str, Measure] = {
    "Cel": Measure(Fraction(1), _KELVIN, _FREEZING),
    "[degF]": Measure(Fraction(5, 9), _KELVIN, Fraction("459.67") * Fraction(5, 9)),
    "[degRe]": Measure(Fraction(5, 4), _KELVIN, _FREEZING),
}


@cache
def _elements() -> "Mapping[str, etree._Element]":
    names = (_BASE, f"{_SPACE}unit")
    return {str(each.get("Code")): each for each in _essence() if each.tag in names}


@cache
def _prefixes() -> Mapping[str, Fraction]:
    return dict(_prefix_values())


def _prefix_values() -> Iterator[tuple[str, Fraction]]:
    for each in _essence().findall(f"{_SPACE}prefix"):
        value = each.find(f"{_SPACE}value")
        assert value is not None
        yield str(each.get("Code")), Fraction(str(value.get("value")))


@cache
def _essence() -> "etree._Element":
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return etree.parse(terminology() / _ESSENCE, parser).getroot()
