"""Who may ask: agencies, their clients, the keys that sign."""

from sqlalchemy import Boolean, Column, Integer, PrimaryKeyConstraint, SmallInteger, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from server.store.tables.metadata import INSTANT, metadata

agency = Table(
    "agency",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False, unique=True),
    # Nobody acts for it until it is admitted again.
    Column("suspended", INSTANT),
    # Tokens that were given for it until then are good no more.
    Column("revoked", INSTANT),
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
    Column("kind", Text, nullable=False, server_default="confidential"),
    Column("auth_method", Text, nullable=False, server_default="client_secret_basic"),
    Column("grant_types", ARRAY(Text), nullable=False, server_default="{client_credentials}"),
    Column("redirect_uris", ARRAY(Text), nullable=False, server_default="{}"),
    Column("launch_url", Text),
    Column("jwks_uri", Text),
    Column("client_uri", Text),
    Column("logo_uri", Text),
    Column("policy_uri", Text),
    Column("tos_uri", Text),
    Column("contacts", ARRAY(Text), nullable=False, server_default="{}"),
    Column("software_id", Text),
    Column("software_version", Text),
    Column("dpop_bound", Boolean, nullable=False, server_default=text("false")),
    Column("suspended", INSTANT),
    Column("revoked", INSTANT),
    # Of the token by which a client that registered itself reads and changes its registration.
    Column("registration_hash", Text),
)

registration_token = Table(
    "registration_token",
    metadata,
    # By which a client may register itself for an agency.
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("agency", Text, nullable=False),
    # The most that a client may register for.
    Column("scope", Text, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("revoked", INSTANT),
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
