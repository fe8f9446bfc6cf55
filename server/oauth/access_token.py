"""Access tokens that come back: whether they are this server's, and whether they are still good.

https://www.rfc-editor.org/rfc/rfc9068#section-4
"""

from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from server import clock
from server.fhir import Json
from server.settings import Settings
from server.store import accounts, agencies, clients, grants, keys
from server.store.accounts import Account
from server.store.clients import Client
from server.store.database import Database
from server.store.grants import Grant
from server.store.liveness import Liveness

TYPE = "at+jwt"


class NotGood(Exception):
    """A token that is refused; the message is for the client's developer."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whom a good token stands for: a client, and a user where one granted it."""

    claims: Json
    client: Client
    account: Account | None
    grant: Grant | None

    @property
    def scopes(self) -> frozenset[str]:
        """What it may be used for, scope by scope."""
        return frozenset(str(self.claims.get("scope", "")).split())


@dataclass(slots=True)
class AccessTokens:
    """Checks tokens. The keys are read again whenever somebody's access has ended, a key's among them."""

    settings: Settings
    database: Database
    liveness: Liveness
    _keys: tuple[object, KeySet | None] = field(default=(None, None))

    def standing(self, token: str) -> Standing:
        """Whom it stands for now.

        Raises:
            NotGood: not ours, not for this server, expired, or its client, user or grant is not admitted.
        """
        claims = self.claims(token)
        with self.database.autocommit() as connection:
            client = clients.find(connection, _text(claims, "client_id"))
            if grants.is_revoked(connection, _text(claims, "jti")):
                raise NotGood("The token was revoked.")
            grant = account = None
            if "grant" in claims:
                grant = grants.live(connection, _text(claims, "grant"))
                account = accounts.find(connection, grant.account) if grant else None
            suspended = agencies.is_suspended(connection, _text(claims, "agency"))
        if client is None or not self._admits(client) or client.agency not in ("", claims.get("agency")):
            raise NotGood("The client of this token is not admitted any more.")
        if suspended or not client.holds(claims.get("iat", 0)):
            raise NotGood("The tokens of this client or its agency were revoked.")
        if "grant" in claims and not self._holds(claims, client, grant, account):
            raise NotGood("What this token was granted for has ended.")
        return Standing(claims, client, account, grant)

    def claims(self, token: str) -> Json:
        """What a token says that this server signed for itself, and that has not expired.

        Raises:
            NotGood: it is not such a token.
        """
        decoded = self._decoded(token)
        if decoded.header.get("typ") != TYPE:
            raise NotGood("The token is not an access token.")
        registry = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.public_url},
            exp={"essential": True},
        )
        try:
            registry.validate(decoded.claims)
        except JoseError as error:
            raise NotGood("The token has expired, or was made for another server.") from error
        return dict(decoded.claims)

    def _decoded(self, token: str) -> Any:
        try:
            return jwt.decode(token, self._key_set(refresh=False), algorithms=[keys.ALGORITHM])
        except (JoseError, ValueError):
            try:
                # A key that another process made since.
                return jwt.decode(token, self._key_set(refresh=True), algorithms=[keys.ALGORITHM])
            except (JoseError, ValueError) as error:
                raise NotGood("The token is not one of this server's.") from error

    def _key_set(self, *, refresh: bool) -> KeySet:
        mark = self.liveness.mark()
        known, found = self._keys
        if refresh or found is None or known != mark:
            with self.database.autocommit() as connection:
                public = keys.public_keys(connection).values()
            found = KeySet.import_key_set({"keys": [key for key in public if key["alg"] == keys.ALGORITHM]})
            self._keys = mark, found
        return found

    def _admits(self, client: Client) -> bool:
        return client.is_live and (self.settings.demonstration or not client.demonstration)

    def _holds(self, claims: Json, client: Client, grant: Grant | None, account: Account | None) -> bool:
        if grant is None or account is None or account.suspended is not None:
            return False
        if account.demonstration and not self.settings.demonstration:
            return False
        return (grant.client, account.id, account.agency) == (
            client.id,
            claims.get("sub"),
            claims.get("agency"),
        )


def _text(claims: Json, name: str) -> str:
    """A claim that has to be text; nothing is found by what is not."""
    found = claims.get(name)
    return found if isinstance(found, str) and "\0" not in found else ""
