"""Signing in at an agency's own identity provider: there, and back."""

import hmac
import logging
from dataclasses import replace
from typing import Any

from flask import Response, abort, redirect, request

from server import clock
from server.access.provider import Claimed, NotMapped, claimed
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.interaction.opening import as_agency
from server.interaction.router import respond
from server.oauth.account import tell
from server.oauth.page.pages import Asked, Pages
from server.oauth.provider import CALLBACK, NotProven, RelyingParty
from server.oauth.session import is_admitted, key
from server.record.door import Door
from server.store import accounts, grants, liveness, sign_ins
from server.store.accounts import Account
from server.store.database import Connection
from server.store.fingerprint import fingerprint
from server.store.sign_ins import SignIn

_CLIENT = "sign-in"
"""As what the directory is asked for a person, in the account of who did what."""

_FAILED = (
    "You could not be signed in",
    "Your organisation's sign-in did not tell us who you are. Try again, or ask your own support desk.",
)
_UNKNOWN = (
    "Your account is not set up for this service",
    "Your organisation's sign-in works, but we cannot tell which worker you are. Ask your own support desk.",
)

_log = logging.getLogger(__name__)


def provider(pages: Pages, code: str) -> Response:
    """Send somebody to the identity provider of an agency."""
    asked, found = pages.asked(), pages.parties.of(code)
    if found is None:
        abort(404)
    state = clock.new_secret()
    try:
        url = found.there(state, *_derived(pages, state))
    except NotProven as error:
        return _failed(pages, code, asked, error)
    browser = pages.sessions.browser(request)
    begun = SignIn(code, asked.id if asked else "", browser, clock.now())
    with pages.database.begin() as connection:
        sign_ins.add(connection, begun, fingerprint(state))
    return redirect(url, 302)  # type: ignore[return-value]


def callback(pages: Pages) -> Response:
    """Somebody comes back from there."""
    state, browser = request.args.get("state", ""), pages.sessions.browser(request)
    with pages.database.begin() as connection:
        begun = sign_ins.take(connection, fingerprint(state), browser)
    found = pages.parties.of(begun.agency) if begun else None
    if begun is None or found is None:
        return pages.message(400, *_FAILED, again=True)
    asked = pages.asked(begun.request)
    try:
        claims = found.back(request.args.to_dict(), *_derived(pages, state))
    except NotProven as error:
        return _failed(pages, begun.agency, asked, error)
    try:
        account = _account(pages, found, begun.agency, claims)
    except (NotMapped, FhirError) as error:
        return _failed(pages, begun.agency, asked, error, told=_UNKNOWN)
    return pages.enter(account, asked, "identity provider")


def _derived(pages: Pages, state: str) -> tuple[str, str]:
    """The nonce and the PKCE verifier of a state: made again when it comes back, and kept nowhere."""
    secret = key(pages.settings, "sign-in")
    nonce, verifier = (
        hmac.new(secret, f"{purpose}\0{state}".encode(), "sha256").hexdigest()
        for purpose in ("nonce", "verifier")
    )
    return nonce, verifier


def _account(pages: Pages, party: RelyingParty, code: str, claims: Json) -> Account:
    """The account of who came back, made at the first time and brought up to date at each.

    Raises:
        NotMapped: the claims name no worker whom the directory knows, or one who may not sign in.
    """
    said = claimed(party.provider, claims)
    now: dict[str, Any] = {
        "name": said.name,
        "fhir_user": _practitioner(pages.door, code, said),
        "roles": said.roles,
        "caseload": said.caseload,
        "teams": said.teams,
    }
    issuer = party.provider.issuer
    with pages.database.begin() as connection:
        known = accounts.by_subject(connection, code, issuer, said.subject)
        if known is None:
            is_shown = pages.door.agencies[code].demonstration
            _add(connection, code, issuer, said.subject, is_shown, now)
        is_other = known is not None and _update(connection, known, now)
        found = accounts.by_subject(connection, code, issuer, said.subject)
    if is_other:
        liveness.ended(pages.database)
    if found is None or not is_admitted(found, pages.settings):
        raise NotMapped("The account is suspended.")
    return found


def _add(
    connection: Connection, code: str, issuer: str, subject: str, is_shown: bool, now: dict[str, Any]
) -> None:
    made = Account(
        id=clock.new_id(),
        agency=code,
        username=None,
        created=clock.now(),
        provider=issuer,
        subject=subject,
        demonstration=is_shown,
        **now,
    )
    if accounts.add(connection, made):
        tell(connection, "account-add", made)


def _update(connection: Connection, known: Account, now: dict[str, Any]) -> bool:
    """Whether somebody may do other things than before: what apps had for them they have to ask for again."""
    accounts.change(connection, known.id, **now)
    changed = replace(known, **now)
    if replace(changed, name=known.name) == known:
        return False
    grants.end_of_account(connection, known.id)
    tell(connection, "account-change", changed)
    return True


def _practitioner(door: Door, code: str, said: Claimed) -> str:
    """The one Practitioner that the agency's directory has under what its provider said."""
    asked = FhirRequest("GET", "Practitioner", query=(said.person, ("_count", "2"), ("_elements", "id")))
    answer = respond(asked, door, as_agency(door, code, _CLIENT))
    assert answer.body is not None
    entries = json.decode(answer.body).get("entry", [])
    if len(entries) != 1:
        raise NotMapped(f"{len(entries)} Practitioners are what the claim names.")
    return f"Practitioner/{entries[0]['resource']['id']}"


def _failed(
    pages: Pages, code: str, asked: Asked | None, error: Exception, told: tuple[str, str] = _FAILED
) -> Response:
    # What went wrong is told to the operator, and to a stranger only that it did.
    why = type(error).__name__ if isinstance(error, FhirError) else error
    _log.warning("sign-in at the provider of %s: %s", code, why)
    with pages.database.begin() as connection:
        tell(connection, "sign-in-refused", None, outcome=401, reason=f"identity provider of {code}")
    return pages.message(403, *told, again=True, request_id=asked.id if asked else "")


ROUTES = (
    ("GET", "/auth/provider/<code>", provider),
    ("GET", CALLBACK, callback),
)
