"""Who sees which child, what there is of it, and what was decided not to be shared."""

from sqlalchemy import BigInteger, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from server.store.tables.metadata import INSTANT, metadata

sight = Table(
    "sight",
    metadata,
    Column("child", BigInteger, nullable=False),
    # An agency's number; of a person or a team, its rid below zero.
    Column("principal", BigInteger, nullable=False),
    # The rid of the resource that gives sight; 0: the child was traced.
    Column("basis", BigInteger, nullable=False),
    # As `search.sight` has them; of a person who broke the glass it says by way of which agency.
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

decision = Table(
    "decision",
    metadata,
    Column("child", BigInteger, nullable=False),
    # Of the Consent that says so, and of one of the lines that it makes.
    Column("rid", BigInteger, nullable=False),
    Column("number", SmallInteger, nullable=False),
    # 1: not to be shared; 2: a service was agreed to; 3: it was objected to.
    Column("effect", SmallInteger, nullable=False),
    # Whom it is about, 0: everybody but those spared, who decided it.
    Column("principal", BigInteger, nullable=False),
    Column("spared", ARRAY(BigInteger), nullable=False),
    # What of the child it is about: 0 any type, 0 any class, no token any code.
    Column("type", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("tokens", ARRAY(BigInteger), nullable=False),
    # The purposes of use for which it holds, none: for all.
    Column("purposes", ARRAY(Text), nullable=False),
    Column("valid_from", INSTANT, nullable=False),
    Column("valid_until", INSTANT, nullable=False),
    PrimaryKeyConstraint("child", "rid", "number"),
)
