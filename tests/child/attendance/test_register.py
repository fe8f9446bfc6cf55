"""`$register`: a session's marks, held against the record and written as one."""

import pytest

from server.definition.operation import operation
from tests import make
from tests.child.attendance.ask import line, made, outcomes, send


@pytest.fixture
def pupils(suite):
    """Three children who are registered at the school."""
    ids = [make.word("pupil-") for _ in range(3)]
    known = [make.put(make.child(id=id)) for id in ids]
    roll = [make.posted(make.episode(id, "school")) for id in ids]
    assert suite.post(make.bundle("transaction", *known, *roll)).status == 200
    return ids


def marks(caller, child):
    found = caller.get(f"Observation?patient={child}&category=attendance&_sort=date&_count=200").matches
    return [(each["effectiveDateTime"], each["valueCodeableConcept"]["coding"][0]["code"]) for each in found]


def problems(answer):
    return [text for _, text in answer.issues]


def test_each_child_has_the_mark_that_was_sent(school, pupils):
    answer = send(school, *(line(id, code) for id, code in zip(pupils, "/IN", strict=True)))
    assert outcomes(answer) == ["created"] * 3
    assert [marks(school, id) for id in pupils] == [
        [("2025-09-08", "/")], [("2025-09-08", "I")], [("2025-09-08", "N")],
    ]  # fmt: skip


def test_a_mark_is_a_resource_like_any_other(school, suite, pupils):
    one, other = pupils[:2]
    [path, _] = made(send(school, line(one, "L", minutes_late=7), line(other, "L", minutes_late=7)))
    mark = school.get(path).json
    assert mark["component"][0]["valueQuantity"]["value"] == 7
    # It is found by everything that an Observation posted by itself is found by.
    posted = suite.post(make.mark(other, "school", day := "2025-09-09", code="L")).id
    for query in (
        f"patient={one}&code=am", f"subject=Patient/{one}&date=2025-09-08",
        f"patient={one}&performer=Organization/school", f"patient={one}&value-concept=L",
        f"_id={mark['id']}", f"patient={one}&status=final&category=attendance",
        f"patient={one}&component-code=minutes-late", f"patient={one}&_lastUpdated=gt2020",
    ):  # fmt: skip
        assert school.get(f"Observation?{query}").ids == [mark["id"]], query
    assert school.get(f"Observation?patient={other}&date={day}").ids == [posted]
    assert school.get(f"{path}/_history").entries[0]["resource"] == mark


def test_the_same_register_changes_nothing_the_second_time(school, pupils):
    sent = [line(id) for id in pupils]
    first = send(school, *sent)
    again = send(school, *sent)
    assert outcomes(again) == ["unchanged"] * 3
    assert made(again) == made(first)
    for path in made(first):
        assert school.get(path).version == "1"


def test_a_correction_keeps_the_mark_that_was_with_who_when_and_why(school, pupils):
    [path] = made(send(school, line(pupils[0], "N")))
    answer = send(
        school, line(pupils[0], "I", reason="The parent rang"), recorder="A. Clerk, attendance officer"
    )
    assert outcomes(answer) == ["corrected"]
    versions = [each["resource"] for each in school.get(f"{path}/_history").entries]
    said = [each["valueCodeableConcept"]["coding"][0]["code"] for each in versions]
    assert said == ["I", "N"]
    assert versions[0]["status"] == "corrected"
    [why] = school.get(f"Provenance?target={path}").matches
    assert why["target"] == [{"reference": f"{path}/_history/2"}]
    assert why["reason"] == [{"text": "The parent rang"}]
    assert why["agent"][0]["who"]["display"] == "A. Clerk, attendance officer"
    assert why["agent"][0]["onBehalfOf"] == {"reference": "Organization/school"}
    assert why["recorded"] == versions[0]["meta"]["lastUpdated"]


def test_a_correction_sent_again_changes_nothing(school, pupils):
    [path] = made(send(school, line(pupils[0], "N")))
    for expected in ("corrected", "unchanged"):
        assert outcomes(send(school, line(pupils[0], "I", reason="The parent rang"))) == [expected]
    assert school.get(path).version == "2"
    assert len(school.get(f"Provenance?target={path}").matches) == 1


def test_a_correction_says_why(school, pupils):
    send(school, line(pupils[0], "N"))
    answer = send(school, line(pupils[0], "I"))
    assert answer.status == 422
    assert "'reason'" in problems(answer)[0]
    assert marks(school, pupils[0]) == [("2025-09-08", "N")]


def test_one_reason_is_that_of_all_corrections(school, pupils):
    send(school, *(line(id) for id in pupils))
    answer = send(school, *(line(id, "Y4") for id in pupils), reason="The boiler failed")
    assert outcomes(answer) == ["corrected"] * 3


