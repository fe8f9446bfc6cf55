"""A client as Authlib asks about it, and how it proves itself by a secret or not at all."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import ClientMixin

from server.oauth import redirect, scope, secret
from server.store import clients
from server.store.clients import Client

CLIENT_CREDENTIALS = clients.CREDENTIALS
RESPONSE_TYPES = {clients.CODE: "code"}
"""The response type that a grant type needs: https://www.rfc-editor.org/rfc/rfc7591#section-2.1"""


class OAuthClient(ClientMixin):  # type: ignore[misc]
    """A system or an app that may have a token."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get_client_id(self) -> str:
        return self.client.id

    def get_default_redirect_uri(self) -> str | None:
        return self.client.redirect_uris[0] if len(self.client.redirect_uris) == 1 else None

    def get_allowed_scope(self, requested: str | None) -> str:
        return scope.granted(requested, self.client.scope)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect.is_registered(redirect_uri, self.client.redirect_uris)

    def check_client_secret(self, client_secret: str) -> bool:
        return secret.matches(client_secret, self.client.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        # At every endpoint alike: who registered a key cannot be mistaken for who knows a secret.
        return method == self.client.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in (RESPONSE_TYPES.get(each) for each in self.client.grant_types)

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grant_types


def by_secret(query_client: Callable[[str], OAuthClient | None], request: Any) -> OAuthClient | None:
    """The client that HTTP Basic names, if it knows its secret (`client_secret_basic`)."""
    given = _basic(request.headers.get("Authorization", ""))
    if given is None:
        return None
    found = query_client(given[0])
    kept = found.client.secret_hash if found else None
    return found if secret.matches(given[1], kept) else None


def by_post(query_client: Callable[[str], OAuthClient | None], request: Any) -> OAuthClient | None:
    """The client that the body names, if it knows its secret (`client_secret_post`)."""
    told = request.form.get("client_secret")
    if not told:
        return None
    found = query_client(request.form.get("client_id", ""))
    return found if secret.matches(told, found.client.secret_hash if found else None) else None


def by_name(query_client: Callable[[str], OAuthClient | None], request: Any) -> OAuthClient | None:
    """The public client that the body names (`none`). It proves nothing: its code's verifier does."""
    if "client_secret" in request.form or "client_assertion" in request.form:
        return None
    found = query_client(request.form.get("client_id", ""))
    return found if found and found.client.kind == clients.PUBLIC else None


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
