"""The keys that sign access tokens: made on first use, published as a JWKS."""

from sqlalchemy import Connection, insert, select, text

from server import clock
from server.fhir import Json
from server.store import tables

ALGORITHM = "ES256"

_key = tables.signing_key

# Any number will do, so long as it is always this one.
_LOCK = 7_302_012


def signing_key(connection: Connection) -> Json:
    """The private JWK of the newest key. Of several processes that start at once, one makes it."""
    newest = (
        select(_key.c.private_jwk)
        .where(_key.c.retired.is_(None))
        .order_by(_key.c.created.desc(), _key.c.kid)
        .limit(1)
    )
    found: Json | None = connection.scalar(newest)
    if found is None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        found = connection.scalar(newest)
    return found or _make(connection)


def public_keys(connection: Connection) -> dict[str, Json]:
    """The public JWKs by `kid` of every key that may have signed a token which is still good."""
    rows = connection.execute(select(_key.c.kid, _key.c.algorithm, _key.c.private_jwk))
    return {kid: _public(kid, algorithm, jwk) for kid, algorithm, jwk in rows}


def _make(connection: Connection) -> Json:
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-256", private=True)
    kid = key.thumbprint()
    jwk: Json = {**key.as_dict(private=True), "kid": kid}
    row = {"kid": kid, "algorithm": ALGORITHM, "private_jwk": jwk, "created": clock.now()}
    connection.execute(insert(_key).values(row))
    return jwk


def _public(kid: str, algorithm: str, jwk: Json) -> Json:
    shared = {name: jwk[name] for name in ("kty", "crv", "x", "y")}
    return {**shared, "kid": kid, "use": "sig", "alg": algorithm}
