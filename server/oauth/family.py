"""The tokens that one grant gives, one after another: an access token, an id token, the next refresh token.

https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-access-token
"""

from typing import Any

from server import clock
from server.fhir import Json
from server.oauth.id_token import OPENID
from server.oauth.token import Granted
from server.store import accounts, audit, clients, grants
from server.store.grants import RefreshToken

OFFLINE, ONLINE = "offline_access", "online_access"
PATIENT_CONTEXT = ("launch", "launch/patient")
_CONTEXT = ("encounter", "fhirContext", "need_patient_banner", "intent", "smart_style_url", "tenant")
"""What of a launch the app is told, beside the patient."""


def granted_by(connection: Any, grant: str) -> Granted | None:
    """What a grant says, and of whom, if it holds."""
    found = grants.live(connection, grant)
    account = accounts.find(connection, found.account) if found else None
    return Granted(found, account) if found and account else None


def answer(
    server: Any,
    client: Any,
    granted: Granted,
    *,
    jkt: str | None,
    first: bool = False,
    narrowed: str | None = None,
) -> Json:
    """What the token endpoint answers, but for the refresh token. `narrowed`: the scopes of the access token,
    if they are fewer. `first`: it comes with the code."""
    scope = narrowed or granted.grant.scope
    response: Json = server.tokens.response(client, scope, granted=granted, jkt=jkt)
    response |= context(granted, scope)
    if OPENID in scope.split():
        response["id_token"] = server.id_tokens.token(granted, scope, first=first)
    return response


def issued(server: Any, connection: Any, client: Any, granted: Granted, scope: str) -> Json:
    """Write down that tokens are given, and give the next refresh token with them, where one was granted."""
    audit.record_act(
        connection,
        clock.now(),
        "token",
        agency=server.agency_number(granted.account.agency),
        client=client.client.id,
        account=granted.account.id,
        person=granted.account.fhir_user,
        purpose=granted.grant.purpose,
        query=scope,
    )
    held = granted.grant.scope.split()
    if not (OFFLINE in held or ONLINE in held) or not client.check_grant_type(clients.REFRESH):
        return {}
    token = clock.new_secret()
    kept = RefreshToken(granted.grant.id, clock.now(), granted.grant.expires, None)
    grants.add_refresh_token(connection, token, kept)
    return {"refresh_token": token}


def context(granted: Granted, scope: str) -> Json:
    """What the app is told beside its tokens: the child it is about, and what else it was launched with."""
    grant, scopes = granted.grant, scope.split()
    told: Json = {}
    if grant.patient and (any(each in scopes for each in PATIENT_CONTEXT) or "patient/" in scope):
        told["patient"] = grant.patient
    if "launch" in scopes:
        told |= {name: grant.context[name] for name in _CONTEXT if name in grant.context}
    elif "launch/encounter" in scopes and "encounter" in grant.context:
        told["encounter"] = grant.context["encounter"]
    if "patient" in told:
        told.setdefault("need_patient_banner", True)
    return told
