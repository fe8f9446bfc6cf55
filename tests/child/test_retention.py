"""Until when each resource of a child is kept."""

import json
from datetime import UTC, date, datetime

import pytest

from server.child.retention import due
from server.child.retention.due import Life, Writer
from server.child.retention.schedule import Schedule, read
from server.definition.library import library
from server.definition.own import Unusable
from server.search.hash import Hasher
from server.search.registry import Registry
from server.search.retention import Held

SCHEDULE = read()
ATTENDANCE, REGISTRATION, PLAN, NEED, PROTECTION, LOOKED_AFTER, ADOPTION = (
    next(search for search in SCHEDULE.searches if word in search)
    for word in (
        "category|attendance", "|registration", "ehc-plan", "|child-in-need", "|child-protection-plan",
        "|looked-after", "placement-type",
    )
)  # fmt: skip
WRITERS = {
    1: Writer("330", "social-care"),
    2: Writer("331", "social-care"),
    3: Writer("330", "school"),
    4: Writer("331", "health"),
}
BORN = date(2000, 2, 29)
DIED, LIVED = ("2029-05-06", "looked-after"), ("2075-03-01", "looked-after")


def held(rid=1, author=3, end="2012-07-20", *found, deleted=False):
    """A resource that some of the searches find."""
    selected = tuple(search in found for search in SCHEDULE.searches)
    over = datetime.fromisoformat(end).replace(hour=12, tzinfo=UTC) if end else None
    return Held(7, 96, f"r{rid}", rid, author, over, deleted, selected)


def until(*every, born=BORN, died=None):
    found = due.until(every, Life(born, died), WRITERS, SCHEDULE)
    return {each.held.rid: (str(each.day) if each.day else None, each.by.name) for each in found}


@pytest.mark.parametrize(
    ("every", "life", "kept"),
    [
        ((held(),), {}, ("2025-03-01", "child")),
        ((held(),), {"born": None}, (None, "child")),
        ((held(1, 3, "2012-07-20", ATTENDANCE),), {}, ("2018-07-20", "attendance-register")),
        ((held(1, 3, "2012-07-20", REGISTRATION),), {}, ("2018-07-20", "admission-register")),
        ((held(1, 3, None, REGISTRATION),), {}, (None, "admission-register")),
        ((held(1, 3, "2012-07-20", PLAN),), {}, ("2031-03-01", "special-educational-needs")),
        ((held(1, 4),), {}, ("2026-03-01", "health")),
        ((held(1, 2),), {}, ("2025-03-01", "child")),
        ((held(1, 2), held(2, 2, "2013-01-01", NEED)), {}, ("2025-03-01", "child-in-need")),
        # Wexshire counts from the last that was written.
        ((held(1, 1), held(2, 1, "2013-01-01", NEED)), {}, ("2034-01-01", "child-in-need")),
        ((held(1, 1), held(2, 1, "2013-01-01", PROTECTION)), {}, ("2048-01-01", "child-protection")),
        ((held(1, 1), held(2, 1, None, NEED)), {}, (None, "child-in-need")),
        # The longest holds.
        ((held(1, 1), held(2, 1, "2013-01-01", NEED, LOOKED_AFTER)), {}, ("2075-03-01", "looked-after")),
        ((held(1, 1), held(2, 1, "2013-01-01", LOOKED_AFTER, ADOPTION)), {}, ("2113-01-01", "adoption")),
        # Who was looked after and died young: 15 years from the death.
        ((held(1, 1, "2013-01-01", LOOKED_AFTER),), {"died": date(2014, 5, 6)}, DIED),
        ((held(1, 1, "2013-01-01", LOOKED_AFTER),), {"died": date(2020, 5, 6)}, LIVED),
        # The file is social care's: what a school wrote is no part of it.
        ((held(1, 3), held(2, 1, "2013-01-01", LOOKED_AFTER)), {}, ("2025-03-01", "child")),
        # Nobody knows whose it was: what holds everywhere.
        ((held(1, 99, "2012-07-20", ATTENDANCE),), {}, ("2018-07-20", "attendance-register")),
    ],
)  # fmt: skip
def test_the_longest_of_its_classes_says_until_when(every, life, kept):
    assert until(*every, **life)[1] == kept


@pytest.mark.parametrize(
    ("patient", "life"),
    [
        ({"birthDate": "2014-03-14"}, Life(date(2014, 3, 14))),
        ({"birthDate": "2014-03"}, Life(date(2014, 3, 31))),
        ({"birthDate": "2014"}, Life(date(2014, 12, 31))),
        ({"deceasedDateTime": "2020-06-01T23:30:00Z"}, Life(None, date(2020, 6, 2))),
        ({"deceasedBoolean": True}, Life()),
        ({"birthDate": "soon"}, Life()),
    ],
)  # fmt: skip
def test_what_is_not_known_to_the_day_is_as_late_as_it_can_be(patient, life):
    assert due.life(patient) == life


def test_every_class_has_its_source_and_can_be_asked():
    assert SCHEDULE.selections(Registry(library()), Hasher(bytes(32)), "http://example.org/fhir")
    for authority in SCHEDULE.authorities:
        assert all(each.sources for each in SCHEDULE.classes(authority))


REST = {
    "name": "rest",
    "title": "Rest",
    "from": "birth",
    "years": 1,
    "sources": [{"title": "x", "provision": "y", "checked": False}],
}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"authority": "330"}, "every authority"),
        ({"classes": []}, "what no other covers"),
        ({"classes": [REST, REST]}, "twice"),
        ({"classes": [REST | {"from": "now"}]}, "counts from"),
        ({"classes": [REST | {"years": -1}]}, "counts from"),
        ({"classes": [REST | {"sources": []}]}, "counts from"),
        ({"classes": [REST | {"year": 1}]}, "unknown field"),
        ({"classes": [REST | {"years": "long"}]}, "no retention schedule"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(tmp_path, change, told):
    file = {"authority": "*", "title": "Of a test", "classes": [REST], **change}
    (tmp_path / "a.json").write_text(json.dumps(file))
    with pytest.raises(Unusable, match=told):
        read(tmp_path)


@pytest.mark.parametrize(
    "search",
    [
        "Nothing",
        "Observation?nothing=1",
        "Observation?date=2020",
        "Observation?code:not=x",
        "Observation?patient.name=x",
    ],
)
def test_a_search_that_a_row_does_not_decide_is_refused(tmp_path, search):
    classes = [REST, REST | {"name": "other", "covers": [search]}]
    (tmp_path / "a.json").write_text(json.dumps({"authority": "*", "title": "x", "classes": classes}))
    schedule: Schedule = read(tmp_path)
    with pytest.raises(Unusable, match="A retention schedule asks"):
        schedule.selections(Registry(library()), Hasher(bytes(32)), "http://example.org/fhir")
