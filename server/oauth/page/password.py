"""The page for choosing a password: in the place of one that an operator gave, or whenever one likes."""

from flask import Response, request

from server.oauth import password as passwords
from server.oauth.account import Refused
from server.oauth.page.pages import PASSWORD, Asked, Pages
from server.oauth.session import SignedIn

_TITLE = "Choose a new password"


def password(pages: Pages) -> Response:
    """The page."""
    begun, asked = _may_choose(pages), pages.asked()
    return _page(pages, begun, asked) if begun else pages.onward(pages.sessions.begun(request), asked)


def chosen(pages: Pages) -> Response:
    """The password is another one from now on, if the present one is known."""
    begun, asked = _may_choose(pages), pages.asked()
    if begun is None:
        return pages.onward(pages.sessions.begun(request), asked)
    if errors := _errors(pages, begun):
        return _page(pages, begun, asked, errors)
    pages.people.choose_password(begun.account, request.form["new"], keep=begun.session.id)
    return pages.onward(pages.sessions.begun(request), asked)


def _may_choose(pages: Pages) -> SignedIn | None:
    """Who is there, if their password is here. Those of the demonstration are everybody's, and stay."""
    begun = pages.sessions.begun(request)
    if begun is None or begun.account.provider is not None or begun.account.demonstration:
        return None
    return begun if pages.next_step(begun) in (None, PASSWORD) else None


def _errors(pages: Pages, begun: SignedIn) -> dict[str, str]:
    account, new = begun.account, request.form.get("new", "")
    found = {}
    try:
        pages.people.signed_in(account.username or "", request.form.get("old", ""), request.remote_addr or "")
    except Refused:
        found["old"] = "Your present password is not right"
    fault = passwords.fault(new, account.username or "", *account.name.split())
    if new == request.form.get("old", ""):
        fault = "Choose a password other than your present one"
    if fault:
        found["new"] = fault
    elif new != request.form.get("again", ""):
        found["again"] = "Enter the new password again, exactly as above"
    return found


def _page(
    pages: Pages, begun: SignedIn, asked: Asked | None, errors: dict[str, str] | None = None
) -> Response:
    return pages.page(
        "password.html", _TITLE, asked=asked, errors=errors, signed_in=begun, least=passwords.LEAST
    )


ROUTES = (
    ("GET", PASSWORD, password),
    ("POST", PASSWORD, chosen),
)
