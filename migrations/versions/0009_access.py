"""Need to know in full: who sees whom by which part, decisions not to share, break-glass."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DECISION = """
CREATE TABLE decision (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    number SMALLINT NOT NULL,
    effect SMALLINT NOT NULL,
    principal BIGINT NOT NULL,
    spared BIGINT[] NOT NULL,
    type SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    tokens BIGINT[] NOT NULL,
    purposes TEXT[] NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    valid_until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (child, rid, number)
)
"""


def upgrade() -> None:
    _people()
    _decisions()


def _people() -> None:
    """A person or a team is a principal too: its rid, below zero."""
    op.execute("ALTER TABLE sight ALTER COLUMN principal TYPE BIGINT")


def _decisions() -> None:
    op.execute(DECISION)


def downgrade() -> None:
    op.execute("DELETE FROM sight WHERE principal < 0")
    op.execute("ALTER TABLE sight ALTER COLUMN principal TYPE INTEGER")
    op.execute("DROP TABLE decision")
