"""A client as Authlib asks about it, and how it proves itself by a secret."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import ClientMixin

from server.oauth import scope, secret
from server.store.clients import Client

CLIENT_CREDENTIALS = "client_credentials"


class OAuthClient(ClientMixin):  # type: ignore[misc]
    """An agency's system that may have a token."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get_client_id(self) -> str:
        return self.client.id

    def get_allowed_scope(self, requested: str | None) -> str:
        return scope.granted(requested, self.client.scope)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        # It came this far by proving itself with that very method.
        return endpoint == "token"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == CLIENT_CREDENTIALS


def by_secret(query_client: Callable[[str], OAuthClient | None], request: Any) -> OAuthClient | None:
    """The client that HTTP Basic names, if it knows its secret (`client_secret_basic`)."""
    given = _basic(request.headers.get("Authorization", ""))
    if given is None:
        return None
    found = query_client(given[0])
    kept = found.client.secret_hash if found else None
    return found if secret.matches(given[1], kept) else None


def _basic(header: str) -> tuple[str, str] | None:
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        id, colon, told = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    # Both parts are form-encoded first: https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1
    return (unquote_plus(id), unquote_plus(told)) if colon else None
