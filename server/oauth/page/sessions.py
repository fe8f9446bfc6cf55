"""The page on which people see where they are signed in and what their apps may do, and end either."""

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Response, request

from server.oauth.account import tell
from server.oauth.page import words
from server.oauth.page.pages import SESSIONS, SIGN_IN, Pages, go
from server.oauth.session import SignedIn
from server.store import approvals, clients, grants, liveness, sessions
from server.store.accounts import Account

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone|iPad", "iOS"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is signed in."""

    id: str
    device: str
    address: str
    since: datetime
    seen: datetime
    is_here: bool


@dataclass(frozen=True, slots=True)
class App:
    """An app that was let have something, in words. `lasts`: beyond this session."""

    client: str
    name: str
    since: datetime
    may: tuple[str, ...]
    lasts: bool


def own_sessions(pages: Pages) -> Response:
    """The page."""
    signed_in = pages.current()
    if signed_in is None:
        return pages.onward(pages.sessions.begun(request), None)
    return pages.page(
        "sessions.html",
        "Where you are signed in",
        signed_in=signed_in,
        places=_places(pages, signed_in),
        apps=_apps(pages, signed_in.account),
        local=signed_in.account.provider is None,
    )


def end_session(pages: Pages) -> Response:
    """End a session elsewhere."""
    signed_in = pages.current()
    if signed_in is None:
        return go(SIGN_IN)
    id = request.form.get("session", "")
    with pages.database.begin() as connection:
        found = sessions.find(connection, id)
    # Another's is as good as none.
    if found is not None and found.account == signed_in.account.id:
        pages.people.left(signed_in.account, id)
    return go(SESSIONS)


def end_app(pages: Pages) -> Response:
    """Take back what an app was let have."""
    signed_in = pages.current()
    if signed_in is None:
        return go(SIGN_IN)
    _take_back(pages, signed_in.account, request.form.get("client", ""))
    return go(SESSIONS)


def _take_back(pages: Pages, account: Account, client: str) -> None:
    with pages.database.begin() as connection:
        ended = grants.end_of_account(connection, account.id, client)
        approvals.forget(connection, account.id, client)
        if ended:
            tell(connection, "revoke", account, client=client)
    liveness.ended(pages.database)


def _places(pages: Pages, signed_in: SignedIn) -> list[Place]:
    with pages.database.autocommit() as connection:
        found = sessions.of_account(connection, signed_in.account.id, pages.sessions.idle)
    return [
        Place(
            each.id,
            device(each.device),
            each.address,
            each.created,
            each.seen,
            is_here=each.id == signed_in.session.id,
        )
        for each in found
    ]


def _apps(pages: Pages, account: Account) -> list[App]:
    with pages.database.autocommit() as connection:
        held = grants.of_account(connection, account.id)
        names = {each.client: clients.find(connection, each.client) for each in held}
    # Several grants of one app are one app to who gave them: the latest tells what it may do.
    latest = {each.client: each for each in reversed(held)}
    return [
        App(
            client,
            found.name if (found := names[client]) else client,
            grant.created,
            tuple(item.words for item in words.items(grant.scope)),
            lasts=grant.session is None,
        )
        for client, grant in latest.items()
    ]


def device(agent: str) -> str:
    """A browser in words, as far as it tells what it is."""
    browser = next((name for sign, name in _BROWSERS if re.search(sign, agent)), "A browser")
    system = next((name for sign, name in _SYSTEMS if re.search(sign, agent)), "")
    return f"{browser} on {system}" if system else browser


ROUTES = (
    ("GET", SESSIONS, own_sessions),
    ("POST", "/auth/sessions/end", end_session),
    ("POST", "/auth/apps/end", end_app),
)
