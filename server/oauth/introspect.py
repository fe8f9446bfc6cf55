"""Introspection: whether a token is good, and what for, for who has to do with it.

https://www.rfc-editor.org/rfc/rfc7662 and https://hl7.org/fhir/smart-app-launch/token-introspection.html
"""

from server import clock
from server.fhir import Json
from server.oauth.access_token import AccessTokens, NotGood
from server.oauth.authority import Authority
from server.oauth.family import context, granted_by
from server.oauth.token import Granted, fhir_user
from server.store import grants
from server.store.clients import Client

_INACTIVE: Json = {"active": False}
_TOLD = ("scope", "client_id", "iss", "aud", "exp", "iat", "jti", "sub", "purpose_of_use", "cnf")
"""What of an access token is told as it is."""


def introspected(token: str, asker: Client, server: Authority, tokens: AccessTokens) -> Json:
    """What there is to tell. Of a token that is not good, or not the asker's business, nothing but that."""
    return _access_token(token, asker, server, tokens) or _refresh_token(token, asker, server) or _INACTIVE


def _access_token(token: str, asker: Client, server: Authority, tokens: AccessTokens) -> Json | None:
    try:
        found = tokens.standing(token)
    except NotGood:
        return None
    claims = found.claims
    if not _concerns(asker, str(claims["client_id"]), str(claims["agency"])):
        return None
    told = {name: claims[name] for name in _TOLD if name in claims}
    whole: Json = {"active": True, "token_type": "DPoP" if "cnf" in claims else "Bearer", **told}
    if found.grant and found.account:
        granted = Granted(found.grant, found.account)
        whole |= _of_user(granted, server) | context(granted, claims["scope"])
    return whole


def _refresh_token(token: str, asker: Client, server: Authority) -> Json | None:
    with server.database.autocommit() as connection:
        kept = grants.find_refresh_token(connection, token)
        granted = granted_by(connection, kept.grant) if kept else None
    if kept is None or granted is None or kept.used is not None or kept.expires < clock.now():
        return None
    if not _concerns(asker, granted.grant.client, granted.grant.agency):
        return None
    return {
        "active": True,
        "scope": granted.grant.scope,
        "client_id": granted.grant.client,
        "iss": server.settings.issuer,
        "exp": int(kept.expires.timestamp()),
        "iat": int(kept.created.timestamp()),
        "sub": granted.account.id,
        **_of_user(granted, server),
    }


def _concerns(asker: Client, client: str, agency: str) -> bool:
    """A client's own token, or one for the agency whose system asks."""
    return asker.id == client or (bool(asker.agency) and asker.agency == agency)


def _of_user(granted: Granted, server: Authority) -> Json:
    return {"username": granted.account.username or granted.account.id, **_who(granted, server)}


def _who(granted: Granted, server: Authority) -> Json:
    scopes = granted.grant.scope.split()
    is_told = "fhirUser" in scopes or "profile" in scopes
    return {"fhirUser": fhir_user(server.settings, granted.account)} if is_told else {}
