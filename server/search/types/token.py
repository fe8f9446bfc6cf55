"""Tokens: codes, with or without the system they are from.

https://hl7.org/fhir/R4/search.html#token

Codes are compared as they were sent, case included. A primitive `code` is from the system of its required
binding without saying so: it is stored as the bare code, and `system|code` asks for that code if the system
is one of the binding's, and for nothing otherwise. A ContactPoint is found by its value, or with its use
(`home|…`) or its system (`email|…`) before the bar. `:text` finds what is written beside a code, as a string;
an Identifier is found with its type by `:of-type`.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, FromClause, and_, any_, false, or_, true
from sqlalchemy import cast as sql_cast
from sqlalchemy.dialects.postgresql import TSQUERY

from server.fhir import Json
from server.fhir.issue import Invalid
from server.fhir.name import fold
from server.search.element import element_types, primitive, systems
from server.search.escape import split, unescape
from server.search.facet import facet
from server.search.hash import form
from server.search.types import (
    MAX_KEY,
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
    expansion,
    missing,
    unless,
)
from server.search.words import said_of, said_to_begin
from server.store import sortkey
from server.store.tables import identifier, text_index
from server.terminology.display import beginning as beginning_codes
from server.terminology.display import reads

_LONGEST = 200
_LISTED = 100
"""Codes of an expansion by whose facets a search may begin."""

_NEGATIVE = frozenset({"not", "not-in"})


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
    modifiers = frozenset({"not", "text", "of-type", *expansion.MODIFIERS})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        keys: list[str] = []
        said: set[str] = set()
        for element, type_ in elements:
            match type_:
                case "CodeableConcept":
                    codings = element.get("coding")
                    if codings:
                        for coding in codings:
                            _add(coding.get("system"), coding.get("code"), plan, index, keys)
                    else:
                        keys.append(element.get("text", "").lower())
                    said |= _said(codings or (), element.get("text"), plan, index)
                case "Coding":
                    _add(element.get("system"), element.get("code"), plan, index, keys)
                    said |= _said((element,), None, plan, index)
                case "Identifier":
                    _add(element.get("system"), element.get("value"), plan, index, keys)
                    said |= _add_type(element, plan, index)
                case "ContactPoint":
                    _add_contact(element, plan, index, keys)
                case _:
                    _add_primitive(element, plan, index, keys)
        index.said |= {said_of(plan.number, text) for text in said}
        index.sort(plan.code, keys)

    def check(self, type_: str, condition: Condition) -> None:
        if condition.modifier in expansion.MODIFIERS:
            expansion.check(type_, condition)
            return
        if condition.modifier in ("text", "of-type"):
            _check_said(condition)
            return
        boolean = element_types(type_, condition.parameter) == {"boolean"}
        for text in condition.values:
            value = Value.parse(text)
            if boolean and value.code not in ("true", "false"):
                name = condition.parameter.code
                raise Invalid(f"'{name}' is true or false, and was given '{text}'.")

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            return asked
        if condition.modifier == "text":
            return _asked_text(condition, context)
        hashes = [context.token(condition, each) for each in _forms(condition, context)]
        kind = "implied" if _implied(condition, context) else "carries"
        return Asked((kind, condition.modifier in _NEGATIVE, len(hashes) == 1), (hashes,))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted:
                return unless(wanted, present(row, place))
            case "implied", negated, _:
                return unless(negated, present(row, place))
            case ("text",):
                said = text_index.c.words.op("@@")(sql_cast(values[1], TSQUERY))
                return or_(holds(row, values[0], single=False), beside(row, text_index, place.type, said))
            case _, negated, single:
                return unless(negated, holds(row, values[0], single=single))
        raise AssertionError(shape)

    def facets(self, condition: Condition, context: Context) -> tuple[int, ...] | None:
        kept = facet(context.type, condition.parameter)
        if condition.modifier in ("in", "above", "below"):
            codes = expansion.codes(condition, context)
            if len(codes) > _LISTED:
                return None
        elif condition.modifier is None:
            codes = [Value.parse(text).code for text in condition.values]
        else:
            return None
        if not all(code and kept.lists(code) for code in codes):
            return None
        return tuple(context.token(condition, form(None, code)) for code in codes)


class IdentifierToken(Token):
    """The `identifier` of a resource: rows of their own, by which most lookups begin.

    A row holds a hash of the system and one of the value: whoever knows both, or either, can ask.
    """

    modifiers = frozenset({"not", "text", "of-type"})

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        keys, said = [], set()
        for element, type_ in elements:
            said |= _add_type(element, plan, index) if type_ == "Identifier" else set()
            value = element.get("value", "") if type_ == "Identifier" else str(element)
            system = element.get("system", "") if type_ == "Identifier" else ""
            keys.append(value.lower())
            if value or system:
                index.identifiers.append((plan.token(system_form(system)), plan.token(value_form(value))))
        index.identifiers = list(dict.fromkeys(index.identifiers))
        index.said |= {said_of(plan.number, text) for text in said}
        index.sort(plan.code, keys)

    def ask(self, condition: Condition, context: Context) -> Asked:
        if condition.modifier in ("missing", "text", "of-type"):
            return super().ask(condition, context)
        values = [Value.parse(text) for text in condition.values]
        shape = tuple((value.system is not None, bool(value.code)) for value in values)
        forms = (each for value in values for each in identifier_forms(value) if each is not None)
        hashes = tuple(context.token(condition, each) for each in forms)
        return Asked(("is", condition.modifier == "not", shape), hashes)

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "is", negated, tuple(forms):
                given = iter(values)
                found = or_(*(_identifies(given, *each) for each in forms))
                return unless(negated, beside(row, identifier, place.type, found))
        return super().clause(row, place, shape, values)

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


def identifier_forms(value: Value) -> tuple[str | None, str | None]:
    """What is hashed of the system and of the value of an identifier, as far as they are asked for."""
    system = None if value.system is None else system_form(value.system)
    return system, value_form(value.code) if value.code else None


def system_form(system: str) -> str:
    """What is hashed of the system of an identifier; of none it is ""."""
    return form(cut(system), "")


def value_form(value: str) -> str:
    """What is hashed of the value of an identifier."""
    return form(None, cut(value))


def cut(text: str) -> str:
    """Of a very long text the start, and a digest of the whole: what older releases kept, and all that a
    migration had to go by."""
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
    return sortkey.present(row, place.parameter.code)


def _forms(condition: Condition, context: Context) -> Iterator[str]:
    if condition.modifier in expansion.MODIFIERS:
        yield from expansion.forms(condition, context)
        return
    if condition.modifier == "of-type":
        yield from (_of_type(*map(unescape, split(text, "|", 2))) for text in condition.values)
        return
    plain = primitive(context.type, condition.parameter)
    for text in condition.values:
        value = Value.parse(text)
        if plain and value.code and value.system in ("", *systems(context.type, condition.parameter)):
            value = Value(None, value.code)
        yield value.form


def _implied(condition: Condition, context: Context) -> bool:
    """Whether any code will do, because `system|` names the system that every one of them is from."""
    if condition.modifier not in (None, "not") or not primitive(context.type, condition.parameter):
        return False
    asked = {value.system for value in map(Value.parse, condition.values) if not value.code}
    return not asked.isdisjoint(systems(context.type, condition.parameter))


def _check_said(condition: Condition) -> None:
    name, modifier = condition.parameter.code, condition.modifier
    for text in condition.values:
        if modifier == "text" and not fold(unescape(text)):
            raise Invalid(f"'{text}' has no letter or digit to search '{name}' by.")
        if modifier == "of-type" and [bool(part) for part in split(text, "|")] != [True, True, True]:
            raise Invalid(f"'{name}:of-type' is written system|code|value, and was given '{text}'.")


def _asked_text(condition: Condition, context: Context) -> Asked:
    """What reads so from the beginning: codes that are shown as their list does, and texts."""
    folded = [fold(unescape(text))[:MAX_KEY] for text in condition.values]
    listed = {code for text in folded for code in beginning_codes(text)}
    hashes = [context.token(condition, _shown(*code)) for code in sorted(listed)]
    return Asked(("text",), (hashes, said_to_begin(condition.parameter.number, folded)))


def _said(codings: Iterable[Json], text: str | None, plan: Plan, index: Index) -> set[str]:
    """The texts beside codes, save those that are only what their list says."""
    found, known = set(), set()
    for coding in codings:
        display = coding.get("display")
        if display is None:
            continue
        system, code = coding.get("system", ""), coding.get("code", "")
        if reads(system, code, display):
            index.tokens.append(plan.token(_shown(system, code)))
            known.add(fold(display))
        else:
            found.add(fold(display)[:MAX_KEY])
    if text is not None:
        found.add(fold(text)[:MAX_KEY])
    return found - known - {""}


def _shown(system: str, code: str) -> str:
    """The form of a code that is shown as its list says."""
    return f":text {form(system, code)}"


def _add_type(identifier_: Json, plan: Plan, index: Index) -> set[str]:
    """An identifier together with its type; the text of the type."""
    kind, value = identifier_.get("type", {}), identifier_.get("value")
    for coding in kind.get("coding", ()):
        if value and "code" in coding:
            index.tokens.append(plan.token(_of_type(coding.get("system", ""), coding["code"], value)))
    return {fold(kind["text"])[:MAX_KEY]} - {""} if "text" in kind else set()


def _of_type(system: str, code: str, value: str) -> str:
    return f":of-type {form(system, code)}|{value}"


def _identifies(given: Iterator[Bind], has_system: bool, has_code: bool) -> ColumnElement[bool]:
    """The system, if one was named, and the value, if one was, are given in this order."""
    columns = [identifier.c.system] * has_system + [identifier.c.value] * has_code
    return and_(*(column == next(given) for column in columns))


def _add(system: str | None, code: str | None, plan: Plan, index: Index, keys: list[str]) -> None:
    if not code:
        keys.append("")
        # `system|` asks for the system alone, whether or not there is a code of it.
        if system:
            index.tokens.append(plan.token(form(system, "")))
        return
    hashes = plan.hasher.coding(plan.type, plan.code, system, code)
    index.tokens += hashes
    if plan.facet.lists(code):
        index.facets.append(hashes[0])
    keys.append(code.lower())


def _add_contact(contact: Json, plan: Plan, index: Index, keys: list[str]) -> None:
    value = contact.get("value")
    _add(contact.get("use"), value, plan, index, keys)
    if "system" in contact:
        forms = (value, "") if value else ("",)
        index.tokens += (plan.token(form(contact["system"], each)) for each in forms)


def _add_primitive(element: Any, plan: Plan, index: Index, keys: list[str]) -> None:
    if isinstance(element, dict):
        return
    code = str(element).lower() if isinstance(element, bool) else str(element)
    hash_ = plan.token(form(None, code))
    index.tokens.append(hash_)
    if plan.facet.lists(code):
        index.facets.append(hash_)
    keys.append(code.lower())
