"""The record: resources, what finds them, who sees them, and who asked."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = """
CREATE SEQUENCE rid INCREMENT BY 64;

CREATE TABLE resource (
    child BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    rid BIGINT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    author SMALLINT NOT NULL,
    restriction SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    shared BOOLEAN NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    date_low TIMESTAMP WITH TIME ZONE,
    date_high TIMESTAMP WITH TIME ZONE,
    tok BIGINT[] NOT NULL,
    sorts JSONB NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (child, type, rid)
)
 PARTITION BY LIST (type);

CREATE TABLE resource_patient PARTITION OF resource FOR VALUES IN (103);

CREATE TABLE resource_observation PARTITION OF resource FOR VALUES IN (96);

CREATE TABLE resource_encounter PARTITION OF resource FOR VALUES IN (44);

CREATE TABLE resource_episodeofcare PARTITION OF resource FOR VALUES IN (48);

CREATE TABLE resource_other PARTITION OF resource DEFAULT;

CREATE INDEX resource_child_date ON resource (child, date_low DESC, rid DESC) INCLUDE (kind);

CREATE INDEX resource_child_last_updated ON resource (child, last_updated DESC, rid DESC) INCLUDE (kind);

CREATE INDEX resource_date ON resource (type, date_low DESC, rid DESC) INCLUDE (child, kind);

CREATE INDEX resource_last_updated ON resource (type, last_updated DESC, rid DESC) INCLUDE (child, kind);

CREATE TABLE history (
    child BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    rid BIGINT NOT NULL,
    version INTEGER NOT NULL,
    id TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    author SMALLINT NOT NULL,
    restriction SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    others BIGINT[] NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    tok BIGINT[] NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (child, type, rid, version)
);

CREATE TABLE locator (
    type SMALLINT NOT NULL,
    id TEXT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (type, id)
);

CREATE TABLE identity (
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (system, value)
);

CREATE INDEX identity_child ON identity (child);

CREATE TABLE claim (
    child BIGINT NOT NULL,
    system TEXT NOT NULL,
    value TEXT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (child, system, value)
);

CREATE TABLE identifier (
    value TEXT COLLATE "C" NOT NULL,
    system TEXT COLLATE "C" NOT NULL,
    type SMALLINT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    PRIMARY KEY (value, type, system, child, rid)
);

CREATE INDEX identifier_child ON identifier (child, rid);

CREATE TABLE former_home (
    child bigint NOT NULL,
    rid bigint NOT NULL,
    former bigint NOT NULL,
    PRIMARY KEY (child, rid, former)
);

CREATE TABLE about (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    other BIGINT NOT NULL,
    PRIMARY KEY (child, rid, other)
);

CREATE INDEX about_other ON about (other) INCLUDE (child, rid);

CREATE TABLE facet (
    h BIGINT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    date_low TIMESTAMP WITH TIME ZONE,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (child, rid, h)
);

CREATE INDEX facet_date ON facet (h, date_low DESC, rid DESC) INCLUDE (child);

CREATE INDEX facet_last_updated ON facet (h, last_updated DESC, rid DESC) INCLUDE (child);

CREATE TABLE string_index (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    param INTEGER NOT NULL,
    folded TEXT COLLATE "C" NOT NULL,
    type SMALLINT NOT NULL,
    lowest BOOLEAN NOT NULL,
    highest BOOLEAN NOT NULL,
    PRIMARY KEY (child, rid, param, folded)
);

CREATE INDEX string_order ON string_index (type, param, folded, rid) INCLUDE (child, lowest, highest);

CREATE TABLE date_index (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    param INTEGER NOT NULL,
    low TIMESTAMP WITH TIME ZONE NOT NULL,
    high TIMESTAMP WITH TIME ZONE NOT NULL,
    type SMALLINT NOT NULL,
    lowest BOOLEAN NOT NULL,
    highest BOOLEAN NOT NULL,
    PRIMARY KEY (child, rid, param, low, high)
);

CREATE INDEX date_order ON date_index (type, param, low, rid) INCLUDE (child, high, lowest, highest);

CREATE TABLE sight (
    child BIGINT NOT NULL,
    principal INTEGER NOT NULL,
    basis BIGINT NOT NULL,
    degree SMALLINT NOT NULL,
    valid_from TIMESTAMP WITH TIME ZONE NOT NULL,
    valid_until TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (child, principal, basis)
);

CREATE INDEX sight_principal ON sight (principal, child) INCLUDE (degree, valid_from, valid_until);

CREATE TABLE presence (
    child BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    PRIMARY KEY (child, type, kind)
);

CREATE TABLE outbox (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    version INTEGER NOT NULL,
    type SMALLINT NOT NULL,
    interaction TEXT NOT NULL,
    author SMALLINT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    xid BIGINT DEFAULT (pg_current_xact_id())::text::bigint NOT NULL,
    PRIMARY KEY (child, rid, version)
);

CREATE TABLE audit (
    child BIGINT NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    agency SMALLINT NOT NULL,
    client TEXT NOT NULL,
    interaction TEXT NOT NULL,
    type SMALLINT,
    query TEXT,
    outcome SMALLINT NOT NULL,
    hits BIGINT[] NOT NULL,
    PRIMARY KEY (child, id)
);

CREATE TABLE audit_child (
    child BIGINT NOT NULL,
    id UUID NOT NULL,
    PRIMARY KEY (child, id)
);

CREATE TABLE job (
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    detail JSONB NOT NULL,
    created TIMESTAMP WITH TIME ZONE NOT NULL,
    updated TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE agency (
    number SMALLINT NOT NULL,
    code TEXT NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (code)
);

CREATE TABLE client (
    id TEXT NOT NULL,
    agency TEXT NOT NULL,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    secret_hash TEXT,
    jwks JSONB,
    created TIMESTAMP WITH TIME ZONE NOT NULL,
    rotated TIMESTAMP WITH TIME ZONE,
    removed TIMESTAMP WITH TIME ZONE,
    demonstration BOOLEAN DEFAULT false NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE assertion (
    client TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (client, jti)
);

CREATE TABLE signing_key (
    kid TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    private_jwk JSONB NOT NULL,
    created TIMESTAMP WITH TIME ZONE NOT NULL,
    retired TIMESTAMP WITH TIME ZONE,
    PRIMARY KEY (kid)
);

CREATE TABLE allowance (
    principal TEXT NOT NULL,
    what TEXT NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (principal, what, hour)
);

CREATE TABLE setting (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (name)
);
"""

# An index-only walk needs a fresh visibility map, and a young table's statistics are soon wrong:
# vacuum follows the inserts closely.
HOT = (
    "resource_patient",
    "resource_observation",
    "resource_encounter",
    "resource_episodeofcare",
    "resource_other",
    "facet",
    "string_index",
    "date_index",
    "identifier",
    "locator",
    "sight",
    "history",
    "outbox",
    "audit",
)
VACUUM = """
ALTER TABLE {table} SET (
    autovacuum_vacuum_insert_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
)
"""


def upgrade() -> None:
    for statement in TABLES.split(";"):
        if statement.strip():
            op.execute(statement)
    for table in HOT:
        op.execute(VACUUM.format(table=table))


def downgrade() -> None:
    raise NotImplementedError("There is nothing before the first revision.")
