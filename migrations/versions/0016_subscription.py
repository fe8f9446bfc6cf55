"""Who is to be told of what, and how far readers of the outbox are."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SUBSCRIPTION = """
CREATE INDEX outbox_xid ON outbox (xid);

CREATE TABLE consumer (
    name TEXT NOT NULL PRIMARY KEY,
    snapshot TEXT NOT NULL,
    target TEXT,
    after_at TIMESTAMPTZ,
    after_rid BIGINT,
    after_version INTEGER,
    at TIMESTAMPTZ NOT NULL
);

CREATE TABLE subscription (
    rid BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agency TEXT NOT NULL,
    client TEXT NOT NULL,
    account TEXT,
    scopes TEXT[] NOT NULL DEFAULT '{}',
    patient TEXT,
    purpose TEXT,
    granted TIMESTAMPTZ NOT NULL,
    started TIMESTAMPTZ NOT NULL,
    topic TEXT NOT NULL,
    criteria TEXT NOT NULL,
    filters TEXT[] NOT NULL DEFAULT '{}',
    channel TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    secrets TEXT,
    mime TEXT NOT NULL,
    content TEXT NOT NULL,
    heartbeat INTEGER,
    timeout INTEGER,
    max_count INTEGER,
    ends TIMESTAMPTZ,
    state TEXT NOT NULL,
    numbered BIGINT NOT NULL DEFAULT 0,
    sent BIGINT NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    next_try TIMESTAMPTZ,
    told TIMESTAMPTZ,
    since TIMESTAMPTZ,
    error TEXT,
    error_code TEXT
) WITH (fillfactor = 50);

CREATE INDEX subscription_state ON subscription (state);

CREATE TABLE subscription_event (
    subscription BIGINT NOT NULL,
    number BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    id TEXT,
    version INTEGER NOT NULL,
    interaction TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (subscription, number)
);

CREATE INDEX subscription_event_id ON subscription_event (id)
"""

BINDING = """
CREATE TABLE websocket_token (
    hash TEXT NOT NULL PRIMARY KEY,
    subscriptions TEXT[] NOT NULL,
    expires TIMESTAMPTZ NOT NULL
)
"""

TABLES = ("websocket_token", "subscription_event", "subscription", "consumer")


def upgrade() -> None:
    for statement in SUBSCRIPTION.split(";"):
        op.execute(statement)
    op.execute(BINDING)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP INDEX outbox_xid")
