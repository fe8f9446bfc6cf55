"""What people have let apps have: asked for the same by the same app again, they need not say it again."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from server import clock
from server.store import tables

_approval = tables.approval


@dataclass(frozen=True, slots=True)
class Approval:
    """What a client was let have, and since when."""

    client: str
    scope: str
    at: datetime


def find(connection: Connection, account: str, client: str, asked: str) -> str | None:
    """The scopes that a person let a client have when it asked for just these before."""
    this = (_approval.c.account == account) & (_approval.c.client == client)
    query = select(_approval.c.scope).where(this & (_approval.c.asked == _fingerprint(asked)))
    return connection.execute(query).scalar_one_or_none()


def of_account(connection: Connection, account: str) -> list[Approval]:
    """All that a person has approved of, the latest first."""
    query = select(_approval.c.client, _approval.c.scope, _approval.c.at)
    mine = query.where(_approval.c.account == account).order_by(_approval.c.at.desc())
    return [Approval(*row) for row in connection.execute(mine)]


def keep(connection: Connection, account: str, client: str, asked: str, scope: str) -> None:
    """Asked for `asked` by the client, the person has given `scope`."""
    row = {"account": account, "client": client, "asked": _fingerprint(asked)}
    said = {"scope": scope, "at": clock.now()}
    statement = insert(_approval).values(**row, **said)
    connection.execute(statement.on_conflict_do_update(constraint=_approval.primary_key, set_=said))


def forget(connection: Connection, account: str, client: str | None = None) -> None:
    """A client, or every one, has to ask again."""
    mine = _approval.c.account == account
    connection.execute(
        delete(_approval).where(mine if client is None else mine & (_approval.c.client == client))
    )


def forget_client(connection: Connection, client: str) -> None:
    """A client has to ask everybody again: it is not what they approved of any more."""
    connection.execute(delete(_approval).where(_approval.c.client == client))


def _fingerprint(asked: str) -> str:
    # In whatever order it asks. A hash, because what is asked for may be longer than a key of an index.
    return sha256(" ".join(sorted(asked.split())).encode()).hexdigest()
