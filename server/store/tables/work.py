"""What goes on beside requests: jobs, search parameters being built, answers kept for a second asking."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from server.store.tables.metadata import INSTANT, metadata

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("updated", INSTANT, nullable=False),
)

search_parameter = Table(
    "search_parameter",
    metadata,
    # Those added while the server runs: the id of the resource, and what of its definition is in force.
    Column("id", Text, primary_key=True),
    Column("definition", JSONB, nullable=False),
    # False: there are resources that are not indexed by it yet.
    Column("complete", Boolean, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    # What tells one request from another; and its answer, without any resource.
    Column("fingerprint", Text, nullable=False),
    Column("answer", Text),
    PrimaryKeyConstraint("client", "key"),
)
Index("idempotency_at", idempotency.c.at)

allowance = Table(
    "allowance",
    metadata,
    Column("principal", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("hour", INSTANT, nullable=False),
    Column("used", Integer, nullable=False),
    PrimaryKeyConstraint("principal", "what", "hour"),
)

dictionary = Table(
    "dictionary",
    metadata,
    # What bodies were compressed with: without it nobody can read them.
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
