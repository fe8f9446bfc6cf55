"""The past of many resources, up to the commit horizon; and what is seen with something else."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HISTORY = """
CREATE SEQUENCE horizon;

CREATE TABLE context (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    version INTEGER NOT NULL,
    type SMALLINT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (child, rid, version, type, id)
);

CREATE INDEX history_last_updated ON history (type, last_updated DESC, rid DESC, version DESC)
"""


def upgrade() -> None:
    for statement in HISTORY.split(";"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("Versions that were read past would be lost to who reads on: restore a backup.")
