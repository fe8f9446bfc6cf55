"""From a bearer token to what its holder may do.

https://www.rfc-editor.org/rfc/rfc6750 and https://www.rfc-editor.org/rfc/rfc9068
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry

from server import clock
from server.access.access import Access
from server.access.scope import parse
from server.fhir import Json
from server.fhir.issue import Unauthorized
from server.interaction.opening import access
from server.record.door import Door
from server.settings import Settings
from server.store import clients, keys

TRUSTED = 10.0
"""Seconds for which a token that was checked is taken as it is; then its client is looked up again."""

_REMEMBERED = 4096


@dataclass(slots=True)
class Bearer:
    """Checks tokens, and remembers for a moment those that it has checked."""

    door: Door
    settings: Settings
    _known: OrderedDict[str, tuple[float, float, Access]] = field(default_factory=OrderedDict)
    _keys: dict[str, Json] = field(default_factory=dict)
    _accesses: dict[tuple[str, str, str], Access] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def access(self, authorization: str | None) -> Access:
        """The holder's access.

        Raises:
            Unauthorized: no token, or one that is not good; with the `WWW-Authenticate` that says why.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused(None, "This resource needs an access token: Authorization: Bearer …")
        known = self._known.get(token)
        at = clock.monotonic()
        if known and known[0] > at and known[1] > clock.now().timestamp():
            return known[2]
        found, expires = self._checked(token.strip())
        with self._lock:
            self._known[token] = (at + TRUSTED, expires, found)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _checked(self, token: str) -> tuple[Access, float]:
        claims = self._claims(token)
        client, agency = claims.get("client_id"), claims.get("agency")
        if not isinstance(client, str) or agency not in self.door.agencies:
            raise _refused("invalid_token", "The token names no client or agency of this server.")
        with self.door.database.autocommit() as connection:
            row = clients.find(connection, client)
        if row is None or row.removed or row.agency != agency or (
            row.demonstration and not self.settings.demonstration
        ):  # fmt: skip
            raise _refused("invalid_token", "The client of this token is not admitted any more.")
        key = (client, row.agency, claims.get("scope", ""))
        found = self._accesses.get(key)
        if found is None:
            scopes = tuple(scope for text in key[2].split() if (scope := parse(text)) is not None)
            found = self._accesses[key] = access(self.door, client, row.agency, scopes)
        return found, float(claims["exp"])

    def _claims(self, token: str) -> Json:
        try:
            decoded = jwt.decode(token, self._key_set(refresh=False), algorithms=[keys.ALGORITHM])
        except (JoseError, ValueError):
            try:
                # A key that another process made since.
                decoded = jwt.decode(token, self._key_set(refresh=True), algorithms=[keys.ALGORITHM])
            except (JoseError, ValueError) as error:
                raise _refused("invalid_token", "The token is not one of this server's.") from error
        if decoded.header.get("typ") != "at+jwt":
            raise _refused("invalid_token", "The token is not an access token.")
        registry = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            iss={"essential": True, "value": self.settings.issuer},
            aud={"essential": True, "value": self.settings.public_url},
            exp={"essential": True},
        )
        try:
            registry.validate(decoded.claims)
        except JoseError as error:
            raise _refused(
                "invalid_token", "The token has expired, or was made for another server."
            ) from error
        return dict(decoded.claims)

    def _key_set(self, *, refresh: bool) -> KeySet:
        if refresh or not self._keys:
            with self.door.database.autocommit() as connection:
                self._keys = keys.public_keys(connection)
        return KeySet.import_key_set({"keys": list(self._keys.values())})


def _refused(error: str | None, told: str) -> Unauthorized:
    challenge = 'Bearer realm="fhir"' + (f', error="{error}", error_description="{told}"' if error else "")
    return Unauthorized(told, headers={"WWW-Authenticate": challenge})
