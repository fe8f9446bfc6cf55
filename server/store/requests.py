"""What an app asked a user for, while the user signs in, chooses a child and consents.

A request belongs to the browser that brought it: it is found by its id, which stands in URLs, and by a secret
of which that browser alone has the cookie.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from server import clock
from server.fhir import Json
from server.store import tables

LIFETIME = timedelta(minutes=10)

_request = tables.authorization_request


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """`scope`: what may be granted of what was asked for. `granted`: what the user let stand of it; None: the
    user has not been asked yet. `context`: what the launch told."""

    id: str
    browser: str
    client: str
    redirect_uri: str
    state: str | None
    scope: str
    code_challenge: str
    nonce: str | None
    created: datetime
    expires: datetime
    prompt: str | None = None
    max_age: int | None = None
    login_hint: str | None = None
    dpop_jkt: str | None = None
    launch: str | None = None
    context: Json = field(default_factory=dict)
    account: str | None = None
    session: str | None = None
    authenticated: datetime | None = None
    patient: str | None = None
    granted: str | None = None
    refused: bool = False


_NAMES = tuple(AuthorizationRequest.__slots__)
_columns = [_request.c[name] for name in _NAMES]


def add(connection: Connection, request: AuthorizationRequest) -> None:
    """Keep it, and forget those that have ended."""
    connection.execute(delete(_request).where(_request.c.expires < clock.now()))
    connection.execute(insert(_request).values({name: getattr(request, name) for name in _NAMES}))


def find(connection: Connection, id: str, browser: str) -> AuthorizationRequest | None:
    """A request that has not ended, for the browser that brought it and for no other.

    Args:
        browser: the hash of what the browser's cookie holds.
    """
    if "\0" in id:
        return None
    query = select(*_columns).where(
        _request.c.id == id, _request.c.browser == browser, _request.c.expires > clock.now()
    )
    row = connection.execute(query).one_or_none()
    return AuthorizationRequest(*row) if row else None


def set_account(connection: Connection, id: str, account: str, session: str, authenticated: datetime) -> None:
    """A user has signed in. What another one chose before is forgotten, but not the child of the launch."""
    values = {
        "account": account,
        "session": session,
        "authenticated": authenticated,
        "granted": None,
        "patient": _request.c.context["patient"].astext,
    }
    _set(connection, id, values)


def set_patient(connection: Connection, id: str, patient: str) -> None:
    """The user has chosen a child, by the id of its Patient."""
    _set(connection, id, {"patient": patient})


def set_scopes(connection: Connection, id: str, granted: str) -> None:
    """The user has consented to these scopes, separated by spaces."""
    _set(connection, id, {"granted": granted})


def refuse(connection: Connection, id: str) -> None:
    """The user does not want it: the app will be told."""
    _set(connection, id, {"refused": True})


def take(connection: Connection, id: str) -> bool:
    """Whether the request was there to be answered. It leads to one answer."""
    statement = delete(_request).where(_request.c.id == id).returning(_request.c.id)
    return connection.execute(statement).one_or_none() is not None


def _set(connection: Connection, id: str, values: Mapping[str, object]) -> None:
    connection.execute(update(_request).where(_request.c.id == id).values(values))
