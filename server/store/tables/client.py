"""Who may ask: agencies, their clients, the keys that sign."""

from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from server.store.tables.metadata import INSTANT, metadata

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
    Column("created", INSTANT, nullable=False),
    Column("rotated", INSTANT),
    Column("removed", INSTANT),
    # A client of the demonstration authority is refused outside it.
    Column("demonstration", Boolean, nullable=False, server_default=text("false")),
)

assertion = Table(
    "assertion",
    metadata,
    Column("client", Text, nullable=False),
    Column("jti", Text, nullable=False),
    Column("expires", INSTANT, nullable=False),
    PrimaryKeyConstraint("client", "jti"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("private_jwk", JSONB, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("retired", INSTANT),
)
