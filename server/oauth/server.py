"""The token endpoint: an agency's system shows who it is and gets an access token.

https://hl7.org/fhir/smart-app-launch/backend-services.html
"""

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import FlaskOAuth2Payload, FlaskOAuth2Request
from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Request
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from flask import Blueprint, Request, Response
from flask import request as flask_request

from server.http.edge import CLIENT
from server.oauth.assertion import METHOD, Assertion
from server.oauth.client import OAuthClient, by_secret
from server.oauth.discovery import (
    KEYS_PATH,
    TOKEN_PATH,
    server_metadata,
    token_endpoint,
)
from server.oauth.token import TokenGenerator
from server.settings import Settings
from server.store import clients, keys
from server.store.database import Database


def blueprint(found: Settings, database: Database) -> Blueprint:
    """The routes of /auth. FHIR's own discovery stands under the FHIR base."""
    routes = Blueprint("auth", __name__)
    server = _Server(found, database)

    @routes.post(TOKEN_PATH)
    def token() -> Response:
        response: Response = server.create_token_response()
        if response.status_code == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="token", charset="UTF-8"'
        return response

    @routes.get(KEYS_PATH)
    def jwks() -> dict[str, Any]:
        with database.begin() as connection:
            keys.signing_key(connection)
            return {"keys": list(keys.public_keys(connection).values())}

    @routes.get("/.well-known/oauth-authorization-server")
    def metadata() -> dict[str, Any]:
        return server_metadata(found)

    return routes


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", METHOD)


class _Payload(FlaskOAuth2Payload):  # type: ignore[misc]
    @property
    def data(self) -> Any:
        """The body alone: what stands in a URL is logged on the way."""
        return self._request.form


class _Request(FlaskOAuth2Request):  # type: ignore[misc]
    """Takes the transport for granted: the settings have refused what is not safe.

    What Authlib would judge by, scheme and Host as they came here, says nothing where a proxy ended TLS.
    """

    def __init__(self, request: Request) -> None:
        OAuth2Request.__init__(
            self, request.method, f"https://localhost{TOKEN_PATH}", headers=request.headers
        )
        self._request = request
        self.payload = _Payload(request)


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, found: Settings, database: Database) -> None:
        super().__init__()
        self._admits_demonstration = found.demonstration
        self._database = database
        self.register_token_generator("default", TokenGenerator(found, database))
        self.register_client_auth_method("client_secret_basic", by_secret)
        self.register_client_auth_method(METHOD, Assertion(token_endpoint(found), database))
        self.register_grant(_Grant)

    def query_client(self, client_id: str) -> OAuthClient | None:
        # PostgreSQL has no text with a null character.
        if not client_id or "\0" in client_id:
            return None
        with self._database.autocommit() as connection:
            found = clients.find(connection, client_id)
        if found is None or found.removed or (found.demonstration and not self._admits_demonstration):
            return None
        return OAuthClient(found)

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        """Nothing to save: a token says itself what it is."""

    def authenticate_client(self, request: Any, methods: list[str], endpoint: str = "token") -> OAuthClient:
        try:
            client: OAuthClient = super().authenticate_client(request, methods, endpoint)
        except InvalidClientError as error:
            error.status_code = 401
            raise
        flask_request.environ[CLIENT] = client.get_client_id()
        return client

    def create_oauth2_request(self, ignored: None) -> FlaskOAuth2Request:
        return _Request(flask_request)
