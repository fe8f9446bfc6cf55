"""Who is to be compared with all other children, kept until it is done."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

COMPARISON = """
CREATE TABLE comparison (
    child BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    id TEXT NOT NULL,
    agency TEXT NOT NULL,
    client TEXT NOT NULL,
    account TEXT,
    detail JSONB NOT NULL,
    PRIMARY KEY (child, id)
);

CREATE INDEX comparison_at ON comparison (at)
"""


def upgrade() -> None:
    for statement in COMPARISON.split(";"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE comparison")
