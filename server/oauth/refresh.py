"""Refresh tokens: each is good for one use and gives the next; one that comes back ends the whole family.

https://www.rfc-editor.org/rfc/rfc6749#section-6 and https://www.rfc-editor.org/rfc/rfc9700#section-4.14
"""

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from server import clock
from server.access.scope import parse
from server.oauth import scope
from server.oauth.authority import AUTH_METHODS
from server.oauth.family import answer, granted_by, issued
from server.oauth.resource import require_ours
from server.oauth.token import Granted
from server.store import clients, grants, sessions

_LONGEST = 200


class Refresh(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    """RFC 6749, section 6, with rotation."""

    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    GRANT_TYPE = clients.REFRESH

    def validate_token_request(self) -> None:
        client = self.request.client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("The client is not registered for refresh_token.")
        require_ours(self.request.form.getlist("resource"), self.server.settings)
        if not self.request.form.get("refresh_token"):
            raise InvalidRequestError("refresh_token is missing.")

    def create_token_response(self) -> tuple[int, Any, Any]:
        server, client, form = self.server, self.request.client, self.request.form
        token = form["refresh_token"]
        granted = self._granted(token)
        narrowed = narrower(granted.grant.scope, form.get("scope"))
        jkt = server.possession(self.request, client, granted.grant.dpop_jkt)
        # Signed before the transaction: nobody who holds a connection waits for another.
        response = answer(server, client, granted, jkt=jkt, narrowed=narrowed)
        with server.database.begin() as connection:
            is_first = grants.use_refresh_token(connection, token)
            if is_first:
                response |= issued(server, connection, client, granted, response["scope"])
            if is_first and granted.grant.session:
                sessions.touch(connection, granted.grant.session)
        if not is_first:
            self._reused(granted.grant.id)
        return 200, response, self.TOKEN_RESPONSE_HEADER

    def _granted(self, token: str) -> Granted:
        """What the refresh token stands for. Raises InvalidGrantError."""
        server, client = self.server, self.request.client.client
        if len(token) > _LONGEST:
            raise InvalidGrantError("The refresh token is not one of this server's.")
        idle = timedelta(seconds=server.settings.session_idle)
        with server.database.autocommit() as connection:
            kept = grants.find_refresh_token(connection, token)
            family = grants.find(connection, kept.grant) if kept else None
            granted = granted_by(connection, kept.grant) if kept else None
            session = granted.grant.session if granted else None
            is_there = session is None or sessions.is_live(connection, session, idle)
        if kept is None or family is None or family.client != client.id:
            raise InvalidGrantError("The refresh token is not one that this client can use.")
        if kept.used is not None:
            self._reused(kept.grant)
        if granted is None or kept.expires < clock.now():
            raise InvalidGrantError("What the refresh token stands for has ended.")
        if not is_there:
            raise InvalidGrantError("The user is not signed in any more.")
        return granted

    def _reused(self, grant: str) -> None:
        """Of two that have the same refresh token one has stolen it, and nobody knows which."""
        self.server.end_family(grant, "refresh token used twice")
        raise InvalidGrantError("The refresh token was used before. What was granted has been revoked.")


def narrower(held: str, asked: str | None) -> str | None:
    """The scopes that are asked for, which must be among those that were granted; None: all of them.

    Raises:
        InvalidScopeError: one is not.
    """
    parts = (asked or "").split()
    if not parts:
        return None
    for part in parts:
        found = parse(part)
        if scope.narrowed(held, [part]) != (str(found) if found else part):
            raise InvalidScopeError(description="A scope that is asked for was not granted.")
    return scope.narrowed(held, parts)
