"""From an access token to what its holder may do.

https://www.rfc-editor.org/rfc/rfc6750, https://www.rfc-editor.org/rfc/rfc9068 and, for tokens that are bound
to a key, https://www.rfc-editor.org/rfc/rfc9449
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from server import clock
from server.access.access import Access
from server.access.scope import parse
from server.access.user import User
from server.fhir.issue import Unauthorized
from server.interaction.opening import access
from server.oauth.access_token import AccessTokens, NotGood, Standing
from server.oauth.dpop import ALGORITHMS, NONCE, BadProof, Proofs
from server.record.door import Door
from server.record.person import user_of
from server.settings import Settings
from server.store.liveness import Liveness

TRUSTED = 10.0
"""Seconds for which a token that was checked is taken as it is, unless somebody's access ends meanwhile."""

_REMEMBERED = 4096
_KEPT_VIEWS = 2048

_SCHEMES = ("bearer", "dpop")

Key = tuple[str, str, str, User | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who came with a token."""

    standing: Standing
    access: Access

    @property
    def jkt(self) -> str | None:
        """The thumbprint of the key that the token is bound to."""
        found = self.standing.claims.get("cnf", {}).get("jkt")
        return str(found) if found else None


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was checked: until when it is trusted, when it expires, and the mark that it hangs on."""

    until: float
    expires: float
    mark: tuple[bytes, int]
    holder: Holder


@dataclass(slots=True)
class Bearer:
    """Checks tokens, and remembers for a moment those that it has checked."""

    door: Door
    settings: Settings
    _liveness: Liveness = field(init=False)
    _tokens: AccessTokens = field(init=False)
    _proofs: Proofs = field(init=False)
    _known: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _accesses: OrderedDict[Key, Access] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._liveness = Liveness(self.door.database)
        self._tokens = AccessTokens(self.settings, self.door.database, self._liveness)
        self._proofs = Proofs(self.settings, self.door.database, self.door.hasher.derived("dpop-nonce"))

    def access(self, environ: dict[str, Any]) -> Access:
        """What the holder of a request's token may do.

        Raises:
            Unauthorized: no token, or one that is not good; with the `WWW-Authenticate` that says why.
        """
        return self.holder(environ).access

    def holder(self, environ: dict[str, Any]) -> Holder:
        """The holder of a request's token. Raises Unauthorized."""
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        scheme, token = scheme.lower(), token.strip()
        if scheme not in _SCHEMES or not token:
            raise _refused("Bearer", None, "This resource needs an access token: Authorization: Bearer …")
        found = self._trusted(token)
        if scheme == "dpop" or found.jkt:
            self._prove(found, scheme, token, environ)
        return found

    def _trusted(self, token: str) -> Holder:
        mark, at = self._liveness.mark(), clock.monotonic()
        known = self._known.get(token)
        if known and known.until > at and known.mark == mark and known.expires > clock.now().timestamp():
            return known.holder
        try:
            standing = self._tokens.standing(token)
        except NotGood as error:
            raise _refused("Bearer", "invalid_token", str(error)) from error
        found = Holder(standing, self._access(standing))
        with self._lock:
            self._known[token] = _Known(at + TRUSTED, float(standing.claims["exp"]), mark, found)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _access(self, standing: Standing) -> Access:
        claims = standing.claims
        agency = claims.get("agency")
        if agency not in self.door.agencies:
            raise _refused("Bearer", "invalid_token", "The token names no agency of this server.")
        user = user_of(standing.account) if standing.account else None
        patient, purpose = claims.get("patient"), claims.get("purpose_of_use")
        key = (standing.client.id, agency, claims.get("scope", ""), user, purpose, patient)
        with self._lock:
            found = self._accesses.pop(key, None)
            if found is None or found.agency is not self.door.agencies[agency]:
                scopes = tuple(scope for text in key[2].split() if (scope := parse(text)) is not None)
                found = access(self.door, key[0], agency, scopes, user=user, purpose=purpose, patient=patient)
            # The one that was used last is forgotten last: each holds the views that it was asked for.
            self._accesses[key] = found
            while len(self._accesses) > _KEPT_VIEWS:
                self._accesses.popitem(last=False)
        return found

    def _prove(self, found: Holder, scheme: str, token: str, environ: dict[str, Any]) -> None:
        """Raises Unauthorized unless the request is signed with the key that its token is bound to."""
        if scheme != "dpop":
            raise _refused("DPoP", "invalid_token", "The token is bound to a key: Authorization: DPoP …")
        if not found.jkt:
            raise _refused("DPoP", "invalid_token", "The token is bound to no key: Authorization: Bearer …")
        url = self.settings.issuer + environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        try:
            jkt = self._proofs.thumbprint(
                environ.get("HTTP_DPOP", ""), environ["REQUEST_METHOD"], url, access_token=token
            )
        except BadProof as error:
            raise _refused("DPoP", error.error, str(error), error.nonce) from error
        if jkt != found.jkt:
            raise _refused("DPoP", "invalid_token", "The token is bound to another key.")


def _refused(scheme: str, error: str | None, told: str, nonce: str | None = None) -> Unauthorized:
    fault = f', error="{error}", error_description="{told}"' if error else ""
    algorithms = f', algs="{" ".join(ALGORITHMS)}"' if scheme == "DPoP" else ""
    headers = {"WWW-Authenticate": f'{scheme} realm="fhir"{fault}{algorithms}'}
    return Unauthorized(told, headers=headers | ({NONCE: nonce} if nonce else {}))
