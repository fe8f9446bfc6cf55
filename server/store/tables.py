"""Every table. The rules that let rows be distributed by child are kept from the first migration on.

What grows with children has `child` in its primary key; `locator` and `identity` are the two global
directories, asked by their own key and never joined across children. `docs/architecture.md` tells what
each is for.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR
from sqlalchemy.schema import SchemaItem

metadata = MetaData()

rid_sequence = Sequence("rid", metadata=metadata, increment=64)
"""Handed out in blocks: `nextval` gives the first of 64 numbers that belong to who asked."""

horizon_sequence = Sequence("horizon", metadata=metadata)
"""No counter: its last value is the instant (in milliseconds) up to which history has been read. A sequence,
because what stands in it holds at once, for every transaction: `store.horizon`."""

code_system_sequence = Sequence("code_system_number", metadata=metadata)
"""No number is given twice: what a process remembers of a code system by its number stays true."""

_INSTANT = DateTime(timezone=True)

HOT = ("Patient", "Observation", "Encounter", "EpisodeOfCare")
"""Types with a partition of their own; every other type lives in the default partition."""


def _resource_columns() -> list[SchemaItem]:
    return [
        # The wide ones first: nothing is lost between them.
        Column("child", BigInteger, nullable=False),
        Column("rid", BigInteger, nullable=False, autoincrement=False),
        Column("last_updated", _INSTANT, nullable=False),
        Column("date_low", _INSTANT),
        Column("date_high", _INSTANT),
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
    Column("last_updated", _INSTANT, nullable=False),
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
)

facet = Table(
    "facet",
    metadata,
    # One B-tree, in the order in which a hash is walked: the newest of what it stands for. The type is part
    # of what is hashed. What is retired leaves through its own tokens.
    Column("h", BigInteger, nullable=False),
    # When it happened (`date_low`), or where it has no date, when it was last changed.
    Column("at", _INSTANT, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("child", BigInteger, nullable=False),
    PrimaryKeyConstraint("h", "at", "rid", "child"),
)

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
    Column("low", _INSTANT, nullable=False),
    Column("high", _INSTANT, nullable=False),
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

sight = Table(
    "sight",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("principal", Integer, nullable=False),
    # The rid of the resource that gives sight; 0: the child was traced.
    Column("basis", BigInteger, nullable=False),
    Column("degree", SmallInteger, nullable=False),
    Column("valid_from", _INSTANT, nullable=False),
    Column("valid_until", _INSTANT, nullable=False),
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

outbox = Table(
    "outbox",
    metadata,
    Column("child", BigInteger, nullable=False),
    Column("rid", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("interaction", Text, nullable=False),
    Column("author", SmallInteger, nullable=False),
    Column("at", _INSTANT, nullable=False),
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
    Column("at", _INSTANT, nullable=False),
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

job = Table(
    "job",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("created", _INSTANT, nullable=False),
    Column("updated", _INSTANT, nullable=False),
)

search_parameter = Table(
    "search_parameter",
    metadata,
    # Those added while the server runs: the id of the resource, and what of its definition is in force.
    Column("id", Text, primary_key=True),
    Column("definition", JSONB, nullable=False),
    # False: there are resources that are not indexed by it yet.
    Column("complete", Boolean, nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("at", _INSTANT, nullable=False),
    # What tells one request from another; and its answer, without any resource.
    Column("fingerprint", Text, nullable=False),
    Column("answer", Text),
    PrimaryKeyConstraint("client", "key"),
)
Index("idempotency_at", idempotency.c.at)

agency = Table(
    "agency",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False, unique=True),
)

client = Table(
    "client",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("secret_hash", Text),
    Column("jwks", JSONB),
    Column("created", _INSTANT, nullable=False),
    Column("rotated", _INSTANT),
    Column("removed", _INSTANT),
    # A client of the demonstration authority is refused outside it.
    Column("demonstration", Boolean, nullable=False, server_default=text("false")),
)

assertion = Table(
    "assertion",
    metadata,
    Column("client", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("expires", _INSTANT, nullable=False),
    PrimaryKeyConstraint("client", "jti"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("private_jwk", JSONB, nullable=False),
    Column("created", _INSTANT, nullable=False),
    Column("retired", _INSTANT),
)

allowance = Table(
    "allowance",
    metadata,
    Column("principal", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("hour", _INSTANT, nullable=False),
    Column("used", Integer, nullable=False),
    PrimaryKeyConstraint("principal", "what", "hour"),
)

dictionary = Table(
    "dictionary",
    metadata,
    # What bodies were compressed with: without it nobody can read them.
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),
)

setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

code_system = Table(
    "code_system",
    metadata,
    # What is too large for a file of its own: loaded by a command, in pieces.
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("url", Text, nullable=False),
    Column("version", Text, nullable=False),
    # False: not all of it is there, and nobody sees it.
    Column("ready", Boolean, nullable=False),
    Column("loaded", _INSTANT, nullable=False),
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
