"""What all pages have in common: who is there, for which app, what a form must prove, how a page is made."""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException

from server.fhir.issue import FhirError
from server.http.edge import REQUEST_ID
from server.oauth.account import Crowded, People
from server.oauth.provider import Parties
from server.oauth.session import Sessions, SignedIn, lacks_code
from server.record.door import Door
from server.settings import Settings
from server.store import clients, requests
from server.store.accounts import Account
from server.store.clients import Client
from server.store.database import Database
from server.store.requests import AuthorizationRequest

FOLDER = Path(__file__).parent.parent

AUTHORIZE = "/auth/authorize"
SIGN_IN, CODE, NEW_CODE, PASSWORD = "/auth/sign-in", "/auth/code", "/auth/code/new", "/auth/password"
SESSIONS = "/auth/sessions"

_log = logging.getLogger(__name__)

_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)

_EXPIRED = (
    "This page has expired",
    "Go back to the app that you came from and start again. Nothing has been shared.",
)
_FOREIGN = (
    "We could not tell that this came from you",
    "Go back, load the page again and send it once more. Your browser must accept cookies from this site.",
)
_CROWDED = (
    "Too many attempts to sign in",
    "There were too many from your network. Wait a quarter of an hour, then try again.",
)
_ERRORS = {
    404: ("Page not found", "If you typed the address, check that it is right."),
    405: ("Page not found", "If you typed the address, check that it is right."),
    413: ("That was too long", "Go back and send less."),
    503: ("The service is busy", "Nothing was changed. Try again in a moment."),
}
_UNFORESEEN = ("Sorry, there is a problem with the service", "Nothing was changed. Try again later.")


class Expired(Exception):
    """What an app asked for is not known any more, or was asked for in another browser."""


@dataclass(frozen=True)
class Asked:
    """What an app wants of who is signing in."""

    request: AuthorizationRequest
    client: Client

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def returns_to(self) -> str:
        """Where its answer goes, as a source of a Content-Security-Policy: an origin, or a scheme."""
        parts = urlsplit(self.request.redirect_uri)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


@dataclass(frozen=True)
class Pages:
    """The pages of this server."""

    settings: Settings
    door: Door

    @property
    def database(self) -> Database:
        return self.door.database

    @cached_property
    def parties(self) -> Parties:
        return Parties(self.settings, self.door.agencies)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.settings, self.database)

    @cached_property
    def people(self) -> People:
        return People(self.settings, self.database)

    def check(self) -> Response | None:
        """Before anything is done: that a form was sent by one of our pages, in this browser."""
        if request.method != "POST":
            return None
        # A browser that tells where a request comes from is believed when it is from elsewhere.
        site = request.headers.get("Sec-Fetch-Site", "same-origin")
        given = request.form.get("form", "").encode(errors="replace")
        expected = self.sessions.form_token(request).encode()
        if site == "same-origin" and hmac.compare_digest(given, expected):
            return None
        return self.message(403, *_FOREIGN)

    def finished(self, response: Response) -> Response:
        """After everything: what the browser is told of a page."""
        if response.mimetype == "text/html":
            allowed = " ".join(("", *g.get("form_actions", ())))
            response.headers["Content-Security-Policy"] = _POLICY + allowed
            # `no-referrer` would take the origin off our own forms as well.
            response.headers["Referrer-Policy"] = "same-origin"
        return self.sessions.keep_browser(request, response)

    def failed(self, error: Exception) -> Response:
        """What went wrong, as a page."""
        if isinstance(error, Expired):
            return self.message(400, *_EXPIRED)
        if isinstance(error, Crowded):
            return self.message(429, *_CROWDED)
        status = error.code if isinstance(error, HTTPException) else getattr(error, "status", 500)
        if not isinstance(error, HTTPException | FhirError):
            _log.error("unforeseen", exc_info=error)
        title, told = _ERRORS.get(status or 500, _UNFORESEEN)
        return self.message(status or 500, title, told, reference=request.environ.get(REQUEST_ID))

    def asked(self, id: str | None = None) -> Asked | None:
        """What an app asked for, if somebody was sent here by one.

        Raises:
            Expired: that has ended, or was begun in another browser.
        """
        wanted = request.values.get("request", "") if id is None else id
        if not wanted:
            return None
        with self.database.autocommit() as connection:
            found = requests.find(connection, wanted, self.sessions.browser(request))
            client = clients.find(connection, found.client) if found else None
        if found is None or client is None or not client.is_live:
            raise Expired
        asked = Asked(found, client)
        # Browsers hold a form's redirects to the policy too, and the last one leads back to the app.
        g.form_actions = (asked.returns_to,)
        return asked

    def required(self) -> Asked:
        """The same, where nobody comes but from an app."""
        if (asked := self.asked()) is None:
            raise Expired
        return asked

    def next_step(self, signed_in: SignedIn) -> str | None:
        """The page that is still between somebody and what they came for."""
        if signed_in.session.authenticated is None:
            return CODE
        if signed_in.account.provisional:
            return PASSWORD
        return NEW_CODE if lacks_code(signed_in.account, self.settings) else None

    def current(self) -> SignedIn | None:
        """Who is signed in, with nothing left to prove or to choose."""
        return self.sessions.current(request)

    def onward(self, signed_in: SignedIn | None, asked: Asked | None) -> Response:
        """To what comes next for who is there: a further page of signing in, the app's request, or the own
        sessions."""
        step = SIGN_IN if signed_in is None else self.next_step(signed_in)
        path = step or (AUTHORIZE if asked else SESSIONS)
        return go(path, request=asked.id if asked else "")

    def enter(self, account: Account, asked: Asked | None, how: str, *, complete: bool = True) -> Response:
        """Sign somebody in, and send them on. `complete`: nothing is left to prove."""
        response = go(SIGN_IN)
        session = self.sessions.start(request, response, account, complete=complete)
        if complete:
            self.people.arrived(account, how)
        onward = self.onward(SignedIn(session, account), asked)
        response.headers["Location"] = onward.headers["Location"]
        return response

    def page(
        self,
        template: str,
        title: str,
        *,
        errors: Mapping[str, str] | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response:
        """A page. `errors`: what is wrong, by the name of the field; then the status is at least 400."""
        whole = {
            "title": f"Error: {title}" if errors else title,
            "heading": title,
            "errors": errors or {},
            "form_token": self.sessions.form_token(request),
            "signed_in": None,
            "asked": None,
        }
        made = make_response(render_template(template, **whole | values))
        made.status_code = 400 if errors and status == 200 else status
        return made

    def message(self, status: int, title: str, told: str, **values: Any) -> Response:
        """A page that only says something."""
        return self.page("message.html", title, told=told, status=status, **values)


def go(path: str, **query: str) -> Response:
    """A redirect after which going back sends nothing again (303)."""
    told = {name: value for name, value in query.items() if value}
    answer: Response = redirect(f"{path}?{urlencode(told)}" if told else path, 303)  # type: ignore[assignment]
    return answer


def of_somebody(page: Callable[[Pages, Asked, SignedIn], Response]) -> Callable[[Pages], Response]:
    """A page about an app's request, for who is signed in; others are led to what is left of that first."""

    @wraps(page)
    def shown(pages: Pages) -> Response:
        asked, signed_in = pages.required(), pages.current()
        if signed_in is None:
            return pages.onward(pages.sessions.begun(request), asked)
        return page(pages, asked, signed_in)

    return shown
