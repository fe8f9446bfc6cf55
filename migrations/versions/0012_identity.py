"""Which records of children were found to be of one child."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

MERGE = """
CREATE TABLE merge (
    child BIGINT NOT NULL,
    source BIGINT NOT NULL,
    id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    target_id TEXT NOT NULL,
    before JSONB NOT NULL,
    reason TEXT,
    merged TIMESTAMPTZ NOT NULL,
    agency SMALLINT NOT NULL,
    client TEXT NOT NULL,
    account TEXT,
    undone TIMESTAMPTZ,
    undone_reason TEXT,
    PRIMARY KEY (child, id)
);

CREATE INDEX merge_source ON merge (source);

CREATE INDEX history_others ON history USING gin (others) WHERE cardinality(others) > 0
"""


def upgrade() -> None:
    _merge()


def downgrade() -> None:
    op.execute("DROP INDEX history_others")
    op.execute("DROP TABLE merge")


def _merge() -> None:
    for statement in MERGE.split(";"):
        op.execute(statement)
