"""What children are compared by: what is said of each, the keys by which those who are alike meet, the
numbers that led to a child before, who is to be compared, and what was decided of two that might be one."""

from sqlalchemy import BigInteger, Column, Float, Index, PrimaryKeyConstraint, SmallInteger, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from server.store.tables.metadata import INSTANT, metadata

likeness = Table(
    "likeness",
    metadata,
    Column("child", BigInteger, nullable=False),
    # Of the resource that says it: the Patient (whose rid is the child), a parent, a registration.
    Column("rid", BigInteger, nullable=False),
    # JSON, as `child.alike` makes it.
    Column("said", Text, nullable=False),
    PrimaryKeyConstraint("child", "rid"),
)

blocking = Table(
    "blocking",
    metadata,
    # A hash that those share who may be alike.
    Column("h", BigInteger, nullable=False),
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("h", "child", "rid"),
)
Index("blocking_child", blocking.c.child, blocking.c.rid)

superseded = Table(
    "superseded",
    metadata,
    # A number of a unique system that another took the place of: it is nobody's claim, and leads here.
    Column("system", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("system", "value", "child", "rid"),
)
Index("superseded_child", superseded.c.child, superseded.c.rid)

comparison = Table(
    "comparison",
    metadata,
    # A child that is to be compared with all others, of whom something was said then; 0: somebody who was
    # looked for. A row goes when it is done (`record.comparing`).
    Column("child", BigInteger, nullable=False),
    Column("at", INSTANT, nullable=False),
    Column("id", Text, nullable=False),
    # Who said it, or looked.
    Column("agency", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("account", Text),
    # `store.comparison`: why it is said to be another; who was looked for, and who was shown.
    Column("detail", JSONB, nullable=False),
    PrimaryKeyConstraint("child", "id"),
)
Index("comparison_at", comparison.c.at)

identity_pair = Table(
    "identity_pair",
    metadata,
    # The lower of the two children, and the other.
    Column("child", BigInteger, nullable=False),
    Column("other", BigInteger, nullable=False),
    # As `store.likeness` has it: open, same, different, unsure.
    Column("state", SmallInteger, nullable=False),
    # In bits: the logarithm of the odds that they are one.
    Column("weight", Float, nullable=False),
    # The id of the Task that asks; null: none does.
    Column("task", Text),
    Column("found", INSTANT, nullable=False),
    Column("decided", INSTANT),
    Column("agency", SmallInteger),
    Column("client", Text),
    Column("account", Text),
    Column("reason", Text),
    PrimaryKeyConstraint("child", "other"),
)
Index("identity_pair_other", identity_pair.c.other)
