"""What was raised of which child, and when a child is to be looked at again though nobody writes."""

from sqlalchemy import BigInteger, Boolean, Column, Index, PrimaryKeyConstraint, SmallInteger, Table, Text

from server.store.tables.metadata import INSTANT, metadata

alert = Table(
    "alert",
    metadata,
    Column("child", BigInteger, nullable=False),
    # Of the Flag or the Task that says it, which go with the child when its record is merged.
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("name", Text, nullable=False),
    # What it was raised for: a resource, a day, or since when it is so.
    Column("occasion", Text, nullable=False),
    # The agency whom it asks; 0: none, it is for all who see Flags.
    Column("owner", SmallInteger, nullable=False),
    Column("open", Boolean, nullable=False),
    Column("raised", INSTANT, nullable=False),
    Column("closed", INSTANT),
    PrimaryKeyConstraint("child", "rid"),
)

alert_due = Table(
    "alert_due",
    metadata,
    # The next instant at which something about the child becomes true, or ceases to be, by time alone.
    Column("child", BigInteger, nullable=False, autoincrement=False),
    Column("at", INSTANT, nullable=False),
    PrimaryKeyConstraint("child"),
)
Index("alert_due_at", alert_due.c.at)
