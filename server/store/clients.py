"""The clients: who may ask for a token, and the assertions they have used up."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.fhir import Json
from server.store import tables

_agency = tables.agency
_client = tables.client
_assertion = tables.assertion


PUBLIC, CONFIDENTIAL = KINDS = ("public", "confidential")
"""Whether a client can keep a secret: a page in a browser or an app on a telephone cannot."""

NONE, BASIC, POST, KEYS = AUTH_METHODS = (
    "none",
    "client_secret_basic",
    "client_secret_post",
    "private_key_jwt",
)
"""How a client proves itself: https://www.rfc-editor.org/rfc/rfc7591#section-2"""

CODE, REFRESH, CREDENTIALS = GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")


@dataclass(frozen=True, slots=True)
class Client:
    """Who may ask for a token, and how it proves itself.

    `agency`: whose system or app it is; empty: nobody's, an app that people of any agency and families may
    use. A secret is kept as a hash; keys are held here (`jwks`) or by the client (`jwks_uri`). `suspended` is
    also set while its agency is, and `revoked` may be the agency's: tokens are good that were given after.
    The other words are those of RFC 7591.
    """

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
    kind: str = CONFIDENTIAL
    auth_method: str = BASIC
    grant_types: tuple[str, ...] = (CREDENTIALS,)
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    jwks_uri: str | None = None
    client_uri: str | None = None
    logo_uri: str | None = None
    policy_uri: str | None = None
    tos_uri: str | None = None
    contacts: tuple[str, ...] = ()
    software_id: str | None = None
    software_version: str | None = None
    dpop_bound: bool = False
    suspended: datetime | None = None
    revoked: datetime | None = None
    registration_hash: str | None = None

    def holds(self, issued: float) -> bool:
        """Whether a token that was given then may still be good: in the second of a revocation it is not."""
        return self.revoked is None or issued > self.revoked.timestamp()

    @property
    def is_live(self) -> bool:
        """Whether it may act at all."""
        return self.removed is None and self.suspended is None


_NAMES = tuple(each.name for each in fields(Client))
_LISTS = frozenset({"grant_types", "redirect_uris", "contacts"})
_OF_BOTH = {
    "suspended": func.coalesce(_client.c.suspended, _agency.c.suspended),
    # The later of the two: what is null is left out.
    "revoked": func.greatest(_client.c.revoked, _agency.c.revoked),
}
_select = select(
    *(_OF_BOTH[name].label(name) if name in _OF_BOTH else _client.c[name] for name in _NAMES)
).select_from(_client.outerjoin(_agency, _agency.c.code == _client.c.agency))


def find(connection: Connection, id: str) -> Client | None:
    """A client by its id, removed or not."""
    row = connection.execute(_select.where(_client.c.id == id)).one_or_none()
    return _of(row) if row else None


def every(connection: Connection, agency: str | None = None) -> list[Client]:
    """All clients, or an agency's, removed ones included, by agency and age."""
    query = _select.order_by(_client.c.agency, _client.c.created, _client.c.id)
    if agency is not None:
        query = query.where(_client.c.agency == agency)
    return [_of(row) for row in connection.execute(query)]


def add(connection: Connection, client: Client) -> bool:
    """Whether it was added: an id is never given twice, not even a removed client's."""
    statement = upsert(_client).values(_values(client)).on_conflict_do_nothing().returning(_client.c.id)
    return connection.execute(statement).one_or_none() is not None


def replace(connection: Connection, client: Client) -> bool:
    """Whether there was such a client, of which everything is now as it is here, but for its standing."""
    given = _values(client)
    return _change(connection, client.id, {name: given[name] for name in _NAMES if name not in _OF_BOTH})


def suspend(connection: Connection, id: str, at: datetime | None) -> bool:
    """Whether there was such a client, which may not act from then on; None: may act again."""
    return _change(connection, id, {"suspended": at})


def rotate(
    connection: Connection,
    id: str,
    auth_method: str,
    secret_hash: str | None = None,
    jwks: Json | None = None,
    jwks_uri: str | None = None,
) -> bool:
    """Whether there was such a client, whose credentials are now these and no others."""
    values = {
        "auth_method": auth_method,
        "secret_hash": secret_hash,
        "jwks": jwks,
        "jwks_uri": jwks_uri,
        "rotated": clock.now(),
    }
    return _change(connection, id, values)


def revoke(connection: Connection, id: str) -> bool:
    """Whether there was such a client, whose tokens until now are good no more."""
    return _change(connection, id, {"revoked": clock.now()})


def remove(connection: Connection, id: str) -> bool:
    """Whether there was such a client. The row stays, so that the audit of what it did can be read."""
    gone = dict.fromkeys(("secret_hash", "jwks", "jwks_uri", "registration_hash"))
    return _change(connection, id, {"removed": clock.now(), **gone})


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


def _of(row: Row[Any]) -> Client:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    return Client(**values | {name: tuple(values[name]) for name in _LISTS})


def _values(client: Client) -> dict[str, object]:
    given = {name: getattr(client, name) for name in _NAMES}
    return given | {name: list(given[name]) for name in _LISTS}


def _change(connection: Connection, id: str, values: Mapping[str, object]) -> bool:
    live = (_client.c.id == id) & _client.c.removed.is_(None)
    statement = update(_client).where(live).values(values).returning(_client.c.id)
    return connection.execute(statement).one_or_none() is not None
