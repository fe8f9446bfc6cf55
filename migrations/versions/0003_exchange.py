"""What outlives one request: answers kept for a repeat, requests answered later."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IDEMPOTENCY = """
CREATE TABLE idempotency (
    client TEXT NOT NULL,
    key TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT,
    PRIMARY KEY (client, key)
);

CREATE INDEX idempotency_at ON idempotency (at)
"""


def upgrade() -> None:
    for statement in IDEMPOTENCY.split(";"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("What was answered would be carried out again: restore a backup instead.")
