"""Proof of possession: a token bound to a key is good only with that key's signature of each request.

https://www.rfc-editor.org/rfc/rfc9449
"""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import unquote, urlsplit

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from server import clock
from server.fhir import Json
from server.settings import Settings
from server.store import proofs
from server.store.database import Database

ALGORITHMS = ["ES256", "ES384", "RS256", "PS256"]
TYPE = "dpop+jwt"
NONCE = "DPoP-Nonce"

_WINDOW = 60
"""Seconds that a client's clock may be off, and a proof may be on its way."""
_LONGEST_PROOF = 8192
_LONGEST_JTI = 256
_LEAST_RSA_BITS = 2048
_NONCE_LIFE = 300
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_KINDS: dict[object, type[Any]] = {"EC": ECKey, "RSA": RSAKey}


class _Registry(jws.JWSRegistry):
    # An RSA key in the header takes more than joserfc lets one have.
    max_header_length = 4096


_REGISTRY = _Registry(algorithms=ALGORITHMS)


class BadProof(Exception):
    """A proof that proves nothing. `error`: OAuth's code for it. `nonce`: one to use, where one is wanted."""

    def __init__(self, told: str, error: str = "invalid_dpop_proof", nonce: str | None = None) -> None:
        super().__init__(told)
        self.error, self.nonce = error, nonce


@dataclass(frozen=True, slots=True)
class Proofs:
    """Checks proofs. `key`: what nonces are made with."""

    settings: Settings
    database: Database
    key: bytes

    def thumbprint(self, proof: str, method: str, url: str, access_token: str | None = None) -> str:
        """The thumbprint of the key that signed a request (`jkt`).

        Raises:
            BadProof: it is not a proof for this request, or was used before.
        """
        key, claims = _verified(proof)
        if claims.get("htm") != method or not _is_same(claims.get("htu"), url):
            raise BadProof("The proof is for another request: htm and htu must be its method and URL.")
        self._check_nonce(claims.get("nonce"))
        at = _fresh(claims.get("iat"))
        if access_token is not None and not _matches(claims.get("ath"), access_token):
            raise BadProof("The proof is for another access token: ath must be its hash.")
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
            raise BadProof("jti must be a string of 1 to 256 characters.")
        jkt = str(key.thumbprint())
        with self.database.autocommit() as connection:
            if not proofs.use(connection, jkt, jti, at + timedelta(seconds=2 * _WINDOW)):
                raise BadProof("The proof was used before.")
        return jkt

    def nonce(self) -> str | None:
        """One to be used from now on, where the settings ask for it."""
        if not self.settings.dpop_nonce:
            return None
        return self._nonce(int(clock.now().timestamp()) // _NONCE_LIFE)

    def _check_nonce(self, given: object) -> None:
        if not self.settings.dpop_nonce:
            return
        period = int(clock.now().timestamp()) // _NONCE_LIFE
        if given not in (self._nonce(period), self._nonce(period - 1)):
            raise BadProof("The proof needs the nonce that comes with this.", "use_dpop_nonce", self.nonce())

    def _nonce(self, period: int) -> str:
        """Told by nobody but us, and kept by nobody: it hangs on the time alone."""
        return _encoded(hmac.digest(self.key, str(period).encode(), "sha256"))[:32]


def _verified(proof: str) -> tuple[Key, Json]:
    if len(proof) > _LONGEST_PROOF or not proof.isascii():
        raise BadProof("The header DPoP must have one proof, which is a JWT.")
    try:
        header = jws.extract_compact(proof.encode(), registry=_REGISTRY).headers()
        key = _key(header)
        return key, dict(jwt.decode(proof, key, registry=_REGISTRY).claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadProof("The header DPoP must have one proof, signed by the public key in it.") from error


def _key(header: Json) -> Key:
    given = header.get("jwk")
    if header.get("typ") != TYPE or header.get("alg") not in ALGORITHMS or not isinstance(given, dict):
        raise ValueError
    if _PRIVATE & given.keys():
        raise BadProof("A private key must stay with the client.")
    key: Key = _KINDS[given.get("kty")].import_key(given)
    if isinstance(key, RSAKey) and key.raw_value.key_size < _LEAST_RSA_BITS:
        raise BadProof(f"A key must have {_LEAST_RSA_BITS} bits or more.")
    return key


def _fresh(iat: object) -> datetime:
    now = clock.now().timestamp()
    if not isinstance(iat, int | float) or isinstance(iat, bool) or abs(now - iat) > _WINDOW:
        raise BadProof("iat must be now.")
    return datetime.fromtimestamp(iat, UTC)


def _is_same(htu: object, url: str) -> bool:
    """Without query and fragment, and however it is encoded."""
    return isinstance(htu, str) and _plain(htu) == _plain(url)


def _plain(url: str) -> tuple[str, str, str] | None:
    try:
        found = urlsplit(url)
    except ValueError:
        return None
    return found.scheme, found.netloc.lower(), unquote(found.path).rstrip("/")


def _matches(ath: object, access_token: str) -> bool:
    if not isinstance(ath, str) or not ath.isascii():
        return False
    return hmac.compare_digest(ath, _encoded(sha256(access_token.encode()).digest()))


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
