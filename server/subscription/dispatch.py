"""From what was written to who is told of it: a batch of the outbox becomes numbered events, all or none.

Every distinct trigger and every distinct filter is decided once for a change, however many subscriptions have
it. Then it is asked, in SQL and for each way of seeing, what the subscribers may see at this moment; and what
is left gets the next numbers of each subscription. The position in the outbox moves with them, in the same
transaction: after a crash nothing has been numbered twice, and nothing is left out.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from server import clock
from server.access.access import Access
from server.definition.library import library
from server.fhir.issue import FhirError, Forbidden, Unprocessable
from server.record.door import Door
from server.store import changes as store
from server.store import outbox, subscriptions
from server.store.changes import Key
from server.store.outbox import Batch, Told
from server.store.subscriptions import OFF, Subscription
from server.subscription import lifecycle, right
from server.subscription.plan import Plan, Plans, plan
from server.subscription.query import Versions
from server.subscription.right import Eyes, Sight, views
from server.subscription.rule import Change, Fired, Rule, fired
from server.subscription.topic import CREATE

_log = logging.getLogger(__name__)

READER = "subscription"
TYPE = "Subscription"

LIMIT = 1000
"""Rows of the outbox that are taken at once."""

_ANEW = 60.0
"""Seconds after which all subscriptions are looked up again, though nothing is known to have changed."""

_PATIENCE = 3
"""Times that a batch is begun anew because what is in it has moved meanwhile."""


_CAREFUL, _HOPELESS = 3, 6
"""Failures in a row, but for the database's, from which on rows are taken one by one, or one is left out."""


class Moved(Exception):
    """A version is not where the outbox said: it was merged into another child, or taken out."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What a turn came to: rows that were read, the subscriptions that have events to be sent, and whether
    there is more to be read at once."""

    rows: int = 0
    told: frozenset[int] = frozenset()
    more: bool = False


@dataclass(frozen=True, slots=True)
class _Match:
    plan: Plan
    rule: Rule
    fired: Fired

    @property
    def change(self) -> Change:
        return self.fired.change


