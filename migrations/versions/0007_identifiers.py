"""Identifiers and what is claimed within a child as hashes of one length."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

from alembic import context, op
from sqlalchemy import Connection, Row, text

from server.definition.library import library
from server.settings import CannotStart

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

IDENTIFIER = """
ALTER TABLE identifier RENAME TO identifier_before;

ALTER INDEX identifier_pkey RENAME TO identifier_before_pkey;

DROP INDEX identifier_child;

CREATE TABLE identifier (
    value BIGINT CONSTRAINT identifier_value_not_null NOT NULL,
    system BIGINT CONSTRAINT identifier_system_not_null NOT NULL,
    child BIGINT CONSTRAINT identifier_child_not_null NOT NULL,
    rid BIGINT CONSTRAINT identifier_rid_not_null NOT NULL
)
"""

# Only now: an index is built faster than it grows.
INDEXES = """
DROP TABLE identifier_before;

ALTER TABLE identifier ADD PRIMARY KEY (value, system, child, rid);

CREATE INDEX identifier_child ON identifier (child, rid);

ALTER TABLE identifier SET (
    autovacuum_vacuum_insert_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
)
"""

CLAIM = """
ALTER TABLE claim RENAME TO claim_before;

ALTER INDEX claim_pkey RENAME TO claim_before_pkey;

CREATE TABLE claim (
    child BIGINT CONSTRAINT claim_child_not_null NOT NULL,
    claim UUID CONSTRAINT claim_claim_not_null NOT NULL,
    rid BIGINT CONSTRAINT claim_rid_not_null NOT NULL
);

INSERT INTO claim
SELECT child, CAST(
    encode(substr(sha256(convert_to(system || E'\\x1f' || value, 'UTF8')), 1, 16), 'hex') AS UUID
), rid
FROM claim_before;

DROP TABLE claim_before;

ALTER TABLE claim ADD PRIMARY KEY (child, claim)
"""

AT_ONCE = 100_000
INSERT = text(
    "INSERT INTO identifier SELECT * FROM unnest("
    "CAST(:value AS BIGINT[]), CAST(:system AS BIGINT[]), CAST(:child AS BIGINT[]), CAST(:rid AS BIGINT[]))"
)


def upgrade() -> None:
    for statement in IDENTIFIER.split(";"):
        op.execute(statement)
    _carry_over(op.get_bind())
    for part in (INDEXES, CLAIM):
        for statement in part.split(";"):
            op.execute(statement)


def _carry_over(connection: Connection) -> None:
    count = connection.scalar(text("SELECT count(*) FROM identifier_before"))
    if not count:
        return
    key = context.config.attributes["key"]()
    _require(connection, key)
    say = context.config.attributes["say"]
    say(f"Hashing {count:,} identifiers: less than a minute for a million.")
    done = 0
    for rows in _pages(connection):
        hashed = [(_value(key, row), _system(key, row), row.child, row.rid) for row in rows]
        given = dict(
            zip(("value", "system", "child", "rid"), map(list, zip(*hashed, strict=True)), strict=True)
        )
        connection.execute(INSERT, given)
        done += len(rows)
        say(f"{done:,} identifiers hashed")


def _require(connection: Connection, key: bytes) -> None:
    """Another key would lose every identifier in silence."""
    kept = connection.scalar(text("SELECT value FROM setting WHERE name = 'index-key'"))
    if kept not in (None, blake2b(b"fingerprint", key=key, digest_size=16).hexdigest()):
        raise CannotStart(
            "The index key is not the one that this database was written with, and identifiers are hashed "
            "with it. Set CHILDRECORD_INDEX_KEY (or the data folder's index.key) to the right one."
        )


def _pages(connection: Connection) -> Iterator[Sequence[Row]]:
    rows = connection.execute(
        text("SELECT value, system, type, child, rid FROM identifier_before"),
        execution_options={"stream_results": True, "max_row_buffer": AT_ONCE},
    )
    yield from rows.partitions(AT_ONCE)


# As `server.search.hash` and `server.search.types.token` hash them.


def _value(key: bytes, row: Row) -> int:
    return _token(key, row.type, row.value.replace("|", "\\|"))


def _system(key: bytes, row: Row) -> int:
    return _token(key, row.type, f"{row.system}|")


def _token(key: bytes, type_: int, form: str) -> int:
    whole = f"{library().type_name(type_)}\x1fidentifier\x1f{form}".encode()
    return int.from_bytes(blake2b(whole, key=key, digest_size=8).digest(), signed=True)


def downgrade() -> None:
    raise NotImplementedError("A hash does not tell what it is of: restore a backup instead.")
