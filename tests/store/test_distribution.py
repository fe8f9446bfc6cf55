"""The rules that let rows be distributed by child, as far as they can be read off the tables."""

import pytest
from sqlalchemy import BigInteger, UniqueConstraint

from server.store.tables import metadata

GLOBAL = {"locator", "identity"}
"""The two directories by which a child is found."""

REFERENCE = {
    "agency", "client", "assertion", "signing_key", "allowance", "setting", "job", "idempotency",
    "search_parameter", "code_system", "concept", "concept_group", "closure", "closure_concept",
    "dictionary", "account", "app_grant", "approval", "audit_seal", "authorization_code",
    "authorization_request", "launch", "recovery_code", "refresh_token", "refused_sign_in",
    "registration_token", "revoked_token", "session", "sign_in", "used_proof", "consumer", "subscription",
    "subscription_event", "websocket_token",
}  # fmt: skip
"""What does not grow with children; events are those of a listener."""

GROWING = sorted(set(metadata.tables) - GLOBAL - REFERENCE)


@pytest.mark.parametrize("name", GROWING)
def test_what_grows_with_children_has_the_child_in_its_key(name):
    table = metadata.tables[name]
    assert "child" in table.primary_key.columns
    assert isinstance(table.c.child.type, BigInteger)
    assert not table.c.child.nullable
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            assert "child" in constraint.columns


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_every_table_has_a_key_no_identity_column_and_no_reference_without_the_child(name):
    table = metadata.tables[name]
    assert list(table.primary_key.columns)
    assert all(column.identity is None for column in table.columns)
    # To a table that is the same on every node.
    assert {key.column.table.name for key in table.foreign_keys} <= REFERENCE
    assert not [index for index in table.indexes if index.unique]
