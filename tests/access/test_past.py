"""A version is seen by who may see it and the present one, in every history."""

import pytest

from tests import make
from tests.http.test_history import moment, pages, versions


@pytest.fixture
def start(suite):
    """The instant before a test."""
    return moment(suite.put(make.organization(make.word())))


def attendance(about, **more):
    """Of the category that schools have a right to."""
    return make.observation(about, **more) | {"category": [make.concept(make.CATEGORY, "attendance")]}


def seen(client, start, id, type_="Observation"):
    """The numbers of the versions that a caller finds, alike by each way."""
    one = client.get(f"{type_}/{id}/_history")
    found = [] if one.status == 404 else versions(one)
    for url in (f"{type_}/_history", "_history"):
        for order in ("", "&_sort=_lastUpdated"):
            for count in (1, 100):
                all_of_it = [
                    each
                    for page in pages(client, f"{url}?_since={start}&_count={count}{order}")
                    for each in page
                ]
                mine = [each for each in all_of_it if each.startswith(f"{id}/")]
                assert (mine[::-1] if order else mine) == found, (url, order, count)
    batch = client.post(make.bundle("batch", make.entry("GET", f"_history?_since={start}&_count=100")))
    assert all((each in batch.text) for each in [id] if found)
    assert found or id not in batch.text
    numbers = [int(each.split("/")[1]) for each in found]
    for number in range(1, 6):
        status = client.get(f"{type_}/{id}/_history/{number}").status
        assert (status in (200, 410)) == (number in numbers)
    return numbers


def test_the_past_of_what_may_be_seen_is_seen(suite, school, child, start):
    id = make.word()
    for at in range(3):
        suite.put(attendance(child, id=id, code=f"c{at}"))
    suite.delete(f"Observation/{id}")
    suite.put(attendance(child, id=id))
    assert seen(school, start, id) == [5, 4, 3, 2, 1]


def test_a_version_of_a_category_without_a_right_is_left_out(suite, school, child, start):
    id = make.word()
    suite.put(attendance(child, id=id))
    suite.put(make.observation(child, id=id))
    suite.put(attendance(child, id=id, code="y"))
    assert seen(school, start, id) == [3, 1]


def test_what_may_not_be_seen_today_is_not_seen_in_the_past(suite, school, child, start):
    id = make.word()
    suite.put(attendance(child, id=id))
    assert seen(school, start, id) == [1]
    suite.put(make.observation(child, id=id))
    assert seen(school, start, id) == []
    suite.delete(f"Observation/{id}")
    assert seen(school, start, id) == []


def test_the_deletion_of_what_may_not_be_seen_is_not_seen(suite, school, social_care, child, start):
    id = make.word()
    suite.put(make.observation(child, id=id))
    suite.delete(f"Observation/{id}")
    assert seen(school, start, id) == []
    assert seen(social_care, start, id) == [2, 1]


def test_a_resource_that_moved_to_a_child_who_is_not_known_takes_its_past_along(suite, school, child, start):
    stranger, id = make.word("stranger-"), make.word()
    suite.put(make.patient(id=stranger))
    suite.put(attendance(child, id=id))
    suite.put(attendance(child, id=id, code="y"))
    assert seen(school, start, id) == [2, 1]
    suite.put(attendance(stranger, id=id))
    assert seen(school, start, id) == []
    suite.delete(f"Observation/{id}")
    assert seen(school, start, id) == []


def test_of_a_resource_that_came_from_another_child_only_the_time_since_is_seen(suite, school, child, start):
    stranger, id = make.word("stranger-"), make.word()
    suite.put(make.patient(id=stranger))
    suite.put(attendance(stranger, id=id))
    suite.put(attendance(child, id=id))
    suite.delete(f"Observation/{id}")
    assert seen(school, start, id) == [3, 2]
    suite.put(attendance(child, id=id))
    assert seen(school, start, id) == [4, 3, 2]


def test_a_version_that_spoke_of_another_child_is_seen_by_who_may_see_both(suite, school, child, start):
    stranger, id = make.word("stranger-"), make.word()
    suite.put(make.patient(id=stranger))
    suite.put(attendance(child, id=id, focus=[make.reference(f"Patient/{stranger}")]))
    suite.put(attendance(child, id=id))
    assert seen(school, start, id) == [2]


def test_the_past_of_a_very_restricted_child_is_nobody_s(suite, school, child, start):
    id = make.word()
    suite.put(attendance(child, id=id))
    suite.put(attendance(child, id=id, code="y"))
    known = suite.get(f"Patient/{child}").json
    assert seen(school, start, id) == [2, 1]
    suite.put({**known, "meta": make.labelled("V")})
    assert seen(school, start, id) == []
    assert seen(school, start, child, "Patient") == []


def test_the_past_is_shown_no_more_of_than_the_present(suite, client_with, start):
    """Content of what was a registration does not outlive its becoming a plan, which is only known of."""
    glimpse, child, id = client_with("glimpse"), make.word("child-"), make.word()
    suite.put(make.patient(id=child))
    suite.post(make.episode(child, "glimpse"))
    secret = {"careManager": make.reference(f"Practitioner/{make.word('secret')}")}
    suite.put(make.episode(child, "x", id=id, **secret))
    assert "careManager" in glimpse.get(f"EpisodeOfCare/{id}/_history/1").json
    suite.put(make.episode(child, "x", "child-protection-plan", id=id, **secret))
    assert seen(glimpse, start, id, "EpisodeOfCare") == [2, 1]
    for url in (f"EpisodeOfCare/{id}/_history", "EpisodeOfCare/_history", "_history"):
        assert secret["careManager"]["reference"] not in glimpse.get(f"{url}?_since={start}&_count=100").text
    assert "careManager" not in glimpse.get(f"EpisodeOfCare/{id}/_history/1").json


def test_of_everything_who_may_read_one_type_is_shown_one_type(client_with, suite, start, child):
    some = client_with("social-care", "system/Patient.rs")
    id = make.word()
    suite.put(attendance(child, id=id))
    found = versions(some.get(f"_history?_since={start}&_count=1000"))
    assert f"{child}/1" in found
    assert f"{id}/1" not in found
    assert some.get("Observation/_history").status == 403
    assert client_with("social-care", "system/Patient.c").get("_history").status == 403


def test_rights_are_asked_again_for_the_next_page_of_a_history(suite, school, start):
    child = make.word("child-")
    registration = make.episode(child, "school", id=make.word())
    marks = [make.mark(child, "school", f"2025-09-0{day}") for day in range(1, 5)]
    parts = (make.put(make.child(id=child)), make.put(registration), *map(make.posted, marks))
    suite.post(make.bundle("transaction", *parts))
    page = school.get(f"Observation/_history?_since={start}&_count=2")
    assert len(page.entries) == 2
    suite.put({**registration, "status": "entered-in-error"})
    assert versions(school.get(page.link("next"))) == []


def test_a_history_is_accounted_for_with_what_was_shown(suite, school, app, child, start):
    id = make.word()
    suite.put(attendance(child, id=id))
    assert versions(school.get(f"Observation/_history?_since={start}")) == [f"{id}/1"]
    with app.extensions["database"].autocommit() as connection:
        line = connection.exec_driver_sql(
            "SELECT a.interaction, a.outcome, a.hits, a.child FROM audit a WHERE client = %s "
            "ORDER BY at DESC, id DESC LIMIT 1",
            (school.client,),
        ).one()
        rid, of = connection.exec_driver_sql(
            "SELECT rid, child FROM resource_observation WHERE id = %s", (id,)
        ).one()
    assert tuple(line) == ("history", 200, [rid], of)
