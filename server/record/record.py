"""The one door to the resources: every verb, for one caller, in one transaction.

permit → validate → index → store → tell. Writes are staged and go to the database together when the
transaction
ends, or earlier if something is asked that they could change the answer to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from server import clock
from server.access import redact
from server.access.access import Access
from server.fhir import Json, json
from server.fhir.issue import (
    Conflict,
    Forbidden,
    Gone,
    Malformed,
    NotFound,
    PreconditionFailed,
    Unprocessable,
)
from server.fhir.meta import stamped
from server.record import precondition, trace
from server.record.door import Door
from server.record.event import entry
from server.record.staging import Slot, Staged, creating, flush, local_targets
from server.search.compile import ESTIMATED, Page, Search
from server.search.extract import extract
from server.search.include import Included, included, including
from server.search.order import Position
from server.search.query import Query
from server.search.view import CallerView
from server.store import audit, locator, resources, writing
from server.store.database import Transaction
from server.store.row import Stored
from server.validation.validate import validate

_FOREVER = 2**31 - 1

_NEVER_IN_THE_WAY = ("Flag", "Task", "Provenance", "AuditEvent")
"""What the server itself makes about a child blocks no delete."""

OURSELVES = 0
"""The author of what ships with the server."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search. `total` is None where it was not counted; `estimated`: it may be more."""

    rows: tuple[Stored, ...]
    included: tuple[Stored, ...]
    next: Position | None
    total: int | None
    cut: bool = False


