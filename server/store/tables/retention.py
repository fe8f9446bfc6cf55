"""What must be kept: nothing on which a legal hold lies is taken out for good."""

from sqlalchemy import BigInteger, Column, PrimaryKeyConstraint, SmallInteger, Table, Text

from server.store.tables.metadata import INSTANT, metadata

hold = Table(
    "hold",
    metadata,
    # 0: of every child, as far as `authority` and `record_class` do not say less.
    Column("child", BigInteger, nullable=False),
    Column("id", Text, nullable=False),
    # 0: everything of the child.
    Column("rid", BigInteger, nullable=False),
    # `Patient/1`, as it was placed; null: of every child.
    Column("resource", Text),
    Column("authority", Text),
    Column("record_class", Text),
    Column("reason", Text, nullable=False),
    Column("placed", INSTANT, nullable=False),
    Column("agency", SmallInteger, nullable=False),
    Column("client", Text, nullable=False),
    Column("account", Text),
    Column("lifted", INSTANT),
    Column("lifted_reason", Text),
    PrimaryKeyConstraint("child", "id"),
)
