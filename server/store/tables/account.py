"""What was done, for subscribers and for auditors."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
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
    # The transaction that wrote it: a reader takes what a snapshot sees, and the one before did not.
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id())::text::bigint")),
    PrimaryKeyConstraint("child", "rid", "version"),
    Index("outbox_xid", "xid"),
)

LANES = 4
"""Chains into which the audit is sealed, so that none of them grows too fast for one hand."""

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
    Column("account", Text),
    # Who signed in, as a reference to what stands for the person in the record.
    Column("person", Text),
    Column("purpose", Text),
    Column("rights", Text),
    Column("reason", Text),
    # What `audit_child` says, so that it is sealed with the row.
    Column("children", ARRAY(BigInteger), nullable=False, server_default=text("'{}'::bigint[]")),
    # A session writes into one chain, and each writes in its own place of the index.
    Column("lane", SmallInteger, nullable=False, server_default=text(f"(pg_backend_pid() % {LANES})")),
    # The transaction that wrote it: a seal tells by its snapshot which rows it holds.
    Column("xid", BigInteger, nullable=False, server_default=text("(pg_current_xact_id())::text::bigint")),
    PrimaryKeyConstraint("child", "id"),
    Index("audit_lane", "lane", "xid"),
    Index("audit_id", "id"),
)

audit_child = Table(
    "audit_child",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    PrimaryKeyConstraint("child", "id"),
)

audit_seal = Table(
    "audit_seal",
    metadata,
    Column("lane", SmallInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("at", INSTANT, nullable=False),
    # Which columns of a row are hashed, and in which order.
    Column("form", SmallInteger, nullable=False),
    # Holds every row of the lane that this snapshot sees, and that of the seal before did not.
    Column("snapshot", Text, nullable=False),
    Column("rows", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    # Which key signed it: the beginning of the public one's hash.
    Column("key", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    PrimaryKeyConstraint("lane", "number"),
)
