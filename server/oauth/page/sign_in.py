"""The page for signing in with a username and a password, or at one's agency; and signing out."""

from typing import Any

from flask import Response, request

from server.oauth.account import Refused
from server.oauth.page.pages import SIGN_IN, Asked, Pages

_TITLE = "Sign in"
_WRONG = (
    "The username or password is not right. After several wrong attempts an account is locked for some "
    "minutes."
)


def sign_in(pages: Pages) -> Response:
    """The page: also for who is signed in, when an app has the password asked for again."""
    asked = pages.asked()
    if asked is None and (signed_in := pages.current()) is not None:
        return pages.onward(signed_in, None)
    hint = (asked.request.login_hint or "") if asked else ""
    return _page(pages, asked, username=hint)


def signed(pages: Pages) -> Response:
    """Somebody says who they are."""
    asked = pages.asked()
    username, password = request.form.get("username", ""), request.form.get("password", "")
    errors = {
        **({} if username.strip() else {"username": "Enter your username"}),
        **({} if password else {"password": "Enter your password"}),
    }
    if errors:
        return _page(pages, asked, username=username, errors=errors)
    try:
        account = pages.people.signed_in(username, password, request.remote_addr or "")
    except Refused:
        return _page(pages, asked, username=username, errors={"username": _WRONG})
    return pages.enter(account, asked, "password", complete=account.totp is None)


def sign_out(pages: Pages) -> Response:
    """End the session of this browser."""
    begun = pages.sessions.begun(request)
    if begun is not None:
        pages.people.left(begun.account, begun.session.id)
    response = pages.message(200, "You have signed out", "You can close this page.", again=True)
    pages.sessions.forget(response)
    return response


def _page(pages: Pages, asked: Asked | None, **values: Any) -> Response:
    return pages.page(
        "sign_in.html", _TITLE, asked=asked, providers=_providers(pages, asked),
        demonstration=pages.settings.demonstration, **values,
    )  # fmt: skip


def _providers(pages: Pages, asked: Asked | None) -> list[tuple[str, str]]:
    """(agency, name) of the identity providers: the one of the agency whose app it is, or all."""
    return [
        (agency.code, agency.idp.name)
        for agency in pages.door.agencies.values()
        if agency.idp is not None and (asked is None or asked.client.agency in ("", agency.code))
    ]


ROUTES = (
    ("GET", SIGN_IN, sign_in),
    ("POST", SIGN_IN, signed),
    ("POST", "/auth/sign-out", sign_out),
)
