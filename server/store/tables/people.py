"""The people who sign in: their accounts, where they are signed in, what they have approved of."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.store.tables.metadata import INSTANT, metadata

account = Table(
    "account",
    metadata,
    Column("id", Text, primary_key=True),
    Column("agency", Text, nullable=False),
    # A local account has a username; one of an identity provider has the provider and the subject there.
    Column("username", Text, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", Text),
    # An operator chose the password: its owner chooses another one at the next sign-in.
    Column("provisional", Boolean, nullable=False, server_default=text("false")),
    # Encrypted: whoever reads the database alone cannot make the codes.
    Column("totp", Text),
    # The latest time step whose code was used: none is good twice.
    Column("totp_step", BigInteger, nullable=False, server_default=text("0")),
    Column("fhir_user", Text, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("caseload", Text, nullable=False),
    Column("teams", ARRAY(Text), nullable=False),
    Column("references", ARRAY(Text), nullable=False),
    Column("provider", Text),
    Column("subject", Text),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("locked_until", INSTANT),
    Column("suspended", INSTANT),
    Column("created", INSTANT, nullable=False),
    # An account of the demonstration authority is refused outside it.
    Column("demonstration", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("agency", "provider", "subject"),
)

recovery_code = Table(
    "recovery_code",
    metadata,
    Column("account", Text, nullable=False),
    Column("code_hash", Text, nullable=False),
    PrimaryKeyConstraint("account", "code_hash"),
)

session = Table(
    "session",
    metadata,
    Column("id", Text, primary_key=True),
    # Of what the cookie holds.
    Column("secret_hash", Text, nullable=False, unique=True),
    Column("account", Text, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("seen", INSTANT, nullable=False),
    Column("ends", INSTANT, nullable=False),
    # Null: a password was right, and a code is still wanted.
    Column("authenticated", INSTANT),
    Column("ended", INSTANT),
    # For the owner to know it again by.
    Column("device", Text, nullable=False),
    Column("address", Text, nullable=False),
)
Index("session_account", session.c.account)
Index("session_ends", session.c.ends)

sign_in = Table(
    "sign_in",
    metadata,
    # Somebody who was sent to an identity provider and is expected back.
    Column("state_hash", Text, primary_key=True),
    Column("agency", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("browser_hash", Text, nullable=False),
    Column("created", INSTANT, nullable=False),
)
Index("sign_in_created", sign_in.c.created)

approval = Table(
    "approval",
    metadata,
    Column("account", Text, nullable=False),
    Column("client", Text, nullable=False),
    # A hash of what was asked for, and what of it was given: asked for the same again, it is given again.
    Column("asked", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("at", INSTANT, nullable=False),
    PrimaryKeyConstraint("account", "client", "asked"),
)

refused_sign_in = Table(
    "refused_sign_in",
    metadata,
    # A hash of the network address that it came from.
    Column("origin", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("since", INSTANT, nullable=False),
)
Index("refused_sign_in_since", refused_sign_in.c.since)
