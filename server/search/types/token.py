"""Tokens: codes, with or without the system they are from.

https://hl7.org/fhir/R4/search.html#token

Codes are compared as they were sent, case included. A primitive `code` is from the system of its required
binding without saying so: it is stored as the bare code, and `system|code` asks for that code if the system
is one of the binding's, and for nothing otherwise. A ContactPoint is found by its value, or with its use
(`home|…`) or its system (`email|…`) before the bar.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, FromClause, and_, any_, false, or_, true

from server.fhir import Json
from server.fhir.issue import Invalid
from server.search.element import element_types, primitive, systems
from server.search.escape import split, unescape
from server.search.facet import facet
from server.search.hash import form
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Place,
    Plan,
    SearchParamType,
    Shape,
    beside,
    missing,
    unless,
)
from server.store.tables import identifier

_LONGEST = 200


class Value(NamedTuple):
    """`system` is None where any will do, "" where there must be none; an empty `code` means any."""

    system: str | None
    code: str

    @classmethod
    def parse(cls, text: str) -> "Value":
        """`code`, `system|code`, `|code` or `system|`."""
        system, *rest = map(unescape, split(text, "|", 1))
        value = cls(system, rest[0]) if rest else cls(None, system)
        if not (value.system or value.code):
            raise Invalid(f"'{text}' is neither a code nor a system.")
        return value

    @property
    def form(self) -> str:
        return form(self.system, self.code)


class Token(SearchParamType):
    modifiers = frozenset({"not"})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        keys: list[str] = []
        for element, type_ in elements:
            match type_:
                case "CodeableConcept":
                    codings = element.get("coding")
                    if codings:
                        for coding in codings:
                            _add(coding.get("system"), coding.get("code"), plan, index, keys)
                    else:
                        keys.append(element.get("text", "").lower())
                case "Coding":
                    _add(element.get("system"), element.get("code"), plan, index, keys)
                case "Identifier":
                    _add(element.get("system"), element.get("value"), plan, index, keys)
                case "ContactPoint":
                    _add_contact(element, plan, index, keys)
                case _:
                    _add_primitive(element, plan, index, keys)
        index.sort(plan.code, keys)

    def check(self, type_: str, condition: Condition) -> None:
        boolean = element_types(type_, condition.parameter) == {"boolean"}
        for text in condition.values:
            value = Value.parse(text)
            if boolean and value.code not in ("true", "false"):
                name = condition.parameter.code
                raise Invalid(f"'{name}' is true or false, and was given '{text}'.")

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        hashes = [context.token(condition, each) for each in _forms(condition, context)]
        kind = "implied" if _implied(condition, context) else "carries"
        return Asked((kind, condition.modifier == "not", len(hashes) == 1), (hashes,))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, present(row, place))
            case "implied", negated, _:
                return unless(negated, present(row, place))
            case _, negated, single:
                return unless(negated, holds(row, values[0], single=single))
        raise AssertionError(shape)

    def facets(self, condition: Condition, context: Context) -> tuple[int, ...] | None:
        kept = facet(context.type, condition.parameter)
        codes = [Value.parse(text).code for text in condition.values]
        if condition.modifier or not all(code and kept.lists(code) for code in codes):
            return None
        return tuple(context.token(condition, form(None, code)) for code in codes)


class IdentifierToken(Token):
    """The `identifier` of a resource: rows of their own, by which most lookups begin."""

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        keys = []
        for element, type_ in elements:
            value = element.get("value", "") if type_ == "Identifier" else str(element)
            keys.append(value.lower())
            if value:
                system = element.get("system", "") if type_ == "Identifier" else ""
                index.identifiers.append((column(system), column(value)))
        index.identifiers = list(dict.fromkeys(index.identifiers))
        index.sort(plan.code, keys)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        values = [Value.parse(text) for text in condition.values]
        shape = tuple((value.system is not None, bool(value.code)) for value in values)
        texts = (text for value in values for text in (value.system, value.code) if text is not None)
        return Asked(("is", condition.modifier == "not", shape), tuple(map(column, texts)))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, present(row, place))
            case _, negated, tuple(forms):
                given = iter(values)
                found = or_(*(_identifies(given, *each) for each in forms))
                return unless(negated, beside(row, identifier, place.type, found))
        raise AssertionError(shape)

    def facets(self, condition: Condition, context: Context) -> tuple[int, ...] | None:
        return None


class Id(SearchParamType):
    """`_id`: the resource's own id."""

    modifiers = frozenset({"not"})

    stored = False

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        """It is a column of every resource."""

    def check(self, type_: str, condition: Condition) -> None:
        """Text that can be no id is the id of nothing."""

    def ask(self, condition: Condition, context: Context) -> Asked:
        ids = [unescape(text) for text in condition.values]
        return missing(condition) or Asked(("is", condition.modifier == "not"), (ids,))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return false() if wanted else true()
            case _, negated:
                return unless(negated, row.c.id == any_(values[0]))
        raise AssertionError(shape)


