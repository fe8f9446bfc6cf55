"""A system's own access: it shows who it is, and has a token for what it is registered for.

https://hl7.org/fhir/smart-app-launch/backend-services.html
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from server.access.access import purposes
from server.oauth import scope
from server.oauth.authority import AUTH_METHODS
from server.oauth.resource import require_ours
from server.store import clients


class Credentials(ClientCredentialsGrant):  # type: ignore[misc]
    """RFC 6749, section 4.4, for confidential clients."""

    TOKEN_ENDPOINT_AUTH_METHODS = tuple(each for each in AUTH_METHODS if each != clients.NONE)

    def create_token_response(self) -> tuple[int, Any, Any]:
        server, client, form = self.server, self.request.client, self.request.form
        require_ours(form.getlist("resource"), server.settings)
        if not client.client.agency:
            raise InvalidScopeError(description="A client without an agency has no access of its own.")
        given = client.get_allowed_scope(form.get("scope"))
        given = scope.of_grant(given, clients.CREDENTIALS)
        jkt = server.possession(self.request, client)
        purpose = purpose_of(form.get("purpose_of_use"))
        server.told("token", client, purpose=purpose, query=given)
        response = server.tokens.response(client, given, purpose=purpose, jkt=jkt)
        return 200, response, self.TOKEN_RESPONSE_HEADER


def purpose_of(given: str | None) -> str | None:
    """What a token is for, as the client says: a code of v3-PurposeOfUse.

    Raises:
        InvalidRequestError: it is no code.
    """
    if given and given not in purposes():
        raise InvalidRequestError("purpose_of_use must be a code of v3-PurposeOfUse.")
    return given or None
