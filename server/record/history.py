"""The past, for one caller: the versions of a resource, of all resources of a type, of everything.

A version is seen by who may see it and the present one. What spans resources ends at the commit horizon, so
that who reads on from where it ended misses nothing.
"""

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from server.access import redact
from server.fhir.issue import Forbidden, Gone, NotFound
from server.record.event import entry
from server.search import history as across
from server.search.history import Page, Position
from server.search.view import CallerView
from server.store import audit, history
from server.store.history import Span
from server.store.horizon import TICK
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def version(record: "Record", type_: str, id_: str, vid: str) -> Stored:
    """One version.

    Raises:
        NotFound: none that the caller may see. Gone: that version is the deletion.
    """
    number = record.door.library.type_number(type_)
    wanted = int(vid) if _VERSION.fullmatch(vid) else -1
    line = audit.parameters(entry(record.access, record.at, "vread", number, query=id_), none=404)
    statement = history.version(record.access.view(type_, "r"))
    rows = statement(record.connection, type=number, id=id_, version=wanted, **line)
    if not rows:
        raise NotFound(f"{type_}/{id_} has no version '{vid}'.")
    found = history.made(type_, rows[0])
    if found.deleted:
        raise Gone(f"Version '{vid}' of {type_}/{id_} is its deletion.")
    return redact.shown(found)


def of_one(
    record: "Record", type_: str, id_: str, span: Span, count: int, after: int | None = None
) -> tuple[list[Stored], int | None]:
    """A page of the versions of one resource, and the version that the next one comes after.

    Raises:
        NotFound: there is and was nothing that the caller may see.
    """
    number = record.door.library.type_number(type_)
    whole = span == Span(newest_first=span.newest_first) and after is None
    line = entry(record.access, record.at, "history", number, query=id_)
    statement = history.versions(record.access.view(type_, "r"), newest_first=span.newest_first)
    asked = {**span.values, "after": history.after(after, newest_first=span.newest_first), "count": count + 1}
    rows = statement(
        record.connection, type=number, id=id_, **asked, **audit.parameters(line, none=404 if whole else 200)
    )
    if not rows and not whole:
        # Nothing of the time that was asked for is another answer than nothing at all.
        of_one(record, type_, id_, Span(), 1)
    if not rows and whole:
        raise NotFound(f"{type_}/{id_} was not found.")
    found = [redact.shown(history.made(type_, row)) for row in rows]
    more = len(found) > count > 0
    return found[:count], found[count - 1].version if more else None


def of_many(
    record: "Record", type_: str | None, span: Span, count: int, after: Position | None, said: str
) -> Page:
    """A page of the versions of all resources of a type, or of all types that the caller may read.

    Raises:
        Forbidden: it may read none.
    """
    library = record.door.library
    views = _views(record, type_)
    page = across.page(record.connection, views, span, after, count) if count else Page((), None)
    line = entry(
        record.access,
        record.at,
        "history",
        library.type_number(type_) if type_ else None,
        query=said,
        hits=tuple(row.rid for row in page.rows),
    )
    audit.record_of_several(record.connection, line, {row.child for row in page.rows})
    return replace(page, rows=tuple(map(redact.shown, page.rows)))


def up_to_the_horizon(record: "Record", span: Span) -> Span:
    """The same span, as far as history can be read by now."""
    return span.until(record.horizon() + TICK)


def _views(record: "Record", type_: str | None) -> dict[int, CallerView]:
    library, access = record.door.library, record.access
    if type_ is not None:
        return {library.type_number(type_): access.view(type_, "r")}
    readable = (each for each in library.resource_types if access.may(each, "r"))
    found = {library.type_number(each): access.view(each, "r") for each in readable}
    if not found:
        raise Forbidden("The token's scopes and the agency's rights let it read nothing.")
    return found
