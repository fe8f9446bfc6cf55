"""A facet has one row, in the order in which it is walked, for as long as its resource carries the hash."""

import pytest
from sqlalchemy import text

from server.definition.folder import migrations
from tests import make

SMALL = """
INSERT INTO facet_wide (h, child, rid, type, date_low, last_updated) VALUES
    (7, 1, 2, 96, '2024-01-02 00:00Z', '2025-01-01 00:00Z'),
    (7, 1, 3, 96, NULL, '2025-01-03 00:00Z'),
    (-8, 4, 5, 103, NULL, '2025-01-04 00:00Z')
"""


@pytest.fixture
def rows(app):
    """(h, at) of the facets of a resource."""

    def found(id):
        query = text(
            "SELECT f.h, f.at, r.date_low, r.last_updated, r.tok "
            "FROM locator l JOIN resource r USING (child, type, rid) LEFT JOIN facet f USING (child, rid) "
            "WHERE l.id = :id"
        )
        with app.extensions["database"].begin() as connection:
            return connection.execute(query, {"id": id}).all()

    return found


@pytest.mark.parametrize("date", ["2024-03-08", None])
def test_a_facet_is_where_the_date_is_or_else_the_last_change(suite, rows, date):
    known = {"effectiveDateTime": date} if date else {}
    found = rows(suite.post(make.observation(code=make.word(), **known)).id)
    assert found[0].h is not None
    for row in found:
        assert row.at == (row.date_low or row.last_updated)
        assert row.h in row.tok


def test_what_is_written_anew_is_found_by_what_it_is_and_by_nothing_that_it_was(suite, rows):
    before, after = make.word(), make.word()
    id = suite.post(make.observation(code=before, effectiveDateTime="2024-03-08")).id
    suite.put(make.observation(code=after, id=id, effectiveDateTime="2024-03-09"))
    assert {row.at for row in rows(id)} == {rows(id)[0].date_low}
    assert suite.search(f"Observation?code={after}").ids == [id]
    assert suite.search(f"Observation?code={before}").ids == []


def test_what_is_deleted_leaves_no_facet(suite, app):
    id = suite.post(make.observation(code=make.word())).id
    query = text("SELECT count(*) FROM facet f JOIN locator l ON f.rid = l.rid WHERE l.id = :id")
    with app.extensions["database"].begin() as connection:
        assert connection.scalar(query, {"id": id})
    suite.delete(f"Observation/{id}")
    with app.extensions["database"].begin() as connection:
        assert connection.scalar(query, {"id": id}) == 0


def test_every_row_of_a_wide_facet_is_carried_over(database):
    script = (migrations() / "versions" / "0004_search.py").read_text()
    names: dict = {}
    exec(script.partition("def upgrade")[0], names)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE facet"))
        connection.execute(text(WIDE))
        connection.execute(text(SMALL.replace("facet_wide", "facet")))
        for statement in names["FACET"].split(";"):
            connection.execute(text(statement))
        found = connection.execute(text("SELECT h, at, rid, child FROM facet ORDER BY 1, 2")).all()
    told = [(h, at.date().isoformat(), rid, child) for h, at, rid, child in found]
    assert told == [(-8, "2025-01-04", 5, 4), (7, "2024-01-02", 2, 1), (7, "2025-01-03", 3, 1)]


WIDE = """
CREATE TABLE facet (
    h BIGINT NOT NULL,
    child BIGINT NOT NULL,
    rid BIGINT NOT NULL,
    type SMALLINT NOT NULL,
    date_low TIMESTAMP WITH TIME ZONE,
    last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (child, rid, h)
)
"""