@dataclass
class Dispatcher:
    """One a process; one at a time for a database, for the others wait (`outbox.taken`)."""

    door: Door
    plans: Plans = field(default_factory=Plans)
    _known: dict[int, Subscription] = field(default_factory=dict)
    _looked: float = float("-inf")
    _ended: dict[str, str] = field(default_factory=dict)
    _moved: int = 0
    _failed: int = 0

    def work(self, limit: int = LIMIT) -> Worked:
        """Read what is next, and number what becomes of it."""
        self._ended.clear()
        try:
            worked = self._taken(limit if self._failed < _CAREFUL else 1)
        except Moved:
            self._moved += 1
            if self._moved < _PATIENCE:
                return Worked(more=True)
            raise
        except BaseException as error:
            # What was looked up in a transaction that was undone may never have been.
            self._looked = float("-inf")
            self._failed += not isinstance(error, FhirError)
            raise
        self._moved = self._failed = 0
        for id_, reason in self._ended.items():
            lifecycle.become(self.door, id_, OFF, reason)
        return worked

    def _taken(self, limit: int) -> Worked:
        with outbox.taken(self.door.database, READER, limit) as batch:
            if batch is None or not batch.rows:
                return Worked()
            self._look_up(batch)
            if self._failed >= _HOPELESS:
                # Nobody is told of it; but everybody of what comes after.
                _log.error("nothing can be made of this row of the outbox: %s", batch.rows[0])
                return Worked(len(batch.rows), more=batch.more)
            events = self._events(batch)
            numbered = subscriptions.number(batch.connection, events) if events else {}
            return Worked(len(batch.rows), frozenset(numbered), batch.more)

    # ---- who there is --------------------------------------------------------------------------------------

    def _look_up(self, batch: Batch) -> None:
        number, at = library().type_number(TYPE), clock.monotonic()
        changed = {row.rid for row in batch.rows if row.type == number}
        if at - self._looked >= _ANEW:
            live = {each.rid: each for each in subscriptions.live(batch.connection)}
            gone, self._looked = self._known.keys() - live.keys(), at
        elif changed:
            # With ten thousand of them, one that says something new is no reason to look at all.
            found = subscriptions.of(batch.connection, changed)
            live = {each.rid: each for each in found if each.state != OFF}
            gone = changed - live.keys()
        else:
            return
        for rid in gone:
            self.plans.remove(rid)
            self._known.pop(rid, None)
        for rid, each in live.items():
            if rid not in self._known or _said(self._known[rid]) != _said(each):
                self._put(each)
            self._known[rid] = each

    def _put(self, subscription: Subscription) -> None:
        try:
            self.plans.put(plan(subscription, self.door))
        except Unprocessable as refusal:
            # It could be asked for when it was made: the topic is gone, or another.
            self.plans.remove(subscription.rid)
            self._ended[subscription.id] = str(refusal)

    # ---- what becomes of it --------------------------------------------------------------------------------

    def _events(self, batch: Batch) -> Mapping[int, list[tuple[int, str, int, str, datetime]]]:
        types = {library().type_number(each): each for each in self.plans.types}
        rows = [row for row in batch.rows if row.type in types]
        if not rows:
            return {}
        versions, changes = self._changes(batch.connection, rows, types)
        met = self._matches(fired(self.plans.rules, changes, versions), versions)
        allowed = self._allowed(batch.connection, met, versions)
        events: dict[int, list[tuple[int, str, int, str, datetime]]] = defaultdict(list)
        for match in sorted(allowed, key=lambda one: _order(one.change)):
            told, id_ = match.change.told, versions.found[match.change.after].id
            line = (told.type, id_, told.version, match.change.interaction, told.at)
            own = events[match.plan.subscription.rid]
            # Two triggers of one topic are one event.
            if not own or own[-1] != line:
                own.append(line)
        return events

    def _changes(
        self, connection: Any, rows: Sequence[Told], types: Mapping[int, str]
    ) -> tuple[Versions, list[Change]]:
        """Each row with its version, and the one before.

        Raises:
            Moved: one is not there.
        """
        wanted = [(row.child, row.type, row.rid, row.version) for row in rows]
        back = [(row.child, row.type, row.rid, row.version - 1) for row in rows if row.interaction != CREATE]
        found = store.versions(connection, {*wanted, *back})
        gone = [one for one in wanted if (one[0], one[2], one[3]) not in found]
        if gone and self._moved < _PATIENCE - 1:
            raise Moved
        homes = {(row.child, row.rid, row.version): row.child for row in rows}
        absent = [one for one in back if (one[0], one[2], one[3]) not in found]
        if absent:
            # It was about another child then, under which its history is.
            former = store.formerly(connection, absent)
            elsewhere = [
                (was, t, r, v) for c, t, r, v in absent for fc, fr, was in former if (fc, fr) == (c, r)
            ]
            more = store.versions(connection, elsewhere)
            found = {**found, **more}
            homes |= {(c, r, v + 1): was for c, _, r, v in absent for fc, fr, was in former
                      if (fc, fr) == (c, r) and (was, r, v) in more}  # fmt: skip
        made = []
        for row in rows:
            after: Key = (row.child, row.rid, row.version)
            if after not in found:
                _log.error("a version in the outbox is nowhere: %s", after)
                continue
            before: Key = (homes[after], row.rid, row.version - 1)
            known = row.interaction != CREATE and before in found and not found[before].deleted
            made.append(Change(row, types[row.type], after, before if known else None))
        return Versions(self.door, connection, found), made

    def _matches(self, fired: Mapping[Rule, Iterable[Fired]], versions: Versions) -> list[_Match]:
        """Whom each change would be told to, if it may be."""
        found = []
        for rule, those in fired.items():
            asked: dict[int, tuple[Plan, list[Fired]]] = {}
            for one in those:
                at = one.change.told.at
                for each in self.plans.candidates(rule, versions.found[one.change.said].tokens):
                    of = each.subscription
                    if of.started <= at and (of.ends is None or at < of.ends):
                        asked.setdefault(of.rid, (each, []))[1].append(one)
            for each, some in asked.values():
                met = versions.meeting_all(each.of_type(rule.type), {one.change.said for one in some})
                found += [_Match(each, rule, one) for one in some if one.change.said in met]
        return found

    def _allowed(self, connection: Any, matches: Sequence[_Match], versions: Versions) -> list[_Match]:
        """Those of which the subscriber may see, now, all that they hang on.

        Raises:
            Moved: a version is not where it was a moment ago.
        """
        eyes = Eyes(connection)
        asked = []
        accesses: dict[int, Access | None] = {}
        for match in matches:
            of = match.plan.subscription
            if of.rid not in accesses:
                accesses[of.rid] = right.access(self.door, connection, of)
                if accesses[of.rid] is None:
                    self._ended[of.id] = GONE
            access = accesses[of.rid]
            seeing = _views(access, match) if access else None
            if seeing is None:
                continue
            keys = match.fired.by
            for view, _ in seeing:
                eyes.want(view, keys)
            asked.append((match, seeing, keys))
        eyes.look()
        if eyes.missing and self._moved < _PATIENCE - 1:
            raise Moved
        return [
            match
            for match, seeing, keys in asked
            if all(eyes.sees(view, bits, keys) for view, bits in seeing)
        ]


GONE = "The client, its agency, its user or the user's grant is not admitted any more."


def _views(access: Access, match: _Match) -> list[Any] | None:
    """What has to show it; None: the subscriber may see nothing of that kind (any more)."""
    sight = Sight(match.rule.type, match.plan.codes(match.rule), match.rule.expression is not None)
    try:
        return views(access, sight)
    except Forbidden:
        return None


def _order(change: Change) -> tuple[datetime, int, int]:
    return change.told.at, change.told.rid, change.told.version


def _said(subscription: Subscription) -> Subscription:
    """Without what changes with every notification."""
    return replace(
        subscription, numbered=0, sent=0, failures=0, next_try=None, told=None, since=None, error=None,
        error_code=None, state="",
    )  # fmt: skip
