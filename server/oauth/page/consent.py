"""The page on which somebody lets an app have what it asks for, or some of it, or nothing."""

from urllib.parse import urlsplit

from flask import Response, request

from server.fhir.issue import FhirError
from server.oauth.account import tell
from server.oauth.page import children, words
from server.oauth.page.pages import Asked, Pages, of_somebody
from server.oauth.session import SignedIn
from server.store import approvals, requests

CONSENT = "/auth/consent"

_NOTHING = "Select what the app may do, or that you do not allow it"


@of_somebody
def consent(pages: Pages, asked: Asked, signed_in: SignedIn) -> Response:
    """What the app asks for, in words."""
    return _page(pages, asked, signed_in)


@of_somebody
def consented(pages: Pages, asked: Asked, signed_in: SignedIn) -> Response:
    """What it is let have."""
    if request.form.get("decision") != "allow":
        _refuse(pages, asked, signed_in)
        return pages.onward(signed_in, asked)
    ticked = {name for name in request.form if name.startswith("scope-")}
    if not ticked:
        return _page(pages, asked, signed_in, errors={"scope-1": _NOTHING})
    _keep(pages, asked, signed_in, words.given(asked.request.scope, ticked))
    return pages.onward(signed_in, asked)


def _keep(pages: Pages, asked: Asked, signed_in: SignedIn, scope: str) -> None:
    account = signed_in.account
    with pages.database.begin() as connection:
        requests.set_scopes(connection, asked.id, scope)
        approvals.keep(connection, account.id, asked.client.id, asked.request.scope, scope)
        tell(connection, "consent", account, client=asked.client.id, reason=scope)


def _refuse(pages: Pages, asked: Asked, signed_in: SignedIn) -> None:
    with pages.database.begin() as connection:
        requests.refuse(connection, asked.id)
        tell(connection, "consent", signed_in.account, client=asked.client.id, outcome=403)


def _page(pages: Pages, asked: Asked, signed_in: SignedIn, errors: dict[str, str] | None = None) -> Response:
    agency = pages.door.agencies.get(asked.client.agency)
    return pages.page(
        "consent.html",
        f"Allow {asked.client.name} to use the record?",
        asked=asked,
        signed_in=signed_in,
        errors=errors,
        agency=agency.name if agency else "",
        child=_child(pages, asked, signed_in),
        items=words.items(asked.request.scope),
        ticked=set(request.form),
        back=urlsplit(asked.request.redirect_uri).netloc or asked.returns_to,
    )


def _child(pages: Pages, asked: Asked, signed_in: SignedIn) -> children.Child | None:
    """The child that it is about: a wrong one is noticed here, or nowhere."""
    if asked.request.patient is None:
        return None
    try:
        return children.one(pages.door, signed_in.account, asked.client.id, asked.request.patient)
    except FhirError:
        return None


ROUTES = (
    ("GET", CONSENT, consent),
    ("POST", CONSENT, consented),
)
