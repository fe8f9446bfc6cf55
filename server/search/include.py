"""What a result brings along: `_include` and `_revinclude`, step by step.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json, json
from server.fhir.reference import parse
from server.search.drive import names_children, of_children
from server.search.facet import facet
from server.search.hidden import WITHHELD, looks_at, paths
from server.search.inclusion import Include
from server.search.join import Searchable
from server.search.types.reference import localised
from server.search.view import CallerView
from server.store import audit, recordset, resources
from server.store import tables as t
from server.store.database import Prepared
from server.store.row import Entry, Stored

LIMIT = 1000
"""Resources that one answer brings along; where there are more, it says so and gives a link to the rest."""


_FORTH, _BACK = "0", "1"
"""How the names of ways begin: in this order they are gone."""


class Caller(Protocol):
    """Who asks: what they may see of each type."""

    def may(self, type_: str, letter: str) -> bool: ...

    def view(self, type_: str, letter: str) -> CallerView: ...


Mark = tuple[int, Sequence[Any], int]
"""Up to where what is brought along was shown: the step, the way within it, the rid."""


@dataclass(frozen=True, slots=True)
class Included:
    """`more`: up to where it was shown when the limit was reached; None: that is all."""

    rows: tuple[Stored, ...] = ()
    more: Mark | None = None


Shape = tuple[str, CallerView, bool]
"""How the resources that a way leads to are found (by id, child, facet or none of these), what the caller may
see of them, and whether what is withheld is none of it: all that the SQL of a way depends on."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way on from the rows of a step."""

    name: tuple[str, ...]
    shape: Shape
    values: Mapping[str, Any]

    @property
    def type(self) -> str:
        """That of the resources that it leads to."""
        return self.shape[1].type


_FIRST = 0
"""Below every rid."""

_TOGETHER = 8
"""Ways that are gone in one statement; more of them are of so many kinds that each would be a new one."""


@dataclass(frozen=True)
class Bringing:
    """One request's way to what its page brings along. `types`: those there are any resources of."""

    connection: Connection
    caller: Caller
    searchable: Searchable
    types: Callable[[], Sequence[str]]
    entry: Entry

    def along(
        self,
        forward: Sequence[Include],
        back: Sequence[Include],
        rows: Sequence[Stored],
        after: Mark | None = None,
    ) -> Included:
        """What the rows refer to and what refers to them, step by step; up to `after` it was shown before."""
        known = {(row.type, row.rid) for row in rows}
        shown: list[tuple[Mark, Stored]] = []
        fresh: Sequence[Stored] = rows
        step = 0
        while fresh:
            found: list[Stored] = []
            for way, row in self._found(sorted(self._ways(forward, back, fresh), key=_by_name)):
                here: Mark = (step, way, row.rid)
                if (row.type, row.rid) in known:
                    continue
                known.add((row.type, row.rid))
                found.append(row)
                if after is None or here > after:
                    shown.append((here, row))
                if len(shown) > LIMIT:
                    return Included(tuple(row for _, row in shown[:LIMIT]), shown[LIMIT - 1][0])
            fresh, step = found, step + 1
            forward = [one for one in forward if one.iterate]
            back = [one for one in back if one.iterate]
        return Included(tuple(row for _, row in shown))

    def _found(self, ways: Sequence[Way]) -> Iterator[tuple[tuple[str, ...], Stored]]:
        """What each way leads to, way by way and by rid."""
        for some in [ways] if len(ways) <= _TOGETHER else ([way] for way in ways):
            read = self._read(some, _FIRST)
            for way, rows in zip(some, read, strict=True):
                while rows:
                    yield from ((way.name, row) for row in rows)
                    # What was met on another does not make it shorter.
                    rows = self._read([way], rows[-1].rid)[0] if len(rows) > LIMIT else []

    def _read(self, ways: Sequence[Way], after: int) -> Sequence[Sequence[Stored]]:
        """The next resources of each way, after a rid and in the order of theirs: `LIMIT` and one more."""
        if not ways:
            return []
        values = {f"{name}_{at}": value for at, way in enumerate(ways) for name, value in way.values.items()}
        line = audit.parameters(self.entry.again(clock.new_id()))
        statement = _statement(tuple(way.shape for way in ways), LIMIT + 1)
        found: list[list[Stored]] = [[] for _ in ways]
        caller = ways[0].shape[1].values
        for at, *row in statement(self.connection, **caller, **values, **line, after=after):
            found[at].append(resources.stored(ways[at].type, tuple(row)))
        return found

    def _ways(
        self, forward: Sequence[Include], back: Sequence[Include], rows: Sequence[Stored]
    ) -> Iterator[Way]:
        yield from self._pointed_at(forward, rows)
        yield from self._pointing(back, rows)

    def _pointed_at(self, wanted: Sequence[Include], rows: Sequence[Stored]) -> Iterator[Way]:
        """What the rows point at: no more of a row is followed than its reader is shown."""
        targets: dict[str, dict[str, None]] = {}
        for type_, id_ in self._references(wanted, rows):
            if self.caller.may(type_, "r"):
                targets.setdefault(type_, {})[id_] = None
        for type_, ids in targets.items():
            given = {"type": library().type_number(type_), "ids": list(ids)}
            yield Way((_FORTH, type_), ("id", self.caller.view(type_, "r"), False), given)

    def _references(self, wanted: Sequence[Include], rows: Sequence[Stored]) -> Iterator[tuple[str, str]]:
        for row in rows if wanted else ():
            if row.whole and not row.withheld & WITHHELD:
                resource = json.decode(row.body.encode())
                kept_back = tuple(paths(row.withheld))
                ways = (
                    (one, parameter)
                    for one in wanted
                    for parameter in one.of(row.type)
                    if not any(looks_at(row.type, parameter, path) for path in kept_back)
                )
                for one, parameter in ways:
                    for type_, id_ in _local(parameter, resource, self._base_url(row.type)):
                        if one.target in (None, type_):
                            yield type_, id_

    def _base_url(self, type_: str) -> str:
        letter = "r" if self.caller.may(type_, "r") else "s"
        return self.caller.view(type_, letter).context.base_url

    def _pointing(self, wanted: Sequence[Include], rows: Sequence[Stored]) -> Iterator[Way]:
        """What points at the rows: found by a parameter, and so only by whom that parameter tells nothing
        hidden."""
        by_type: dict[str, list[Stored]] = {}
        for row in rows:
            by_type.setdefault(row.type, []).append(row)
        for type_, some in by_type.items() if wanted else ():
            for source, parameter in self._sources(wanted, type_):
                if self.caller.may(source, "s"):
                    yield self._pointing_by(source, parameter, some)

    def _sources(self, wanted: Sequence[Include], type_: str) -> Iterator[tuple[str, SearchParameter]]:
        """The references that may lead to resources of the type, each once."""
        found: dict[tuple[str, str], SearchParameter] = {}
        for one in wanted:
            for source in (one.source,) if one.source else self.types():
                for each in one.of(source):
                    if one.leads_to(type_, source, each):
                        found[source, each.code] = each
        for (source, _), parameter in found.items():
            yield source, parameter

    def _pointing_by(self, source: str, parameter: SearchParameter, rows: Sequence[Stored]) -> Way:
        view, withheld = self.searchable(source, {parameter.code})
        texts = [f"{row.type}/{row.id}" for row in rows]
        by_child = rows[0].type == "Patient" and names_children(source, parameter.code)
        listed = all(map(facet(source, parameter).lists, texts))
        how = "child" if by_child else "facet" if listed else "filter"
        hashes = [view.context.hasher.token(view.type, parameter.code, text) for text in texts]
        given: dict[str, Any] = {"hashes": hashes}
        if by_child:
            given["children"] = [row.child for row in rows]
        return Way((_BACK, rows[0].type, source, parameter.code), (how, view, withheld), given)


