"""Alerts at work: what is written is read from the outbox, and what time alone makes true from a clock.

A round looks at some children as they are now, and lets there be the Flags and Tasks that the alerts find:
all in the transaction in which the outbox is read on. What was read twice changes nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from server import clock
from server.child.alert.definition import Compiled, alerts, digest_of
from server.child.alert.evaluate import Verdict, verdict
from server.child.alert.facts import Correction, Facts
from server.child.alert.keep import Keeper
from server.child.alert.knowing import Knowing
from server.child.alert.lapse import Lapse
from server.child.alert.load import LONGEST, Loader
from server.child.alert.register import Register
from server.child.attendance import term
from server.child.kind import rules
from server.fhir.issue import Contended, Unavailable
from server.record import ourselves
from server.record.added import OURSELVES
from server.record.door import Door
from server.record.record import Record
from server.store import alerts as store
from server.store import locator, marks, outbox
from server.store.alerts import Raised
from server.store.database import Transaction
from server.store.outbox import Told

_log = logging.getLogger(__name__)

READER = "alert"
_MARK = "alerts"
_ALONE = "alerts"
_ROWS = 2000
_CHILDREN = 200
"""Children looked at in one round of the clock."""

_AGAIN = timedelta(hours=1)
"""After which a child is looked at again who could not be dealt with."""

_OURS = frozenset({"Flag", "Task"})
"""Types of which the server's own versions say nothing new."""


def work(door: Door) -> bool:
    """Deal with what was written since; whether there is more."""
    try:
        with outbox.taken(door.database, READER, _ROWS) as batch:
            if batch is None or not batch.rows:
                return False
            _settle(door, batch.transaction, _touched(door, batch.connection, batch.rows))
            return batch.more
    except (Unavailable, Contended):
        raise
    except Exception:
        _log.exception("alerts: a batch could not be dealt with; its children are taken one by one")
        return _one_by_one(door)


def tick(door: Door, at: datetime | None = None) -> int:
    """Look at the children of whom time has made something true; how many those were."""
    now = at or clock.now()
    _look_at_all(door, now)
    with door.database.autocommit() as connection:
        due = store.due(connection, now, _CHILDREN)
    if due:
        _safely(door, dict.fromkeys(due), now)
    return len(due)


def _look_at_all(door: Door, now: datetime) -> None:
    """Where the alerts are others than they were, every child is looked at once: a new one is a file, and
    nothing else. What has passed is not raised as new."""
    digest = digest_of(alerts())
    with door.database.autocommit() as connection:
        if marks.get(connection, _MARK) == digest:
            return
    with door.database.begin() as connection:
        locator.alone(connection, _ALONE)
        if marks.get(connection, _MARK) != digest:
            store.remind_all(connection, now)
            marks.put(connection, _MARK, digest)


# ---- whom it is about --------------------------------------------------------------------------------------

Touched = dict[int, frozenset[int] | None]
"""By child, the classes of what was written; None: it may be any."""


def _touched(door: Door, connection: Any, rows: Iterable[Told]) -> Touched:
    ours = {door.library.type_number(name) for name in _OURS}
    told = [each for each in rows if not (each.author == OURSELVES and each.type in ours)]
    places = {(each.child, each.rid, each.type) for each in told}
    kinds = store.kinds_of(connection, places)
    classes, patient = _classes(door), door.library.type_number("Patient")
    found: dict[int, set[int]] = defaultdict(set)
    for child, rid, type_ in places:
        if type_ in classes:
            # What is there no more may have been anything of its type.
            kind = kinds.get((child, rid), 0)
            found[child] |= {kind} if kind else classes[type_]
    # Whose Patient is written may be merged, restricted or older than was thought: all is asked anew.
    whole = dict.fromkeys(child for child, _, type_ in places if type_ == patient)
    return {child: frozenset(some) for child, some in found.items()} | whole


def _classes(door: Door) -> Mapping[int, set[int]]:
    """By number of the type, the classes of its resources that any alert asks of."""
    asked = {kind for each in alerts() for kind in each.kinds}
    found: dict[int, set[int]] = defaultdict(set)
    for each in rules():
        if each.kind in asked:
            found[door.library.type_number(each.type)].add(each.kind)
    return found


# ---- a round -----------------------------------------------------------------------------------------------


def _settle(door: Door, transaction: Transaction, touched: Touched, now: datetime | None = None) -> None:
    if not touched:
        return
    record = Record(door, transaction, ourselves.access(door, READER))
    # What is written and what time makes true are told one after the other: each knows what the other raised.
    record.alone(_ALONE)
    round_ = _Round(record, Loader(door, record.connection, now or record.at), touched)
    round_.settle()
    record.settle()


