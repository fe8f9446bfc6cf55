"""Which proofs of possession (DPoP) were used: each is good for one request."""

from datetime import datetime

from sqlalchemy import Connection, delete
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.store import tables
from server.store.fingerprint import fingerprint

_proof = tables.used_proof


def use(connection: Connection, jkt: str, jti: str, expires: datetime) -> bool:
    """Whether a key's proof is used for the first time. One statement: of two at once, one wins."""
    connection.execute(delete(_proof).where(_proof.c.expires < clock.now()))
    row = {"hash": fingerprint(f"{jkt} {jti}"), "expires": expires}
    statement = upsert(_proof).values(row).on_conflict_do_nothing().returning(_proof.c.hash)
    return connection.execute(statement).one_or_none() is not None
