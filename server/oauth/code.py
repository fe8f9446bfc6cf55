"""The authorization code, traded for tokens: once, by the app it was given to, with its own verifier.

https://www.rfc-editor.org/rfc/rfc6749#section-4.1.3 and https://www.rfc-editor.org/rfc/rfc7636
"""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from server import clock
from server.oauth.authority import AUTH_METHODS
from server.oauth.family import answer, granted_by, issued
from server.oauth.resource import require_ours
from server.store import clients, grants

CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
"""The base64url of a SHA-256 hash."""

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_LONGEST = 200


class AuthorizationCode(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """RFC 6749, section 4.1.3, with PKCE (S256) always."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    GRANT_TYPE = clients.CODE

    def validate_token_request(self) -> None:
        client = self.request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for authorization_code.")
        form = self.request.form
        require_ours(form.getlist("resource"), self.server.settings)
        missing = [name for name in ("code", "redirect_uri", "code_verifier") if not form.get(name)]
        if missing:
            raise InvalidRequestError(f"{missing[0]} is missing.")

    def create_token_response(self) -> tuple[int, Any, Any]:
        server, client, form = self.server, self.request.client, self.request.form
        code = form["code"]
        kept = self._kept(code)
        with server.database.autocommit() as connection:
            granted = granted_by(connection, kept.grant)
        if granted is None or granted.grant.client != client.client.id:
            raise InvalidGrantError("The code is not one that this client can use.")
        if form["redirect_uri"] != kept.redirect_uri:
            raise InvalidGrantError("redirect_uri is not the one that the code was sent to.")
        if not _verifies(form["code_verifier"], kept.code_challenge):
            raise InvalidGrantError("code_verifier does not fit the code_challenge.")
        jkt = server.possession(self.request, client, granted.grant.dpop_jkt)
        # Signed before the transaction: nobody who holds a connection waits for another.
        response = answer(server, client, granted, jkt=jkt, first=True)
        with server.database.begin() as connection:
            is_first = grants.use_code(connection, code)
            if is_first:
                response |= issued(server, connection, client, granted, response["scope"])
            if is_first and jkt and client.client.kind == clients.PUBLIC:
                grants.bind(connection, kept.grant, jkt)
        if not is_first:
            self._reused(kept.grant)
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _kept(self, code: str) -> grants.Code:
        if len(code) > _LONGEST:
            raise InvalidGrantError("The code is not one of this server's.")
        with self.server.database.autocommit() as connection:
            kept = grants.find_code(connection, code)
        if kept is None:
            raise InvalidGrantError("The code is not one of this server's.")
        if kept.used is not None:
            self._reused(kept.grant)
        if kept.expires < clock.now():
            raise InvalidGrantError("The code has expired.")
        return kept

    def _reused(self, grant: str) -> None:
        """Whoever has the code of somebody else has it from somewhere: nothing that it gave is safe."""
        self.server.end_family(grant, "code used twice")
        raise InvalidGrantError("The code was used before. What it gave has been revoked.")


def _verifies(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.fullmatch(verifier):
        return False
    made = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)
