"""What must be kept, and what is seen only with what is taken out for good."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

HOLD = """
CREATE TABLE hold (
    child BIGINT NOT NULL,
    id TEXT NOT NULL,
    rid BIGINT NOT NULL,
    resource TEXT,
    authority TEXT,
    record_class TEXT,
    reason TEXT NOT NULL,
    placed TIMESTAMPTZ NOT NULL,
    agency SMALLINT NOT NULL,
    client TEXT NOT NULL,
    account TEXT,
    lifted TIMESTAMPTZ,
    lifted_reason TEXT,
    PRIMARY KEY (child, id)
);

CREATE INDEX context_of ON context (id, type)
"""


def upgrade() -> None:
    for statement in HOLD.split(";"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP INDEX context_of")
    op.execute("DROP TABLE hold")
