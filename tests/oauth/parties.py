"""Clients of a token endpoint, and their keys."""

from joserfc.jwk import ECKey, RSAKey

from server import clock
from server.oauth import secret
from server.store.clients import Client

SECRET = "a secret: with odd characters % + é"
SCOPE = "system/Patient.rs system/Observation.cruds"

EC = ECKey.generate_key("P-384", parameters={"kid": "ec"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
KEYS = {"keys": [EC.as_dict(private=False), RSA.as_dict(private=False)]}


def registered(id: str, **differences: object) -> Client:
    plain = {
        "id": id,
        "agency": "ashbourne-primary",
        "name": id,
        "scope": SCOPE,
        "secret_hash": secret.hashed(SECRET),
        "jwks": None,
        "created": clock.now(),
    }
    return Client(**{**plain, **differences})


CLIENTS = (
    registered("school"),
    registered("odd:name %"),
    registered("keyed", secret_hash=None, jwks=KEYS, auth_method="private_key_jwt"),
    registered("gone", removed=clock.now()),
    registered("shown", demonstration=True),
)
