"""Bodies as bytes, to be compressed, and what resources are sorted by told without them.

Bodies stay the text that they are: they are compressed when they are written again, or indexed anew.
"""

from alembic import context, op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DICTIONARY = """
CREATE TABLE dictionary (
    number SMALLINT NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL
)
"""

# What a key pointed to stands in the body up to the next quote; parameters of the same keys share them now.
SHARED = """
CREATE FUNCTION pg_temp.shared(sorts TEXT, body TEXT) RETURNS TEXT IMMUTABLE LANGUAGE sql AS $$
    SELECT coalesce(string_agg(codes || E'\\t\\n' || keys || E'\\n', '' ORDER BY place), '')
    FROM (
        SELECT string_agg(E'\\t' || code, '' ORDER BY place) AS codes, keys, min(place) AS place
        FROM (
            SELECT place, split_part(line, E'\\t', 1) AS code, (
                SELECT string_agg(
                    '=' || CASE
                        WHEN told LIKE '@%'
                        THEN split_part(substr(body, CAST(substr(told, 2) AS INTEGER)), '"', 1)
                        ELSE substr(told, 2)
                    END, E'\\t' ORDER BY at
                )
                FROM unnest(string_to_array(substr(line, strpos(line, E'\\t') + 1), E'\\t'))
                    WITH ORDINALITY AS ends (told, at)
            ) AS keys
            FROM unnest(string_to_array(sorts, E'\\n')) WITH ORDINALITY AS lines (line, place)
            WHERE line <> ''
        ) AS each
        GROUP BY keys
    ) AS every
$$
"""

# Both tables are written anew, and nobody reads them meanwhile. PostgreSQL need not compress bodies as well.
BODIES = """
ALTER TABLE resource
    ALTER COLUMN sorts TYPE TEXT USING pg_temp.shared(sorts, body),
    ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8'),
    ALTER COLUMN body SET STORAGE EXTERNAL;

ALTER TABLE history
    ALTER COLUMN body TYPE BYTEA USING convert_to(body, 'UTF8'),
    ALTER COLUMN body SET STORAGE EXTERNAL
"""


def upgrade() -> None:
    op.execute(DICTIONARY)
    op.execute(SHARED)
    count = (
        op.get_bind()
        .exec_driver_sql("SELECT (SELECT count(*) FROM resource) + (SELECT count(*) FROM history)")
        .scalar_one()
    )
    if count:
        say = context.config.attributes["say"]
        say(f"Writing {count:,} versions anew: some minutes for a million, in which nobody can read them.")
    for statement in BODIES.split(";"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError(
        "Bodies that were compressed since could not be read: restore a backup instead."
    )
