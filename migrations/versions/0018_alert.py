"""What was raised of which child, and when a child is to be looked at again."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

ALERT = """
CREATE TABLE alert (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    occasion TEXT NOT NULL,
    owner SMALLINT NOT NULL,
    open BOOLEAN NOT NULL,
    raised TIMESTAMPTZ NOT NULL,
    closed TIMESTAMPTZ,
    PRIMARY KEY (child, rid)
);

CREATE TABLE alert_due (
    child BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (child)
);

CREATE INDEX alert_due_at ON alert_due (at)
"""

TABLES = ("alert_due", "alert")


def upgrade() -> None:
    for statement in ALERT.split(";"):
        op.execute(statement)


def downgrade() -> None:
    for name in TABLES:
        op.execute(f"DROP TABLE {name}")