def column(text: str) -> str:
    """The text as an index can hold it beside another: of a very long one the start, and a digest of the
    whole."""
    if len(text) <= _LONGEST:
        return text
    return (
        f"{text[: _LONGEST - 33]}\N{HORIZONTAL ELLIPSIS}{blake2b(text.encode(), digest_size=16).hexdigest()}"
    )


def holds(row: FromClause, hashes: Bind, *, single: object) -> ColumnElement[bool]:
    """One of the hashes is among the tokens of the row.

    `IS TRUE` hides the operator from the planner: near-unique arrays have no statistics, and no plan may hang
    on a guess about them.
    """
    found = row.c.tok.contains(hashes) if single else row.c.tok.overlap(hashes)
    return cast("ColumnElement[bool]", found.is_(true()))


def present(row: FromClause, place: Place) -> ColumnElement[bool]:
    """Every token, reference or uri that is there has a key to sort by."""
    return cast("ColumnElement[bool]", row.c.sorts.has_key(place.parameter.code))


def _forms(condition: Condition, context: Context) -> Iterator[str]:
    plain = primitive(context.type, condition.parameter)
    for text in condition.values:
        value = Value.parse(text)
        if plain and value.code and value.system in ("", *systems(context.type, condition.parameter)):
            value = Value(None, value.code)
        yield value.form


def _implied(condition: Condition, context: Context) -> bool:
    """Whether any code will do, because `system|` names the system that every one of them is from."""
    if not primitive(context.type, condition.parameter):
        return False
    asked = {value.system for value in map(Value.parse, condition.values) if not value.code}
    return not asked.isdisjoint(systems(context.type, condition.parameter))


def _identifies(given: Iterator[Bind], has_system: bool, has_code: bool) -> ColumnElement[bool]:
    """The system, if one was named, and the value, if one was, are given in this order."""
    criteria = [identifier.c.system == next(given)] if has_system else []
    code = next(given)
    return and_(*criteria, identifier.c.value == code) if has_code else and_(*criteria)


def _add(system: str | None, code: str | None, plan: Plan, index: Index, keys: list[str]) -> None:
    if not code:
        keys.append("")
        return
    hashes = plan.hasher.coding(plan.type, plan.code, system, code)
    index.tokens += hashes
    if plan.facet.lists(code):
        index.facets.append(hashes[0])
    keys.append(code.lower())


def _add_contact(contact: Json, plan: Plan, index: Index, keys: list[str]) -> None:
    value = contact.get("value")
    _add(contact.get("use"), value, plan, index, keys)
    if value and "system" in contact:
        index.tokens.append(plan.token(form(contact["system"], value)))


def _add_primitive(element: Any, plan: Plan, index: Index, keys: list[str]) -> None:
    if isinstance(element, dict):
        return
    code = str(element).lower() if isinstance(element, bool) else str(element)
    hash_ = plan.token(form(None, code))
    index.tokens.append(hash_)
    if plan.facet.lists(code):
        index.facets.append(hash_)
    keys.append(code.lower())
