"""One live mark for each school, child, date and session."""

from tests import make
from tests.make import CATEGORY


def test_a_mark_that_is_posted_twice_is_refused(school, child):
    sent = make.mark(child, "school")
    assert school.post(sent).status == 201
    refused = school.post(
        {**sent, "valueCodeableConcept": make.concept(f"{make.B}/CodeSystem/attendance-code", "B")}
    )
    assert (refused.status, refused.code) == (409, "duplicate")
    assert len(school.search(f"Observation?patient={child}").ids) == 1


def test_a_correction_is_the_second_version_and_the_first_is_kept(school, child):
    made = school.post(make.mark(child, "school", code="N"))
    corrected = school.put(make.mark(child, "school", code="L", id=made.id))
    assert (corrected.status, corrected.version) == (200, "2")
    codes = [
        each["resource"]["valueCodeableConcept"]["coding"][0]["code"]
        for each in school.get(f"Observation/{made.id}/_history").entries
    ]
    assert codes == ["L", "N"]


def test_the_other_session_another_day_and_another_school_are_other_marks(suite, child):
    for mark in (
        make.mark(child, "school"),
        make.mark(child, "school", session="pm"),
        make.mark(child, "school", "2025-09-09"),
        make.mark(child, "newcomer"),
    ):
        assert suite.post(mark).status == 201
        assert suite.post(mark).status == 409


def test_a_mark_entered_in_error_leaves_room_for_the_right_one(school, child):
    sent = make.mark(child, "school")
    made = school.post(sent)
    assert school.put({**sent, "id": made.id, "status": "entered-in-error"}).status == 200
    assert school.post(sent).status == 201


def test_a_deleted_mark_leaves_room_too(school, child):
    sent = make.mark(child, "school")
    school.delete(f"Observation/{school.post(sent).id}")
    assert school.post(sent).status == 201


def test_a_mark_may_not_become_one_that_there_is(school, child):
    school.post(make.mark(child, "school"))
    made = school.post(make.mark(child, "school", session="pm"))
    assert school.put(make.mark(child, "school", id=made.id)).status == 409
    assert school.get(f"Observation/{made.id}").version == "1"


def test_the_same_mark_twice_in_one_transaction_is_refused(school, child):
    sent = make.posted(make.mark(child, "school"))
    assert school.post(make.bundle("transaction", sent, sent)).status == 409
    assert school.search(f"Observation?patient={child}").ids == []


def test_a_code_of_another_system_makes_no_mark(suite, child):
    """Our rules act on our categories: a plain client's Observation is plain FHIR."""
    sent = make.mark(child, "school") | {
        "category": [make.concept("https://example.org/elsewhere", "attendance")]
    }
    assert [suite.post(sent).status for _ in range(2)] == [201, 201]
    sent = make.mark(child, "school") | {"category": [make.concept(CATEGORY, "attendance-total")]}
    assert [suite.post(sent).status for _ in range(2)] == [201, 201]


def test_a_conditional_create_of_a_mark_is_answered_with_it(school, child):
    sent = make.mark(child, "school")
    condition = f"patient={child}&date=2025-09-08&code=am&category={CATEGORY}|attendance&performer=school"
    first, second = (school.post(sent, If_None_Exist=condition) for _ in range(2))
    assert (first.status, second.status, second.id) == (201, 200, first.id)
