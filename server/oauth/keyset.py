"""The public keys by which a client signs, as a JWK Set.

https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#registering-a-client-communicating-public-keys
"""

from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from server.fhir import Json

_LEAST_RSA_BITS = 2048
_BITS_A_LETTER = 6
_MOST = 20
_MEMBERS = ("kty", "crv", "x", "y", "n", "e", "kid", "alg", "use")


class BadKeys(ValueError):
    """Keys that cannot be used; the message is a sentence that says why."""


def public_keys(given: Any) -> Json:
    """The keys, checked: public only, each with a kid, EC on P-384 or RSA.

    Raises:
        BadKeys: they are not.
    """
    for key in _listed(given):
        if told := _fault(key):
            raise BadKeys(told)
    return _imported(given)


def usable_keys(given: Any) -> Json:
    """Those of a client's published keys that it can sign with here; it may have others for other servers.

    Raises:
        BadKeys: there is none, or a private one.
    """
    found = [key for key in _listed(given) if _is_private(key) or _fault(key) is None]
    return public_keys({"keys": found})


def _listed(given: Any) -> list[Json]:
    keys = given.get("keys") if isinstance(given, dict) else None
    if not isinstance(keys, list) or not all(isinstance(each, dict) for each in keys):
        raise BadKeys("It is no JWK Set: an object with a list of keys.")
    if not keys:
        raise BadKeys("No keys.")
    if len(keys) > _MOST:
        raise BadKeys(f"At most {_MOST} keys.")
    return keys


def _imported(given: Json) -> Json:
    try:
        found = KeySet.import_key_set(given).as_dict(private=False)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise BadKeys(f"A key cannot be read: {error}.") from error
    return {"keys": [_known(key) for key in found["keys"]]}


def _known(key: Json) -> Json:
    """What of a key is needed; whatever else a client writes into it is not kept."""
    return {
        name: key[name] for name in _MEMBERS if isinstance(key.get(name), str) and key[name].isprintable()
    }


def _fault(key: Json) -> str | None:
    if _is_private(key):
        return "It has a private key, which nobody but the client should have."
    if not isinstance(key.get("kid"), str) or not key["kid"].isprintable():
        return "Each key needs a kid."
    match key:
        case {"kty": "EC", "crv": "P-384"}:
            return None
        case {"kty": "RSA", "n": str(modulus)} if len(modulus) * _BITS_A_LETTER >= _LEAST_RSA_BITS:
            return None
    return f"Keys must be EC on P-384 (ES384), or RSA of {_LEAST_RSA_BITS} bits or more (RS384)."


def _is_private(key: Json) -> bool:
    return "d" in key or "k" in key
