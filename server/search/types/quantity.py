"""Quantities: numbers with a unit. Units of UCUM are made comparable: 1 kg is found by 1000 g.

https://hl7.org/fhir/R4/search.html#quantity

With a system and a code the amounts are compared in base units, if it is a unit of UCUM, and otherwise as
they stand among those of the same unit. With a code alone, or none, they are compared as they stand. A
quantity with a comparator, a Range and a SampledData are ranges.
"""

from collections.abc import Hashable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, FromClause, and_, func, or_

from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.number import INFINITE, kept
from server.search.escape import split, unescape
from server.search.hash import form
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Measured,
    Plan,
    Shape,
    missing,
)
from server.search.types.number import NO_UNIT, Measuring, Span, Value, compare
from server.terminology import ucum

_CURRENCIES = "urn:iso:std:iso:4217"
_UNKNOWN = frozenset({"E", "", "."})
_PARTS = 3


class Unit(NamedTuple):
    """`form` is what is hashed; `measure` leads to base units, if there are any."""

    form: str
    measure: ucum.Measure | None

    @classmethod
    def of(cls, system: str, code: str) -> "Unit":
        measure = ucum.measure(code) if system == ucum.SYSTEM else None
        if measure is None:
            return cls(form(system, code), None)
        return cls(form(ucum.SYSTEM, f"={measure.base}"), measure)

    def amount(self, value: Decimal) -> Decimal:
        """In base units, if there are any."""
        return self.measure.amount(value) if self.measure and value.is_finite() else value


class Asking(NamedTuple):
    """`unit`: it is to be of this unit; `named`: its code or its unit is to be this."""

    value: Value
    unit: Unit | None
    named: str | None

    @classmethod
    def parse(cls, text: str) -> "Asking":
        """`5.4`, `5.4|http://unitsofmeasure.org|mg`, `5.4||mg`."""
        number, *rest = map(unescape, split(text, "|"))
        value = Value.parse(number)
        match rest:
            case []:
                return cls(value, None, None)
            case [str(system), str(code)] if code:
                return cls(value, Unit.of(system, code) if system else None, None if system else code)
        raise Invalid(f"'{text}' is neither a number nor number|system|code nor number||code.")


class Quantity(Measuring):
    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        index.measure(
            plan.number, (found for element, type_ in elements for found in measured(element, type_, plan))
        )

    def check(self, type_: str, condition: Condition) -> None:
        for text in condition.values:
            Asking.parse(text)

    def span(self, condition: Condition, context: Context) -> Span | None:
        if condition.modifier is not None or len(condition.values) > 1:
            return None
        asking = Asking.parse(condition.values[0])
        if asking.unit is None:
            return None
        one, other = map(asking.unit.amount, asking.value.ends)
        return asking.value.span(context.token(condition, asking.unit.form), one, other)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        shape: list[tuple[str, str]] = []
        values: list[Any] = []
        for asking in map(Asking.parse, condition.values):
            one, other = asking.value.ends
            if asking.unit:
                values.append(context.token(condition, asking.unit.form))
                one, other = asking.unit.amount(one), asking.unit.amount(other)
            elif asking.named:
                values.append(context.token(condition, asking.named))
            values += (one, other)
            how = "unit" if asking.unit else "named" if asking.named else "any"
            shape.append((asking.value.prefix, how))
        return Asked(tuple(shape), tuple(values))

    def matching(self, n: FromClause, shape: Shape, values: Sequence[Bind]) -> ColumnElement[bool]:
        given = iter(values)
        return or_(*(_way(n.c, each, given) for each in shape))


def _way(n: Any, shape: Hashable, given: Iterator[Bind]) -> ColumnElement[bool]:
    prefix, how = cast("tuple[str, str]", shape)
    if how == "unit":
        return and_(n.unit == next(given), compare(prefix, n.low, n.high, next(given), next(given)))
    named = next(given) if how == "named" else None
    # Stated as in the resource, where that is not in base units.
    low, high = func.coalesce(n.stated, n.low), func.coalesce(n.stated_high, n.stated, n.high)
    compared = compare(prefix, low, high, next(given), next(given))
    return compared if named is None else and_(or_(n.code == named, n.label == named), compared)


def measured(element: Any, type_: str, plan: Plan) -> Iterator[Measured]:
    """What an element comes to, if it is a measurement."""
    if not isinstance(element, dict):
        return
    found, unit = _quantity(element), element
    match type_:
        case "Range":
            low, high = element.get("low", {}), element.get("high", {})
            found, unit = (_point(low, -INFINITE), _point(high, INFINITE)), high if "value" in high else low
        case "SampledData":
            found, unit = _sampled(element), element.get("origin", {})
        case "Money":
            unit = {"system": _CURRENCIES, "code": element.get("currency")}
    if found is not None and found != (-INFINITE, INFINITE):
        yield _measured(*found, unit, plan)


def _measured(low: Decimal, high: Decimal, stated: Json, plan: Plan) -> Measured:
    system, code, label = stated.get("system", ""), stated.get("code"), stated.get("unit")
    unit = Unit.of(system, code) if code else None
    base_low = unit.amount(low) if unit else low
    base_high = base_low if high == low else unit.amount(high) if unit else high
    same = base_low == low and base_high == high
    return Measured(
        unit=plan.token(unit.form) if unit else NO_UNIT,
        low=base_low,
        high=None if base_high == base_low else base_high,
        stated=None if same else low,
        stated_high=None if same or high == low else high,
        code=plan.token(code) if code else None,
        label=plan.token(label) if label and label != code else None,
    )


def _quantity(quantity: Json) -> tuple[Decimal, Decimal] | None:
    if "value" not in quantity:
        return None
    value = kept(quantity["value"])
    match quantity.get("comparator"):
        case "<" | "<=":
            return -INFINITE, value
        case ">" | ">=":
            return value, INFINITE
    return value, value


def _point(quantity: Json, otherwise: Decimal) -> Decimal:
    return kept(quantity["value"]) if "value" in quantity else otherwise


def _sampled(data: Json) -> tuple[Decimal, Decimal] | None:
    """The bounds of the values; of those beyond what the device detects, its limits."""
    limits = {"L": data.get("lowerLimit"), "U": data.get("upperLimit")}
    factor = Decimal(data.get("factor", 1))
    origin = kept(data.get("origin", {}).get("value", 0))
    values: list[Decimal] = []
    for text in data.get("data", "").split():
        given = limits.get(text, text)
        if given is not None and given not in _UNKNOWN:
            try:
                values.append(kept(origin + Decimal(given) * factor))
            except InvalidOperation:
                continue
    return (min(values), max(values)) if values else None
