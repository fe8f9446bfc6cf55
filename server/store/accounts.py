"""The accounts of people: who may sign in, for which agency, and as whom in the record."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.store import tables

_account = tables.account
_agency = tables.agency
_code = tables.recovery_code


@dataclass(frozen=True, slots=True)
class Account:
    """A person of an agency or of a family. `fhir_user`: the Practitioner, RelatedPerson or Patient it is.

    It proves itself here, by a password and perhaps a code, or at the agency's identity provider, where
    `provider` knows it as `subject`.
    """

    id: str
    agency: str
    username: str | None
    name: str
    fhir_user: str
    roles: tuple[str, ...]
    caseload: str
    created: datetime
    teams: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    password_hash: str | None = None
    provisional: bool = False
    totp: str | None = None
    totp_step: int = 0
    provider: str | None = None
    subject: str | None = None
    failures: int = 0
    locked_until: datetime | None = None
    suspended: datetime | None = None
    demonstration: bool = False


_LISTS = frozenset({"roles", "teams", "references"})
# Nobody signs in for an agency that is suspended.
_suspended = func.coalesce(_account.c.suspended, _agency.c.suspended).label("suspended")
_select = select(
    *(_suspended if name == "suspended" else _account.c[name] for name in Account.__slots__)
).select_from(_account.outerjoin(_agency, _agency.c.code == _account.c.agency))


def find(connection: Connection, id: str) -> Account | None:
    """An account by its id, suspended or not; with its agency it is suspended too."""
    return _one(connection, _account.c.id == id)


def by_username(connection: Connection, username: str) -> Account | None:
    """A local account by the name that its owner signs in with, however that is written."""
    return _one(connection, _account.c.username == folded(username))


def by_subject(connection: Connection, agency: str, provider: str, subject: str) -> Account | None:
    """The account of somebody whom an agency's identity provider knows."""
    known = (_account.c.provider == provider) & (_account.c.subject == subject)
    return _one(connection, (_account.c.agency == agency) & known)


def every(connection: Connection, agency: str | None = None) -> list[Account]:
    """All accounts, or those of an agency, by age."""
    query = _select.order_by(_account.c.agency, _account.c.created, _account.c.id)
    if agency is not None:
        query = query.where(_account.c.agency == agency)
    return [_read(row) for row in connection.execute(query)]


def add(connection: Connection, account: Account) -> bool:
    """Whether it was added: a username, and a subject of a provider, has one account."""
    values = _written({name: getattr(account, name) for name in Account.__slots__})
    statement = upsert(_account).values(values).on_conflict_do_nothing().returning(_account.c.id)
    return connection.execute(statement).one_or_none() is not None


def change(connection: Connection, id: str, **values: object) -> bool:
    """Whether there was such an account, of which these values are now true."""
    statement = update(_account).where(_account.c.id == id).values(_written(values))
    return connection.execute(statement.returning(_account.c.id)).one_or_none() is not None


def suspend(connection: Connection, id: str) -> bool:
    """Whether it was not suspended before. Its sessions end with it."""
    live = (_account.c.id == id) & _account.c.suspended.is_(None)
    statement = update(_account).where(live).values(suspended=clock.now()).returning(_account.c.id)
    return connection.execute(statement).one_or_none() is not None


def resume(connection: Connection, id: str) -> bool:
    """Whether there was such an account, which may sign in again."""
    return change(connection, id, suspended=None, failures=0, locked_until=None)


def failed(connection: Connection, id: str, patience: int, pause: timedelta) -> None:
    """One more wrong password or code. From the `patience`th on, each locks the account for a while, twice as
    long each time, up to sixteen times the pause."""
    row = select(_account.c.failures).where(_account.c.id == id).with_for_update()
    failures = (connection.execute(row).scalar_one_or_none() or 0) + 1
    over = failures - patience
    locked = clock.now() + pause * 2 ** min(over, 4) if over >= 0 else None
    change(connection, id, failures=failures, locked_until=locked)


def succeeded(connection: Connection, id: str) -> None:
    """Who got in has no failures to answer for."""
    change(connection, id, failures=0, locked_until=None)


def use_step(connection: Connection, id: str, step: int) -> bool:
    """Whether the code of a time step is used for the first time. One statement: of two at once, one wins."""
    fresh = (_account.c.id == id) & (_account.c.totp_step < step)
    statement = update(_account).where(fresh).values(totp_step=step).returning(_account.c.id)
    return connection.execute(statement).one_or_none() is not None


def set_recovery_codes(connection: Connection, id: str, hashes: Collection[str]) -> None:
    """These are the recovery codes from now on, and no others."""
    connection.execute(delete(_code).where(_code.c.account == id))
    if hashes:
        connection.execute(insert(_code), [{"account": id, "code_hash": each} for each in hashes])


def use_recovery_code(connection: Connection, id: str, code_hash: str) -> bool:
    """Whether it was one that is left; it is not any more."""
    this = (_code.c.account == id) & (_code.c.code_hash == code_hash)
    return connection.execute(delete(_code).where(this).returning(_code.c.account)).one_or_none() is not None


def folded(username: str) -> str:
    """A username as it is kept: nobody remembers which letters were capital."""
    return username.strip().casefold()


def _one(connection: Connection, this: ColumnElement[bool]) -> Account | None:
    row = connection.execute(_select.where(this)).one_or_none()
    return _read(row) if row else None


def _read(row: Row[Any]) -> Account:
    values: dict[str, Any] = dict(row._mapping)
    return Account(**values | {name: tuple(values[name]) for name in _LISTS})


def _written(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: list(value) if name in _LISTS and isinstance(value, tuple) else value
        for name, value in values.items()
    }
