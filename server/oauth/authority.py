"""The authorization server as Authlib knows one: its clients, how they prove themselves, what is granted.

https://www.rfc-editor.org/rfc/rfc6749
"""

from collections.abc import Callable, Iterable
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749.errors import UnsupportedGrantTypeError
from flask import Request
from flask import request as flask_request

from server import clock
from server.http.edge import CLIENT
from server.interaction.capabilities import TOKEN_PATH
from server.oauth.assertion import Assertion
from server.oauth.client import OAuthClient, by_name, by_post, by_secret
from server.oauth.discovery import token_endpoint
from server.oauth.dpop import NONCE, BadProof, Proofs
from server.oauth.fetch import Fetcher
from server.oauth.id_token import IdTokens
from server.oauth.published import Published
from server.oauth.token import Tokens
from server.record.door import Door
from server.settings import Settings
from server.store import audit, clients, grants, liveness
from server.store.liveness import Liveness

AUTH_METHODS = (clients.BASIC, clients.POST, clients.KEYS, clients.NONE)
"""In the order in which they are tried."""

REFUSED = "token-refused"

_UNKNOWN = "The client is not known, may not act, or does not prove itself in the way it is registered."
_NO_METHOD = "The client cannot authenticate with methods"
"""What Authlib says of one that none of the ways proves, with the names of them all."""

_GRANTS = "grant_type must be authorization_code, refresh_token or client_credentials."


class Payload(FlaskOAuth2Payload):  # type: ignore[misc]
    """What a client sends."""

    @property
    def data(self) -> Any:
        """The body alone: what stands in a URL is logged on the way."""
        return self._request.form


class TokenRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """Takes the transport for granted: the settings have refused what is not safe.

    What Authlib would judge by, scheme and Host as they came here, says nothing where a proxy ended TLS.
    """

    def __init__(self, request: Request) -> None:
        OAuth2Request.__init__(
            self, request.method, f"https://localhost{TOKEN_PATH}", headers=request.headers
        )
        self._request = request
        self.payload = Payload(request)


class UnprovenError(OAuth2Error):  # type: ignore[misc]
    """A proof of possession that proves nothing: https://www.rfc-editor.org/rfc/rfc9449#section-5"""

    def __init__(self, fault: BadProof) -> None:
        super().__init__(description=str(fault), error=fault.error)
        self._nonce = fault.nonce

    def get_headers(self) -> list[tuple[str, str]]:
        headers: list[tuple[str, str]] = super().get_headers()
        return [*headers, (NONCE, self._nonce)] if self._nonce else headers


