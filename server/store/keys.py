"""The keys that sign, one kind for access tokens and one for id tokens: made on first use, published as JWKS.

A key that is retired signs nothing more, and is published until all that it signed has ended. Private keys
are kept encrypted: the database alone signs nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, text, update

from server import clock
from server.fhir import Json
from server.store import tables

ALGORITHM = "ES256"
"""Of access tokens."""

ID_TOKEN_ALGORITHM = "RS256"  # noqa: S105  (a name)

LONGEST_LIFE = timedelta(hours=1)
"""The longest that what is signed may be good for (`settings.token_lifetime` goes as far)."""

_LEEWAY = timedelta(minutes=10)
_RSA_BITS = 2048
_ENCRYPTION = {"alg": "dir", "enc": "A256GCM"}
_PUBLIC = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e")}

_key = tables.signing_key

# Any number will do, so long as it is always this one.
_LOCK = 7_302_012


def signing_key(connection: Connection, key: bytes, algorithm: str = ALGORITHM) -> Json:
    """The private JWK of the newest key. Of several processes that start at once, one makes it.

    Args:
        key: what private keys are encrypted with.
    """
    newest = (
        select(_key.c.private_jwk)
        .where(_key.c.retired.is_(None), _key.c.algorithm == algorithm)
        .order_by(_key.c.created.desc(), _key.c.kid)
        .limit(1)
    )
    found: Json | None = connection.scalar(newest)
    if found is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = connection.scalar(newest)
    return _opened(found, key) if found else _make(connection, key, algorithm)


def public_keys(connection: Connection) -> dict[str, Json]:
    """The public JWKs by `kid` of every key that may have signed what is still good."""
    since = clock.now() - LONGEST_LIFE - _LEEWAY
    rows = connection.execute(
        select(_key.c.kid, _key.c.algorithm, _key.c.private_jwk)
        .where(_key.c.retired.is_(None) | (_key.c.retired > since))
        .order_by(_key.c.created.desc(), _key.c.kid)
    )
    return {kid: _public(kid, algorithm, jwk) for kid, algorithm, jwk in rows}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key without itself."""

    kid: str
    algorithm: str
    created: datetime
    retired: datetime | None


def every(connection: Connection) -> list[SigningKey]:
    """All keys, the newest first."""
    columns = [_key.c[name] for name in SigningKey.__slots__]
    rows = connection.execute(select(*columns).order_by(_key.c.created.desc(), _key.c.kid))
    return [SigningKey(*row) for row in rows]


def rotate(connection: Connection, key: bytes, *, at_once: bool = False) -> list[str]:
    """New keys sign from now on; their `kid`s. The old ones are retired, and forgotten when nothing that they
    signed is good any more; `at_once`: now."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    now = clock.now()
    connection.execute(update(_key).where(_key.c.retired.is_(None)).values(retired=now))
    since = now if at_once else now - LONGEST_LIFE - _LEEWAY
    connection.execute(delete(_key).where(_key.c.retired <= since))
    return [str(_make(connection, key, algorithm)["kid"]) for algorithm in _GENERATE]


def _make(connection: Connection, key: bytes, algorithm: str) -> Json:
    made = _GENERATE[algorithm]()
    kid = made.thumbprint()
    jwk: Json = {**made.as_dict(private=True), "kid": kid}
    row = {"kid": kid, "algorithm": algorithm, "private_jwk": _sealed(jwk, key), "created": clock.now()}
    connection.execute(insert(_key).values(row))
    return jwk


def _sealed(jwk: Json, key: bytes) -> Json:
    from joserfc import jwe
    from joserfc.jwk import OctKey

    sealed = jwe.encrypt_compact(_ENCRYPTION, msgspec.json.encode(jwk), OctKey.import_key(key))
    return {"public": _shared(jwk), "sealed": sealed}


def _opened(kept: Json, key: bytes) -> Json:
    # An earlier release kept them as they are.
    if "sealed" not in kept:
        return kept
    from joserfc import jwe
    from joserfc.jwk import OctKey

    algorithms = list(_ENCRYPTION.values())
    found = jwe.decrypt_compact(kept["sealed"], OctKey.import_key(key), algorithms=algorithms)
    opened: Json = msgspec.json.decode(found.plaintext or b"")
    return opened


def _elliptic() -> Any:
    from joserfc.jwk import ECKey

    return ECKey.generate_key("P-256", private=True)


def _rsa() -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(_RSA_BITS, private=True)


_GENERATE: dict[str, Callable[[], Any]] = {ALGORITHM: _elliptic, ID_TOKEN_ALGORITHM: _rsa}


def _public(kid: str, algorithm: str, kept: Json) -> Json:
    return {**_shared(kept.get("public", kept)), "kid": kid, "use": "sig", "alg": algorithm}


def _shared(jwk: Json) -> Json:
    return {name: jwk[name] for name in _PUBLIC[jwk["kty"]]}
