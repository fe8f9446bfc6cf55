"""Access tokens: short-lived JWTs that any worker can check without asking.

https://www.rfc-editor.org/rfc/rfc9068
"""

from dataclasses import dataclass, field

from joserfc import jwt
from joserfc.jwk import ECKey

from server import clock
from server.fhir import Json
from server.oauth.access_token import TYPE
from server.oauth.client import OAuthClient
from server.oauth.session import key as secret_key
from server.settings import Settings
from server.store import keys
from server.store.accounts import Account
from server.store.database import Database
from server.store.grants import Grant
from server.store.liveness import Liveness

SIGNING = "signing"
"""What the key is for that private keys are encrypted with."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a user granted to an app."""

    grant: Grant
    account: Account


@dataclass(slots=True)
class Tokens:
    """Signs with the newest key, looked up again whenever `liveness` has moved. The claim `agency` says on
    whose behalf the client acts."""

    settings: Settings
    database: Database
    liveness: Liveness
    _key: tuple[object, ECKey | None] = field(default=(None, None))

    def response(
        self,
        client: OAuthClient,
        scope: str,
        *,
        granted: Granted | None = None,
        purpose: str | None = None,
        jkt: str | None = None,
    ) -> Json:
        """What the token endpoint answers, but for the refresh token and what goes with it.

        `jkt`: the thumbprint of the key that the token is good with alone.
        """
        claims = self._claims(client, scope, purpose) | (_of_user(granted) if granted else {})
        if jkt is not None:
            claims["cnf"] = {"jkt": jkt}
        key = self._signing_key()
        header = {"alg": keys.ALGORITHM, "typ": TYPE, "kid": key.kid}
        return {
            "access_token": jwt.encode(header, claims, key),
            "token_type": "DPoP" if jkt else "Bearer",
            "expires_in": self.settings.token_lifetime,
            "scope": scope,
        }

    def _claims(self, client: OAuthClient, scope: str, purpose: str | None) -> Json:
        issued = int(clock.now().timestamp())
        return {
            "iss": self.settings.issuer,
            "aud": self.settings.public_url,
            "iat": issued,
            "exp": issued + self.settings.token_lifetime,
            "jti": clock.new_id(),
            "client_id": client.client.id,
            "sub": client.client.id,
            "agency": client.client.agency,
            "scope": scope,
            **({"purpose_of_use": purpose} if purpose else {}),
        }

    def _signing_key(self) -> ECKey:
        mark = self.liveness.mark()
        known, key = self._key
        if key is None or known != mark:
            with self.database.begin() as connection:
                key = ECKey.import_key(keys.signing_key(connection, secret_key(self.settings, SIGNING)))
            self._key = mark, key
        return key


def fhir_user(found: Settings, account: Account) -> str:
    """The URL of who somebody is in the record."""
    return f"{found.public_url}/{account.fhir_user}"


def _of_user(granted: Granted) -> Json:
    grant, account = granted.grant, granted.account
    told = {
        "sub": account.id,
        "agency": account.agency,
        "fhirUser": account.fhir_user,
        "roles": list(account.roles),
        "caseload": account.caseload,
        "teams": list(account.teams),
        "references": list(account.references),
        "grant": grant.id,
        "auth_time": int(grant.authenticated.timestamp()),
        "patient": grant.patient,
        "purpose_of_use": grant.purpose,
    }
    return {name: value for name, value in told.items() if value is not None}
