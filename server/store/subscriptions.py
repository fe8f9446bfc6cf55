"""Subscriptions as they are carried out: whose they are, how far each has been told, and its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    DateTime,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    delete,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from server.store import recordset
from server.store import tables as t
from server.store.database import Prepared

REQUESTED, ACTIVE, ERROR, OFF = STATES = ("requested", "active", "error", "off")
"""https://hl7.org/fhir/R4/valueset-subscription-status.html"""

EMPTY, ID_ONLY, FULL = CONTENTS = ("empty", "id-only", "full-resource")
"""What a notification holds of what it tells of."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription. `agency` to `granted`: whose it is, and what its maker was allowed then. What
    was written before it `started` is none of its events. Either
    `topic` with `filters`, or `criteria` alone. `numbered`: its last event; `sent`: the last that was told;
    `told`: when; `since` when nothing arrives. `secrets`: sealed (`subscription.secret`)."""

    rid: int
    id: str
    agency: str
    client: str
    account: str | None
    scopes: tuple[str, ...]
    patient: str | None
    purpose: str | None
    granted: datetime
    started: datetime
    topic: str
    criteria: str
    filters: tuple[str, ...]
    channel: str
    endpoint: str
    secrets: str | None
    mime: str
    content: str
    heartbeat: int | None = None
    timeout: int | None = None
    max_count: int | None = None
    ends: datetime | None = None
    state: str = REQUESTED
    numbered: int = 0
    sent: int = 0
    failures: int = 0
    next_try: datetime | None = None
    told: datetime | None = None
    since: datetime | None = None
    error: str | None = None
    error_code: str | None = None

    @property
    def pending(self) -> int:
        """How many events wait to be told."""
        return self.numbered - self.sent


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription: a version of a resource. No id: that was taken out for good."""

    number: int
    type: int
    id: str | None
    version: int
    interaction: str
    at: datetime


_S, _E = t.subscription.c, t.subscription_event.c
_LISTS = ("scopes", "filters")
_PROGRESS = ("numbered", "sent", "failures", "next_try", "told", "since")
_SELECT = select(*(_S[name] for name in Subscription.__slots__))
_rid, _at = cast(bindparam("rid"), BigInteger), cast(bindparam("at"), DateTime(timezone=True))


def _made(row: Sequence[Any]) -> Subscription:
    values = dict(zip(Subscription.__slots__, row, strict=True))
    return Subscription(**{**values, **{name: tuple(values[name]) for name in _LISTS}})


# ---- which there are ---------------------------------------------------------------------------------------

_by_id = Prepared(_SELECT.where(_S.id == bindparam("id")))
_by_rid = Prepared(_SELECT.where(_S.rid == any_(cast(bindparam("rids"), ARRAY(BigInteger)))))
_live = Prepared(_SELECT.where(_S.state != OFF).order_by(_S.rid))
_every = Prepared(
    _SELECT.where(
        or_(cast(bindparam("agency"), Text).is_(None), _S.agency == bindparam("agency")),
        or_(cast(bindparam("state"), Text).is_(None), _S.state == bindparam("state")),
    ).order_by(_S.agency, _S.client, _S.rid)
)
_due = Prepared(
    _SELECT.where(
        _S.state != OFF,
        or_(_S.numbered > _S.sent, _S.state == REQUESTED),
        # In error and never to be tried again: its listener refused the handshake, and has to ask anew.
        or_(and_(_S.next_try.is_(None), _S.state != ERROR), _S.next_try <= _at),
    )
    .order_by(_S.next_try.asc().nulls_first(), _S.rid)
    .limit(cast(bindparam("count"), Integer))
)


def find(connection: Connection, id: str) -> Subscription | None:
    """A subscription, whatever its state."""
    return next((_made(row) for row in _by_id(connection, id=id)), None)


def of(connection: Connection, rids: Iterable[int]) -> list[Subscription]:
    """Those with these numbers."""
    return [_made(row) for row in _by_rid(connection, rids=list(rids))]


def live(connection: Connection) -> list[Subscription]:
    """Those for which events are numbered."""
    return [_made(row) for row in _live(connection)]


def every(connection: Connection, agency: str | None = None, state: str | None = None) -> list[Subscription]:
    """All, or those of an agency, or in a state."""
    return [_made(row) for row in _every(connection, agency=agency, state=state)]


def due(connection: Connection, at: datetime, limit: int = 500) -> list[Subscription]:
    """Those that something is to be sent to now: events, or first of all a handshake."""
    return [_made(row) for row in _due(connection, at=at, count=limit)]


_beating = Prepared(
    _SELECT.where(
        _S.heartbeat.is_not(None),
        or_(and_(_S.state == ACTIVE, _S.next_try.is_(None)), _S.next_try <= _at),
        or_(_S.state == ACTIVE, _S.state == ERROR),
        or_(_S.told.is_(None), _S.told + func.make_interval(0, 0, 0, 0, 0, 0, _S.heartbeat) <= _at),
    )
)


def beating(connection: Connection, at: datetime) -> list[Subscription]:
    """Those whose listener is to hear a heartbeat now."""
    return [_made(row) for row in _beating(connection, at=at)]


_count = Prepared(
    select(func.count())
    .select_from(t.subscription)
    .where(
        _S.client == bindparam("client"),
        _S.account.is_not_distinct_from(cast(bindparam("account"), Text)),
        _S.state != OFF,
    )
)


def count(connection: Connection, client: str, account: str | None) -> int:
    """How many a client has, for itself or for a user, that are not switched off."""
    return int(_count(connection, client=client, account=account)[0][0])


# ---- kept with the resource --------------------------------------------------------------------------------

_columns = {
    name: cast(bindparam(name), _S[name].type) for name in Subscription.__slots__ if name not in _PROGRESS
}
_AFRESH: dict[str, Any] = {"failures": 0, "next_try": null(), "since": null()}
_keep = Prepared(
    upsert(t.subscription)
    .values(_columns)
    .on_conflict_do_update(
        index_elements=["rid"],
        set_={name: value for name, value in _columns.items() if name != "rid"}
        # While it was off nothing was numbered for it.
        | {"started": case((_S.state == OFF, _columns["started"]), else_=_S.started)}
        | _AFRESH,
    )
)
_forget = Prepared(delete(t.subscription).where(_S.rid == _rid))
_forget_events = Prepared(delete(t.subscription_event).where(_E.subscription == _rid))
_put: dict[str, Any] = {
    "state": cast(bindparam("state"), Text),
    "error": cast(bindparam("error"), Text),
}
_become = Prepared(update(t.subscription).where(_S.rid == _rid).values(_put))
_become_afresh = Prepared(update(t.subscription).where(_S.rid == _rid).values(_put | _AFRESH))


def keep(connection: Connection, subscription: Subscription) -> None:
    """As its resource says it now; how far it has been told stays."""
    values = {name: value for name, value in asdict(subscription).items() if name not in _PROGRESS}
    _keep(connection, **values | {name: list(values[name]) for name in _LISTS})


def forget(connection: Connection, rid: int) -> None:
    """Its resource is deleted: it ends, with its events."""
    _forget(connection, rid=rid)
    _forget_events(connection, rid=rid)


def become(connection: Connection, rid: int, state: str, error: str | None) -> None:
    """Put it into a state. What failed before is forgotten when it begins anew, and only then."""
    put = _become_afresh if state in (REQUESTED, ACTIVE) else _become
    put(connection, rid=rid, state=state, error=error)


# ---- events ------------------------------------------------------------------------------------------------

_hold = Prepared(
    select(_S.rid, _S.numbered)
    .where(_S.rid == any_(cast(bindparam("rids"), ARRAY(BigInteger))), _S.state != OFF)
    .order_by(_S.rid)
    .with_for_update()
)
_more = recordset.recordset("more", {"rid": BigInteger(), "numbered": BigInteger()})
_count_on = (
    update(t.subscription).where(_S.rid == _more.c.rid).values(numbered=_more.c.numbered).cte("counted")
)
_number = Prepared(select(func.count()).add_cte(_count_on, recordset.insertion(t.subscription_event)))
_events = Prepared(
    select(*(_E[name] for name in Event.__slots__))
    .where(
        _E.subscription == _rid,
        _E.number >= cast(bindparam("since"), BigInteger),
        _E.number <= cast(bindparam("until"), BigInteger),
    )
    .order_by(_E.number)
    .limit(cast(bindparam("count"), Integer))
)


def number(
    connection: Connection, events: Mapping[int, Sequence[tuple[int, str, int, str, datetime]]]
) -> dict[int, int]:
    """Give the events of each subscription (by rid) the next numbers: (type, id, version, interaction, at).

    The last number of each; of one that ended meanwhile there is none.
    """
    held: dict[int, int] = dict(_hold(connection, rids=sorted(events)))
    names = ("type", "id", "version", "interaction", "at")
    rows = [
        {"subscription": rid, "number": before + place, **dict(zip(names, one, strict=True))}
        for rid, before in held.items()
        for place, one in enumerate(events[rid], 1)
    ]
    counted = {rid: before + len(events[rid]) for rid, before in held.items()}
    if rows:
        more = ({"rid": rid, "numbered": numbered} for rid, numbered in counted.items())
        _number(connection, more=recordset.text(more), subscription_event=recordset.text(rows))
    return counted


def events(connection: Connection, rid: int, since: int, until: int, limit: int = 1000) -> list[Event]:
    """Those of a subscription with these numbers, both ends included."""
    return [Event(*row) for row in _events(connection, rid=rid, since=since, until=until, count=limit)]


_prune = Prepared(
    delete(t.subscription_event).where(
        _E.at < cast(bindparam("before"), DateTime(timezone=True)),
        _E.number
        <= select(_S.sent).where(_S.rid == _E.subscription).correlate(t.subscription_event).scalar_subquery(),
    )
)


def prune(connection: Connection, before: datetime) -> None:
    """Forget events that were told, and happened before a time."""
    _prune(connection, before=before)


# ---- how far they are told ---------------------------------------------------------------------------------

_delivered = Prepared(
    update(t.subscription)
    .where(_S.rid == _rid)
    .values(
        sent=func.greatest(_S.sent, func.least(_S.numbered, cast(bindparam("number"), BigInteger))),
        told=_at,
        error=null(),
        error_code=null(),
        **_AFRESH,
    )
    .returning(*(_S[name] for name in Subscription.__slots__))
)
_failed = Prepared(
    update(t.subscription)
    .where(_S.rid == _rid)
    .values(
        failures=_S.failures + 1,
        next_try=cast(bindparam("next_try"), DateTime(timezone=True)),
        since=func.coalesce(_S.since, _at),
        error=cast(bindparam("error"), Text),
        error_code=cast(bindparam("code"), Text),
    )
)
_replay = Prepared(
    update(t.subscription)
    .where(_S.rid == _rid)
    .values(
        sent=func.greatest(0, func.least(_S.numbered, cast(bindparam("number"), BigInteger) - 1)),
        **_AFRESH,
    )
)


def delivered(connection: Connection, rid: int, number: int, at: datetime) -> Subscription | None:
    """Everything up to a number has been told: never fewer than before. As it is now; None: it is deleted."""
    rows = _delivered(connection, rid=rid, number=number, at=at)
    return _made(rows[0]) if rows else None


def failed(
    connection: Connection, rid: int, at: datetime, next_try: datetime | None, error: tuple[str, str]
) -> None:
    """It could not be told, and will be tried again then. `error`: a code of subscription-error, and why."""
    _failed(connection, rid=rid, at=at, next_try=next_try, code=error[0], error=error[1])


def replay(connection: Connection, rid: int, number: int) -> None:
    """Tell everything again from a number on."""
    _replay(connection, rid=rid, number=number)
