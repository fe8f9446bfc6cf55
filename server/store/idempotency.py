"""Keys that clients gave to their writes, and how each was answered: so that a repeat writes nothing."""

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from server.fhir import Json, json
from server.store import tables as t
from server.store.database import Prepared

_FORGOTTEN_AT_ONCE = 100

_old = (
    select(t.idempotency.c.client, t.idempotency.c.key)
    .where(t.idempotency.c.at < bindparam("before"))
    .order_by(t.idempotency.c.at)
    .limit(_FORGOTTEN_AT_ONCE)
    # What another is forgetting need not be waited for.
    .with_for_update(skip_locked=True)
)
_KEY = (t.idempotency.c.client == bindparam("of_client"), t.idempotency.c.key == bindparam("of_key"))
_forget = Prepared(delete(t.idempotency).where(tuple_(t.idempotency.c.client, t.idempotency.c.key).in_(_old)))
_forget_one = Prepared(delete(t.idempotency).where(*_KEY, t.idempotency.c.at < bindparam("before")))
_claim = Prepared(
    insert(t.idempotency)
    .values({name: bindparam(name) for name in ("client", "key", "at", "fingerprint")})
    .on_conflict_do_nothing()
    .returning(t.idempotency.c.key)
)
_found = Prepared(select(t.idempotency.c.fingerprint, t.idempotency.c.answer).where(*_KEY))
_answered = Prepared(update(t.idempotency).where(*_KEY).values(answer=bindparam("said")))


def claim(
    connection: Connection, client: str, key: str, fingerprint: str, at: datetime, before: datetime
) -> bool:
    """Whether the key is new (or older than `before`): then it is this request's, once it commits.

    Waits for a request that is being carried out under the same key.
    """
    _forget(connection, before=before)
    _forget_one(connection, of_client=client, of_key=key, before=before)
    return bool(_claim(connection, client=client, key=key, at=at, fingerprint=fingerprint))


def found(connection: Connection, client: str, key: str) -> tuple[str, Json] | None:
    """(fingerprint, answer) of the request that has the key; None if it has been forgotten meanwhile."""
    rows = _found(connection, of_client=client, of_key=key)
    return (rows[0][0], json.decode(rows[0][1].encode())) if rows else None


def answered(connection: Connection, client: str, key: str, answer: Json) -> None:
    """Keep how the request was answered."""
    _answered(connection, of_client=client, of_key=key, said=json.encode(answer).decode())
