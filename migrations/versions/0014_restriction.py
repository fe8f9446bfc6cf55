"""What is kept back of a child who is restricted, as a function of the database.

A statement sets up every subquery that it holds before it reads a row, and hardly a row has anything kept
back: a function is set up when it is called, which is for a row that has (`server/search/restriction.py`).
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# The degrees and effects are those of `search.sight` and `store.row`.
NAMED_FOR = """
CREATE FUNCTION named_for(
    of_child BIGINT, at_least SMALLINT, agency SMALLINT, person TEXT, own BIGINT[]
) RETURNS BOOLEAN STABLE LANGUAGE plpgsql AS $$
BEGIN
    -- Of a family, only who is so by name, and not by way of an agency.
    IF person = 'family' THEN
        RETURN EXISTS (
            SELECT FROM sight s
            WHERE s.child = of_child AND s.principal = ANY (own)
              AND s.degree >= at_least AND (s.degree < 4 OR s.degree = 4 + agency)
              AND s.valid_from <= now() AND s.valid_until > now()
        );
    END IF;
    RETURN EXISTS (
        SELECT FROM sight s
        WHERE s.child = of_child AND s.principal = agency AND s.degree >= at_least
          AND s.valid_from <= now() AND s.valid_until > now()
    ) OR (
        -- The glass is broken by one, and not for all who work there.
        person <> '' AND EXISTS (
            SELECT FROM sight s
            WHERE s.child = of_child AND s.principal = ANY (own) AND s.degree = 4 + agency
              AND s.valid_from <= now() AND s.valid_until > now()
        )
    );
END
$$
"""

KEPT_BACK_OF = """
CREATE FUNCTION kept_back_of(
    of_child BIGINT, bits SMALLINT, at_home BOOLEAN,
    row_rid BIGINT, row_type SMALLINT, row_kind SMALLINT, row_author SMALLINT, row_tok BIGINT[],
    patient SMALLINT, agency SMALLINT, person TEXT, own BIGINT[], team BIGINT[], purpose TEXT
) RETURNS SMALLINT STABLE LANGUAGE plpgsql AS $$
DECLARE
    kept SMALLINT := 0;
BEGIN
    IF bits & 3 <> 0 AND NOT named_for(of_child, 3::smallint, agency, person, own) THEN
        kept := bits & 3;
    END IF;
    IF bits & 4 <> 0 AND NOT named_for(of_child, 4::smallint, agency, person, own) THEN
        SELECT kept | coalesce(bit_or(
            CASE
                -- The decision itself is a part of what is not shared.
                WHEN d.rid = row_rid THEN 2
                WHEN row_type = patient AND d.type = 0 THEN
                    -- That the child exists is kept from nobody by a decision about everything: only
                    -- where it is.
                    CASE WHEN at_home AND d.kind = 0 AND cardinality(d.tokens) = 0 THEN 1 ELSE 0 END
                -- What the agency wrote is not, unless it was decided about the very person.
                WHEN (row_author <> agency OR (person <> '' AND d.principal < 0))
                    AND (d.type = 0 OR d.type = row_type)
                    AND (d.kind = 0 OR d.kind = row_kind)
                    AND (cardinality(d.tokens) = 0 OR d.tokens && row_tok) THEN 2
                ELSE 0
            END
        ), 0) INTO kept
        FROM decision d
        WHERE d.child = of_child AND d.effect = 1
          AND (d.principal = agency
               OR (person <> '' AND d.principal = ANY (team))
               OR (d.principal = 0 AND agency <> ALL (d.spared)))
          AND d.valid_from <= now() AND d.valid_until > now()
          AND (purpose IS NULL OR cardinality(d.purposes) = 0 OR purpose = ANY (d.purposes));
    END IF;
    RETURN kept;
END
$$
"""

KEPT_BACK = """
CREATE FUNCTION kept_back(
    home BIGINT, bits SMALLINT, shared BOOLEAN, others BIGINT[],
    row_rid BIGINT, row_type SMALLINT, row_kind SMALLINT, row_author SMALLINT, row_tok BIGINT[],
    patient SMALLINT, agency SMALLINT, person TEXT, own BIGINT[], team BIGINT[], purpose TEXT
) RETURNS SMALLINT STABLE LANGUAGE plpgsql COST 1000 AS $$
DECLARE
    kept SMALLINT := 0;
    other RECORD;
BEGIN
    IF bits & 7 <> 0 THEN
        kept := kept_back_of(
            home, bits, true, row_rid, row_type, row_kind, row_author, row_tok, patient,
            agency, person, own, team, purpose
        );
    END IF;
    IF shared THEN
        -- A version of history keeps itself of whom it spoke.
        IF others IS NULL THEN
            others := ARRAY(SELECT o.other FROM about o WHERE o.child = home AND o.rid = row_rid);
        END IF;
        FOR other IN
            SELECT p.child, p.restriction FROM resource_patient p
            WHERE p.child = ANY (others) AND p.rid = p.child AND p.restriction & 7 <> 0
        LOOP
            kept := kept | kept_back_of(
                other.child, other.restriction, false, row_rid, row_type, row_kind, row_author, row_tok,
                patient, agency, person, own, team, purpose
            );
        END LOOP;
    END IF;
    RETURN kept;
END
$$
"""

FUNCTIONS = (NAMED_FOR, KEPT_BACK_OF, KEPT_BACK)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(function)


def downgrade() -> None:
    for name in ("kept_back", "kept_back_of", "named_for"):
        op.execute(f"DROP FUNCTION {name}")
