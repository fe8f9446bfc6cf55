"""The clients of the agencies: who may ask for a token, and the assertions they have used up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.fhir import Json
from server.store import tables

_client = tables.client
_assertion = tables.assertion


@dataclass(frozen=True, slots=True)
class Client:
    """A system of an agency. It proves itself by a secret, of which only the hash is kept, or by its keys."""

    id: str
    agency: str
    name: str
    scope: str
    secret_hash: str | None
    jwks: Json | None
    created: datetime
    rotated: datetime | None = None
    removed: datetime | None = None
    demonstration: bool = False


_columns = [_client.c[name] for name in Client.__slots__]


def find(connection: Connection, id: str) -> Client | None:
    """A client by its id, removed or not."""
    row = connection.execute(select(*_columns).where(_client.c.id == id)).one_or_none()
    return Client(*row) if row else None


def every(connection: Connection) -> list[Client]:
    """All clients, removed ones included, by agency and age."""
    query = select(*_columns).order_by(_client.c.agency, _client.c.created, _client.c.id)
    return [Client(*row) for row in connection.execute(query)]


def add(connection: Connection, client: Client) -> bool:
    """Whether it was added: an id is never given twice, not even a removed client's."""
    values = {name: getattr(client, name) for name in Client.__slots__}
    statement = upsert(_client).values(values).on_conflict_do_nothing().returning(_client.c.id)
    return connection.execute(statement).one_or_none() is not None


def rotate(connection: Connection, id: str, secret_hash: str | None, jwks: Json | None) -> bool:
    """Whether there was such a client, whose credentials are now these and no others."""
    values = {"secret_hash": secret_hash, "jwks": jwks, "rotated": clock.now()}
    return _change(connection, id, values)


def remove(connection: Connection, id: str) -> bool:
    """Whether there was such a client. The row stays, so that the audit of what it did can be read."""
    return _change(connection, id, {"removed": clock.now(), "secret_hash": None, "jwks": None})


def use_assertion(connection: Connection, client: str, jti: str, expires: datetime) -> bool:
    """Whether a client's assertion is used for the first time. One statement: of two at once, one wins."""
    connection.execute(
        delete(_assertion).where(
            _assertion.c.client == client,
            # Longer than any leeway in judging expiry.
            _assertion.c.expires < clock.now() - timedelta(minutes=10),
        )
    )
    row = {"client": client, "jti": jti, "expires": expires}
    statement = upsert(_assertion).values(row).on_conflict_do_nothing().returning(_assertion.c.jti)
    return connection.execute(statement).one_or_none() is not None


def _change(connection: Connection, id: str, values: Mapping[str, object]) -> bool:
    live = (_client.c.id == id) & _client.c.removed.is_(None)
    statement = update(_client).where(live).values(values).returning(_client.c.id)
    return connection.execute(statement).one_or_none() is not None
