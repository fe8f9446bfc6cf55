"""What one subscription is told next, put together; and what became of it, written down.

The rights that its owner has now decide what it is told: they are asked for when what the events are about is
read, and who is told of whom is accounted for. Only then does anything leave.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from server import clock
from server.access.access import Access
from server.fhir.issue import FhirError
from server.record.door import Door
from server.record.event import act
from server.store import audit, subscriptions
from server.store.database import Transaction
from server.store.row import Stored
from server.store.subscriptions import ACTIVE, ERROR, OFF, REQUESTED, Subscription
from server.subscription import lifecycle, pause, right, secret
from server.subscription.channel.check import WEBSOCKET
from server.subscription.channel.parcel import ERROR_RESPONSE, NO_RESPONSE, NotDelivered, Parcel
from server.subscription.notification import (
    EVENT,
    FULL_RESOURCE,
    HANDSHAKE,
    HEARTBEAT,
    Event,
    Status,
    notification,
)
from server.subscription.plan import plan

USUAL = 100
"""Events that one notification tells of at most, unless its subscription says otherwise."""

NOTIFIED = "notification"
"""What it is called in the audit."""

_ENDED = "The subscription has ended."
_NO_RIGHTS = "Who made the subscription has no access any more."
_NO_SECRETS = "The secrets of the subscription cannot be read: send them again."
_GIVEN_UP = "It was given up; what was not told is kept."


_REMEMBERED = 4096

Codes = Mapping[str, frozenset[str]]
"""The search parameters that a subscription hangs on, by type."""


class Over(Exception):
    """The subscription has ended; the message is its id."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the operator allows: seconds a delivery may take, and how long failure is borne."""

    seconds: float
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Load:
    """What is on its way, and up to which event it tells. `fault`: why it cannot be put together."""

    subscription: Subscription
    parcel: Parcel
    last: int
    fault: NotDelivered | None = None


@dataclass
class Desk:
    """Where loads are put together. For several threads."""

    door: Door
    terms: Terms
    _codes: dict[tuple[str, str, tuple[str, ...]], Codes] = field(default_factory=dict)

    @cached_property
    def _key(self) -> bytes:
        return key(self.door)

    def next_load(self, rid: int) -> Load | None:
        """What is to be sent now; None: nothing.

        Raises:
            Over: it has ended, and is switched off.
        """
        at = clock.now()
        with self.door.database.transaction() as transaction:
            found = subscriptions.of(transaction.connection, [rid])
            if not found or not _is_due(found[0], at):
                return None
            [subscription] = found
            access = right.access(self.door, transaction.connection, subscription)
            if access is not None and not _is_over(subscription, at):
                return self._load(transaction, subscription, access, at)
        lifecycle.become(self.door, subscription.id, OFF, _NO_RIGHTS if access is None else _ENDED)
        raise Over(subscription.id)

    def _load(
        self, transaction: Transaction, subscription: Subscription, access: Access, at: datetime
    ) -> Load:
        kind, last = _kind(subscription), subscription.sent
        events: Sequence[Event] = ()
        if kind == EVENT:
            connection, wanted = transaction.connection, (last + 1, subscription.numbered)
            codes = self._asked_by(subscription)
            most = _most(subscription)
            events = told(self.door, connection, access, subscription, wanted, most, codes=codes)
            last = events[-1].number if events else subscription.numbered
            if len({each.focus.child for each in events if each.focus}) > 1:
                # A line that names several children is more than one row, and is there whole or not at all.
                transaction.begin()
            account(connection, access, at, subscription, events)
        return self._made(subscription, kind, events, at, last)

    def _asked_by(self, subscription: Subscription) -> Codes:
        """Worked out once for all that ask the same."""
        asked = (subscription.topic, subscription.criteria, subscription.filters)
        if asked not in self._codes:
            if len(self._codes) >= _REMEMBERED:
                self._codes.clear()
            self._codes[asked] = codes_of(self.door, subscription)
        return self._codes[asked]

    def handshake(self, id_: str) -> Load | None:
        """The handshake for who has just connected; None: the subscription has ended."""
        found = self._live(id_)
        return self._made(found, HANDSHAKE, (), clock.now(), found.sent) if found else None

    def holds(self, id_: str) -> bool:
        """Whether it goes on, and who made it has access still."""
        return self._live(id_) is not None

    def _live(self, id_: str) -> Subscription | None:
        with self.door.database.autocommit() as connection:
            found = subscriptions.find(connection, id_)
            if found is None or found.state == OFF or _is_over(found, clock.now()):
                return None
            return found if right.access(self.door, connection, found) else None

    def _made(
        self, subscription: Subscription, kind: str, events: Sequence[Event], at: datetime, last: int
    ) -> Load:
        fault, secrets = None, secret.NONE
        try:
            secrets = secret.opened(subscription.secrets, self._key)
        except ValueError:
            fault = NotDelivered(ERROR_RESPONSE, _NO_SECRETS)
        mime, _, attached = subscription.mime.partition("; attach=")
        plain = not subscription.topic
        content, listed = subscription.content, () if plain else events
        parcel = Parcel(
            subscription=subscription.id,
            kind=kind,
            endpoint=subscription.endpoint,
            mime=mime,
            attached=attached,
            bundle=notification(self.door.base_url, status(subscription), kind, at, content, listed),
            secrets=secrets,
            plain=plain,
            silent=plain and _is_silent(subscription, kind, events),
            resource=_resource(subscription, events) if plain else None,
            seconds=min(subscription.timeout or self.terms.seconds, self.terms.seconds),
        )
        return Load(subscription, parcel, last, fault)

    # ---- afterwards ----------------------------------------------------------------------------------------

    def arrived(self, load: Load) -> bool:
        """It was taken; whether there is more to be told."""
        subscription, at = load.subscription, clock.now()
        with self.door.database.autocommit() as connection:
            now = subscriptions.delivered(connection, subscription.rid, load.last, at)
        if subscription.state in (REQUESTED, ERROR):
            return lifecycle.become(self.door, subscription.id, ACTIVE)
        return now is not None and _is_due(now, at)

    def failed(self, load: Load, error: NotDelivered) -> None:
        """It was not: when it is tried again, and what its owner is told."""
        subscription, is_handshake = load.subscription, load.parcel.kind == HANDSHAKE
        at, failures = clock.now(), subscription.failures + 1
        over = pause.is_over(subscription.since or at, at, self.terms.patience)
        # Who did not take the handshake has to ask for another one.
        again = None if over or is_handshake else at + pause.after(failures)
        with self.door.database.autocommit() as connection:
            subscriptions.failed(connection, subscription.rid, at, again, (error.code, str(error)))
        if over and not is_handshake:
            self._put(subscription, OFF, f"{error} {_GIVEN_UP}")
        elif is_handshake or failures >= pause.FAILING:
            self._put(subscription, ERROR, str(error))

    def _put(self, subscription: Subscription, state: str, error: str) -> None:
        if subscription.state != state:
            lifecycle.become(self.door, subscription.id, state, error)


