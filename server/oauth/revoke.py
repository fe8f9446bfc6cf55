"""Revocation: an app gives back what it no longer needs.

https://www.rfc-editor.org/rfc/rfc7009
"""

from datetime import UTC, datetime

from server import clock
from server.oauth.access_token import AccessTokens, NotGood
from server.oauth.authority import Authority
from server.store import audit, grants, liveness
from server.store.clients import Client


def revoke(token: str, client: Client, server: Authority, tokens: AccessTokens) -> None:
    """A refresh token ends with all that was granted with it, an access token by itself. A token that is not
    the client's, or none, is left alone, and the client is not told."""
    with server.database.autocommit() as connection:
        kept = grants.find_refresh_token(connection, token)
        grant = grants.find(connection, kept.grant) if kept else None
    if grant is not None:
        if grant.client == client.id:
            server.end_family(grant.id, "given back")
        return
    try:
        claims = tokens.claims(token)
    except NotGood:
        return
    if claims["client_id"] != client.id:
        return
    with server.database.begin() as connection:
        grants.revoke(connection, claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))
        audit.record_act(
            connection,
            clock.now(),
            "revoke",
            agency=server.agency_number(claims["agency"]),
            client=client.id,
            query=claims["jti"],
        )
    liveness.ended(server.database)
