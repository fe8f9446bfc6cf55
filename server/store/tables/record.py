"""The resources: their present versions, what they were, where they are, and what finds them by a hash."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.schema import SchemaItem

from server.store.tables.metadata import INSTANT, metadata

rid_sequence = Sequence("rid", metadata=metadata, increment=64)
"""Handed out in blocks: `nextval` gives the first of 64 numbers that belong to who asked."""

horizon_sequence = Sequence("horizon", metadata=metadata)
"""No counter: its last value is the instant (in milliseconds) up to which history has been read. A sequence,
because what stands in it holds at once, for every transaction: `store.horizon`."""

HOT = ("Patient", "Observation", "Encounter", "EpisodeOfCare")
"""Types with a partition of their own; every other type lives in the default partition."""


def _resource_columns() -> list[SchemaItem]:
    return [
        # The wide ones first: nothing is lost between them.
        Column("child", BigInteger, nullable=False),
        Column("rid", BigInteger, nullable=False, autoincrement=False),
        Column("last_updated", INSTANT, nullable=False),
        Column("date_low", INSTANT),
        Column("date_high", INSTANT),
        Column("version", Integer, nullable=False),
        Column("type", SmallInteger, nullable=False),
        Column("author", SmallInteger, nullable=False),
        Column("restriction", SmallInteger, nullable=False),
        Column("kind", SmallInteger, nullable=False),
        # True: `about` names other children, and all of them must be in the caller's sight.
        Column("shared", Boolean, nullable=False),
        Column("id", Text, nullable=False),
        # Keyed hashes of tokens, references and uris: a filter on rows already found, without an index.
        Column("tok", ARRAY(BigInteger), nullable=False),
        # Lowest and highest key of each token, reference and uri parameter (`store.sortkey`); which ones are
        # there tells `:missing`.
        Column("sorts", Text, nullable=False),
        # Without its opening (`store.opening`), and compressed (`store.packing`).
        Column("body", LargeBinary, nullable=False),
    ]


resource = Table(
    "resource",
    metadata,
    *_resource_columns(),
    PrimaryKeyConstraint("child", "type", "rid"),
    postgresql_partition_by="LIST (type)",
)
# Rising, though they are read from the newest down: a page that is full is not split where pages are added.
Index(
    "resource_child_date",
    resource.c.child,
    resource.c.date_low,
    resource.c.rid,
    postgresql_include=["kind"],
)
Index(
    "resource_child_last_updated",
    resource.c.child,
    resource.c.last_updated,
    resource.c.rid,
    postgresql_include=["kind"],
)
Index(
    "resource_date",
    resource.c.type,
    resource.c.date_low,
    resource.c.rid,
    postgresql_include=["child", "kind"],
)
Index(
    "resource_last_updated",
    resource.c.type,
    resource.c.last_updated,
    resource.c.rid,
    postgresql_include=["child", "kind"],
)

_partitions = MetaData()
"""Partitions are created by migrations; here they are only named, so that SQL can go straight to one."""

_by_type = {type_: Table(f"resource_{type_.lower()}", _partitions, *_resource_columns()) for type_ in HOT}
_other = Table("resource_other", _partitions, *_resource_columns())


resource_patient = _by_type["Patient"]


def partition(type_: str) -> Table:
    """The partition that holds a resource type: named in the SQL, planning does not look at the others."""
    return _by_type.get(type_, _other)


history = Table(
    "history",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("id", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("author", SmallInteger, nullable=False),
    Column("restriction", SmallInteger, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    # The other children that this version speaks of; `about` knows those of the present one only.
    Column("others", ARRAY(BigInteger), nullable=False),
    Column("last_updated", INSTANT, nullable=False),
    Column("tok", ARRAY(BigInteger), nullable=False),
    Column("body", LargeBinary, nullable=False),
    PrimaryKeyConstraint("child", "type", "rid", "version"),
)
Index(
    "history_last_updated",
    history.c.type,
    history.c.last_updated.desc(),
    history.c.rid.desc(),
    history.c.version.desc(),
)
# Few versions speak of several children; those that speak of one are looked for when its record is merged.
Index(
    "history_others",
    history.c.others,
    postgresql_using="gin",
    postgresql_where=func.cardinality(history.c.others) > literal_column("0"),
)

former_home = Table(
    "former_home",
    metadata,
    # A resource that was moved to this child has versions under that one.
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("former", BigInteger, nullable=False),
    PrimaryKeyConstraint("child", "rid", "former"),
)

locator = Table(
    "locator",
    metadata,
    Column("type", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    # The id first: those that we make rise, and pages are filled one after another.
    PrimaryKeyConstraint("id", "type"),
)

identity = Table(
    "identity",
    metadata,
    Column("system", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("system", "value"),
)
Index("identity_child", identity.c.child)

claim = Table(
    "claim",
    metadata,
    Column("child", BigInteger, nullable=False),
    # 128 bits that stand for what is claimed (`store.writing`): no two claims are taken for one.
    Column("claim", Uuid(as_uuid=False), nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("child", "claim"),
)

identifier = Table(
    "identifier",
    metadata,
    # Keyed hashes, each of 64 bits; the type is part of what is hashed.
    Column("value", BigInteger, nullable=False),
    Column("system", BigInteger, nullable=False),
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("value", "system", "child", "rid"),
)
Index("identifier_child", identifier.c.child, identifier.c.rid)

about = Table(
    "about",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("other", BigInteger, nullable=False),
    PrimaryKeyConstraint("child", "rid", "other"),
)
Index("about_other", about.c.other, postgresql_include=["child", "rid"])

context = Table(
    "context",
    metadata,
    # This version is seen by who sees that resource: the context of a Binary, what a Provenance is of.
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    PrimaryKeyConstraint("child", "rid", "version", "type", "id"),
    # What is seen with a resource goes with it, where that is taken out for good.
    Index("context_of", "id", "type"),
)

facet = Table(
    "facet",
    metadata,
    # One B-tree, in the order in which a hash is walked: the newest of what it stands for. The type is part
    # of what is hashed. What is retired leaves through its own tokens.
    Column("h", BigInteger, nullable=False),
    # When it happened (`date_low`), or where it has no date, when it was last changed.
    Column("at", INSTANT, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("child", BigInteger, nullable=False),
    PrimaryKeyConstraint("h", "at", "rid", "child"),
)
