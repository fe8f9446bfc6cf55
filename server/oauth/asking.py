"""The authorization request: what an app wants of its user, checked before the user is asked anything.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1.1 and
https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code
"""

import re
from dataclasses import dataclass

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
    UnsupportedResponseTypeError,
)
from werkzeug.datastructures import MultiDict

from server import clock
from server.fhir import Json
from server.oauth import scope
from server.oauth.client import OAuthClient
from server.oauth.code import CHALLENGE
from server.oauth.credentials import purpose_of
from server.oauth.resource import is_ours, require_ours
from server.settings import Settings
from server.store import clients, launches, requests
from server.store.fingerprint import fingerprint
from server.store.launches import Launch
from server.store.requests import AuthorizationRequest

Given = MultiDict[str, str]

NONE, LOGIN, CONSENT, SELECT = PROMPTS = ("none", "login", "consent", "select_account")

_ONCE = frozenset(
    {
        "response_type", "client_id", "redirect_uri", "scope", "state", "aud", "launch", "nonce", "prompt",
        "code_challenge", "code_challenge_method", "max_age", "login_hint", "dpop_jkt", "purpose_of_use",
        "response_mode",
    }
)  # fmt: skip
"""What may be said once: https://www.rfc-editor.org/rfc/rfc6749#section-3.1"""

_LONGEST = {"state": 2000, "nonce": 500, "login_hint": 200, "launch": 200}
_THUMBPRINT = CHALLENGE
_SECONDS = re.compile(r"\d{1,9}")


class Unasked(Exception):
    """A request that cannot be answered by a redirect: its client, or where to send the answer, is not known.

    The message is for the user of the app.
    """


class NotSupportedError(OAuth2Error):  # type: ignore[misc]
    """OpenID Connect Core, section 3.1.2.6: `request`, `request_uri`."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request whose client, and where its answer goes, are known."""

    client: OAuthClient
    redirect_uri: str
    given: Given

    @property
    def state(self) -> str | None:
        """What the app wants back with the answer."""
        return self.given.get("state")


def asking(given: Given, client: OAuthClient | None) -> Asking:
    """The request, as far as it must be right to be answered at all.

    Raises:
        Unasked: no such client, or none of its redirect URIs.
    """
    if client is None or len(given.getlist("client_id")) > 1:
        raise Unasked("The app is not known here. It sent no client_id, or one that is not registered.")
    sent = given.getlist("redirect_uri")
    if len(sent) != 1 or not client.check_redirect_uri(sent[0]):
        raise Unasked("The app did not say where to send the answer, or not one of the places it registered.")
    return Asking(client, sent[0], given)


def checked(asked: Asking, launch: Launch | None, browser: str, found: Settings) -> AuthorizationRequest:
    """The request to be kept while the user is asked. `launch`: what its parameter of that name stands for.

    Raises:
        OAuth2Error: what is wrong with it, for the app to be told.
    """
    given = asked.given
    _check_form(given)
    if not asked.client.check_response_type("code") or not asked.client.check_grant_type(clients.CODE):
        raise UnauthorizedClientError("The client is not registered for authorization_code.")
    _check_audience(given, found)
    _check_challenge(given)
    prompt = given.get("prompt")
    granted = scope.of_grant(asked.client.get_allowed_scope(given.get("scope")), clients.CODE)
    context = _context(asked, launch, granted.split())
    jkt = given.get("dpop_jkt")
    if jkt is not None and not _THUMBPRINT.fullmatch(jkt):
        raise InvalidRequestError("dpop_jkt must be the thumbprint of a key.")
    if "encounter" not in context:
        # There is no page on which a user could choose one.
        granted = " ".join(each for each in granted.split() if each != "launch/encounter")
    if not granted:
        raise InvalidScopeError(description="Nothing of what is asked for can be granted.")
    if purpose := purpose_of(given.get("purpose_of_use")):
        context["purpose_of_use"] = purpose
    return AuthorizationRequest(
        id=clock.new_secret(),
        browser=browser,
        client=asked.client.client.id,
        redirect_uri=asked.redirect_uri,
        state=asked.state,
        scope=granted,
        code_challenge=given["code_challenge"],
        nonce=given.get("nonce"),
        created=clock.now(),
        expires=clock.now() + requests.LIFETIME,
        prompt=prompt,
        max_age=int(given["max_age"]) if "max_age" in given else None,
        login_hint=given.get("login_hint"),
        dpop_jkt=jkt,
        launch=fingerprint(given["launch"]) if launch else None,
        context=context,
        patient=context.get("patient"),
    )


def _check_form(given: Given) -> None:
    for name in sorted(_ONCE & given.keys()):
        if len(given.getlist(name)) > 1:
            raise InvalidRequestError(f"{name} may be sent once.")
    for name in ("request", "request_uri"):
        if name in given:
            raise NotSupportedError(description=f"{name} is not supported.", error=f"{name}_not_supported")
    for name, most in _LONGEST.items():
        if len(given.get(name, "")) > most:
            raise InvalidRequestError(f"{name} may have {most} characters.")
    if any("\0" in value for _, values in given.lists() for value in values):
        raise InvalidRequestError("There is a null character.")
    _check_choices(given)


def _check_choices(given: Given) -> None:
    if given.get("response_type") != "code":
        raise UnsupportedResponseTypeError(None, description="response_type must be code.")
    if given.get("response_mode", "query") != "query":
        raise InvalidRequestError("response_mode can only be query.")
    prompts = given.get("prompt", "").split()
    if not set(prompts) <= set(PROMPTS) or (NONE in prompts and len(prompts) > 1):
        raise InvalidRequestError(f"prompt must be of {', '.join(PROMPTS)}; none stands alone.")
    if "max_age" in given and not _SECONDS.fullmatch(given["max_age"]):
        raise InvalidRequestError("max_age must be a number of seconds.")


def _check_audience(given: Given, found: Settings) -> None:
    """So that no other server gets a token of ours passed on to it, nor we one of its."""
    resources = given.getlist("resource")
    require_ours(resources, found)
    if not resources and "aud" not in given:
        raise InvalidRequestError(f"aud must be {found.public_url}.")
    if "aud" in given and not is_ours(given["aud"], found):
        raise InvalidRequestError(f"aud must be {found.public_url}.")


def _check_challenge(given: Given) -> None:
    if given.get("code_challenge_method") != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(given.get("code_challenge", "")):
        raise InvalidRequestError("code_challenge must be the base64url of a SHA-256 hash.")


def _context(asked: Asking, launch: Launch | None, granted: list[str]) -> Json:
    """What the launch told: for an app that asks for it, and is the one that was launched."""
    is_sent = bool(asked.given.get("launch"))
    if not is_sent and "launch" in granted:
        raise InvalidRequestError("The scope launch needs the parameter launch.")
    if not is_sent:
        return {}
    if "launch" not in granted:
        raise InvalidScopeError(description="The parameter launch needs the scope launch.")
    own = asked.client.client
    if launch is None or launch.client not in (None, own.id) or own.agency not in ("", launch.agency):
        raise InvalidRequestError("launch is not one of this server's for this app, or has ended.")
    agency, account = {"agency": launch.agency}, {"account": launch.account} if launch.account else {}
    return {**launch.context, **agency, **account}


def launched(connection: object, given: Given) -> Launch | None:
    """What the parameter `launch` stands for."""
    id = given.get("launch", "")
    return launches.find(connection, id) if id else None  # type: ignore[arg-type]
