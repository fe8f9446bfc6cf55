"""Tokens that bind a WebSocket to subscriptions: good for a minute, and once."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, DateTime, Text, bindparam, cast, delete, insert
from sqlalchemy.dialects.postgresql import ARRAY

from server.store import tables as t
from server.store.database import Prepared
from server.store.fingerprint import fingerprint

_T = t.websocket_token.c
_at = cast(bindparam("at"), DateTime(timezone=True))
_keep = Prepared(
    insert(t.websocket_token).values(
        hash=cast(bindparam("hash"), Text),
        subscriptions=cast(bindparam("subscriptions"), ARRAY(Text)),
        expires=cast(bindparam("expires"), DateTime(timezone=True)),
    )
)
_use = Prepared(
    delete(t.websocket_token).where(_T.hash == bindparam("hash")).returning(_T.subscriptions, _T.expires)
)
_expire = Prepared(delete(t.websocket_token).where(_T.expires < _at))


def keep(connection: Connection, token: str, subscriptions: Iterable[str], expires: datetime) -> None:
    """A token that was given out, for these subscriptions, by id."""
    _keep(connection, hash=fingerprint(token), subscriptions=list(subscriptions), expires=expires)


def use(connection: Connection, token: str, at: datetime) -> tuple[str, ...]:
    """The subscriptions that it binds to; of two who come with it, one is given any."""
    _expire(connection, at=at)
    rows = _use(connection, hash=fingerprint(token))
    return tuple(rows[0][0]) if rows else ()
