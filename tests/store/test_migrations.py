import json
from hashlib import blake2b

import pytest
from sqlalchemy import Connection, inspect, select, text

from server import clock
from server.search.extract import extract
from server.search.hash import Hasher
from server.settings import CannotStart
from server.store import marks, migrate, opening, sortkey, tables, writing
from server.store.database import Database

KEY = b"key"
TABLES = sorted(tables.metadata.tables)


@pytest.fixture(scope="module")
def by_tables(new_database):
    """A database made straight from the tables of the code, without migrations."""
    with new_database() as url:
        database = Database(url)
        with database.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
            tables.metadata.create_all(connection)
        yield database
        database.close()


@pytest.mark.parametrize("table", TABLES)
def test_a_migrated_table_is_the_table_of_the_code(database, by_tables, table):
    with database.begin() as migrated, by_tables.begin() as made:
        assert columns(migrated, table) == columns(made, table)
        assert constraints(migrated, table) == constraints(made, table)
        assert indexes(migrated, table) == indexes(made, table)


def test_migrations_make_no_table_but_those_of_the_code_and_their_partitions(database):
    partitions = {f"resource_{type_.lower()}" for type_ in tables.HOT} | {"resource_other"}
    with database.begin() as connection:
        names = set(inspect(connection).get_table_names())
    assert names == {*TABLES, *partitions, "alembic_version"}


def test_sequences_are_those_of_the_code(database, by_tables):
    query = text("SELECT sequencename, increment_by, start_value FROM pg_sequences ORDER BY 1")
    with database.begin() as migrated, by_tables.begin() as made:
        assert migrated.execute(query).all() == made.execute(query).all()


@pytest.mark.parametrize("type_", tables.HOT)
def test_a_hot_type_has_a_partition_under_its_own_number(database, type_):
    from server.definition.library import library

    bound = text("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = :name")
    with database.begin() as connection:
        found = connection.scalar(bound, {"name": f"resource_{type_.lower()}"})
    assert found == f"FOR VALUES IN ('{library().type_number(type_)}')"


def test_migrating_twice_changes_nothing(database):
    assert migrate.migrate(database.engine).is_current
    with database.begin() as connection:
        assert migrate.status(connection).is_current


def test_a_resource_of_the_first_release_is_carried_over_with_what_finds_it(new_database, monkeypatch):
    kept = {"code": ["am", "pm"], "status": ["a\tb"], "patient": [""], "category": ["am", "pm"]}
    with new_database(bare=True) as url:
        database = Database(url)
        upgrade(database, "0001", monkeypatch)
        with database.begin() as connection:
            line = "(7, 96, 8, 'x', 3, 1, 2, 4, true, :at, :at, :at, '{5}', :sorts, '{}')"
            given = {"at": clock.now(), "sorts": json.dumps(kept)}
            connection.execute(text(f"INSERT INTO resource VALUES {line}"), given)
        upgrade(database, "head", monkeypatch)
        row = tables.partition("Observation")
        names = (
            "child",
            "type",
            "rid",
            "id",
            "version",
            "author",
            "restriction",
            "kind",
            "shared",
            "tok",
            "body",
        )
        codes = ("code", "status", "patient", "category", "subject")
        ends = [sortkey.end(row, code, highest=highest) for code in codes for highest in (False, True)]
        there = [sortkey.present(row, code) for code in codes]
        with database.begin() as connection:
            held = select(*(row.c[name] for name in names), *ends, *there)
            assert tuple(connection.execute(held).one()) == (
                *(7, 96, 8, "x", 3, 1, 2, 4, True, [5], b"{}"),
                *("am", "pm", "a b", "a b", "", "", "am", "pm", None, None),
                *(True, True, True, True, False),
            )
        database.close()


def test_a_body_that_was_text_is_read_and_its_sort_keys_no_longer_point_into_it(new_database, monkeypatch):
    at = clock.now()
    body = json.dumps({"id": "x", "zoë": ["\N{PILE OF POO}", "Patient/1"], "status": "final"})
    rest = opening.unopened(body, "x", 3, at)
    sorts = (
        f"\npatient\t@{rest.index('Patient/1') + 1}\nsubject\t@{rest.index('Patient/1') + 1}\ncode\t=@7\t=b"
    )
    with new_database(bare=True) as url:
        database = Database(url)
        upgrade(database, "0005", monkeypatch)
        with database.begin() as connection:
            given = {"at": at, "sorts": sorts, "body": rest}
            for line in (
                "resource VALUES (7, 8, :at, :at, :at, 3, 96, 1, 2, 4, true, 'x', '{5}', :sorts, :body)",
                "history VALUES (7, 96, 8, 2, 'x', false, 1, 2, 4, '{}', :at, '{5}', :body)",
                "history VALUES (7, 96, 8, 1, 'x', true, 1, 2, 4, '{}', :at, '{5}', '')",
            ):
                connection.execute(text(f"INSERT INTO {line}"), given)
        upgrade(database, "head", monkeypatch)
        with database.begin() as connection:
            row = connection.execute(select(tables.resource)).one()
            versions = select(tables.history.c.body).order_by(tables.history.c.version)
            assert connection.execute(versions).scalars().all() == [b"", rest.encode()]
        keys = {"patient": ["Patient/1"], "subject": ["Patient/1"], "code": ["@7", "b"]}
        assert row.sorts == sortkey.packed(keys)
        assert opening.whole("Observation", "x", 3, at, row.body) == body
        database.close()