class Authority(AuthorizationServer):  # type: ignore[misc]
    """One a process."""

    def __init__(self, found: Settings, door: Door, grant_types: Iterable[type[Any]]) -> None:
        super().__init__()
        self.settings, self.door, self.database = found, door, door.database
        self.liveness = Liveness(door.database)
        self.tokens = Tokens(found, door.database, self.liveness)
        self.id_tokens = IdTokens(found, door.database, self.liveness)
        self._proofs = Proofs(found, door.database, door.hasher.derived("dpop-nonce"))
        self.register_client_auth_method(clients.BASIC, by_secret)
        self.register_client_auth_method(clients.POST, by_post)
        self.register_client_auth_method(clients.NONE, self._unproven)
        self.register_client_auth_method(
            clients.KEYS, Assertion(token_endpoint(found), door.database, Published(Fetcher.of(found)))
        )
        for each in grant_types:
            self.register_grant(each)

    def query_client(self, client_id: str) -> OAuthClient | None:
        """A client that may act."""
        # PostgreSQL has no text with a null character.
        if not client_id or "\0" in client_id:
            return None
        with self.database.autocommit() as connection:
            found = clients.find(connection, client_id)
        if found is None or not found.is_live or (found.demonstration and not self.settings.demonstration):
            return None
        return OAuthClient(found)

    def authenticate_client(
        self, request: Any, methods: Iterable[str], endpoint: str = "token"
    ) -> OAuthClient:
        """The client that proves itself, in one way and no more.

        Raises:
            InvalidClientError: none does.
            InvalidRequestError: something is said twice, or proven in two ways.
        """
        for name, values in request.form.lists():
            if len(values) > 1 and name != "resource":
                raise InvalidRequestError("A parameter may be sent once.")
        if sum(map(bool, _proofs(request))) > 1:
            raise InvalidRequestError("A client proves itself in one way only.")
        try:
            client: OAuthClient = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError as error:
            error.status_code = 401
            if error.description.startswith(_NO_METHOD):
                error.description = _UNKNOWN
            raise
        if request.form.get("client_id") not in (None, "", client.get_client_id()):
            raise InvalidClientError(status_code=401, description="client_id names another client.")
        flask_request.environ[CLIENT] = client.get_client_id()
        return client

    def get_token_grant(self, request: Any) -> Any:
        """What is asked for, by its `grant_type`.

        Raises:
            UnsupportedGrantTypeError: it is none of ours.
            InvalidRequestError: there is none.
        """
        try:
            return super().get_token_grant(request)
        except UnsupportedGrantTypeError as error:
            if not request.form.get("grant_type"):
                raise InvalidRequestError(_GRANTS) from error
            error.description = _GRANTS
            raise

    def _unproven(
        self, query_client: Callable[[str], OAuthClient | None], request: Any
    ) -> OAuthClient | None:
        """The public client that the body names; one that refreshes need not, for the token is its own.

        https://hl7.org/fhir/smart-app-launch/app-launch.html#refresh-access-token
        """
        form = request.form
        is_named = "client_id" in form or any(_proofs(request))
        if is_named or form.get("grant_type") != clients.REFRESH:
            return by_name(query_client, request)
        with self.database.autocommit() as connection:
            kept = grants.find_refresh_token(connection, form.get("refresh_token", ""))
            grant = grants.find(connection, kept.grant) if kept else None
        found = query_client(grant.client) if grant else None
        return found if found and found.client.kind == clients.PUBLIC else None

    def possession(self, request: Any, client: OAuthClient, wanted: str | None = None) -> str | None:
        """The thumbprint of the key that the request proves to have; None if it proves none.

        Args:
            wanted: the thumbprint of the key that it has to be.
        """
        proof = request.headers.get("DPoP")
        if proof is None:
            if wanted or client.client.dpop_bound:
                raise UnprovenError(BadProof("The request needs a proof of possession: the header DPoP."))
            return None
        try:
            jkt = self._proofs.thumbprint(proof, request.method, token_endpoint(self.settings))
        except BadProof as error:
            raise UnprovenError(error) from error
        if wanted and jkt != wanted:
            raise UnprovenError(BadProof("The proof is signed with another key."))
        return jkt

    def agency_number(self, code: str) -> int:
        """How the audit names an agency; 0: none that is known."""
        found = self.door.agencies.get(code)
        return found.number if found else 0

    def told(self, act: str, client: OAuthClient | None, **said: Any) -> None:
        """Leave a line in the audit, by itself."""
        if client is not None:
            told = {"client": client.client.id, "agency": self.agency_number(client.client.agency)}
            said = told | said
        with self.database.autocommit() as connection:
            audit.record_act(connection, clock.now(), act, **said)

    def end_family(self, grant: str, why: str) -> None:
        """Whatever a grant gave ends now: something of it is in the wrong hands."""
        with self.database.begin() as connection:
            found = grants.find(connection, grant)
            if found is None or not grants.end(connection, grant):
                return
            audit.record_act(
                connection,
                clock.now(),
                "revoke",
                agency=self.agency_number(found.agency),
                client=found.client,
                account=found.account,
                query=grant,
                reason=why,
            )
        liveness.ended(self.database)

    def create_oauth2_request(self, ignored: None) -> TokenRequest:
        return TokenRequest(flask_request)

    def handle_error_response(self, request: Any, error: Any) -> Any:
        client = flask_request.environ.get(CLIENT, "")
        with self.database.autocommit() as connection:
            audit.record_act(
                connection, clock.now(), REFUSED, client=client, outcome=error.status_code, reason=error.error
            )
        return super().handle_error_response(request, error)

    def handle_response(self, status: int, payload: Any, headers: Any) -> Any:
        nonce = self._proofs.nonce()
        return super().handle_response(status, payload, [*headers, (NONCE, nonce)] if nonce else headers)


def _proofs(request: Any) -> tuple[str | None, ...]:
    return (
        request.headers.get("Authorization"),
        request.form.get("client_secret"),
        request.form.get("client_assertion"),
    )
