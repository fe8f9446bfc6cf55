"""Id tokens: who the user is, for the app alone; signed with a key of their own.

https://openid.net/specs/openid-connect-core-1_0.html#IDToken
"""

from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.jwk import RSAKey

from server import clock
from server.fhir import Json
from server.oauth.session import key as secret_key
from server.oauth.token import SIGNING, Granted, fhir_user
from server.settings import Settings
from server.store import keys
from server.store.accounts import Account
from server.store.database import Database
from server.store.liveness import Liveness

OPENID = "openid"


@dataclass(slots=True)
class IdTokens:
    """Signs with the newest key of their kind."""

    settings: Settings
    database: Database
    liveness: Liveness
    _key: tuple[object, RSAKey | None] = field(default=(None, None))

    def token(self, granted: Granted, scope: str, *, first: bool) -> str:
        """The id token of a grant. `first`: it comes with the code, and has the nonce of the request."""
        issued = int(clock.now().timestamp())
        claims = about(granted.account, scope, self.settings) | {
            "iss": self.settings.issuer,
            "aud": granted.grant.client,
            "iat": issued,
            "exp": issued + self.settings.token_lifetime,
            "auth_time": int(granted.grant.authenticated.timestamp()),
        }
        if first and granted.grant.nonce is not None:
            claims["nonce"] = granted.grant.nonce
        key = self._signing_key()
        return jwt.encode({"alg": keys.ID_TOKEN_ALGORITHM, "kid": key.kid}, claims, key)

    def _signing_key(self) -> RSAKey:
        mark = self.liveness.mark()
        known, key = self._key
        if key is None or known != mark:
            with self.database.begin() as connection:
                key = RSAKey.import_key(
                    keys.signing_key(connection, secret_key(self.settings, SIGNING), keys.ID_TOKEN_ALGORITHM)
                )
            self._key = mark, key
        return key


def about(account: Account, scope: str, found: Settings) -> Json:
    """What an app may know of its user: who it is always, the rest as the scopes let it."""
    scopes = scope.split()
    told: Json = {"sub": account.id}
    # fhirUser comes with openid: SMART App Launch, "Scopes for requesting identity data".
    if "fhirUser" in scopes or "profile" in scopes:
        told |= {"fhirUser": fhir_user(found, account)}
    if "profile" in scopes:
        told |= {"name": account.name, "profile": fhir_user(found, account)}
    return told
