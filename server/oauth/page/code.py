"""The pages for the second proof: giving a code from a phone, and making a phone known."""

from flask import Response, request

from server.oauth import totp
from server.oauth.account import Refused
from server.oauth.page.pages import CODE, NEW_CODE, Asked, Pages
from server.oauth.session import SignedIn, key, lacks_code

_WRONG = (
    "The code is not right, or was used before. Enter the one that your app shows now, or a recovery code."
)
_NOT_SHOWN = "The code is not right. Enter the six digits that your app shows now."


def code(pages: Pages) -> Response:
    """Ask for a code."""
    begun, asked = pages.sessions.begun(request), pages.asked()
    if begun is None or begun.session.authenticated is not None:
        return pages.onward(begun, asked)
    return _code_page(pages, asked)


def coded(pages: Pages) -> Response:
    """A code of the phone, or one of those on paper."""
    begun, asked = pages.sessions.begun(request), pages.asked()
    if begun is None or begun.session.authenticated is not None:
        return pages.onward(begun, asked)
    given = request.form.get("code", "").strip()
    if not given:
        return _code_page(pages, asked, {"code": "Enter a code"})
    try:
        pages.people.give_code(begun.account, given, request.remote_addr or "")
    except Refused:
        return _code_page(pages, asked, {"code": _WRONG})
    return pages.enter(begun.account, asked, "password and code")


def new_code(pages: Pages) -> Response:
    """Show a new secret for a phone to keep."""
    begun, asked = _may_enrol(pages), pages.asked()
    if begun is None:
        return pages.onward(pages.sessions.begun(request), asked)
    return _enrol_page(pages, begun, asked, totp.new())


def enrolled(pages: Pages) -> Response:
    """The phone has it, if its code is right."""
    begun, asked = _may_enrol(pages), pages.asked()
    if begun is None:
        return pages.onward(pages.sessions.begun(request), asked)
    secret = totp.opened(request.form.get("secret", ""), key(pages.settings, begun.session.id))
    if secret is None:
        return _enrol_page(pages, begun, asked, totp.new())
    codes = pages.people.enrol(begun.account, secret, request.form.get("code", ""))
    if codes is None:
        return _enrol_page(pages, begun, asked, secret, {"code": _NOT_SHOWN})
    title = "Write down your recovery codes"
    return pages.page("recovery.html", title, asked=asked, codes=codes, signed_in=begun)


def _may_enrol(pages: Pages) -> SignedIn | None:
    """Who is there, if they are free to make a phone known: with a password of their own, and no phone."""
    begun = pages.sessions.begun(request)
    if begun is None or begun.account.totp is not None or begun.account.provider is not None:
        return None
    if begun.account.demonstration:
        return None
    return begun if pages.next_step(begun) in (None, NEW_CODE) else None


def _code_page(pages: Pages, asked: Asked | None, errors: dict[str, str] | None = None) -> Response:
    return pages.page("code.html", "Enter a code", asked=asked, errors=errors)


def _enrol_page(
    pages: Pages, begun: SignedIn, asked: Asked | None, secret: str, errors: dict[str, str] | None = None
) -> Response:
    return pages.page(
        "enrol.html",
        "Set up codes for signing in",
        asked=asked,
        errors=errors,
        picture=totp.picture(totp.uri(secret, begun.account.username or begun.account.name)),
        spoken=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        # It comes back with the form, and could be read there by nobody but who is to have it.
        secret=totp.sealed(secret, key(pages.settings, begun.session.id)),
        wanted=lacks_code(begun.account, pages.settings),
        signed_in=begun,
    )


ROUTES = (
    ("GET", CODE, code),
    ("POST", CODE, coded),
    ("GET", NEW_CODE, new_code),
    ("POST", NEW_CODE, enrolled),
)
