"""Code systems too large for a file: their concepts, what stands under what, and clients' closure tables."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CONCEPTS = """
CREATE SEQUENCE code_system_number;

CREATE TABLE code_system (
    number INTEGER NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    version TEXT NOT NULL,
    ready BOOLEAN NOT NULL,
    loaded TIMESTAMP WITH TIME ZONE NOT NULL,
    count INTEGER NOT NULL,
    detail JSONB NOT NULL
);

CREATE TABLE concept (
    system INTEGER NOT NULL,
    number INTEGER NOT NULL,
    inactive BOOLEAN NOT NULL,
    code TEXT COLLATE "C" NOT NULL,
    display TEXT NOT NULL,
    parents INTEGER[] NOT NULL,
    above INTEGER[] NOT NULL,
    detail TEXT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (system, number),
    UNIQUE (system, code)
);

CREATE INDEX concept_words ON concept USING gin (words);

CREATE TABLE concept_group (
    system INTEGER NOT NULL,
    property TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    members INTEGER[] NOT NULL,
    PRIMARY KEY (system, property, value)
)
"""

CLOSURE = """
CREATE TABLE closure (
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (client, name)
);

CREATE TABLE closure_concept (
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    system TEXT NOT NULL,
    code TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (client, name, system, code)
)
"""


def upgrade() -> None:
    for part in (CONCEPTS, CLOSURE):
        for statement in part.split(";"):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("The concepts would have to be loaded anew: restore a backup instead.")
