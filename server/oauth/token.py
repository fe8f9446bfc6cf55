"""Access tokens: short-lived JWTs that any worker can check without asking.

https://www.rfc-editor.org/rfc/rfc9068
"""

from typing import Any

from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc.jwk import ECKey, KeySet

from server import clock
from server.oauth.client import OAuthClient
from server.settings import Settings
from server.store import keys
from server.store.database import Database


class TokenGenerator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Signs with the newest key; the claim `agency` says on whose behalf the client acts."""

    def __init__(self, found: Settings, database: Database) -> None:
        super().__init__(found.issuer, keys.ALGORITHM, None, lambda client, grant: found.token_lifetime)
        self._audience = found.public_url
        self._database = database
        self._keys: KeySet | None = None

    def get_jwks(self) -> KeySet:
        if self._keys is None:
            with self._database.begin() as connection:
                self._keys = KeySet([ECKey.import_key(keys.signing_key(connection))])
        return self._keys

    def get_audiences(self, client: OAuthClient, user: None, scope: str) -> str:
        return self._audience

    def get_extra_claims(
        self, client: OAuthClient, grant_type: str, user: None, scope: str
    ) -> dict[str, Any]:
        return {"agency": client.client.agency}

    def get_jti(self, client: OAuthClient, grant_type: str, user: None, scope: str) -> str:
        return clock.new_id()
