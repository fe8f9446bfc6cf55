"""What apps were granted by people, and the steps on the way there. Of what is secret only a hash is kept."""

from sqlalchemy import Boolean, Column, ForeignKeyConstraint, Index, Integer, Sequence, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from server.store.tables.metadata import INSTANT, metadata

authorization_request = Table(
    "authorization_request",
    metadata,
    Column("id", Text, primary_key=True),
    # Of the cookie of the browser that asked: nobody else can go on with it.
    Column("browser", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("state", Text),
    Column("scope", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("nonce", Text),
    Column("prompt", Text),
    Column("max_age", Integer),
    Column("login_hint", Text),
    Column("dpop_jkt", Text),
    Column("launch", Text),
    # What the launch told: patient, encounter, fhirContext, intent …
    Column("context", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created", INSTANT, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("account", Text),
    Column("session", Text),
    Column("authenticated", INSTANT),
    Column("patient", Text),
    # What the user let stand of `scope`; null: not asked yet.
    Column("granted", Text),
    Column("refused", Boolean, nullable=False, server_default=text("false")),
)

# What an app was granted by a user: the family of all its tokens.
app_grant = Table(
    "app_grant",
    metadata,
    Column("id", Text, primary_key=True),
    Column("client", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("account", Text, nullable=False),
    # It ends with this session: it is for as long as the user is there (online_access, or no refresh token).
    Column("session", Text),
    Column("scope", Text, nullable=False),
    Column("patient", Text),
    Column("purpose", Text),
    Column("context", JSONB, nullable=False, server_default=text("'{}'")),
    Column("authenticated", INSTANT, nullable=False),
    Column("nonce", Text),
    Column("dpop_jkt", Text),
    Column("created", INSTANT, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("ended", INSTANT),
)

Index("app_grant_account", app_grant.c.account)
Index("app_grant_client", app_grant.c.client)
Index("app_grant_session", app_grant.c.session)

authorization_code = Table(
    "authorization_code",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("grant", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("code_challenge", Text, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("used", INSTANT),
    ForeignKeyConstraint(["grant"], ["app_grant.id"], ondelete="CASCADE"),
)

Index("authorization_code_grant", authorization_code.c.grant)

refresh_token = Table(
    "refresh_token",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("grant", Text, nullable=False),
    Column("created", INSTANT, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("used", INSTANT),
    ForeignKeyConstraint(["grant"], ["app_grant.id"], ondelete="CASCADE"),
)

Index("refresh_token_grant", refresh_token.c.grant)

launch = Table(
    "launch",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("agency", Text, nullable=False),
    # The app and the user it is for; null: any of the agency.
    Column("client", Text),
    Column("account", Text),
    Column("context", JSONB, nullable=False),
    Column("expires", INSTANT, nullable=False),
    Column("used", INSTANT),
)

# Access tokens that were revoked one by one, until they would have ended anyway.
revoked_token = Table(
    "revoked_token",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("expires", INSTANT, nullable=False),
)

# Proofs of possession (DPoP), each good for one use: the hash of the key and of what it named the proof.
used_proof = Table(
    "used_proof",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("expires", INSTANT, nullable=False),
)

Index("used_proof_expires", used_proof.c.expires)

# Counts the acts that end somebody's access: whoever trusts a token for a moment looks whether it has moved.
ended_sequence = Sequence("ended", metadata=metadata)
