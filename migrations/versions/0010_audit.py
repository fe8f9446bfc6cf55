"""The audit as a chain: what was done cannot be altered unseen."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

COLUMNS = """
ALTER TABLE audit
    ADD COLUMN account TEXT,
    ADD COLUMN person TEXT,
    ADD COLUMN purpose TEXT,
    ADD COLUMN rights TEXT,
    ADD COLUMN reason TEXT,
    ADD COLUMN children BIGINT[] DEFAULT '{}'::bigint[] NOT NULL,
    ADD COLUMN lane SMALLINT DEFAULT 0 NOT NULL,
    ADD COLUMN xid BIGINT DEFAULT 0 NOT NULL;

ALTER TABLE audit
    ALTER COLUMN lane SET DEFAULT (pg_backend_pid() % 4),
    ALTER COLUMN xid SET DEFAULT (pg_current_xact_id())::text::bigint;

UPDATE audit SET children = named.children
FROM (SELECT id, array_agg(child ORDER BY child) AS children FROM audit_child GROUP BY id) AS named
WHERE named.id = audit.id;

CREATE INDEX audit_lane ON audit (lane, xid);

CREATE INDEX audit_id ON audit (id)
"""

SEAL = """
CREATE TABLE audit_seal (
    lane SMALLINT NOT NULL,
    number BIGINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    form SMALLINT NOT NULL,
    snapshot TEXT NOT NULL,
    rows INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    key TEXT NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (lane, number)
)
"""


def upgrade() -> None:
    for part in (COLUMNS, SEAL):
        for statement in part.split(";"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("What was sealed would be open again: restore a backup instead.")
