"""What becomes of each table when a resource is taken out for good.

A table without a rule fails `tests/store/test_expunge_rule.py`: whoever adds one says here what is to happen,
or why nothing has to.
"""

from collections.abc import Mapping

from sqlalchemy import Table

from server.store import tables as t

SPECIAL: Mapping[str, str] = {
    "resource": "retired to history first, as a write does it",
    "facet": "found by the tokens of the present version, as a write does it",
    "locator": "by type and id; the id is free again",
    "sight": "by the resource that gives it, or with the child",
    "presence": "where no version of the class is left, or with the child",
    "about": "by place, and where others speak of a child that is gone",
    "identity_pair": "with either of its children; what asks of it is a Task about both",
    "merge": "by the Patients that go",
    "idempotency": "kept answers that name it",
    "job": "answers to be fetched, and requests to be answered, that name it",
    "app_grant": "those for this child end, and with them every token",
    "authorization_code": "goes with app_grant",
    "refresh_token": "goes with app_grant",
    "authorization_request": "those about it",
    "launch": "those whose context names it",
    "account": "it stands for nobody that is gone, and is suspended",
    "subscription": "where the resource is one; its events go with it",
    "subscription_event": "an event of what is gone keeps its number, and names it no more",
}
"""Tables that `take` and `trace` name one by one."""

STAYS: Mapping[str, str] = {
    "audit": "keeps that it was there, that it was taken out, by whom and why",
    "audit_child": "goes with audit",
    "audit_seal": "goes with audit: digests",
    "agency": "no resource",
    "allowance": "counts by agency and hour",
    "approval": "scopes that a person approved of",
    "assertion": "ids of assertions",
    "client": "systems and apps",
    "closure": "codes that clients sent",
    "closure_concept": "codes that clients sent",
    "code_system": "codes",
    "concept": "codes",
    "concept_group": "codes",
    "consumer": "how far readers are",
    "dictionary": "made of invented children",
    "recovery_code": "hashes",
    "refused_sign_in": "hashes of network addresses",
    "registration_token": "hashes",
    "revoked_token": "ids of tokens",
    "search_parameter": "definitions",
    "session": "where an account is signed in",
    "setting": "facts about the database",
    "sign_in": "who is on the way to an identity provider",
    "signing_key": "keys",
    "used_proof": "hashes",
    "websocket_token": "hashes, and ids of subscriptions, for a minute",
}
"""Tables that nothing is taken out of, and why."""


def by_place() -> tuple[Table, ...]:
    """Those whose rows belong to one resource, which their `child` and `rid` name."""
    return tuple(each for each in _others() if {"child", "rid"} <= set(each.c.keys()))


def by_child() -> tuple[Table, ...]:
    """Those of which nothing is left when a whole child is taken out."""
    own = (t.sight, t.presence, t.about)
    return (*own, *(each for each in _others() if "child" in each.c))


def without_rule() -> set[str]:
    """The tables that nothing is said of."""
    ruled = {each.name for each in (*by_place(), *by_child())}
    return set(t.metadata.tables) - ruled - set(SPECIAL) - set(STAYS)


def _others() -> tuple[Table, ...]:
    return tuple(
        each for name, each in t.metadata.tables.items() if name not in SPECIAL and name not in STAYS
    )
