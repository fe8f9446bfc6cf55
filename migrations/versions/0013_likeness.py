"""What children are compared by, and what was decided of two that might be one."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

LIKENESS = """
CREATE TABLE likeness (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    said TEXT NOT NULL,
    PRIMARY KEY (child, rid)
);

CREATE TABLE blocking (
    h BIGINT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (h, child, rid)
);

CREATE INDEX blocking_child ON blocking (child, rid);

CREATE TABLE superseded (
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (system, value, child, rid)
);

CREATE INDEX superseded_child ON superseded (child, rid);

CREATE TABLE identity_pair (
    child BIGINT NOT NULL,
    other BIGINT NOT NULL,
    state SMALLINT NOT NULL,
    weight FLOAT NOT NULL,
    task TEXT,
    found TIMESTAMPTZ NOT NULL,
    decided TIMESTAMPTZ,
    agency SMALLINT,
    client TEXT,
    account TEXT,
    reason TEXT,
    PRIMARY KEY (child, other)
);

CREATE INDEX identity_pair_other ON identity_pair (other)
"""

TABLES = ("identity_pair", "superseded", "blocking", "likeness")


def upgrade() -> None:
    for statement in LIKENESS.split(";"):
        op.execute(statement)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
