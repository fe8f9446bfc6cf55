"""Which records of children were found to be of one child, and by whose decision."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from server.store.tables.metadata import INSTANT, metadata

merge = Table(
    "merge",
    metadata,
    # Of the Patient that was merged into, and of the one that was merged: what they were given at first.
    Column("child", BigInteger, nullable=False),
    Column("source", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("source_id", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    # What is needed to undo it and can be told from nothing else: `store.merge.ledger.Before`.
    Column("before", JSONB, nullable=False),
    Column("reason", Text),
    Column("merged", INSTANT, nullable=False),
    Column("agency", SmallInteger, nullable=False),
    Column("client", Text, nullable=False),
    Column("account", Text),
    Column("undone", INSTANT),
    Column("undone_reason", Text),
    PrimaryKeyConstraint("child", "id"),
)
Index("merge_source", merge.c.source)
