"""Who sees which child, and what there is of it."""

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, SmallInteger, Table

from server.store.tables.metadata import INSTANT, metadata

sight = Table(
    "sight",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("principal", Integer, nullable=False),
    # The rid of the resource that gives sight; 0: the child was traced.
    Column("basis", BigInteger, nullable=False),
    Column("degree", SmallInteger, nullable=False),
    Column("valid_from", INSTANT, nullable=False),
    Column("valid_until", INSTANT, nullable=False),
    PrimaryKeyConstraint("child", "principal", "basis"),
)
Index(
    "sight_principal",
    sight.c.principal,
    sight.c.child,
    postgresql_include=["degree", "valid_from", "valid_until"],
)

presence = Table(
    "presence",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    PrimaryKeyConstraint("child", "type", "kind"),
)
