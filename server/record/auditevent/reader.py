"""Lines of the audit for one caller: read as AuditEvents, and seen by the same SQL as resources are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from server.fhir import Json, json
from server.record.auditevent.resource import TYPE, Names, auditevent
from server.search.contained import matching
from server.search.extract import extract
from server.search.order import Key
from server.search.types import Condition, Context
from server.search.view import CallerView
from server.store import account
from server.store.account import Patient
from server.store.row import Entry, Row, Stored

if TYPE_CHECKING:
    from server.record.record import Record


@dataclass(frozen=True)
class Reader:
    """`view`: the AuditEvents that the caller may see; of a right to less than the whole of one, none."""

    record: "Record"
    view: CallerView
    keys: tuple[Key, ...] = ()
    values: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """By what stands for the id in a place: what the keys say of it."""

    def seen(self, lines: Sequence[Entry], conditions: Sequence[Condition] = ()) -> list[Stored]:
        """Those of the lines that the caller may see and that meet the criteria, in their order."""
        patients = self._patients(lines)
        names = self._names(lines, patients)
        made = [auditevent(line, names) for line in lines]
        rows = [
            self._row(at, line, each, patients)
            for at, (line, each) in enumerate(zip(lines, made, strict=True), 1)
        ]
        kinds: dict[tuple[bool, bool], list[Row]] = {}
        for row, line in zip(rows, lines, strict=True):
            kinds.setdefault((self._is_own(row, line), self._tells(line)), []).append(row)
        shown: dict[int, tuple[Any, ...]] = {}
        for (of_nobody, telling), some in kinds.items():
            view = replace(self._view, directory=True) if of_nobody else self._view
            shown |= self._matching(some, conditions, view, telling=telling)
        self.values.update((account.place(row.id), shown[row.rid]) for row in rows if row.rid in shown)
        return [_stored(row, line) for row, line in zip(rows, lines, strict=True) if row.rid in shown]

    @property
    def everything(self) -> bool:
        """Whether nothing but a restriction on a child can hide a line."""
        return self._view.everything

    @cached_property
    def _view(self) -> CallerView:
        whole = self.view.only_whole()
        return replace(whole.showing(whole.hidden), behind=None, directory=False)

    def _matching(
        self, rows: Sequence[Row], conditions: Sequence[Condition], view: CallerView, *, telling: bool
    ) -> dict[int, tuple[Any, ...]]:
        connection = self.record.connection
        return matching(connection, rows, conditions, self._context, view, self.keys, telling=telling)

    @cached_property
    def _context(self) -> Context:
        door = self.record.door
        return Context(TYPE, door.hasher, door.base_url)

    def _is_own(self, row: Row, line: Entry) -> bool:
        """Whether it is about no child, and the caller's: its agency's, or its own where a person asks."""
        return not row.child and self._asked_by_caller(line)

    def _tells(self, line: Entry) -> bool:
        """Whether it tells where a child is known: which school or service has looked is the whereabouts."""
        access = self.record.access
        is_worker = access.user is None or not access.user.is_family
        return not ((is_worker and line.agency == access.agency.number) or self._asked_by_caller(line))

    def _asked_by_caller(self, line: Entry) -> bool:
        access = self.record.access
        if line.agency != access.agency.number:
            return False
        return access.user is None or line.account == access.user.id

    def _patients(self, lines: Iterable[Entry]) -> dict[int, Patient]:
        children = {child for line in lines for child in (line.child, *line.children) if child}
        patient = self.record.door.library.type_number("Patient")
        return account.patients(self.record.connection, children, patient)

    def _names(self, lines: Sequence[Entry], patients: dict[int, Patient]) -> Names:
        door = self.record.door
        # Who may see everything may be told what others looked for.
        told = (line.id for line in lines if self._view.everything or self._asked_by_caller(line))
        return Names(
            agencies={agency.number: agency for agency in door.agencies.values()},
            patients={child: id_ for child, (id_, *_) in patients.items()},
            resources=self._resources(lines, patients),
            types={door.library.type_number(each): each for each in door.library.resource_types},
            queries=frozenset(told),
            base_url=door.base_url,
        )

    def _resources(self, lines: Sequence[Entry], patients: dict[int, Patient]) -> dict[int, str]:
        """References to what was found, by rid, as far as the caller may see that."""
        rids = list({hit for line in lines for hit in line.hits})
        named = {child for line in lines for child in (line.child, *line.children)}
        children = list({patients[each][2] if each in patients else each for each in named})
        connection, access = self.record.connection, self.record.access
        found: dict[int, str] = {}
        for number in account.types(connection, children, rids):
            type_ = self.record.door.library.type_name(number)
            if access.may(type_, "r"):
                statement = account.named(access.view(type_, "r"))
                rows = statement(connection, type=number, children=children, rids=rids)
                found |= {rid: f"{type_}/{id_}" for rid, id_ in rows}
        return found

    def _row(self, number: int, line: Entry, resource: Json, patients: dict[int, Patient]) -> Row:
        """The AuditEvent as a row would hold it: of the child, or the first of the children, it is about."""
        door = self.record.door
        index = extract(resource, door.hasher, door.base_url)
        told = (patients[each] for each in (line.child, *line.children) if each in patients)
        # Of a record that was merged since, who sees the child that it is now may see the lines.
        bits = {child: bits for _, bits, child in told}
        children = list(bits)
        child = children[0] if children else 0
        return Row(
            type=door.library.type_number(TYPE),
            id=line.id,
            rid=number,
            child=child,
            version=1,
            author=line.agency,
            last_updated=account.recorded(line.id),
            body=json.encode(resource).decode(),
            restriction=bits[child] if child else 0,
            date=index.date,
            tokens=index.tokens,
            sorts=index.sorts,
            strings=index.strings,
            dates=index.dates,
            numbers=index.numbers,
            words=index.words,
            identifiers=index.identifiers,
            others=children[1:],
        )


def _stored(row: Row, line: Entry) -> Stored:
    return Stored(TYPE, row.id, row.child, account.place(line.id), 1, row.last_updated, row.body, row.author)
