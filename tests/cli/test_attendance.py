"""`childrecord attendance recount`: whether the totals are what the marks say, and put right if not."""

import pytest
from sqlalchemy import text

from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import settings
from tests import make

CHILD = "counted-child"


@pytest.fixture
def recount(childrecord, database, tmp_path_factory):
    """Runs `childrecord attendance recount …` where a child has two marks."""
    environment = {"CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true"}
    environment["CHILDRECORD_DATA"] = str(tmp_path_factory.mktemp("data"))
    childrecord("settings", **environment)
    opened = door(settings(), database)
    suite = as_agency(opened, "conformance", "tests")
    for resource in (
        make.organization("ashbourne-primary"),
        make.child(id=CHILD),
        make.mark(CHILD, "ashbourne-primary", "2025-09-08") | {"id": "counted-1"},
        make.mark(CHILD, "ashbourne-primary", "2025-10-08", code="I") | {"id": "counted-2"},
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite)
    return lambda *arguments: childrecord("attendance", "recount", *arguments, **environment)


def lines(database):
    with database.begin() as connection:
        return connection.execute(text("SELECT * FROM attendance ORDER BY month")).all()


def test_nothing_differs(recount, database):
    before = lines(database)
    for arguments in (("--check",), ()):
        told = recount(*arguments)
        assert (told.exit_code, "0 lines differ" in told.output) == (0, True), told.output
    assert [each.marks.replace(".", " ") for each in lines(database)] == [
        each.marks.replace(".", " ") for each in before
    ]


CHANGES = {
    "another letter": "UPDATE attendance SET marks = 'C' || substr(marks, 2)",
    "a line that is gone": "DELETE FROM attendance WHERE month = 24309",
    "a line too many": "INSERT INTO attendance VALUES (1, 'Organization/x', 24309, 'A' || repeat('.', 61))",
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_differs_is_told_and_put_right(recount, database, name):
    before = [each[:3] for each in lines(database)]
    with database.begin() as connection:
        connection.execute(text(CHANGES[name]))
    assert recount("--check").exit_code == 1
    told = recount()
    assert told.exit_code == 1
    assert "put right" in told.output
    assert recount("--check").exit_code == 0
    assert [each[:3] for each in lines(database)] == before


def test_a_line_that_asks_where_it_need_not_is_not_wrong(recount, database):
    with database.begin() as connection:
        connection.execute(text("UPDATE attendance SET marks = repeat('!', 62)"))
    assert recount("--check").exit_code == 0
    assert recount().exit_code == 0
    assert all("!" not in each.marks for each in lines(database))