def _by_name(way: Way) -> tuple[str, ...]:
    return way.name


def _local(parameter: SearchParameter, resource: Json, base_url: str) -> Iterator[tuple[str, str]]:
    """(type, id) of what a reference of a resource leads to on this server."""
    for element, _ in parameter.extract(resource):
        text = element.get("reference") if isinstance(element, dict) else element
        local = parse((localised(text, base_url) if isinstance(text, str) else None) or "")
        if local.local and local.type in library().resource_types:
            yield local.type, local.id or ""


@lru_cache(maxsize=1024)
def _statement(shapes: tuple[Shape, ...], most: int) -> Prepared:
    """The resources that ways of these shapes lead to, each with the place of its way, and the account of
    them."""
    parts = [select(_led_to(shape, f"_{at}", at, most).subquery()) for at, shape in enumerate(shapes)]
    found = (parts[0] if len(parts) == 1 else union_all(*parts)).cte("found").prefix_with("MATERIALIZED")
    ordered = select(found).order_by(found.c.way, found.c.rid)
    return Prepared(ordered.add_cte(*audit.of_found(found, several=True)))


def _led_to(shape: Shape, suffix: str, at: int, most: int) -> Select[Any]:
    how, view, withheld = shape
    row = t.partition(view.type).alias("r")
    source, criteria = _by_id(row, suffix) if how == "id" else _by_hash(row, view, how, suffix)
    if withheld:
        criteria.append(not_(view.withheld(row)))
    return (
        select(literal_column(str(at)).label("way"), *resources.columns(row, view))
        .select_from(source)
        .where(*criteria, row.c.rid > bindparam("after"), view.visible(row))
        .order_by(row.c.rid)
        .limit(literal_column(str(most)))
    )


Source = tuple[FromClause, list[ColumnElement[bool]]]
"""Where rows come from, and which of them."""


def _by_id(row: FromClause, suffix: str) -> Source:
    place, ids = t.locator.alias("l"), cast(bindparam(f"ids{suffix}"), ARRAY(Text))
    source = place.join(row, and_(*recordset.same(place, row, "child", "type", "rid")))
    return source, [place.c.type == bindparam(f"type{suffix}"), place.c.id == any_(ids)]


def _by_hash(row: FromClause, view: CallerView, how: str, suffix: str) -> Source:
    """Rows that carry one of the hashes: of these children, by facet, or of all."""
    hashes = cast(bindparam(f"hashes{suffix}"), ARRAY(BigInteger))
    criteria = [row.c.type == library().type_number(view.type), row.c.tok.overlap(hashes).is_(true())]
    if how == "filter":
        return row, criteria
    if how == "child":
        children = cast(bindparam(f"children{suffix}"), ARRAY(BigInteger))
        d = of_children(view.type, select(func.unnest(children).label("child"))).subquery("d")
    else:
        hit = select(t.facet.c.child, t.facet.c.rid).where(t.facet.c.h == any_(hashes)).distinct()
        d = hit.offset(literal_column("0")).subquery("d")
    return d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid)), criteria
