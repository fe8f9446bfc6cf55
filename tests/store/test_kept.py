"""What a resource is sorted by, and its body, are kept short and read back as they were."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import literal, select

from server.fhir import json
from server.fhir.meta import stamped
from server.store import opening, sortkey

AT = datetime(2026, 9, 1, 8, 30, 0, 123456, tzinfo=UTC)

KEYS = {
    "status": ["final"],
    "patient": ["Patient/0198f6d2-0000-7000-8000-000000000001"],
    "code": ["a", "height"],
    "cased": ["lower case only here"],
    "quoted": ['say "so"'],
    "slashed": ["a\\b", "c\\d"],
    "split": ["one\ttwo\nthree"],
    "empty": [""],
    "wide": ["\N{PILE OF POO}", "Zoë"],
    "at": ["@7", "=7"],
    "uris": ["http://a", "http://b", "http://c"],
    "subject": ["Patient/0198f6d2-0000-7000-8000-000000000001"],
    "codes": ["a", "code", "status", "z"],
}


@pytest.mark.parametrize("code", [*KEYS, "stat", "absent"])
def test_keys_are_read_back_as_they_were(database, code):
    row = select(literal(sortkey.packed(KEYS)).label("sorts")).subquery()
    low, high = sortkey.end(row, code, highest=False), sortkey.end(row, code, highest=True)
    with database.begin() as connection:
        found = connection.execute(select(sortkey.present(row, code), low, high)).one()
    ends = [key.translate({9: " ", 10: " "}) for key in KEYS.get(code, ())]
    assert tuple(found) == ((True, ends[0], ends[-1]) if ends else (False, None, None))


@pytest.mark.parametrize(("uri", "there"), [("http://b", True), ("http://d", False), ("", False)])
def test_every_key_that_is_kept_can_be_asked_for(database, uri, there):
    row = select(literal(sortkey.packed(KEYS)).label("sorts")).subquery()
    with database.begin() as connection:
        found = select(sortkey.some(row, "uris", lambda key: key == uri)).select_from(row)
        assert connection.scalar(found) is there


def test_parameters_of_the_same_keys_share_them():
    shared = sortkey.packed({"patient": KEYS["patient"], "subject": KEYS["patient"]})
    assert len(shared) == len(sortkey.packed({"patient": KEYS["patient"]})) + len("subject\t")


@pytest.mark.parametrize(
    ("resource", "shorter"),
    [
        ({"resourceType": "Patient"}, True),
        ({"resourceType": "Patient", "active": True}, True),
        ({"resourceType": "Patient", "meta": {"profile": ["http://p"], "versionId": "9"}}, True),
        ({"resourceType": "Patient", "id": "other", "meta": {}, "active": True}, True),
        ({"active": True, "resourceType": "Patient"}, True),
        ({"active": True, "resourceType": "Patient", "id": "x", "meta": {}}, False),
        ({"resourceType": "Patient", "active": True, "id": "x", "meta": {}}, False),
    ],
)
def test_a_body_is_read_back_as_it_was(resource, shorter):
    body = json.encode(stamped(resource, "x", 2, AT)).decode()
    assert (len(opening.unopened(body, "x", 2, AT)) < len(body)) is shorter
    assert opening.whole("Patient", "x", 2, AT, opening.kept(body, "x", 2, AT)) == body


def test_what_speaks_of_the_opening_further_in_is_kept_whole():
    inner = json.encode(stamped({"resourceType": "Patient"}, "x", 2, AT)).decode()
    body = f'{{"resourceType":"Basic","contained":[{inner}]}}'
    assert opening.whole("Basic", "x", 2, AT, opening.kept(body, "x", 2, AT)) == body


def test_of_a_deletion_there_is_no_body():
    assert opening.whole("Patient", "x", 2, AT, b"") == ""
