"""What a result brings along: `_include` and `_revinclude`, step by step.

https://hl7.org/fhir/R4/search.html#include
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from operator import itemgetter
from typing import Any, Protocol

from sqlalchemy import (
    BigInteger,
    Connection,
    FromClause,
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
)
from sqlalchemy.dialects.postgresql import ARRAY

from server import clock
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json, json
from server.fhir.reference import parse
from server.search.drive import names_children, of_children
from server.search.facet import facet
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


Read = Callable[[int], Sequence[Stored]]
"""The next resources that one way leads to, after a rid and in the order of theirs: `LIMIT` and one more."""

_FIRST = 0
"""Below every rid."""


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
            for way, read in self._ways(forward, back, fresh):
                for row in _each(read):
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

    def _ways(
        self, forward: Sequence[Include], back: Sequence[Include], rows: Sequence[Stored]
    ) -> Iterator[tuple[tuple[str, ...], Read]]:
        """Each way on from the rows, with its name; in the order of those."""
        yield from sorted(self._pointed_at(forward, rows), key=itemgetter(0))
        yield from sorted(self._pointing(back, rows), key=itemgetter(0))

    def _pointed_at(
        self, wanted: Sequence[Include], rows: Sequence[Stored]
    ) -> Iterator[tuple[tuple[str, ...], Read]]:
        """What the rows point at: no more of a row is followed than its reader is shown."""
        targets: dict[str, dict[str, None]] = {}
        for type_, id_ in self._references(wanted, rows):
            if self.caller.may(type_, "r"):
                targets.setdefault(type_, {})[id_] = None
        for type_, ids in targets.items():
            yield (_FORTH, type_), partial(self._named, type_, list(ids))

    def _named(self, type_: str, ids: list[str], after: int) -> Sequence[Stored]:
        line = audit.parameters(_again(self.entry))
        number = library().type_number(type_)
        statement = _many(self.caller.view(type_, "r"), LIMIT + 1)
        found = statement(self.connection, type=number, ids=ids, after=after, **line)
        return [resources.stored(type_, row) for row in found]

    def _references(self, wanted: Sequence[Include], rows: Sequence[Stored]) -> Iterator[tuple[str, str]]:
        for row in rows if wanted else ():
            if row.whole and not row.withheld:
                resource = json.decode(row.body.encode())
                ways = ((one, parameter) for one in wanted for parameter in one.of(row.type))
                for one, parameter in ways:
                    for type_, id_ in _local(parameter, resource, self._base_url(row.type)):
                        if one.target in (None, type_):
                            yield type_, id_

    def _base_url(self, type_: str) -> str:
        letter = "r" if self.caller.may(type_, "r") else "s"
        return self.caller.view(type_, letter).context.base_url

    def _pointing(
        self, wanted: Sequence[Include], rows: Sequence[Stored]
    ) -> Iterator[tuple[tuple[str, ...], Read]]:
        """What points at the rows: found by a parameter, and so only by whom that parameter tells nothing
        hidden."""
        by_type: dict[str, list[Stored]] = {}
        for row in rows:
            by_type.setdefault(row.type, []).append(row)
        for type_, some in by_type.items() if wanted else ():
            for source, parameter in self._sources(wanted, type_):
                if self.caller.may(source, "s"):
                    name = (_BACK, type_, source, parameter.code)
                    yield name, self._pointing_by(source, parameter, some)

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

    def _pointing_by(self, source: str, parameter: SearchParameter, rows: Sequence[Stored]) -> Read:
        view, withheld = self.searchable(source, {parameter.code})
        texts = [f"{row.type}/{row.id}" for row in rows]
        by_child = rows[0].type == "Patient" and names_children(source, parameter.code)
        listed = all(map(facet(source, parameter).lists, texts))
        how = "child" if by_child else "facet" if listed else "filter"
        # Their number is part of the SQL, and there is one.
        statement = _holding(view, withheld, how, LIMIT + 1)
        hashes = [view.context.hasher.token(view.type, parameter.code, text) for text in texts]
        given = {"children": [row.child for row in rows]} if by_child else {}

        def read(after: int) -> Sequence[Stored]:
            line = audit.parameters(_again(self.entry))
            found = statement(self.connection, **line, **given, hashes=hashes, after=after)
            return [resources.stored(source, row) for row in found]

        return read


def _each(read: Read) -> Iterator[Stored]:
    """All that a way leads to: what was met on another does not make it shorter."""
    after = _FIRST
    while True:
        found = read(after)
        yield from found
        if len(found) <= LIMIT:
            return
        after = found[-1].rid


def _local(parameter: SearchParameter, resource: Json, base_url: str) -> Iterator[tuple[str, str]]:
    """(type, id) of what a reference of a resource leads to on this server."""
    for element, _ in parameter.extract(resource):
        text = element.get("reference") if isinstance(element, dict) else element
        local = parse((localised(text, base_url) if isinstance(text, str) else None) or "")
        if local.local and local.type in library().resource_types:
            yield local.type, local.id or ""


@lru_cache(maxsize=1024)
def _many(view: CallerView, most: int) -> Prepared:
    row, place = t.partition(view.type).alias("r"), t.locator.alias("l")
    found = (
        select(*resources.columns(row, view))
        .select_from(place)
        .join(row, and_(*recordset.same(place, row, "child", "type", "rid")))
        .where(place.c.type == bindparam("type"), place.c.id == any_(cast(bindparam("ids"), ARRAY(Text))))
        .where(row.c.rid > bindparam("after"), view.visible(row))
        .order_by(row.c.rid)
        .limit(literal_column(str(most)))
        .cte("found")
        .prefix_with("MATERIALIZED")
    )
    return Prepared(select(found).add_cte(*audit.of_found(found, several=True)))


@lru_cache(maxsize=1024)
def _holding(view: CallerView, withheld: bool, how: str, most: int) -> Prepared:
    """Rows of a type that carry one of the hashes, by rid: of these children, by facet, or of all."""
    row = t.partition(view.type).alias("r")
    hashes = cast(bindparam("hashes"), ARRAY(BigInteger))
    source: FromClause = row
    criteria = [
        row.c.type == library().type_number(view.type),
        row.c.tok.overlap(hashes).is_(true()),
        row.c.rid > bindparam("after"),
        view.visible(row),
        *([not_(view.withheld(row))] if withheld else []),
    ]
    if how == "child":
        given = select(func.unnest(cast(bindparam("children"), ARRAY(BigInteger))).label("child"))
        d = of_children(view.type, given).subquery("d")
        source = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
    elif how == "facet":
        hit = select(t.facet.c.child, t.facet.c.rid).where(t.facet.c.h == any_(hashes)).distinct()
        d = hit.offset(literal_column("0")).subquery("d")
        source = d.join(row, and_(row.c.child == d.c.child, row.c.rid == d.c.rid))
    statement = select(*resources.columns(row, view)).select_from(source).where(*criteria)
    ordered = statement.order_by(row.c.rid).limit(literal_column(str(most)))
    found = ordered.cte("found").prefix_with("MATERIALIZED")
    return Prepared(select(found).add_cte(*audit.of_found(found, several=True)))


def _again(entry: Entry) -> Entry:
    """A line of its own for a further statement of the same request."""
    return entry.again(clock.new_id())
