"""Composites: several values of one element at once, such as a code and the quantity that was measured by it.

https://hl7.org/fhir/R4/search.html#composite

Where there is one such element (the resource itself), its values are those of parameters that are indexed
anyway, and the composite is all of them together. Where there may be several, the values of each element are
bound together: codes and references by a hash of the pair, numbers by the place of the element.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Any, cast

from sqlalchemy import BigInteger, ColumnElement, FromClause, and_, func, or_, select, true

from server.definition.library import library
from server.definition.searchparameter import SearchParameter, number
from server.fhir.closure import Found
from server.fhir.issue import Invalid
from server.fhir.path import Path, compile
from server.search.element import Group, groups, places, repeated
from server.search.escape import split
from server.search.hash import Hasher
from server.search.types import (
    Asked,
    Bind,
    Condition,
    Context,
    Element,
    Index,
    Measured,
    Place,
    Plan,
    SearchParamType,
    Shape,
    beside,
    missing,
    unless,
)
from server.search.types.number import Measuring
from server.store.tables import number_index

Kind = Callable[[SearchParameter], SearchParamType | None]

_OUTSIDE = "%resource."
_DISCRETE = frozenset({"token", "reference"})


@dataclass(frozen=True, slots=True)
class Part:
    """One component: the parameter that it is like, and where it stands in the element."""

    parameter: SearchParameter
    path: Path
    outside: bool

    @property
    def discrete(self) -> bool:
        """Whether its values are hashes."""
        return self.parameter.type in _DISCRETE


@dataclass(frozen=True, slots=True)
class Layout:
    """How a composite is answered for one type. `alone`: the parameters that answer it where there is one
    element; `keeper`: the code under which elements that repeat are indexed, in `parts`."""

    alone: tuple[tuple[SearchParameter, ...], ...]
    keeper: str | None
    parts: tuple[Part, ...]


class Composite(SearchParamType):
    """`kind` says what answers the components."""

    sortable = False

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def index(self, elements: Sequence[Element], plan: Plan, index: Index) -> None:
        layout = _layout(plan.type, plan.code)
        if layout.keeper != plan.code:
            return
        resource = elements.resource if isinstance(elements, Found) else {}
        inside = (element for element, type_ in elements if type_ != plan.type)
        for at, element in enumerate(inside):
            self._index(element, resource, at, layout, plan, index)

    def check(self, type_: str, condition: Condition) -> None:
        layout = _layout(type_, condition.parameter.code)
        like = [part.parameter for part in layout.parts] or list(layout.alone[0])
        for text in condition.values:
            for parameter, value in zip(like, _values(text, len(like)), strict=True):
                self._answer(parameter).check(type_, Condition(parameter, None, (value,)))

    def ask(self, condition: Condition, context: Context) -> Asked:
        if asked := missing(condition):
            token = context.hasher.token(context.type, _code(context.type, condition), "")
            return Asked((*asked.shape, "marked"), ([token],))
        layout = _layout(context.type, condition.parameter.code)
        count = len(condition.parameter.components)
        shape: list[Shape] = []
        values: list[Any] = []
        for text in condition.values:
            parts = _values(text, count)
            ways = [self._ask_alone(alone, parts, context) for alone in layout.alone]
            if layout.keeper:
                ways.append(self._ask_together(layout, parts, context))
            for way in ways:
                shape.append((*way.shape, len(way.values)))
                values += way.values
        return Asked(tuple(shape), tuple(values))

    def clause(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        match shape:
            case "missing", wanted, "marked":
                return unless(wanted, self._present(row, place, values[0]))
        ways, at = [], 0
        for way in shape:
            how, inner, count = cast("tuple[str, Shape, int]", way)
            given = values[at : at + count]
            at += count
            clause = self._alone if how == "alone" else self._together
            ways.append(clause(row, place, inner, given))
        return or_(*ways)

    # ---- one element ---------------------------------------------------------------------------------------

    def _ask_alone(self, alone: Sequence[SearchParameter], parts: Sequence[str], context: Context) -> Asked:
        asked = [
            self._answer(parameter).ask(Condition(parameter, None, (text,)), context)
            for parameter, text in zip(alone, parts, strict=True)
        ]
        inner = tuple(
            (parameter.code, one.shape, len(one.values)) for parameter, one in zip(alone, asked, strict=True)
        )
        return Asked(("alone", inner), tuple(value for one in asked for value in one.values))

    def _alone(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        clauses, at = [], 0
        for part in shape:
            code, inner, count = cast("tuple[str, Shape, int]", part)
            parameter = library().search_parameters(place.type)[code]
            given = values[at : at + count]
            at += count
            clauses.append(self._answer(parameter).clause(row, Place(place.type, parameter), inner, given))
        return and_(*clauses)

    # ---- one of several elements ---------------------------------------------------------------------------

    def _index(self, element: Any, resource: Any, at: int, layout: Layout, plan: Plan, index: Index) -> None:
        values = [part.path(resource if part.outside else element) for part in layout.parts]
        if not all(values):
            return
        hashes: list[list[int]] = []
        numbers: list[list[tuple[int, int, Measured]]] = []
        for nth, (part, inside) in enumerate(zip(layout.parts, values, strict=True)):
            found, like = Index(), _plan(plan.type, part.parameter, plan.hasher, plan.base_url)
            self._answer(part.parameter).index(inside, like, found)
            if part.discrete:
                hashes.append(found.tokens)
            else:
                numbers.append([(_number(plan.code, nth), at, each) for _, _, each in found.numbers[:1]])
        if not (all(hashes) and all(numbers)):
            return
        index.tokens.append(plan.token(""))
        index.numbers += (row for rows in numbers for row in rows)
        bound = product(*hashes)
        if numbers:
            index.tokens += (_placed(plan.token(_pair(each))) + at for each in bound)
        else:
            index.tokens += (plan.token(_pair(each)) for each in bound)

    def _ask_together(self, layout: Layout, parts: Sequence[str], context: Context) -> Asked:
        hashes: list[Sequence[int]] = []
        inner: list[tuple[int, Shape, int]] = []
        values: list[Any] = []
        for nth, (part, text) in enumerate(zip(layout.parts, parts, strict=True)):
            condition = Condition(part.parameter, None, (text,))
            asked = self._answer(part.parameter).ask(condition, context)
            if part.discrete:
                hashes.append(_hashes(asked, text))
            else:
                inner.append((nth, asked.shape, len(asked.values)))
                values += asked.values
        assert layout.keeper is not None
        pairs = (context.hasher.token(context.type, layout.keeper, _pair(each)) for each in product(*hashes))
        bound = [_placed(pair) for pair in pairs] if inner else list(pairs)
        return Asked(("together", tuple(inner)), (bound, *values))

    def _together(
        self, row: FromClause, place: Place, shape: Shape, values: Sequence[Bind]
    ) -> ColumnElement[bool]:
        bound, at = values[0], 1
        if not shape:
            return carries(row, bound)
        layout = _layout(place.type, place.parameter.code)
        tables: list[FromClause] = []
        criteria: list[ColumnElement[bool]] = []
        for part in shape:
            nth, inner, count = cast("tuple[int, Shape, int]", part)
            n = number_index.alias(f"n{nth}") if tables else number_index
            answer = cast("Measuring", self._answer(layout.parts[nth].parameter))
            own = n.c.param == _number(layout.keeper or "", nth)
            criteria += [own, answer.matching(n, inner, values[at : at + count])]
            at += count
            if tables:
                first = tables[0]
                criteria += (n.c[name] == first.c[name] for name in ("child", "rid", "type", "place"))
            tables.append(n)
        each = func.unnest(bound, type_=BigInteger).column_valued("each")
        codes = func.array(select(each + number_index.c.place).scalar_subquery())
        criteria.append(carries(row, codes))
        return beside(row, number_index, place.type, *criteria)

    def _present(self, row: FromClause, place: Place, marked: Bind) -> ColumnElement[bool]:
        layout = _layout(place.type, place.parameter.code)
        ways: list[ColumnElement[bool]] = [carries(row, marked)] if layout.keeper else []
        for alone in layout.alone:
            ways.append(
                and_(
                    *(
                        self._answer(each).clause(row, Place(place.type, each), ("missing", False), [])
                        for each in alone
                    )
                )
            )
        return or_(*ways)

    def _answer(self, parameter: SearchParameter) -> SearchParamType:
        answer = self._kind(parameter)
        assert answer is not None, "a composite of what is not built is not built"
        return answer


@cache
def built(type_: str, parameter: SearchParameter) -> bool:
    """Whether the composite can be answered for a type."""
    if not parameter.components:
        return False
    layout = _layout(type_, parameter.code)
    inside = all(part.discrete or part.parameter.type in ("number", "quantity") for part in layout.parts)
    return bool(layout.alone or layout.keeper) and inside


@cache
def _layout(type_: str, code: str) -> Layout:
    parameter = library().shipped(type_)[code]
    alone: list[tuple[SearchParameter, ...]] = []
    keeper: SearchParameter | None = None
    for group in groups(type_, parameter):
        if group.repeats:
            keeper = _keeper(type_, parameter, group)
        elif (like := _alone(type_, parameter, group)) is not None:
            alone.append(like)
    parts = tuple(_parts(type_, keeper)) if keeper else ()
    return Layout(tuple(alone), keeper.code if keeper else None, parts)


def _alone(type_: str, parameter: SearchParameter, group: Group) -> tuple[SearchParameter, ...] | None:
    """The parameters that find the components of an element that does not repeat, and nothing besides."""
    found = [_within(type_, like, group) for like in _like(type_, parameter)]
    return tuple(each for each in found if each) if all(found) else None


def _within(type_: str, like: SearchParameter, group: Group) -> SearchParameter | None:
    wanted = {place for place in places(type_, like) if place[0] == group.type}
    others = library().shipped(type_).values()
    for each in (like, *others):
        if each.type == like.type and wanted and places(type_, each) == wanted:
            return each
    # It may look further into the one element than the composite says (the text of a concept, for a string).
    return like if wanted and group.type == type_ and not repeated(type_, like) else None


def _keeper(type_: str, parameter: SearchParameter, group: Group) -> SearchParameter:
    """The composite that is about this element alone, if there is one of the same components."""
    inside = [each.expression for each in parameter.components]
    for other in library().shipped(type_).values():
        same = [each.expression for each in other.components] == inside
        if other.type == "composite" and same and groups(type_, other) == (group,):
            return other
    return parameter


def _parts(type_: str, keeper: SearchParameter) -> Iterator[Part]:
    (group,) = (each for each in groups(type_, keeper) if each.repeats)
    for like, component in zip(_like(type_, keeper), keeper.components, strict=True):
        outside = component.expression.startswith(_OUTSIDE)
        text = component.expression.removeprefix(_OUTSIDE)
        within = type_ if outside else group.type
        yield Part(like, compile(text, within, keeper.type_of), outside)


def _like(type_: str, parameter: SearchParameter) -> list[SearchParameter]:
    by_url = {each.url: each for each in library().shipped(type_).values()}
    return [by_url[each.definition] for each in parameter.components]


def _values(text: str, count: int) -> list[str]:
    parts = split(text, "$")
    if len(parts) != count or not all(parts):
        raise Invalid(f"'{text}' is not {count} values with '$' between them.")
    return parts


def _hashes(asked: Asked, text: str) -> Sequence[int]:
    if asked.shape[0] != "carries":
        raise Invalid(f"'{text}' names no code: a composite needs one.")
    return cast("Sequence[int]", asked.values[0])


def carries(row: FromClause, hashes: ColumnElement[Any]) -> ColumnElement[bool]:
    """One of the hashes is among the tokens of the row; hidden from the planner, as in `token.holds`."""
    return cast("ColumnElement[bool]", row.c.tok.overlap(hashes).is_(true()))


@lru_cache(maxsize=256)
def _plan(type_: str, parameter: SearchParameter, hasher: Hasher, base_url: str) -> Plan:
    return Plan.of(type_, parameter, hasher, base_url)


def _pair(hashes: Sequence[int]) -> str:
    return "$".join(map(str, hashes))


def _placed(hash_: int) -> int:
    """A hash with room above it for the place of an element."""
    return hash_ >> 1


def _number(code: str, nth: int) -> int:
    """What stands for a component in the index of numbers."""
    return number(f"{code}${nth}")


def _code(type_: str, condition: Condition) -> str:
    return _layout(type_, condition.parameter.code).keeper or condition.parameter.code