def key(door: Door) -> bytes:
    """The key that the secrets of subscriptions are sealed with."""
    return door.hasher.derived(secret.PURPOSE)


def told(
    door: Door,
    connection: Any,
    access: Access,
    subscription: Subscription,
    numbers: tuple[int, int],
    most: int,
    *,
    codes: Codes,
) -> list[Event]:
    """The events from one number to another, each with what it is about as far as the caller may see it now
    and could have asked for it by these `codes`."""
    kept = subscriptions.events(connection, subscription.rid, *numbers, most)
    shown = right.foci(door, connection, access, subscription, kept, codes)
    return [Event(each.number, each.at, each.interaction, shown.get(each.number)) for each in kept]


def status(subscription: Subscription) -> Status:
    """What notifications and `$status` tell of it."""
    error = (subscription.error_code or NO_RESPONSE, subscription.error) if subscription.error else None
    return Status(
        subscription.id, subscription.state, subscription.topic or None, subscription.numbered, error
    )


def account(
    connection: Any, access: Access, at: datetime, subscription: Subscription, events: Sequence[Event]
) -> None:
    """Who is told of whom, before it is told. Of several children it is more than one row."""
    shown: list[Stored] = [each.focus for each in events if each.focus is not None]
    said = f"Subscription/{subscription.id} {subscription.content}"
    if events:
        said += f" {events[0].number}-{events[-1].number}"
    children = {row.child for row in shown}
    hits = tuple(dict.fromkeys(row.rid for row in shown))
    line = act(access, at, NOTIFIED, query=said, hits=hits, child=min(children, default=0))
    if len(children) > 1:
        audit.record_of_several(connection, replace(line, child=0), children)
    else:
        audit.record(connection, line)


def codes_of(door: Door, subscription: Subscription) -> Codes:
    """The search parameters that it is told of a type by: who may not ask by them any more is not told."""
    try:
        found = plan(subscription, door)
    except FhirError:
        # A topic that is gone: nothing new is numbered, and what was is judged by itself.
        return {}
    codes: dict[str, frozenset[str]] = {}
    for rule in found.rules:
        codes[rule.type] = codes.get(rule.type, frozenset()) | found.codes(rule)
    return codes


def _resource(subscription: Subscription, events: Sequence[Event]) -> tuple[str, bytes] | None:
    if subscription.content != FULL_RESOURCE:
        return None
    shown = [each.focus for each in events if each.focus is not None and not each.focus.deleted]
    return (f"{shown[-1].type}/{shown[-1].id}", shown[-1].body.encode()) if shown else None


def _is_silent(subscription: Subscription, kind: str, events: Sequence[Event]) -> bool:
    """Whether a subscription by criteria has nothing to say: R4 knows no handshake and no heartbeat, and what
    its owner lost sight of ends quietly."""
    if kind == HANDSHAKE:
        return subscription.channel != WEBSOCKET
    if subscription.content != FULL_RESOURCE:
        return kind != EVENT or not any(each.focus for each in events)
    return _resource(subscription, events) is None


def _kind(subscription: Subscription) -> str:
    if subscription.state == REQUESTED:
        return HANDSHAKE
    return EVENT if subscription.pending else HEARTBEAT


def _most(subscription: Subscription) -> int:
    if not subscription.topic and subscription.content == FULL_RESOURCE:
        # https://hl7.org/fhir/R4/subscription.html: each resource is sent by itself.
        return 1
    return subscription.max_count or USUAL


def _is_due(subscription: Subscription, at: datetime) -> bool:
    waits = subscription.next_try is not None and subscription.next_try > at
    refused = subscription.state == ERROR and subscription.next_try is None
    if waits or refused or subscription.state == OFF:
        return False
    return bool(subscription.pending) or subscription.state == REQUESTED or _beats(subscription, at)


def _beats(subscription: Subscription, at: datetime) -> bool:
    """Whether it is time for a heartbeat."""
    if subscription.heartbeat is None:
        return False
    return subscription.told is None or (at - subscription.told).total_seconds() >= subscription.heartbeat


def _is_over(subscription: Subscription, at: datetime) -> bool:
    return subscription.ends is not None and subscription.ends <= at