@dataclass(slots=True)
class _Round:
    record: Record
    loader: Loader
    touched: Touched
    _marks: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        self._marks = frozenset(each.kind for each in rules() if each.profile.endswith("/SchoolAttendance"))

    def settle(self) -> None:
        """Look at each child that was touched."""
        connection, children = self.record.connection, list(self.touched)
        known: dict[int, list[Raised]] = defaultdict(list)
        for raised in store.raised(connection, children):
            known[raised.child].append(raised)
        asked = {child: self._asked(child) for child in children}
        reading = {each.name: each for some in asked.values() for each in some if each.reads_marks}
        registers = self.loader.registers(children, reading.values()) if reading else {}
        correcting = any(each.alert.each == "corrections" for some in asked.values() for each in some)
        corrections = self.loader.corrections(children) if correcting else {}
        for child, some in asked.items():
            register = registers.get(child, Register())
            names = {each.name for each in known[child] if each.open}
            asked[child] = [
                each
                for each in some
                if self._is_to_be_judged(
                    child, each, register, corrections.get(child, ()), each.name in names
                )
            ]
        self._judge(asked, known, registers, corrections)

    def _asked(self, child: int) -> list[Compiled]:
        kinds = self.touched[child]
        return [each for each in alerts() if kinds is None or each.kinds & kinds]

    def _is_to_be_judged(
        self,
        child: int,
        alert: Compiled,
        register: Register,
        corrections: Collection[Correction],
        open_: bool,
    ) -> bool:
        """Whether what was written could make it so, or no longer so: of most children who are marked it
        cannot, and the register alone tells."""
        said, today = alert.alert, self.loader.today
        if said.attendance is not None:
            is_so = bool(register.shows(said.attendance, term.of(today).start))
            return is_so != open_ or (is_so and self.touched[child] != self._marks)
        if open_:
            return True
        if said.marks is not None:
            lapse = alert.recent or alert.lasts or Lapse(30, "day")
            first = lapse.before(self.loader.now).date() - timedelta(days=1)
            return bool(register.given(said.marks.codes, first))
        return said.each != "corrections" or bool(corrections)

    def _judge(
        self,
        asked: Mapping[int, list[Compiled]],
        known: Mapping[int, list[Raised]],
        registers: Mapping[int, Register],
        corrections: Mapping[int, tuple[Correction, ...]],
    ) -> None:
        children = [child for child, some in asked.items() if some]
        used = {each.name: each for some in asked.values() for each in some}.values()
        needs = {kind for each in used for kind in each.needs}
        moves = any(each.alert.each == "moves" for each in used)
        moving = self.loader.now - LONGEST if moves else None
        facts = self.loader.facts(children, needs, registers, corrections, moving=moving)
        decided = store.decided(self.record.connection, children)
        knowing = Knowing(self.record.door, self.record.connection)
        keeper = Keeper(self.record, self.loader, knowing, decided)
        before = store.due_at(self.record.connection, list(self.touched))
        dues: dict[int, datetime | None] = {}
        # An alert whose file was taken away asks nobody any more.
        names = {each.name for each in alerts()}
        for child in children:
            found = facts.get(child)
            if found is None:
                keeper.close(known[child])
                dues[child] = None
                continue
            keeper.close([each for each in known[child] if each.name not in names])
            again = [self._one(keeper, child, each, found, known[child]) for each in asked[child]]
            if self.touched[child] is not None:
                # Of what was not asked now nothing else is known than before.
                again.append(before.get(child))
            dues[child] = min((at for at in again if at is not None), default=None)
        for child in set(self.touched) - set(children):
            if self.touched[child] is None:
                dues[child] = None
        store.remind(self.record.connection, dues)

    def _one(
        self, keeper: Keeper, child: int, alert: Compiled, facts: Facts, known: Iterable[Raised]
    ) -> datetime | None:
        said: Verdict = verdict(alert, facts)
        keeper.settle(
            child, alert, facts, said.occasions, [each for each in known if each.name == alert.name]
        )
        return said.again


# ---- when something is wrong with one ----------------------------------------------------------------------


def _one_by_one(door: Door) -> bool:
    """The next batch, each child in a transaction of its own: one that cannot be dealt with keeps nobody."""
    with outbox.taken(door.database, READER, _ROWS) as batch:
        if batch is None or not batch.rows:
            return False
        touched = _touched(door, batch.connection, batch.rows)
        for child, kinds in touched.items():
            _safely(door, {child: kinds}, None)
        return batch.more


def _safely(door: Door, touched: Touched, now: datetime | None) -> None:
    try:
        with door.database.transaction() as transaction:
            transaction.begin()
            _settle(door, transaction, touched, now)
    except (Unavailable, Contended):
        raise
    except Exception:
        if len(touched) > 1:
            for child, kinds in touched.items():
                _safely(door, {child: kinds}, now)
            return
        _log.exception("alerts: a child could not be dealt with, and is looked at again later")
        later = (now or clock.now()) + _AGAIN
        with door.database.begin() as connection:
            store.remind(connection, dict.fromkeys(touched, later))
