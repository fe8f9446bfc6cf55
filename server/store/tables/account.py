"""What was done, for subscribers and for auditors."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store.tables.metadata import INSTANT, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("author", SmallInteger, nullable=False),
    Column("at", INSTANT, nullable=False),
    # The transaction that wrote it: what is below the oldest one still running is complete.
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id())::text::bigint")),
    PrimaryKeyConstraint("child", "rid", "version"),
)

audit = Table(
    "audit",
    metadata,
    # The child that was asked about; 0: none or several, then `audit_child` names them.
    Column("child", BigInteger, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("agency", SmallInteger, nullable=False),
    Column("client", Text, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("type", SmallInteger),
    Column("query", Text),
    Column("outcome", SmallInteger, nullable=False),
    Column("hits", ARRAY(BigInteger), nullable=False),
    PrimaryKeyConstraint("child", "id"),
)

audit_child = Table(
    "audit_child",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    PrimaryKeyConstraint("child", "id"),
)