def test_identifiers_and_claims_are_carried_over_as_hashes_under_the_key(new_database, monkeypatch):
    hasher, long = Hasher(KEY), "9" * 300
    told = [("s", "v"), ("", "w|x"), ("t", ""), ("s", long)]
    resource = {
        "resourceType": "Observation",
        "identifier": [{"system": system, "value": value} for system, value in told],
    }
    # As the release before kept it.
    cut = f"{long[:167]}\N{HORIZONTAL ELLIPSIS}{blake2b(long.encode(), digest_size=16).hexdigest()}"
    with new_database(bare=True) as url:
        database = Database(url)
        upgrade(database, "0006", monkeypatch)
        with database.begin() as connection:
            for system, value in told:
                given = {"system": system, "value": cut if value is long else value}
                line = "identifier VALUES (:value, :system, 96, 7, 8)"
                connection.execute(text(f"INSERT INTO {line}"), given)
            connection.execute(text("INSERT INTO claim VALUES (7, 'sid', 'Organization/a|2026|zoë', 8)"))
        upgrade(database, "head", monkeypatch)
        with database.begin() as connection:
            rows = connection.execute(select(tables.identifier)).all()
            claims = connection.execute(select(tables.claim)).all()
        found = extract(resource, hasher, "http://example.org/fhir").identifiers
        assert {(row.system, row.value) for row in rows} == set(found)
        assert {(row.child, row.rid) for row in rows} == {(7, 8)}
        [(child, claim, rid)] = claims
        assert (child, rid) == (7, 8)
        assert claim.replace("-", "") == writing.claimed("sid", "Organization/a|2026|zoë")
        database.close()


def test_identifiers_are_not_carried_over_under_another_key(new_database, monkeypatch):
    with new_database(bare=True) as url:
        database = Database(url)
        upgrade(database, "0006", monkeypatch)
        with database.begin() as connection:
            connection.execute(text("INSERT INTO identifier VALUES ('v', 's', 96, 7, 8)"))
            marks.keep(connection, "index-key", Hasher(b"another").fingerprint)
        with pytest.raises(CannotStart, match="index key is not the one"):
            upgrade(database, "head", monkeypatch)
        database.close()


def upgrade(database, revision, monkeypatch):
    """Up to a revision, and no further."""
    from alembic import command

    all_the_way = command.upgrade
    with monkeypatch.context() as patched, database.engine.connect() as connection:
        patched.setattr(command, "upgrade", lambda config, _: all_the_way(config, revision))
        migrate._upgrade(connection, print, lambda: KEY)
        connection.commit()


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, "no schema yet"),
        ("0001", "older than 0002"),
        ("0003", "newer than 0002"),
    ],
)
def test_a_schema_of_another_age_is_refused_and_the_refusal_says_which(found, told):
    with pytest.raises(migrate.WrongSchema, match=told):
        migrate.Status(found, ("0001", "0002")).require_current()


def test_a_schema_newer_than_the_code_is_never_migrated(new_database):
    with new_database() as url:
        database = Database(url)
        with database.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(migrate.WrongSchema, match="schema 9999, newer than"):
            migrate.migrate(database.engine)
        database.close()


def test_every_table_that_grows_with_children_has_the_child_in_its_primary_key():
    directories = {"locator", "identity", "identifier"}
    for table in tables.metadata.tables.values():
        if "child" in table.c and table.name not in directories:
            assert "child" in table.primary_key.columns, table.name


def test_every_table_has_a_primary_key():
    assert all(table.primary_key.columns for table in tables.metadata.tables.values())


def columns(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(
        text(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull, collname, "
            "pg_get_expr(adbin, adrelid) FROM pg_attribute "
            "LEFT JOIN pg_collation ON pg_collation.oid = attcollation "
            "LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
            "WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ),
        {"table": table},
    ).all()


def constraints(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(
        text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = to_regclass(:table) ORDER BY 1"
        ),
        {"table": table},
    ).all()


def indexes(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(
        text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table ORDER BY 1"),
        {"table": table},
    ).all()
