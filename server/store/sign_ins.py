"""Signing in while it is under way: who was sent to an identity provider, and how often a network guessed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.store import tables

LIFETIME = timedelta(minutes=10)
"""How long somebody may take at an identity provider."""

WINDOW = timedelta(minutes=15)
"""The time over which the refusals of a network are counted."""

_sign_in = tables.sign_in
_refused = tables.refused_sign_in


@dataclass(frozen=True, slots=True)
class SignIn:
    """Somebody who is at the identity provider of an agency and is expected back in the same browser."""

    agency: str
    request: str
    browser_hash: str
    created: datetime


_columns = [_sign_in.c[name] for name in SignIn.__slots__]


def add(connection: Connection, sign_in: SignIn, state_hash: str) -> None:
    """Keep it, and forget those who did not come back."""
    connection.execute(delete(_sign_in).where(_sign_in.c.created < clock.now() - LIFETIME))
    values = {name: getattr(sign_in, name) for name in SignIn.__slots__}
    connection.execute(insert(_sign_in).values(state_hash=state_hash, **values))


def take(connection: Connection, state_hash: str, browser_hash: str) -> SignIn | None:
    """The one who comes back with this state to the browser that was sent; once."""
    this = (_sign_in.c.state_hash == state_hash) & (_sign_in.c.browser_hash == browser_hash)
    fresh = _sign_in.c.created > clock.now() - LIFETIME
    row = connection.execute(delete(_sign_in).where(this & fresh).returning(*_columns)).one_or_none()
    return SignIn(**row._mapping) if row else None


def refusals(connection: Connection, origin: str) -> int:
    """How often a network was refused lately. `origin`: a hash of its address."""
    recent = (_refused.c.origin == origin) & (_refused.c.since > clock.now() - WINDOW)
    return connection.execute(select(_refused.c.count).where(recent)).scalar_one_or_none() or 0


def refused(connection: Connection, origin: str) -> None:
    """A network was refused once more."""
    now = clock.now()
    connection.execute(delete(_refused).where(_refused.c.since < now - 2 * WINDOW))
    is_old = _refused.c.since <= now - WINDOW
    again = {
        "count": case((is_old, 1), else_=_refused.c.count + 1),
        "since": case((is_old, now), else_=_refused.c.since),
    }
    line = upsert(_refused).values(origin=origin, count=1, since=now)
    connection.execute(line.on_conflict_do_update(constraint=_refused.primary_key, set_=again))
