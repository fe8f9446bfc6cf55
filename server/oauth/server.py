"""The routes of the authorization server."""

from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from flask import Blueprint, Response, jsonify, request

from server.fhir.issue import FhirError, Forbidden, Throttled, Unauthorized
from server.http.bearer import Bearer
from server.http.rate import Rate
from server.interaction.capabilities import AUTHORIZE_PATH, INTROSPECT_PATH, REVOKE_PATH, TOKEN_PATH
from server.oauth import discovery
from server.oauth.access_token import AccessTokens
from server.oauth.authority import AUTH_METHODS, Authority
from server.oauth.authorize import Authorize
from server.oauth.client import OAuthClient
from server.oauth.code import AuthorizationCode
from server.oauth.credentials import Credentials
from server.oauth.discovery import KEYS_PATH, LAUNCH_PATH, USERINFO_PATH
from server.oauth.id_token import OPENID, about
from server.oauth.introspect import introspected
from server.oauth.launch import launched
from server.oauth.page.pages import Pages
from server.oauth.refresh import Refresh
from server.oauth.revoke import revoke
from server.oauth.session import key as secret_key
from server.oauth.token import SIGNING
from server.record.door import Door
from server.settings import Settings
from server.store import clients, keys

_GRANT_TYPES = (AuthorizationCode, Refresh, Credentials)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_BASIC = 'Basic realm="token", charset="UTF-8"'


def blueprint(found: Settings, door: Door, bearer: Bearer) -> Blueprint:
    """The routes of /auth, but for the pages. FHIR's own discovery stands under the FHIR base."""
    routes = Blueprint("auth", __name__)
    server = Authority(found, door, _GRANT_TYPES)
    tokens = AccessTokens(found, door.database, server.liveness)
    rate = Rate(found.token_rate)

    @routes.before_request
    def admit() -> None:
        rate.admit(request.remote_addr or "")

    _add_tokens(routes, server, tokens)
    _add_user(routes, found, door, bearer, server)
    _add_discovery(routes, found, door)
    routes.register_error_handler(OAuth2Error, lambda error: _refused(server, error))
    routes.register_error_handler(Throttled, _throttled)
    return routes


def _add_tokens(routes: Blueprint, server: Authority, tokens: AccessTokens) -> None:
    @routes.post(TOKEN_PATH)
    def token() -> Response:
        return _challenged(server.create_token_response())

    @routes.post(INTROSPECT_PATH)
    def introspect() -> Response:
        # Who proves nothing is told nothing.
        client = _authenticated(server, tuple(each for each in AUTH_METHODS if each != clients.NONE))
        told = introspected(_token(), client.client, server, tokens)
        return _json(told)

    @routes.post(REVOKE_PATH)
    def revoked() -> Response:
        client = _authenticated(server, AUTH_METHODS)
        revoke(_token(), client.client, server, tokens)
        return Response(status=200, headers=_NO_STORE)


def _add_user(routes: Blueprint, found: Settings, door: Door, bearer: Bearer, server: Authority) -> None:
    authorize = Authorize(server, Pages(found, door))

    @routes.route(AUTHORIZE_PATH, methods=["GET", "POST"])
    def authorized() -> Response:
        pages = authorize.pages
        try:
            response = authorize.answer()
        except Exception as error:
            # Whatever it is, it is a person who looks at it.
            response = pages.failed(error)
        return pages.finished(response)

    @routes.route(USERINFO_PATH, methods=["GET", "POST"])
    def userinfo() -> Response:
        standing = bearer.holder(request.environ).standing
        if standing.account is None or OPENID not in standing.scopes:
            challenge = 'Bearer realm="fhir", error="insufficient_scope", scope="openid"'
            raise Forbidden("The token has not the scope openid.", headers={"WWW-Authenticate": challenge})
        return _json(about(standing.account, standing.claims["scope"], found))

    @routes.post(LAUNCH_PATH)
    def launch() -> tuple[Response, int]:
        holder = bearer.holder(request.environ)
        return _json(launched(request.get_json(silent=True), holder, door, found)), 201

    routes.register_error_handler(FhirError, _told)


def _add_discovery(routes: Blueprint, found: Settings, door: Door) -> None:
    @routes.get(KEYS_PATH)
    def jwks() -> dict[str, Any]:
        with door.database.begin() as connection:
            for algorithm in (keys.ALGORITHM, keys.ID_TOKEN_ALGORITHM):
                keys.signing_key(connection, secret_key(found, SIGNING), algorithm)
            return {"keys": list(keys.public_keys(connection).values())}

    @routes.get("/.well-known/oauth-authorization-server")
    def metadata() -> dict[str, Any]:
        return discovery.server_metadata(found)

    @routes.get("/.well-known/openid-configuration")
    def openid() -> dict[str, Any]:
        return discovery.openid_configuration(found)


def _authenticated(server: Authority, methods: tuple[str, ...]) -> OAuthClient:
    return server.authenticate_client(server.create_oauth2_request(None), methods)


def _token() -> str:
    """The token that a client asks about. Raises InvalidRequestError."""
    sent = request.form.getlist("token")
    if len(sent) != 1 or not sent[0]:
        raise InvalidRequestError("token is missing, or sent more than once.")
    return sent[0]


def _refused(server: Authority, error: OAuth2Error) -> Response:
    return _challenged(server.handle_error_response(None, error))


def _challenged(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = _BASIC
    return response


def _throttled(error: Throttled) -> Response:
    told = {"error": "temporarily_unavailable", "error_description": str(error)}
    response = _json(told)
    response.status_code = 429
    response.headers.update(error.headers)
    return response


def _told(error: FhirError) -> Response:
    """What is wrong with a request by its token, in OAuth's form: RFC 6750, section 3."""
    code = "invalid_token" if isinstance(error, Unauthorized) else _CODES.get(error.status, "invalid_request")
    response = _json({"error": code, "error_description": str(error)})
    response.status_code = error.status
    response.headers.update(error.headers)
    return response


_CODES = {403: "insufficient_scope", 503: "temporarily_unavailable"}


def _json(content: Any) -> Response:
    response: Response = jsonify(content)
    response.headers.update(_NO_STORE)
    return response