class Record:
    """Not to be shared between threads, nor kept after the transaction."""

    def __init__(self, door: Door, transaction: Transaction, access: Access) -> None:
        self.door, self.access = door, access
        self._transaction = transaction
        self.at: datetime = clock.now()
        self.connection = transaction.connection
        self._staged: dict[tuple[str, str], Staged] = {}

    # ---- reading -------------------------------------------------------------------------------------------

    def read(self, type_: str, id_: str) -> Stored:
        """The present version.

        Raises:
            NotFound: there is none that the caller may see. Gone: it was deleted.
        """
        self.flush()
        view = self.access.view(type_, "r")
        number = self.door.library.type_number(type_)
        line = entry(self.access, self.at, "read", number, query=id_)
        parameters = audit.parameters(line, none=404)
        rows = resources.reader(view)(self.connection, **parameters, type=number, id=id_)
        if rows:
            return self._shown(resources.stored(type_, rows[0]))
        last = self._last_word(type_, id_)
        if last and last.deleted:
            raise Gone(f"{type_}/{id_} was deleted.")
        raise NotFound(f"{type_}/{id_} was not found.")

    def _last_word(self, type_: str, id_: str) -> Stored | None:
        """The newest row of history, if the caller may see it."""
        view = self.access.view(type_, "r" if self.access.may(type_, "r") else "c")
        number = self.door.library.type_number(type_)
        rows = resources.last_word(view)(self.connection, type=number, id=id_)
        # The column after those of a version says that it may be seen.
        return resources.stored(type_, rows[0][:10]) if rows else None

    def vread(self, type_: str, id_: str, vid: str) -> Stored:
        """One version.

        Raises:
            NotFound: none that the caller may see. Gone: that version is the deletion.
        """
        version = int(vid) if vid.isascii() and vid.isdigit() and len(vid) < 10 else -1
        rows = self._versions(type_, id_, "vread", one=True, version=version)
        if not rows:
            raise NotFound(f"{type_}/{id_} has no version '{vid}'.")
        if rows[0].deleted:
            raise Gone(f"Version '{vid}' of {type_}/{id_} is its deletion.")
        return rows[0]

    def history(self, type_: str, id_: str, count: int, before: int | None = None) -> list[Stored]:
        """Versions newest first, at most `count` of those before number `before`.

        Raises:
            NotFound: there is and was nothing that the caller may see.
        """
        below = _FOREVER if before is None else before
        rows = self._versions(type_, id_, "history", one=False, before=below, count=count)
        if not rows and before is None:
            raise NotFound(f"{type_}/{id_} was not found.")
        return rows

    def search(
        self,
        query: Query,
        *,
        count: int,
        after: Position | None = None,
        total: str | None = None,
        complete: bool = False,
        said: str | None = None,
    ) -> Found:
        """A page of what matches and the caller may see, with what it includes."""
        self.flush()
        traced = trace.asked(self, query)
        search = self._search(query)
        line = entry(self.access, self.at, "search", self.door.library.type_number(query.type), query=said)
        page = search.page(count, after, line, complete=complete) if count else Page((), None)
        if not count:
            audit.record(self.connection, line)
        matches = tuple(map(self._shown, page.rows))
        if traced and count and not matches:
            matches = trace.found(self, query)
        number = self._total(search, page, count, after, total, len(matches))
        extra = self._included(query, page.rows) if page.rows else Included((), False)
        return Found(matches, tuple(map(self._shown, extra.rows)), page.next, number, extra.cut)

    def _search(self, query: Query) -> Search:
        asked = {c.parameter.code for c in query.conditions} | {key.parameter.code for key in query.sort}
        view, hidden = self._searchable(query.type, asked)
        return Search(self.connection, query, view, view.context, hidden)

    def _searchable(self, type_: str, asked: set[str]) -> tuple[CallerView, bool]:
        """The rows that the caller may find by these parameters: none by what it may not see of them."""
        view = self.access.view(type_, "s")
        if not redact.by_existence(type_).issuperset(asked):
            view = view.only_whole()
        return view, not redact.withheld_parameters(type_).isdisjoint(asked)

    def _total(
        self, search: Search, page: Page, count: int, after: Position | None, wanted: str | None, shown: int
    ) -> int | None:
        if after is None and page.next is None and count and wanted != "none":
            return shown
        if wanted == "accurate" or (count == 0 and wanted is None):
            return search.count()
        return search.count(ESTIMATED) if wanted == "estimate" else None

    def _included(self, query: Query, rows: Sequence[Stored]) -> Included:
        if not (query.include or query.revinclude):
            return Included((), False)
        whole = [row for row in rows if row.whole and not row.withheld]
        line = entry(self.access, self.at, "include", self.door.library.type_number(query.type))
        forward = included(self.connection, self.access, query.include, whole, line)
        back = including(self.connection, self.access, self._searchable, query.revinclude, rows, line)
        own = {(row.type, row.rid) for row in rows}
        every = {(row.type, row.rid): row for row in (*forward.rows, *back.rows)}
        return Included(tuple(row for key, row in every.items() if key not in own), forward.cut or back.cut)

    def _versions(
        self, type_: str, id_: str, interaction: str, *, one: bool, **parameters: Any
    ) -> list[Stored]:
        self.flush()
        number = self.door.library.type_number(type_)
        line = entry(self.access, self.at, interaction, number, query=id_)
        statement = resources.versions(self.access.view(type_, "r"), one=one)
        rows = statement(
            self.connection, type=number, id=id_, **parameters, **audit.parameters(line, none=404)
        )
        return [self._shown(resources.stored(type_, row)) for row in rows]

    def _shown(self, row: Stored) -> Stored:
        return redact.shown(row)

    # ---- writing -------------------------------------------------------------------------------------------

    def create(self, resource: Json, id_: str | None = None) -> Stored:
        """A new resource, with a new id or, inside a Bundle, the one that was promised to its other
        entries."""
        type_ = resource["resourceType"]
        self.access.view(type_, "c")
        rid = self.door.rids.take(self.connection)
        return self._stage("create", resource, Slot(id_ or clock.new_id(), rid, 1, self._author))

    def update(
        self, type_: str, id_: str, resource: Json, *, if_match: str | None = None, if_absent: bool = False
    ) -> tuple[Stored, bool]:
        """The next version of a resource, or the first under an id that the client chose; and whether it
        is that.

        Raises:
            Forbidden, PreconditionFailed; Conflict: the id is taken by what the caller may not see.
        """
        if self.staged(type_, id_):
            self.flush()
        self._transaction.begin()
        number = self.door.library.type_number(type_)
        place = locator.lock(self.connection, number, id_)
        if place is None:
            precondition.hold(if_match, None)
            self.access.view(type_, creating(self.access, type_))
            rid = self.door.rids.take(self.connection)
            if locator.reserve(self.connection, number, id_, rid):
                return self._stage("create", resource, Slot(id_, rid, 1, self._author, home=rid)), True
            place = locator.lock(self.connection, number, id_)
            assert place is not None
        child, rid = place
        held = self._held(type_, child, rid, "u")
        if held is None:
            return self._again(type_, id_, resource, child, rid, if_match), True
        if if_absent:
            raise PreconditionFailed("If-None-Match: * was sent, and there is such a resource.")
        precondition.hold(if_match, held.version)
        slot = Slot(id_, rid, held.version + 1, held.author, home=child, was=held)
        written = self._stage("update", resource, slot)
        # The answer shows no more than a read would.
        return self._shown(replace(written, whole=held.whole, withheld=held.withheld)), False

    def delete(self, type_: str, id_: str, if_match: str | None = None) -> Stored | None:
        """Bury a resource; None if there is none that the caller may see (which is as good)."""
        self.flush()
        self.access.view(type_, "d")
        self._transaction.begin()
        number = self.door.library.type_number(type_)
        place = locator.lock(self.connection, number, id_)
        held = None
        if place is not None:
            try:
                held = self._held(type_, *place, "d")
            except Conflict:
                held = None
        if held is None:
            precondition.hold(if_match, None)
            line = entry(self.access, self.at, "delete", number, query=id_, outcome=404)
            audit.record(self.connection, line)
            return None
        precondition.hold(if_match, held.version)
        return self._bury(held, number)

    @property
    def _author(self) -> int:
        return self.access.agency.number

    def _again(
        self, type_: str, id_: str, resource: Json, child: int, rid: int, if_match: str | None
    ) -> Stored:
        """Write under an id that is reserved and empty: deleted before, or spoken of before it was
        written."""
        precondition.hold(if_match, None)
        self.access.view(type_, creating(self.access, type_))
        number = self.door.library.type_number(type_)
        latest = resources.latest_version(self.connection, child, number, rid)
        if latest and not self._last_word(type_, id_):
            # Another's, deleted: to write here would be to read what it was.
            raise Conflict("This id cannot be used.")
        version = latest[0] + 1 if latest else 1
        return self._stage("create", resource, Slot(id_, rid, version, self._author, home=child))

    def _held(self, type_: str, child: int, rid: int, letter: str) -> Stored | None:
        """The live version that the caller wants to change, or None.

        Raises:
            Conflict: there is one that it may not see. Forbidden: it may see it and not change it.
        """
        permit = self.access.view(type_, letter)
        view = self.access.view(type_, "r") if self.access.may(type_, "r") else permit
        number = self.door.library.type_number(type_)
        rows = resources.holder(view, permit)(self.connection, child=child, type=number, rid=rid)
        if not rows:
            return None
        held, (seen, permitted, restriction) = resources.stored(type_, rows[0][:9]), rows[0][9:12]
        if not seen:
            raise Conflict("This id cannot be used.")
        if held.author == OURSELVES != self.access.agency.number:
            raise Forbidden(f"This {type_} ships with the server and cannot be changed.")
        if not permitted or not held.whole:
            raise Forbidden(f"The rights of this caller do not let it change this {type_}.")
        return resources.with_restriction(held, restriction)

    def _bury(self, held: Stored, number: int) -> Stored:
        if held.type == "Patient" and self.access.agency.integrity:
            ours = [self.door.library.type_number(type_) for type_ in _NEVER_IN_THE_WAY]
            if resources.has_more(self.connection, held.child, held.rid, ours):
                raise Conflict("Other resources are about this child: they must be deleted first.")
        writing.retire(self.connection, [(held.child, number, held.rid)])
        version = held.version + 1
        writing.bury(self.connection, held.child, number, held.rid, version, self.at)
        line = entry(self.access, self.at, "delete", number, outcome=204, child=held.child, hits=(held.rid,))
        told = {
            "child": held.child, "rid": held.rid, "version": version, "type": number, "interaction": "delete",
            "author": self._author, "at": self.at,
        }  # fmt: skip
        writing.write(self.connection, [], [told], [line])
        return Stored(
            held.type, held.id, held.child, held.rid, version, self.at, "", held.author, deleted=True
        )

    def _stage(self, interaction: str, resource: Json, slot: Slot) -> Stored:
        kept = stamped(resource, slot.id, slot.version, self.at)
        issues = validate(kept)
        if issues:
            raise Malformed(issues=tuple(issues))
        if redact.is_part(kept, shown_whole=not (slot.was and slot.was.withheld)):
            raise Unprocessable(
                "A resource marked SUBSETTED or REDACTED is a part of one, and cannot take its place."
            )
        if slot.was and slot.was.withheld:
            kept = redact.restored(kept, slot.was)
        for prepare in self.door.hooks.prepare:
            kept = prepare(kept, self.access.agency)
        type_, body = kept["resourceType"], json.encode(kept).decode()
        index = extract(kept, self.door.hasher, self.door.base_url)
        number = self.door.library.type_number(type_)
        self._staged[type_, slot.id] = Staged(
            interaction, kept, body, index, type_, number, slot, local_targets(kept, self.door)
        )
        return Stored(type_, slot.id, 0, slot.rid, slot.version, self.at, body, slot.author)

    def flush(self) -> None:
        """Send what is staged to the database."""
        if self._staged:
            staged, self._staged = list(self._staged.values()), {}
            flush(self.door, self._transaction, self.access, staged, self.at)

    def staged(self, type_: str, id_: str) -> bool:
        """Whether this transaction has written it already."""
        return (type_, id_) in self._staged

    def alone(self, condition: str) -> None:
        """Wait until no other transaction acts on the same condition: who asks second sees what the first
        wrote."""
        self._transaction.begin()
        locator.alone(self.connection, condition)
