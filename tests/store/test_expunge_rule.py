"""Whatever table there is, it is known what becomes of it when a resource is taken out for good."""

import pytest

from server.store import tables
from server.store.expunge import rule

TABLES = set(tables.metadata.tables)


def test_every_table_has_a_rule():
    assert not rule.without_rule(), "say in server/store/expunge/rule.py what becomes of these"


def test_no_rule_speaks_of_a_table_that_there_is_not():
    assert set(rule.SPECIAL) | set(rule.STAYS) <= TABLES
    assert not set(rule.SPECIAL) & set(rule.STAYS)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_what_names_a_child_does_not_stay_unless_it_is_the_audit(name):
    if "child" in tables.metadata.tables[name].c:
        assert name not in rule.STAYS or name.startswith("audit")


@pytest.mark.parametrize("table", [*rule.by_place(), *rule.by_child()], ids=lambda table: table.name)
def test_rows_are_found_by_an_index_that_begins_with_the_child(table):
    keys = [table.primary_key, *table.indexes]
    assert any(next(iter(key.columns)).name == "child" for key in keys)