WRONG = {
    "a code that there is not": ({"code": "QQ"}, {}, "is no code of the register on 2025-09-08"),
    "a code that came later": (
        {"code": "Y4"},
        {"day": "2023-11-06"},
        "is no code of the register on 2023-11-06",
    ),
    "a code that went": ({"code": "H"}, {}, "is no code of the register"),
    "a mark of the morning": ({"code": "/"}, {"session": "pm"}, "is a mark of the morning"),
    "a mark of the afternoon": ({"code": "\\"}, {}, "is a mark of the afternoon"),
    "minutes of who was there": ({"code": "/", "minutes_late": 5}, {}, "minutes of lateness"),
    "before the first day": (
        {"code": "/"},
        {"day": "2024-08-30"},
        "is not registered at Organization/school",
    ),
    "another school": ({"code": "/"}, {"school": "academy"}, "is not registered at Organization/academy"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_is_refused_and_nothing_is_written(school, pupils, name):
    said, of, words = WRONG[name]
    good = "\\" if of.get("session") == "pm" else "I"
    answer = send(school, line(pupils[0], **said), line(pupils[1], good), **of)
    assert answer.status == 422, answer
    assert any(words in text for text in problems(answer)), answer
    assert marks(school, pupils[1]) == []


def test_everything_that_is_wrong_is_told_at_once(school, pupils):
    answer = send(school, line(pupils[0], "QQ"), line("nobody"), line(pupils[1], "\\", minutes_late=3))
    assert len(problems(answer)) == 4
    where = {issue["expression"][0] for issue in answer.json["issue"]}
    assert where == {f"Parameters.parameter[{at}]" for at in (3, 4, 5)}


def test_a_part_is_refused_alone_if_that_is_asked_for(school, pupils):
    answer = send(school, line(pupils[0], "QQ"), line("nobody"), line(pupils[1]), partial=True)
    assert outcomes(answer) == ["refused", "refused", "created"]
    assert marks(school, pupils[1]) == [("2025-09-08", "/")]


def test_who_is_not_on_roll_yet_is_marked_so_before_the_first_day(school, pupils):
    assert outcomes(send(school, line(pupils[0], "Z"), day="2024-08-30")) == ["created"]


def test_codes_are_those_of_the_day(school, suite, pupils):
    suite.post(make.episode(pupils[0], "school", start="2022-09-05"))
    [path] = made(send(school, line(pupils[0], "H"), day="2023-11-06"))
    coding = school.get(path).json["valueCodeableConcept"]["coding"][0]
    assert coding["system"].endswith("attendance-code-pre2024")


def test_a_child_is_there_once(school, pupils):
    answer = send(school, line(pupils[0]), line(pupils[0], "I"))
    assert all("more than once" in text for text in problems(answer))


def test_a_child_is_known_by_its_number(school, suite):
    number = make.nhs()
    id = make.word("pupil-")
    known = make.bundle(
        "transaction", make.put(make.child(number, id=id)), make.posted(make.episode(id, "school"))
    )
    suite.post(known)
    by_number = {"name": "identifier", "valueIdentifier": make.identifier(number, make.NHS_NUMBER)}
    sent = {"name": "mark", "part": [by_number, {"name": "code", "valueCode": "/"}]}
    assert outcomes(send(school, sent)) == ["created"]
    assert marks(school, id) == [("2025-09-08", "/")]
    nobody = {"name": "identifier", "valueIdentifier": make.identifier(make.nhs(), make.NHS_NUMBER)}
    answer = send(school, {"name": "mark", "part": [nobody, {"name": "code", "valueCode": "/"}]})
    assert "no child" in problems(answer)[0]


def test_the_school_is_the_callers_own_unless_it_says_another(school, pupils):
    [path] = made(send(school, line(pupils[0]), school=None))
    assert school.get(path).json["performer"] == [{"reference": "Organization/school"}]


def test_who_may_not_see_a_child_learns_nothing_of_it(client_with, pupils):
    academy = client_with("academy")
    there, absent = (send(academy, line(id)) for id in (pupils[0], "nobody-of-that-name"))
    assert (there.status, problems(there)) == (absent.status, problems(absent))


def test_who_may_not_write_marks_writes_none(client_with, pupils):
    reader = client_with("school", "system/*.rs")
    assert send(reader, line(pupils[0])).status == 403
    assert marks(reader, pupils[0]) == []


def test_a_mark_that_the_caller_may_not_change_is_not_changed(school, suite, pupils):
    suite.post(make.mark(pupils[0], "school", code="N"))
    answer = send(school, line(pupils[0], "I", reason="The parent rang"))
    assert answer.status in (403, 422)
    assert marks(school, pupils[0]) == [("2025-09-08", "N")]


def test_a_register_without_a_mark_is_none(school):
    assert send(school).status == 400


def test_a_register_has_two_thousand_marks_at_most():
    [marks] = [each for each in operation("Observation-register").taken if each.name == "mark"]
    assert (marks.min, marks.max) == (1, 2000)


def test_every_mark_is_accounted_for(school, suite, pupils):
    send(school, *(line(id) for id in pupils))
    send(school, *(line(id) for id in pupils))
    for id in pupils:
        known = suite.get(f"AuditEvent?patient={id}&_count=50").matches
        acts = [
            each["subtype"][0]["code"] for each in known if each["agent"][0]["who"].get("display") != "Suite"
        ]
        assert "operation" in acts
        assert "create" in acts
