"""Every table. The rules that let rows be distributed by child are kept from the first migration on.

What grows with children has `child` in its primary key; `locator` and `identity` are the two global
directories, asked by their own key and never joined across children. `docs/architecture.md` tells what
each is for.
"""

from server.store.tables.account import LANES, audit, audit_child, audit_seal, outbox
from server.store.tables.alert import alert, alert_due
from server.store.tables.attendance import attendance
from server.store.tables.client import agency, assertion, client, registration_token, signing_key
from server.store.tables.identity import merge
from server.store.tables.likeness import blocking, comparison, identity_pair, likeness, superseded
from server.store.tables.metadata import metadata
from server.store.tables.oauth import (
    app_grant,
    authorization_code,
    authorization_request,
    ended_sequence,
    launch,
    refresh_token,
    revoked_token,
    used_proof,
)
from server.store.tables.people import (
    account,
    approval,
    recovery_code,
    refused_sign_in,
    session,
    sign_in,
)
from server.store.tables.record import (
    HOT,
    about,
    claim,
    context,
    facet,
    former_home,
    history,
    horizon_sequence,
    identifier,
    identity,
    locator,
    partition,
    resource,
    resource_patient,
    rid_sequence,
)
from server.store.tables.retention import hold
from server.store.tables.search import date_index, number_index, string_index, text_index
from server.store.tables.sight import decision, presence, sight
from server.store.tables.subscription import consumer, subscription, subscription_event, websocket_token
from server.store.tables.terminology import (
    closure,
    closure_concept,
    code_system,
    code_system_sequence,
    concept,
    concept_group,
)
from server.store.tables.work import allowance, dictionary, idempotency, job, search_parameter, setting

__all__ = [
    "HOT",
    "LANES",
    "about",
    "account",
    "agency",
    "alert",
    "alert_due",
    "allowance",
    "app_grant",
    "approval",
    "assertion",
    "attendance",
    "audit",
    "audit_child",
    "audit_seal",
    "authorization_code",
    "authorization_request",
    "blocking",
    "claim",
    "client",
    "closure",
    "closure_concept",
    "code_system",
    "code_system_sequence",
    "comparison",
    "concept",
    "concept_group",
    "consumer",
    "context",
    "date_index",
    "decision",
    "dictionary",
    "ended_sequence",
    "facet",
    "former_home",
    "history",
    "hold",
    "horizon_sequence",
    "idempotency",
    "identifier",
    "identity",
    "identity_pair",
    "job",
    "launch",
    "likeness",
    "locator",
    "merge",
    "metadata",
    "number_index",
    "outbox",
    "partition",
    "presence",
    "recovery_code",
    "refresh_token",
    "refused_sign_in",
    "registration_token",
    "resource",
    "resource_patient",
    "revoked_token",
    "rid_sequence",
    "search_parameter",
    "session",
    "setting",
    "sight",
    "sign_in",
    "signing_key",
    "string_index",
    "subscription",
    "subscription_event",
    "superseded",
    "text_index",
    "used_proof",
    "websocket_token",
]
