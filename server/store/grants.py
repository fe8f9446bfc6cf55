"""What apps were granted by users: each grant is the family of a code, its access tokens and refresh tokens.

To end a grant ends all of them; whoever presents a code or a refresh token that was used before ends it, too.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server import clock
from server.fhir import Json
from server.store import tables
from server.store.fingerprint import fingerprint

_grant = tables.app_grant
_code = tables.authorization_code
_refresh = tables.refresh_token
_revoked = tables.revoked_token
_account = tables.account
_agency = tables.agency
_session = tables.session

_KEPT = timedelta(days=30)
"""How long a grant is kept that has ended: its tokens are refused for their own reason."""


@dataclass(frozen=True, slots=True)
class Grant:
    """`session`: the grant is for as long as the user stays signed in there; None: for longer (offline).

    `context`: what of the launch the app is told with its tokens, without the patient.
    """

    id: str
    client: str
    agency: str
    account: str
    scope: str
    authenticated: datetime
    created: datetime
    expires: datetime
    session: str | None = None
    patient: str | None = None
    purpose: str | None = None
    context: Json = field(default_factory=dict)
    nonce: str | None = None
    dpop_jkt: str | None = None
    ended: datetime | None = None


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code, without itself."""

    grant: str
    redirect_uri: str
    code_challenge: str
    expires: datetime
    used: datetime | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token, without itself."""

    grant: str
    created: datetime
    expires: datetime
    used: datetime | None


_columns = [_grant.c[name] for name in Grant.__slots__]
_code_columns = [_code.c[name] for name in Code.__slots__]
_refresh_columns = [_refresh.c[name] for name in RefreshToken.__slots__]


def add(connection: Connection, grant: Grant) -> None:
    """Keep it, and no longer those that ended long ago, with their codes and tokens."""
    long_ago = clock.now() - _KEPT
    connection.execute(delete(_grant).where(_grant.c.expires < long_ago))
    connection.execute(insert(_grant).values({name: getattr(grant, name) for name in Grant.__slots__}))


def find(connection: Connection, id: str) -> Grant | None:
    """A grant, ended or not."""
    row = connection.execute(select(*_columns).where(_grant.c.id == id)).one_or_none()
    return Grant(*row) if row else None


def live(connection: Connection, id: str) -> Grant | None:
    """A grant that holds: nobody ended it, its user's account or agency, or the session that it goes with."""
    query = (
        select(*_columns)
        .join(_account, _account.c.id == _grant.c.account)
        .outerjoin(_agency, _agency.c.code == _grant.c.agency)
        .outerjoin(_session, _session.c.id == _grant.c.session)
        .where(
            _grant.c.id == id,
            _grant.c.ended.is_(None),
            _grant.c.expires > clock.now(),
            _account.c.suspended.is_(None),
            _agency.c.suspended.is_(None),
            _grant.c.session.is_(None) | (_session.c.ended.is_(None) & (_session.c.ends > clock.now())),
        )
    )
    row = connection.execute(query).one_or_none()
    return Grant(*row) if row else None


def bind(connection: Connection, id: str, jkt: str) -> None:
    """From now on only who has this key can go on with it."""
    connection.execute(update(_grant).where(_grant.c.id == id).values(dpop_jkt=jkt))


def of_account(connection: Connection, account: str) -> list[Grant]:
    """What a user has granted and not taken back, the newest first."""
    return _every(connection, _grant.c.account == account)


def of_client(connection: Connection, client: str) -> list[Grant]:
    """What an app has been granted, the newest first."""
    return _every(connection, _grant.c.client == client)


def of_agency(connection: Connection, agency: str) -> list[Grant]:
    """What apps have been granted for an agency, the newest first."""
    return _every(connection, _grant.c.agency == agency)


# ---- how one ends: tell `liveness.ended` when the transaction is committed ---------------------------------


