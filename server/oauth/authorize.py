"""The authorization endpoint: it leads a user from step to step, and at last back to the app.

Whatever page comes in between ends by coming back here, and here alone is decided what is still needed.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1, https://www.rfc-editor.org/rfc/rfc9207 and
https://openid.net/specs/openid-connect-core-1_0.html#AuthorizationEndpoint
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError
from flask import Response, redirect, request

from server import clock
from server.access.user import CHILD
from server.fhir.issue import FhirError
from server.oauth.asking import CONSENT, LOGIN, NONE, SELECT, Asking, Unasked, asking, checked, launched
from server.oauth.authority import Authority
from server.oauth.family import OFFLINE, PATIENT_CONTEXT
from server.oauth.page import children
from server.oauth.page.pages import Pages, go
from server.oauth.session import SignedIn
from server.store import approvals, audit, grants, launches, requests
from server.store.clients import Client
from server.store.grants import Code, Grant
from server.store.requests import AuthorizationRequest

SIGN_IN, CHOOSE, CONSENT_PAGE = "/auth/sign-in", "/auth/choose", "/auth/consent"

_CODE_LIFE = timedelta(seconds=60)
_UNKNOWN = "The app cannot be opened"


class NeededError(OAuth2Error):  # type: ignore[misc]
    """A page is needed, and the app wants none (`prompt=none`): OpenID Connect Core, section 3.1.2.6."""


@dataclass(frozen=True, slots=True)
class Authorize:
    """The endpoint."""

    server: Authority
    pages: Pages

    def answer(self) -> Response:
        """A request of an app, or a user who comes back from a page."""
        given = request.form if request.method == "POST" else request.args
        if "client_id" not in given and "request" in given:
            return self._onward(given["request"])
        client = self.server.query_client(given.get("client_id", ""))
        try:
            asked = asking(given, client)
        except Unasked as error:
            return self.pages.message(400, _UNKNOWN, str(error))
        try:
            return self._begin(asked)
        except OAuth2Error as error:
            return self._refused(asked.redirect_uri, asked.state, error, asked.client.client)

    def _begin(self, asked: Asking) -> Response:
        browser = self.pages.sessions.browser(request)
        with self.server.database.begin() as connection:
            launch = launched(connection, asked.given)
            kept = checked(asked, launch, browser, self.server.settings)
            requests.add(connection, kept)
        return self._step(kept, asked.client.client)

    def _onward(self, id: str) -> Response:
        asked = self.pages.asked(id)
        if asked is None or not asked.client.is_live:
            return self.pages.message(400, _UNKNOWN, "The app is not admitted any more.")
        return self._step(asked.request, asked.client)

    def _step(self, asked: AuthorizationRequest, client: Client) -> Response:
        """To the next page that is needed; to the app if none is."""
        try:
            if asked.refused:
                raise AccessDeniedError("The user refused.")
            signed_in = self.pages.current()
            if signed_in is None or _is_stale(asked, signed_in):
                return self._page(asked, SIGN_IN, "login_required")
            if step := self.pages.next_step(signed_in):
                return self._page(asked, step, "interaction_required")
            asked = self._known(asked, client, signed_in)
            if _needs_child(asked) and asked.patient is None:
                return self._page(asked, CHOOSE, "interaction_required")
            if asked.granted is None:
                return self._page(asked, CONSENT_PAGE, "consent_required")
            return self._code(asked, client, signed_in)
        except OAuth2Error as error:
            with self.server.database.begin() as connection:
                requests.take(connection, asked.id)
            return self._refused(asked.redirect_uri, asked.state, error, client)

    def _page(self, asked: AuthorizationRequest, page: str, error: str) -> Response:
        if asked.prompt == NONE:
            raise NeededError(error=error, description="A page is needed, and the request wants none.")
        return go(page, request=asked.id)

    def _known(self, asked: AuthorizationRequest, client: Client, by: SignedIn) -> AuthorizationRequest:
        """The request with whom it is about, and with what that user approved before."""
        account, session = by.account, by.session
        if client.agency not in ("", account.agency):
            raise AccessDeniedError("The app is not one of the agency that the user works for.")
        if asked.context.get("account", account.id) != account.id:
            raise AccessDeniedError("The app was launched for another user.")
        if asked.context.get("agency", account.agency) != account.agency:
            raise AccessDeniedError("The app was launched by another agency.")
        with self.server.database.begin() as connection:
            if (asked.account, asked.session) != (account.id, session.id):
                at = session.authenticated or session.created
                requests.set_account(connection, asked.id, account.id, session.id, at)
                asked = requests.find(connection, asked.id, asked.browser) or asked
            if asked.patient is None and account.fhir_user.startswith(f"{CHILD}/"):
                # A young person's app is about that young person.
                requests.set_patient(connection, asked.id, account.fhir_user.partition("/")[2])
            if asked.granted is None and CONSENT not in (asked.prompt or ""):
                remembered = approvals.find(connection, account.id, client.id, asked.scope)
                if remembered is not None:
                    requests.set_scopes(connection, asked.id, remembered)
            return requests.find(connection, asked.id, asked.browser) or asked

    def _code(self, asked: AuthorizationRequest, client: Client, by: SignedIn) -> Response:
        granted = (asked.granted or "").split()
        if not granted:
            raise AccessDeniedError("The user let nothing stand of what was asked for.")
        if asked.patient is not None:
            self._check_child(asked, client, by)
        grant, code, now = (
            _grant(asked, by, self.server.settings.refresh_lifetime),
            clock.new_secret(),
            clock.now(),
        )
        with self.server.database.begin() as connection:
            if not requests.take(connection, asked.id):
                raise AccessDeniedError("The request was answered before.")
            if asked.launch is not None and not launches.use(connection, asked.launch):
                raise AccessDeniedError("The launch has led to a code before.")
            grants.add(connection, grant)
            kept = Code(grant.id, asked.redirect_uri, asked.code_challenge, now + _CODE_LIFE, None)
            grants.add_code(connection, code, kept)
        return self._to_app(asked.redirect_uri, asked.state, [("code", code)])

    def _check_child(self, asked: AuthorizationRequest, client: Client, by: SignedIn) -> None:
        """Nobody learns by a launch of a child whom they may not see."""
        try:
            child = children.one(self.server.door, by.account, client.id, asked.patient or "")
        except FhirError as error:
            raise AccessDeniedError("The user may not see this record.") from error
        if child is None:
            raise AccessDeniedError("The user may not see this record.")

    def _refused(self, redirect_uri: str, state: str | None, error: OAuth2Error, client: Client) -> Response:
        with self.server.database.autocommit() as connection:
            audit.record_act(
                connection,
                clock.now(),
                "token-refused",
                agency=self.server.agency_number(client.agency),
                client=client.id,
                outcome=400,
                reason=error.error,
            )
        told = [(name, value) for name, value in error.get_body() if name != "state"]
        return self._to_app(redirect_uri, state, told)

    def _to_app(self, redirect_uri: str, state: str | None, told: list[tuple[str, Any]]) -> Response:
        if state is not None:
            told = [*told, ("state", state)]
        # Who answers, so that an app that knows several servers is not misled: RFC 9207.
        whole = add_params_to_uri(redirect_uri, [*told, ("iss", self.server.settings.issuer)])
        answer: Response = redirect(whole, 302)  # type: ignore[assignment]
        return answer


def _is_stale(asked: AuthorizationRequest, by: SignedIn) -> bool:
    """Whether the app wants somebody to sign in again who has."""
    at = by.session.authenticated
    if at is None:
        return True
    prompts = (asked.prompt or "").split()
    if (LOGIN in prompts or SELECT in prompts) and at < asked.created:
        return True
    return asked.max_age is not None and at < asked.created - timedelta(seconds=asked.max_age)


def _needs_child(asked: AuthorizationRequest) -> bool:
    scopes = (asked.scope if asked.granted is None else asked.granted).split()
    is_about_one = any(each.startswith("patient/") for each in scopes)
    # A launch says itself whether it is about a child.
    return is_about_one or (PATIENT_CONTEXT[1] in scopes)


def _grant(asked: AuthorizationRequest, by: SignedIn, refresh_lifetime: int) -> Grant:
    now, is_offline = clock.now(), OFFLINE in (asked.granted or "").split()
    context = dict(asked.context)
    return Grant(
        id=clock.new_id(),
        client=asked.client,
        agency=by.account.agency,
        account=by.account.id,
        scope=asked.granted or "",
        authenticated=by.session.authenticated or now,
        created=now,
        expires=now + timedelta(seconds=refresh_lifetime) if is_offline else by.session.ends,
        session=None if is_offline else by.session.id,
        patient=asked.patient,
        purpose=context.get("purpose_of_use"),
        context=context,
        nonce=asked.nonce,
        dpop_jkt=asked.dpop_jkt,
    )
