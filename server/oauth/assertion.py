"""A client proves itself by a signed assertion (`private_key_jwt`), each good for one use.

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from server import clock
from server.fhir import Json
from server.oauth.client import OAuthClient
from server.oauth.published import Published
from server.store import clients
from server.store.clients import KEYS as METHOD
from server.store.clients import Client
from server.store.database import Database

ALGORITHMS = ["ES384", "RS384"]

_LONGEST_LIFE = 300
_LEEWAY = 30
_LONGEST_JTI = 256


class Assertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """RFC 7523 as SMART narrows it. What is wrong is told only to who holds the key."""

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, token_endpoint: str, database: Database, keys: Published) -> None:
        super().__init__(leeway=_LEEWAY)
        self._keys = keys
        self._token_endpoint = token_endpoint
        self._database = database

    def __call__(self, query_client: Callable[[str], OAuthClient | None], request: Any) -> OAuthClient | None:
        if request.form.get("client_assertion_type") != self.CLIENT_ASSERTION_TYPE:
            return None
        assertion = request.form.get("client_assertion", "")
        header, subject = _read(assertion)
        found = query_client(subject)
        # Keys are fetched for those alone who sign.
        if found is None or found.client.auth_method != METHOD or not _is_of(found.client, header):
            return None
        claims = _verified(assertion, self._keys.keys(found.client, header["kid"]))
        if claims is None:
            return None
        self.verify_claims(claims)
        return found

    def get_audiences(self) -> list[str]:
        return [self._token_endpoint]

    def verify_claims(self, claims: Json) -> None:
        if not _is_brief(claims):
            raise InvalidClientError(description="exp must be a number, at most five minutes ahead.")
        super().verify_claims(claims)

    def validate_jti(self, claims: Json, jti: object) -> bool:
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI or "\0" in jti:
            raise InvalidClientError(description="jti must be a string of 1 to 256 characters.")
        with self._database.autocommit() as connection:
            return clients.use_assertion(
                connection, claims["sub"], jti, datetime.fromtimestamp(claims["exp"], UTC)
            )


def _read(assertion: str) -> tuple[Json, str]:
    """The header of an assertion and the client that it names, before anything of it is believed."""
    try:
        found = jws.extract_compact(assertion.encode(errors="replace"))
        subject = msgspec.json.decode(found.payload)["sub"]
    except (JoseError, msgspec.MsgspecError, ValueError, TypeError, KeyError):
        return {}, ""
    return found.headers(), subject if isinstance(subject, str) else ""


def _is_of(client: Client, header: Json) -> bool:
    """Whether it names a key, and no other place for it than the client registered."""
    return isinstance(header.get("kid"), str) and header.get("jku") in (None, client.jwks_uri)


def _verified(assertion: str, jwks: Any) -> Json | None:
    if not jwks:
        return None
    try:
        return jwt.decode(assertion, KeySet.import_key_set(jwks), algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError):
        return None


def _is_brief(claims: Json) -> bool:
    expires = claims.get("exp")
    if not isinstance(expires, int | float) or isinstance(expires, bool):
        return False
    return 0 < expires <= clock.now().timestamp() + _LONGEST_LIFE + _LEEWAY
