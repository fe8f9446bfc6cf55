"""Every table. The rules that let rows be distributed by child are kept from the first migration on.

What grows with children has `child` in its primary key; `locator` and `identity` are the two global
directories, asked by their own key and never joined across children. `docs/architecture.md` tells what
each is for.
"""

from server.store.tables.account import audit, audit_child, outbox
from server.store.tables.client import agency, assertion, client, signing_key
from server.store.tables.metadata import metadata
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
from server.store.tables.search import date_index, number_index, string_index, text_index
from server.store.tables.sight import presence, sight
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
    "about",
    "agency",
    "allowance",
    "assertion",
    "audit",
    "audit_child",
    "claim",
    "client",
    "closure",
    "closure_concept",
    "code_system",
    "code_system_sequence",
    "concept",
    "concept_group",
    "context",
    "date_index",
    "dictionary",
    "facet",
    "former_home",
    "history",
    "horizon_sequence",
    "idempotency",
    "identifier",
    "identity",
    "job",
    "locator",
    "metadata",
    "number_index",
    "outbox",
    "partition",
    "presence",
    "resource",
    "resource_patient",
    "rid_sequence",
    "search_parameter",
    "setting",
    "sight",
    "signing_key",
    "string_index",
    "text_index",
]
