"""Code systems too large for a file, and clients' closure tables."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from server.store.tables.metadata import INSTANT, metadata

code_system_sequence = Sequence("code_system_number", metadata=metadata)
"""No number is given twice: what a process remembers of a code system by its number stays true."""

code_system = Table(
    "code_system",
    metadata,
    # What is too large for a file of its own: loaded by a command, in pieces.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("version", Text, nullable=False),
    # False: not all of it is there, and nobody sees it.
    Column("ready", Boolean, nullable=False),
    Column("loaded", INSTANT, nullable=False),
    Column("count", Integer, nullable=False),
    Column("detail", JSONB, nullable=False),
)

concept = Table(
    "concept",
    metadata,
    Column("system", Integer, nullable=False),
    # From 1 in the order of the codes, without a gap.
    Column("number", Integer, nullable=False),
    Column("inactive", Boolean, nullable=False),
    Column("code", Text(collation="C"), nullable=False),
    Column("display", Text, nullable=False),
    # The numbers of those right above it, and of all above it: the transitive closure.
    Column("parents", ARRAY(Integer), nullable=False),
    Column("above", ARRAY(Integer), nullable=False),
    # As JSON: definition, designations, properties.
    Column("detail", Text, nullable=False),
    Column("words", TSVECTOR, nullable=False),
    PrimaryKeyConstraint("system", "number"),
    UniqueConstraint("system", "code"),
)
Index("concept_words", concept.c.words, postgresql_using="gin")

concept_group = Table(
    "concept_group",
    metadata,
    Column("system", Integer, nullable=False),
    # The concepts of which this property has this value, by their numbers, rising: what a filter asks for.
    Column("property", Text(collation="C"), nullable=False),
    Column("value", Text(collation="C"), nullable=False),
    Column("members", ARRAY(Integer), nullable=False),
    PrimaryKeyConstraint("system", "property", "value"),
)

closure = Table(
    "closure",
    metadata,
    # A client's own table of what subsumes what, and how often it was added to.
    Column("client", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    PrimaryKeyConstraint("client", "name"),
)

closure_concept = Table(
    "closure_concept",
    metadata,
    Column("client", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("system", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("since", Integer, nullable=False),
    PrimaryKeyConstraint("client", "name", "system", "code"),
)