def end(connection: Connection, id: str) -> bool:
    """Whether it had not ended before."""
    return _end(connection, _grant.c.id == id) > 0


def end_of_session(connection: Connection, session: str) -> int:
    """How many have ended with a session."""
    return _end(connection, _grant.c.session == session)


def end_of_account(connection: Connection, account: str, client: str | None = None) -> int:
    """How many of a user's have ended: all, or those of one app."""
    which = _grant.c.account == account
    return _end(connection, which if client is None else which & (_grant.c.client == client))


def end_of_client(connection: Connection, client: str) -> int:
    """How many of an app's have ended."""
    return _end(connection, _grant.c.client == client)


def end_of_agency(connection: Connection, agency: str) -> int:
    """How many of an agency's have ended."""
    return _end(connection, _grant.c.agency == agency)


# ---- codes -------------------------------------------------------------------------------------------------


def add_code(connection: Connection, code: str, kept: Code) -> None:
    """A code by which the app will get its tokens."""
    values = {name: getattr(kept, name) for name in Code.__slots__}
    connection.execute(insert(_code).values(hash=fingerprint(code), **values))


def find_code(connection: Connection, code: str) -> Code | None:
    """A code, used or not."""
    query = select(*_code_columns).where(_code.c.hash == fingerprint(code))
    row = connection.execute(query).one_or_none()
    return Code(*row) if row else None


def use_code(connection: Connection, code: str) -> bool:
    """Whether it is used for the first time. One statement: of two at once, one wins."""
    fresh = (_code.c.hash == fingerprint(code)) & _code.c.used.is_(None)
    statement = update(_code).where(fresh).values(used=clock.now()).returning(_code.c.hash)
    return connection.execute(statement).one_or_none() is not None


# ---- refresh tokens ----------------------------------------------------------------------------------------


def add_refresh_token(connection: Connection, token: str, kept: RefreshToken) -> None:
    """A refresh token of a grant."""
    values = {name: getattr(kept, name) for name in RefreshToken.__slots__}
    connection.execute(insert(_refresh).values(hash=fingerprint(token), **values))


def find_refresh_token(connection: Connection, token: str) -> RefreshToken | None:
    """A refresh token, used or not."""
    query = select(*_refresh_columns).where(_refresh.c.hash == fingerprint(token))
    row = connection.execute(query).one_or_none()
    return RefreshToken(*row) if row else None


def use_refresh_token(connection: Connection, token: str) -> bool:
    """Whether it is used for the first time. One statement: of two at once, one wins."""
    fresh = (_refresh.c.hash == fingerprint(token)) & _refresh.c.used.is_(None)
    statement = update(_refresh).where(fresh).values(used=clock.now()).returning(_refresh.c.hash)
    return connection.execute(statement).one_or_none() is not None


# ---- access tokens, one by one -----------------------------------------------------------------------------


def revoke(connection: Connection, jti: str, expires: datetime) -> None:
    """This access token is good no more; those beside it are."""
    connection.execute(delete(_revoked).where(_revoked.c.expires < clock.now() - timedelta(minutes=10)))
    connection.execute(upsert(_revoked).values(jti=jti, expires=expires).on_conflict_do_nothing())


def is_revoked(connection: Connection, jti: str) -> bool:
    """Whether this access token was."""
    return connection.execute(select(_revoked.c.jti).where(_revoked.c.jti == jti)).first() is not None


def _every(connection: Connection, which: ColumnElement[bool]) -> list[Grant]:
    held = which & _grant.c.ended.is_(None) & (_grant.c.expires > clock.now())
    query = select(*_columns).where(held).order_by(_grant.c.created.desc(), _grant.c.id)
    return [Grant(*row) for row in connection.execute(query)]


def _end(connection: Connection, which: ColumnElement[bool]) -> int:
    statement = update(_grant).where(which & _grant.c.ended.is_(None)).values(ended=clock.now())
    return len(connection.execute(statement.returning(_grant.c.id)).all())
