"""What finds resources by order or by words: strings, dates, numbers, text."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from server.store.tables.metadata import INSTANT, metadata

string_index = Table(
    "string_index",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("param", Integer, nullable=False),
    Column("folded", Text(collation="C"), nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("lowest", Boolean, nullable=False),
    Column("highest", Boolean, nullable=False),
    PrimaryKeyConstraint("child", "rid", "param", "folded"),
)
Index(
    "string_order",
    string_index.c.type,
    string_index.c.param,
    string_index.c.folded,
    string_index.c.rid,
    postgresql_include=["child", "lowest", "highest"],
)

date_index = Table(
    "date_index",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("param", Integer, nullable=False),
    Column("low", INSTANT, nullable=False),
    Column("high", INSTANT, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("lowest", Boolean, nullable=False),
    Column("highest", Boolean, nullable=False),
    PrimaryKeyConstraint("child", "rid", "param", "low", "high"),
)
Index(
    "date_order",
    date_index.c.type,
    date_index.c.param,
    date_index.c.low,
    date_index.c.rid,
    postgresql_include=["child", "high", "lowest", "highest"],
)

number_index = Table(
    "number_index",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("unit", BigInteger, nullable=False),
    # As they stand in the resource, where `code` or `label` is asked for by name; null where there is none.
    Column("code", BigInteger),
    Column("label", BigInteger),
    Column("param", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    # Its place among the elements of the parameter; of a composite, the group that it stands in.
    Column("place", SmallInteger, nullable=False),
    # In base units; a point has no high end. What is the same as stated is not kept twice.
    Column("low", Numeric, nullable=False),
    Column("high", Numeric),
    Column("stated", Numeric),
    Column("stated_high", Numeric),
    PrimaryKeyConstraint("child", "rid", "param", "place"),
)
Index(
    "number_order",
    number_index.c.type,
    number_index.c.param,
    number_index.c.unit,
    number_index.c.low,
    number_index.c.rid,
    postgresql_include=["child", "high"],
)

# Ranges are few, and found by their ends too.
Index(
    "number_ranges",
    number_index.c.type,
    number_index.c.param,
    number_index.c.unit,
    number_index.c.high,
    postgresql_include=["child", "rid"],
    postgresql_where=number_index.c.high.is_not(None),
)

text_index = Table(
    "text_index",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    # What is read by people: of weight A in the narrative, of weight D elsewhere.
    Column("words", TSVECTOR, nullable=False),
    PrimaryKeyConstraint("child", "rid"),
)
# The one GIN: full text has no other index. Written to at once: a list of what is pending slows every search.
Index(
    "text_words",
    text_index.c.words,
    postgresql_using="gin",
    postgresql_with={"fastupdate": "off"},
)
