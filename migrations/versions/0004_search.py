"""What the further kinds of search are found by."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# ---- facets: one B-tree instead of three; every row is carried over ----------------------------------------

FACET = """
ALTER TABLE facet RENAME TO facet_wide;

ALTER INDEX facet_pkey RENAME TO facet_wide_pkey;

CREATE TABLE facet (
    h BIGINT CONSTRAINT facet_h_not_null NOT NULL,
    at TIMESTAMP WITH TIME ZONE CONSTRAINT facet_at_not_null NOT NULL,
    rid BIGINT CONSTRAINT facet_rid_not_null NOT NULL,
    child BIGINT CONSTRAINT facet_child_not_null NOT NULL,
    PRIMARY KEY (h, at, rid, child)
);

INSERT INTO facet (h, at, rid, child)
SELECT h, coalesce(date_low, last_updated), rid, child FROM facet_wide ORDER BY 1, 2, 3, 4;

DROP TABLE facet_wide;

ALTER TABLE facet SET (
    autovacuum_vacuum_insert_threshold = 1000,
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.05
)
"""

# ---- numbers, quantities, places; full text ----------------------------------------------------------------

TABLES = """
CREATE TABLE number_index (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    unit BIGINT NOT NULL,
    code BIGINT,
    label BIGINT,
    param INTEGER NOT NULL,
    type SMALLINT NOT NULL,
    place SMALLINT NOT NULL,
    low NUMERIC NOT NULL,
    high NUMERIC,
    stated NUMERIC,
    stated_high NUMERIC,
    PRIMARY KEY (child, rid, param, place)
);

CREATE INDEX number_order ON number_index (type, param, unit, low, rid) INCLUDE (child, high);

CREATE INDEX number_ranges ON number_index (type, param, unit, high) INCLUDE (child, rid)
    WHERE high IS NOT NULL;

CREATE TABLE text_index (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (child, rid)
);

CREATE INDEX text_words ON text_index USING gin (words) WITH (fastupdate = off)
"""


# ---- parameters that are added while the server runs ------------------------------------------------------

PARAMETERS = """
CREATE TABLE search_parameter (
    id TEXT NOT NULL PRIMARY KEY,
    definition JSONB NOT NULL,
    complete BOOLEAN NOT NULL
)
"""

# ---- resources: narrower rows, indexes whose pages stay full; every row is carried over --------------------

RESOURCE = """
CREATE TABLE resource_before AS SELECT * FROM resource;

DROP TABLE resource;

CREATE TABLE resource (
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    date_low TIMESTAMP WITH TIME ZONE,
    date_high TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    type SMALLINT NOT NULL,
    author SMALLINT NOT NULL,
    restriction SMALLINT NOT NULL,
    kind SMALLINT NOT NULL,
    shared BOOLEAN NOT NULL,
    id TEXT NOT NULL,
    tok BIGINT[] NOT NULL,
    sorts TEXT NOT NULL,
    body TEXT NOT NULL
)
 PARTITION BY LIST (type);

CREATE TABLE resource_patient PARTITION OF resource FOR VALUES IN (103);

CREATE TABLE resource_observation PARTITION OF resource FOR VALUES IN (96);

CREATE TABLE resource_encounter PARTITION OF resource FOR VALUES IN (44);

CREATE TABLE resource_episodeofcare PARTITION OF resource FOR VALUES IN (48);

CREATE TABLE resource_other PARTITION OF resource DEFAULT;

INSERT INTO resource
SELECT child, rid, last_updated, date_low, date_high, version, type, author, restriction, kind, shared, id,
    tok, (
        SELECT coalesce(string_agg(E'\\n' || code || E'\\t' || (
            SELECT string_agg('=' || translate(key, E'\\n\\t', '  '), E'\\t' ORDER BY place)
            FROM jsonb_array_elements_text(keys) WITH ORDINALITY AS ends (key, place)
        ), ''), '')
        FROM jsonb_each(sorts) AS kept (code, keys)
    ), body
FROM resource_before ORDER BY child, rid;

DROP TABLE resource_before;

ALTER TABLE resource ADD PRIMARY KEY (child, type, rid);

CREATE INDEX resource_child_date ON resource (child, date_low, rid) INCLUDE (kind);

CREATE INDEX resource_child_last_updated ON resource (child, last_updated, rid) INCLUDE (kind);

CREATE INDEX resource_date ON resource (type, date_low, rid) INCLUDE (child, kind);

CREATE INDEX resource_last_updated ON resource (type, last_updated, rid) INCLUDE (child, kind);

ALTER TABLE locator DROP CONSTRAINT locator_pkey;

ALTER TABLE locator ADD PRIMARY KEY (id, type)
"""

PARTITIONS = (
    "resource_patient",
    "resource_observation",
    "resource_encounter",
    "resource_episodeofcare",
    "resource_other",
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
    for part in (FACET, TABLES, PARAMETERS, RESOURCE):
        for statement in part.split(";"):
            op.execute(statement)
    for table in PARTITIONS:
        op.execute(VACUUM.format(table=table))


def downgrade() -> None:
    raise NotImplementedError("The rows that search goes by are not taken back: restore a backup instead.")
