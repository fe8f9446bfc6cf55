"""The tokens by which apps may register themselves for an agency.

https://www.rfc-editor.org/rfc/rfc7591#section-3
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, insert, select, update

from server import clock
from server.store import tables
from server.store.fingerprint import fingerprint

_token = tables.registration_token


@dataclass(frozen=True, slots=True)
class RegistrationToken:
    """`scope`: the most that a client may register for by it. `uses_left`: how many still may."""

    id: str
    agency: str
    scope: str
    uses_left: int
    created: datetime
    expires: datetime
    revoked: datetime | None = None


_columns = [_token.c[name] for name in RegistrationToken.__slots__]


def add(connection: Connection, token: str, kept: RegistrationToken) -> None:
    """A token, of which the hash is kept."""
    values = {name: getattr(kept, name) for name in RegistrationToken.__slots__}
    connection.execute(insert(_token).values(token_hash=fingerprint(token), **values))


def find(connection: Connection, token: str) -> RegistrationToken | None:
    """A token that is good, without being used."""
    row = connection.execute(select(*_columns).where(_good(token))).one_or_none()
    return RegistrationToken(*row) if row else None


def use(connection: Connection, token: str) -> bool:
    """Whether it was good for one more. One statement: of two at once, the last use has one."""
    statement = update(_token).where(_good(token)).values(uses_left=_token.c.uses_left - 1)
    return connection.execute(statement.returning(_token.c.id)).one_or_none() is not None


def every(connection: Connection, agency: str | None = None) -> list[RegistrationToken]:
    """All of them, or an agency's, the newest first."""
    query = select(*_columns).order_by(_token.c.created.desc(), _token.c.id)
    if agency is not None:
        query = query.where(_token.c.agency == agency)
    return [RegistrationToken(*row) for row in connection.execute(query)]


def revoke(connection: Connection, id: str) -> bool:
    """Whether it was not revoked before."""
    return _revoke(connection, _token.c.id == id) > 0


def revoke_of_agency(connection: Connection, agency: str) -> int:
    """How many have been revoked."""
    return _revoke(connection, _token.c.agency == agency)


def _good(token: str) -> ColumnElement[bool]:
    return (
        (_token.c.token_hash == fingerprint(token))
        & (_token.c.uses_left > 0)
        & (_token.c.expires > clock.now())
        & _token.c.revoked.is_(None)
    )


def _revoke(connection: Connection, which: ColumnElement[bool]) -> int:
    statement = update(_token).where(which & _token.c.revoked.is_(None)).values(revoked=clock.now())
    return len(connection.execute(statement.returning(_token.c.id)).all())
