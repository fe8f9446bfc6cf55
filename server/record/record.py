"""The one door to the resources: every verb, for one caller, in one transaction.

permit → validate → index → store → tell. Writes are staged and go to the database together when the
transaction
ends, or earlier if something is asked that they could change the answer to.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from server import clock
from server.access import redact
from server.access.access import Access
from server.fhir import Json, json
from server.fhir.issue import (
    Conflict,
    Forbidden,
    Gone,
    Issue,
    NotFound,
    NotSupported,
)
from server.record import (
    decided,
    definition,
    history,
    integrity,
    likeness,
    mark,
    precondition,
    principals,
    resembling,
    review,
    searchparameter,
    totals,
)
from server.record import search as searching
from server.record.added import OURSELVES
from server.record.around import Around
from server.record.change import Change, Patch, patched, says_the_same, to_keep
from server.record.door import Door
from server.record.event import entry
from server.record.merge import merged
from server.record.places import NOWHERE, local_targets
from server.record.series import Kept, Series
from server.record.staging import Slot, Staged, creating, flush
from server.search.extract import extract
from server.search.hidden import WITHHELD
from server.search.order import Position
from server.search.query import Query
from server.search.view import CallerView
from server.store import audit, horizon, locator, resources, wake, writing
from server.store.database import Transaction
from server.store.row import Stored

_TAKEN = "This id cannot be used."

WRITTEN_ONCE = frozenset({"AuditEvent"})
"""Who looked is what it was: no version follows the first."""


class Record:
    """Not to be shared between threads, nor kept after the transaction."""

    def __init__(self, door: Door, transaction: Transaction, access: Access) -> None:
        self.door, self.access = door, access
        self._transaction = transaction
        principals.look_up(door, transaction.connection, access)
        self.at: datetime = clock.now()
        self.connection = transaction.connection
        # After the stamp is taken: what is written at an instant knows what was known a second before it.
        door.parameters.hold(self.connection)
        door.hold_code_systems()
        self._staged: dict[tuple[str, str], Staged] = {}
        self._buried: list[tuple[Stored, bool]] = []
        self.promised: Mapping[tuple[str, str], Json] = {}
        """What this transaction is going to write, by (type, id): it may be referred to before that."""
        self.around = Around(self)
        self.written: list[Stored] = []
        """Every version that this transaction made, deletions included, in order."""
        self.confirmed: str | None = None
        """Why the caller says that new children are others than those they resemble."""
        self.spared: set[str] = set()
        """Ids of Patients that are compared with nobody, for who wrote them knows who they are."""
        self.marked = False
        """Whether any of them was accepted though it breaks a rule."""

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
        raise self._missing(type_, id_)

    def _last_word(self, type_: str, id_: str) -> Stored | None:
        """The newest row of history, if the caller may see it."""
        view = self.access.view(type_, "r" if self.access.may(type_, "r") else "c")
        number = self.door.library.type_number(type_)
        rows = resources.last_word(view)(self.connection, type=number, id=id_)
        # The column after those of a version says that it may be seen.
        return resources.stored(type_, rows[0][:10]) if rows else None

    def remembers(self, type_: str, id_: str) -> bool:
        """Whether it was here, and the caller may see what it was last."""
        return self._last_word(type_, id_) is not None

    def vread(self, type_: str, id_: str, vid: str) -> Stored:
        """One version.

        Raises:
            NotFound: none that the caller may see. Gone: that version is the deletion.
        """
        self.flush()
        return history.version(self, type_, id_, vid)

    def hold(self) -> None:
        """Take a new stamp for what is written from here on, and hold it against who reads history."""
        self.at = horizon.hold(self._transaction)
        self.door.parameters.hold(self.connection)

    def horizon(self) -> datetime:
        """The instant up to which no version can be added any more to those that can be seen now."""
        self.flush()
        return horizon.reached(self._transaction)

    def search(
        self,
        query: Query,
        *,
        count: int,
        after: Position | None = None,
        total: str | None = None,
        complete: bool = False,
        said: str | None = None,
    ) -> searching.Found:
        """A page of what matches and the caller may see, with what it includes."""
        self.flush()
        if query.contained:
            raise NotSupported("'_contained': a condition is about resources that stand for themselves.")
        return searching.of_type(self, query, searching.Asked(count, after, total, complete, said))

    def searchable(self, type_: str, asked: Set[str]) -> tuple[CallerView, bool]:
        """The rows that the caller may find by these parameters: none by what it may not see of them."""
        view = self.access.view(type_, "s")
        if not redact.by_existence(type_).issuperset(asked):
            view = view.only_whole()
        view = view.showing(path for path in view.hidden if redact.tells_of(type_, asked, path))
        return view, redact.tells_of_withheld(type_, asked)

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

    def create_alike(self, some: Iterable[Json]) -> list[Stored]:
        """New resources of one type, most of which say the same of different children."""
        series, made = Series(self), []
        for resource in some:
            self.access.view(resource["resourceType"], "c")
            slot = Slot(clock.new_id(), self.door.rids.take(self.connection), 1, self._author)
            kept = series.kept(resource, slot)
            made.append(self._stage_kept("create", kept.resource, slot, kept.faults, kept))
        return made

    def update(
        self,
        type_: str,
        id_: str,
        resource: Json,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        only_new: bool = False,
    ) -> tuple[Stored, Change]:
        """The next version of a resource, or the first under an id that the client chose (`only_new`: that or
        nothing).

        Raises:
            Forbidden, PreconditionFailed; Conflict: the id is taken, by what the caller may not see or as
            `only_new` forbids.
        """
        if self.staged(type_, id_):
            self.flush()
        # First of all: who may write nothing of the type learns of no id whether it is taken.
        self.access.view(type_, creating(self.access, type_))
        self._transaction.begin()
        number = self.door.library.type_number(type_)
        place = locator.lock(self.connection, number, id_)
        if place is None:
            precondition.hold(if_match, None)
            rid = self.door.rids.take(self.connection)
            if locator.reserve(self.connection, number, id_, rid):
                slot = Slot(id_, rid, 1, self._author, home=rid)
                return self._stage("create", resource, slot), Change.CREATED
            place = locator.lock(self.connection, number, id_)
            assert place is not None
        child, rid = place
        held = self._held(type_, child, rid, "u")
        if held is None:
            return self._again(type_, id_, resource, child, rid, if_match), Change.CREATED
        if only_new:
            raise Conflict(_TAKEN)
        precondition.hold(if_match, held.version, if_none_match)
        return self._replace("update", held, resource)

    def patch(
        self, type_: str, id_: str, change: Patch, *, if_match: str | None = None
    ) -> tuple[Stored, Change]:
        """The next version of a resource: what a patch makes of the present one.

        Raises:
            NotFound: there is none that the caller may see. Gone: it was deleted. Forbidden: the caller may
            not change it, or is not shown all that a patch acts on. Inapplicable: the patch does not fit.
        """
        self.flush()
        for letter in "ur":
            # What a patch tests and gives back is what a read shows.
            self.access.view(type_, letter)
        held = self._locked(type_, id_, "u")
        if held is None:
            raise self._missing(type_, id_)
        precondition.hold(if_match, held.version)
        if held.withheld & WITHHELD:
            raise Forbidden(f"A part of this {type_} is withheld from this caller: change it by a PUT.")
        shown = self._shown(held)
        made = patched(shown, change)
        redact.unseen(made, shown, held)
        return self._replace("patch", held, made)

    def _replace(self, interaction: str, held: Stored, resource: Json) -> tuple[Stored, Change]:
        """The next version, or the present one if that says the same."""
        self.after(held.last_updated)
        slot = Slot(
            held.id, held.rid, held.version + 1, held.author,
            home=held.child, was=held, put=interaction == "update",
        )  # fmt: skip
        made, faults = to_keep(resource, slot, self)
        # To who may not read it, that nothing changes would tell what it is.
        if self.access.may(held.type, "r") and says_the_same(made, held):
            number = self.door.library.type_number(held.type)
            line = entry(self.access, self.at, interaction, number, child=held.child, hits=(held.rid,))
            audit.record(self.connection, line)
            return self._shown(held), Change.NONE
        written = self._stage_kept(interaction, made, slot, faults)
        # The answer shows no more than a read would.
        return self._shown(replace(written, whole=held.whole, withheld=held.withheld)), Change.CHANGED

    def after(self, earlier: datetime) -> None:
        """Each version is later than the one before, whatever the clock says and whoever waited for whom."""
        if self.at <= earlier:
            self.flush()
            self.at = earlier + horizon.TICK

    def keeps(self, found: Stored) -> bool:
        """Hold what a search found against other writers; whether it is still as it was found."""
        self._transaction.begin()
        number = self.door.library.type_number(found.type)
        place = locator.lock(self.connection, number, found.id)
        return place is not None and resources.is_present(self.connection, number, *place, found.version)

    def _locked(self, type_: str, id_: str, letter: str) -> Stored | None:
        """The live version that the caller wants to change, held against others; None if it may see none."""
        self._transaction.begin()
        place = locator.lock(self.connection, self.door.library.type_number(type_), id_)
        try:
            # Where nothing is, that is asked for all the same: the clock must not tell it from the unseen.
            return self._held(type_, *(place or NOWHERE), letter)
        except Conflict:
            return None

    def _missing(self, type_: str, id_: str) -> NotFound | Gone:
        """Why there is nothing to see."""
        last = self._last_word(type_, id_)
        if last and last.deleted:
            return Gone(f"{type_}/{id_} was deleted.")
        return NotFound(f"{type_}/{id_} was not found.")

    def delete(
        self, type_: str, id_: str, if_match: str | None = None, *, cascading: bool = False
    ) -> Stored | None:
        """Bury a resource, `cascading` with what refers to it; None if there is none that the caller may see
        (which is as good)."""
        self.flush()
        self.access.view(type_, "d")
        number = self.door.library.type_number(type_)
        held = self._locked(type_, id_, "d")
        if held is None:
            precondition.hold(if_match, None)
            line = entry(self.access, self.at, "delete", number, query=id_, outcome=404)
            audit.record(self.connection, line)
            return None
        precondition.hold(if_match, held.version)
        return self._bury(held, number, cascading)

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
            raise Conflict(_TAKEN)
        version = 1
        if latest:
            version = latest[0] + 1
            self.after(latest[2])
        return self._stage("create", resource, Slot(id_, rid, version, self._author, home=child))

    def _held(self, type_: str, child: int, rid: int, letter: str) -> Stored | None:
        """The live version that the caller wants to change, or None.

        Raises:
            Conflict: there is one that it may not see. Forbidden: it may see it and not change it.
        """
        if type_ in WRITTEN_ONCE:
            raise Forbidden(f"An {type_} is written once, and neither changed nor deleted.")
        permit = self.access.view(type_, letter)
        view = self.access.view(type_, "r") if self.access.may(type_, "r") else permit
        number = self.door.library.type_number(type_)
        rows = resources.holder(view, permit)(self.connection, child=child, type=number, rid=rid)
        if not rows:
            return None
        held, (seen, permitted, restriction, fixed) = resources.stored(type_, rows[0][:9]), rows[0][9:13]
        if not seen:
            raise Conflict(_TAKEN)
        if held.author == OURSELVES != self.access.agency.number:
            raise Forbidden(f"This {type_} ships with the server and cannot be changed.")
        if not permitted or not held.whole:
            raise Forbidden(f"The rights of this caller do not let it change this {type_}.")
        merged.refuse(type_, held.id, child, rid, restriction, letter)
        return resources.with_restriction(held, restriction, fixed)

    def _bury(self, held: Stored, number: int, cascading: bool) -> Stored:
        self.after(held.last_updated)
        if self.access.agency.integrity:
            # Whoever is writing a reference to it ends first, and whoever begins now finds it gone.
            locator.bury(self.connection, number, held.id)
            self._buried.append((held, cascading))
        writing.retire(self.connection, [(held.child, number, held.rid)])
        version = held.version + 1
        writing.bury(self.connection, held.child, number, held.rid, version, self.at)
        line = entry(self.access, self.at, "delete", number, outcome=204, child=held.child, hits=(held.rid,))
        told = {
            "child": held.child, "rid": held.rid, "version": version, "type": number, "interaction": "delete",
            "author": self._author, "at": self.at,
        }  # fmt: skip
        writing.write(
            self.connection, [], [told], [line], self._transaction.to_hold(self.at),
            totals=totals.gone(self.door, held),
        )  # fmt: skip
        gone = Stored(
            held.type, held.id, held.child, held.rid, version, self.at, "", held.author, deleted=True
        )
        self.written.append(gone)
        mark.gone(self, held)
        if held.type == "Patient":
            review.gone(self, held)
        if held.type == decided.CONSENT:
            decided.settle(self.door, self._transaction, held.child)
        if held.type == searchparameter.TYPE:
            searchparameter.deleted(self, held.id)
        if acting := self.door.hooks.acting.get(held.type):
            acting.gone(self, held)
        self._transaction.afterwards.append(wake.wake)
        return gone

    def _stage(self, interaction: str, resource: Json, slot: Slot) -> Stored:
        made, faults = to_keep(resource, slot, self)
        return self._stage_kept(interaction, made, slot, faults)

    def _stage_kept(
        self, interaction: str, kept: Json, slot: Slot, faults: Sequence[Issue], known: Kept | None = None
    ) -> Stored:
        staged = self._staged_as(interaction, kept, slot, known=known)
        type_ = staged.type
        self.around.add((type_, slot.id), kept)
        made = Stored(type_, slot.id, 0, slot.rid, slot.version, self.at, staged.body, slot.author)
        self.written.append(made)
        if type_ == searchparameter.TYPE and slot.author != OURSELVES:
            searchparameter.written(self, kept)
        self.marked = self.marked or bool(faults)
        mark.follow(self, kept, slot, faults)
        return made

    def stage_ours(self, interaction: str, kept: Json, slot: Slot) -> None:
        """A version that the server itself writes, because of what the caller does."""
        self._staged_as(interaction, kept, slot, ours=True)

    def _staged_as(
        self, interaction: str, kept: Json, slot: Slot, *, ours: bool = False, known: Kept | None = None
    ) -> Staged:
        type_, body = kept["resourceType"], json.encode(kept).decode()
        if known is not None and known.index is not None:
            index, targets = known.index, known.targets
        else:
            index = extract(kept, self.door.hasher, self.door.base_url)
            targets = local_targets(kept, self.door)
        integrity.listed(index, type_, targets, self.door.hasher)
        if type_ == "Patient":
            likeness.led(index, kept, self.door)
        if type_ in integrity.OUTLIVING:
            gone = {(each.type, each.id) for each in self.written if each.deleted}
            targets = tuple(target for target in targets if target not in gone)
        number = self.door.library.type_number(type_)
        staged = Staged(interaction, kept, body, index, type_, number, slot, targets, ours)
        self._staged[type_, slot.id] = staged
        return staged

    def flush(self) -> None:
        """Send what is staged to the database."""
        if self._staged:
            staged, self._staged = list(self._staged.values()), {}
            self.around.forget()
            asked = flush(
                self.door, self._transaction, self.access, staged, self.at,
                promised=self.promised, spared=self.spared, confirmed=self.confirmed,
            )  # fmt: skip
            resembling.follow(self, asked)

    def begin(self) -> None:
        """From here on all or nothing."""
        self._transaction.begin()

    def afterwards(self, act: Callable[[], None]) -> None:
        """Do something once it is committed."""
        self._transaction.afterwards.append(act)

    def follow_decisions(self, child: int) -> None:
        """Let all that is known of a child follow what is decided about it now."""
        decided.settle(self.door, self._transaction, child)

    def count_again(self, children: Collection[int]) -> None:
        """Make the totals of some children anew, by all that is stored of them now."""
        totals.count_again(self.door, self._transaction, children)

    def settle(self) -> None:
        """The end of the transaction: everything is sent, and what was deleted is missed by nothing."""
        self.flush()
        integrity.settle(self)
        definition.settle(self)

    def take_buried(self) -> list[tuple[Stored, bool]]:
        """What was deleted and is not settled yet, each with whether it takes along what refers to it."""
        buried, self._buried = self._buried, []
        return buried

    @contextmanager
    def undone(self) -> Iterator["Record"]:
        """The same record, to try something on: nothing of it is left."""
        self.flush()
        with self._transaction.undone() as transaction:
            yield Record(self.door, transaction, self.access)

    def staged(self, type_: str, id_: str) -> bool:
        """Whether this transaction has written it already."""
        return (type_, id_) in self._staged

    def alone(self, *conditions: str) -> None:
        """Wait until no other transaction acts on the same conditions: who asks second sees what the first
        wrote."""
        self._transaction.begin()
        locator.alone(self.connection, *conditions)
