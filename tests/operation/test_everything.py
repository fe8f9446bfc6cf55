"""Patient/[id]/$everything.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

from datetime import timedelta

import pytest

from server import clock
from server.fhir.meta import instant
from server.record.record import OURSELVES
from tests import make


def ids(answer, mode="match"):
    found = [each["resource"] for each in answer.entries if each["search"]["mode"] == mode]
    return [f"{each['resourceType']}/{each['id']}" for each in found]


def everything(caller, child, query=""):
    return caller.get(f"Patient/{child}/$everything{query}")


@pytest.fixture
def marks(suite, child):
    """Marks of four days in September 2025."""
    sent = [make.posted(make.mark(child, "school", f"2025-09-0{day}")) for day in (1, 2, 3, 4)]
    answer = suite.post(make.bundle("transaction", *sent))
    written = [each["response"]["location"].split("/") for each in answer.entries]
    return ["/".join(each[each.index("Observation") :][:2]) for each in written]


def test_it_brings_the_child_what_is_about_it_and_what_that_refers_to(suite, child, marks):
    answer = everything(suite, child)
    found = ids(answer)
    assert found[0] == f"Patient/{child}"
    assert set(marks) < set(found)
    assert [each.split("/")[0] for each in found[1:]] == ["EpisodeOfCare"] * 3 + ["Observation"] * 4
    assert answer.json["type"] == "searchset"
    assert answer.json["total"] == len(found)
    support = sorted(ids(answer, "include"))
    assert support == [f"Organization/{each}" for each in ("health", "school", "social-care")]


def test_another_child_is_not_in_it(suite, child, marks):
    other = suite.post(make.child()).id
    suite.post(make.observation(other))
    assert len(ids(everything(suite, other))) == 2
    assert f"Patient/{other}" not in everything(suite, child).text


OTHERWISE = {
    "performer": lambda id, other: make.observation(other, performer=[make.reference(f"Patient/{id}")]),
    "sender": lambda id, other: {
        "resourceType": "Communication",
        "status": "completed",
        "subject": make.reference(f"Patient/{other}"),
        "sender": make.reference(f"Patient/{id}"),
    },
    "member of a group": lambda id, other: {
        "resourceType": "Group",
        "type": "person",
        "actual": True,
        "member": [
            {"entity": make.reference(f"Patient/{other}")},
            {"entity": make.reference(f"Patient/{id}")},
        ],
    },
    "person": lambda id, other: {
        "resourceType": "Person",
        "link": [{"target": make.reference(f"Patient/{id}")}],
    },
    "link": lambda id, other: make.patient(
        link=[{"other": make.reference(f"Patient/{id}"), "type": "seealso"}]
    ),
}


@pytest.mark.parametrize("how", OTHERWISE)
def test_what_is_in_the_compartment_and_at_home_elsewhere_is_in_it(suite, child, how):
    other = suite.post(make.child()).id
    made = suite.post(OTHERWISE[how](child, other))
    assert f"{made.json['resourceType']}/{made.id}" in ids(everything(suite, child))


def provenance(target):
    return {
        "resourceType": "Provenance",
        "target": [make.reference(target)],
        "recorded": "2025-09-01T10:00:00Z",
        "agent": [{"who": {"display": "x"}}],
    }


def test_what_is_seen_with_something_else_is_in_its_place(suite, social_care, child, marks):
    flag = suite.post(
        {
            "resourceType": "Task",
            "status": "requested",
            "intent": "order",
            "for": make.reference(f"Patient/{child}"),
        }
    )
    reason = suite.post(provenance(f"Patient/{child}")).id
    whole = ids(everything(suite, child))
    assert whole[-2:] == [f"Provenance/{reason}", f"Task/{flag.id}"]
    found, url = [], f"Patient/{child}/$everything?_count=2"
    while url:
        page = suite.get(url)
        found += ids(page)
        url = page.link("next")
    assert found == whole
    assert ids(everything(suite, child, "?_type=Provenance")) == [f"Provenance/{reason}"]


def test_what_only_speaks_of_the_child_is_not_in_it(suite, child):
    other = suite.post(make.child()).id
    suite.post(make.observation(other, focus=[make.reference(f"Patient/{child}")]))
    suite.post(make.linkage(f"Patient/{child}"))
    assert len(ids(everything(suite, child))) == 4


def test_its_pages_hold_each_once_whoever_writes_meanwhile(suite, child, marks):
    whole = ids(everything(suite, child))
    found, url = [], f"Patient/{child}/$everything?_count=3"
    while url:
        page = suite.get(url)
        assert "total" not in page.json
        assert len(ids(page)) <= 3
        found += ids(page)
        url = page.link("next")
        if len(found) == 3:
            changed = suite.get(whole[1]).json
            suite.put({**changed, "meta": make.tagged("x")})
            suite.put({**suite.get(whole[5]).json, "meta": make.tagged("x")})
    assert found == whole


def test_a_page_that_is_just_full_has_no_link(suite, child, marks):
    page = everything(suite, child, "?_count=8")
    assert (page.link("next"), page.json["total"]) == (None, 8)
    assert everything(suite, child, "?_count=7").link("next")


def test_one_a_page_is_a_page(suite, child, marks):
    found, url = [], f"Patient/{child}/$everything?_count=1"
    while url:
        page = suite.get(url)
        found += ids(page)
        url = page.link("next")
    assert sorted(found) == sorted(ids(everything(suite, child)))


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("start=2025-09-03", "34"),
        ("end=2025-09-02", "12"),
        ("start=2025-09-02&end=2025-09-03", "23"),
        ("start=2025-09", "1234"),
        ("end=2025-08", ""),
        ("start=2025-10", ""),
        ("start=2025&end=2025", "1234"),
    ],
)
def test_a_period_leaves_out_care_at_other_times(suite, child, marks, query, days):
    found = everything(suite, child, f"?{query}")
    given = [
        e["resource"]["effectiveDateTime"][-1] for e in found.entries if "effectiveDateTime" in e["resource"]
    ]
    assert "".join(given) == days
    # What goes on is not over, and what has no date is at no other time.
    assert f"Patient/{child}" in ids(found)
    assert "EpisodeOfCare" in found.text


def test_since_leaves_out_what_was_not_changed(suite, child, marks):
    at = instant(clock.now() + timedelta(milliseconds=1))
    assert ids(everything(suite, child, f"?_since={at}")) == []
    changed = suite.get(marks[2]).json
    suite.put({**changed, "status": "amended"})
    answer = everything(suite, child, f"?_since={at}")
    assert ids(answer) == [marks[2]]
    assert ids(answer, "include") == ["Organization/school"]


@pytest.mark.parametrize(
    ("query", "matches", "includes"),
    [
        ("_type=Patient", 1, 0),
        ("_type=Observation", 4, 0),
        ("_type=Observation,Patient", 5, 0),
        ("_type=Observation&_type=Organization", 4, 1),
        ("_type=Organization", 0, 0),
        ("_type=EpisodeOfCare,Organization", 3, 3),
        ("_type=Immunization", 0, 0),
    ],
)
def test_only_the_types_that_were_named(suite, child, marks, query, matches, includes):
    answer = everything(suite, child, f"?{query}")
    assert (len(ids(answer)), len(ids(answer, "include"))) == (matches, includes)


@pytest.mark.parametrize(
    "query",
    [
        "_type=Nothing", "_type=", "_type=Patient,", "_count=0", "_count=-1", "_count=x", "start=2025-13",
        "end=x", "start=2025&start=2024", "_since=2025", "_since=x", "_page=x", "name=1", "_sort=date",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(suite, child, query):
    answer = everything(suite, child, f"?{query}")
    assert answer.status == 400


def test_a_plus_that_was_not_escaped_is_one(suite, child, marks):
    assert ids(everything(suite, child, "?_since=2020-01-01T00:00:00+01:00"))


def test_by_post_it_answers_as_by_get(suite, child, marks):
    sent = [{"name": "_type", "valueCode": "Observation"}, {"name": "end", "valueDate": "2025-09-02"}]
    posted = suite.ask(
        "POST", f"Patient/{child}/$everything", {"resourceType": "Parameters", "parameter": sent}
    )
    assert ids(posted) == ids(everything(suite, child, "?_type=Observation&end=2025-09-02"))


@pytest.mark.parametrize(("id", "status"), [("nobody", 404), ("gone", 410)])
def test_of_who_is_not_there_it_says_what_a_read_says(suite, id, status):
    if id == "gone":
        id = suite.post(make.patient()).id
        suite.delete(f"Patient/{id}")
    answer = everything(suite, id)
    assert (answer.status, answer.issues) == (status, suite.get(f"Patient/{id}").issues)


# ---- rights ------------------------------------------------------------------------------------------------


def test_each_type_is_seen_by_the_rights_to_it(suite, school, social_care, child, marks):
    private = suite.post(make.observation(child))
    found = ids(everything(school, child))
    assert set(marks) < set(found)
    assert f"Observation/{private.id}" not in found
    assert sum(each.startswith("EpisodeOfCare") for each in found) == 1
    assert ids(everything(school, child), "include") == ["Organization/school"]
    assert f"Observation/{private.id}" in ids(everything(social_care, child))
    assert everything(school, child).json["total"] == len(found)


def test_it_shows_what_searches_would_and_no_more(suite, client_with, child, marks):
    for agency in ("school", "social-care", "health", "glimpse", "inspector"):
        caller = client_with(agency)
        if caller.get(f"Patient/{child}").status != 200:
            assert everything(caller, child).status == caller.get(f"Patient/{child}").status
            continue
        found = {each["resource"]["id"]: each["resource"] for each in everything(caller, child).entries}
        for type_ in ("Observation", "EpisodeOfCare"):
            searched = caller.get(f"{type_}?patient={child}&_count=100")
            matches = searched.matches if searched.status == 200 else []
            mine = {id: each for id, each in found.items() if each["resourceType"] == type_}
            assert mine == {each["id"]: each for each in matches}


@pytest.mark.parametrize(
    ("scopes", "types"),
    [
        ("system/Patient.r", {"Patient"}),
        ("system/Patient.r system/Observation.s", {"Patient", "Observation"}),
        ("system/Patient.r system/Observation.r", {"Patient"}),
        (
            "system/Patient.r system/Observation.s system/Organization.r",
            {"Patient", "Observation", "Organization"},
        ),
        (f"system/Patient.r system/Observation.s?code={make.B}/CodeSystem/session|pm", {"Patient"}),
    ],
)
def test_scopes_are_those_of_the_reads_and_searches_it_is_made_of(client_with, child, marks, scopes, types):
    caller = client_with("suite", scopes)
    assert {each["resource"]["resourceType"] for each in everything(caller, child).entries} == types


def test_a_type_that_was_named_and_may_not_be_searched_is_refused(client_with, child):
    caller = client_with("suite", "system/Patient.r")
    answer = everything(caller, child, "?_type=Observation")
    assert (answer.status, answer.issues) == (403, caller.get("Observation").issues)


def test_who_may_not_read_the_child_gets_nothing(client_with, child):
    assert everything(client_with("suite", "system/Observation.cruds"), child).status == 403


def test_what_is_withheld_of_a_restricted_child_is_withheld_here(suite, social_care, child):
    known = suite.get(f"Patient/{child}").json
    suite.post(make.observation(child, performer=[make.reference("Organization/school")]))
    suite.put({**known, "meta": make.labelled("R"), "address": [{"line": ["1 Secret Street"]}]})
    answer = everything(social_care, child)
    assert answer.status == 200
    assert "Secret" not in answer.text
    # Nor is it told by what it would refer to.
    assert "Organization/school" not in answer.text
    assert ids(answer, "include") == []


def test_rights_are_asked_again_on_each_page(suite, school, child, marks):
    link = everything(school, child, "?_count=2").link("next")
    for episode in suite.search(f"EpisodeOfCare?patient={child}&organization=Organization/school").matches:
        suite.put({**episode, "status": "entered-in-error"})
    assert school.get(link).status == 404


def test_a_page_link_is_good_for_one_client_and_one_child(client_with, suite, child, marks):
    link = everything(suite, child, "?_count=2").link("next")
    other = suite.post(make.child()).id
    assert client_with("suite", other=True).get(link).status == 400
    assert suite.get(link.replace(child, other)).status == 400


def test_what_the_server_itself_makes_is_brought_when_it_is_asked_for(app, suite, child):
    flag = suite.post({
        "resourceType": "Flag", "status": "active", "code": make.concept(make.TEST, "x"),
        "subject": make.reference(f"Patient/{child}"),
    }).id  # fmt: skip
    assert f"Flag/{flag}" in ids(everything(suite, child))
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE resource SET author = {OURSELVES} WHERE id = %(id)s", {"id": flag}
        )
    assert f"Flag/{flag}" not in ids(everything(suite, child))
    assert ids(everything(suite, child, "?_type=Flag")) == [f"Flag/{flag}"]


def test_it_is_accounted_for_with_every_child_it_shows(app, suite, child, marks):
    everything(suite, child, "?_type=Observation")
    with app.extensions["database"].begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT interaction, query, cardinality(hits) FROM audit WHERE query LIKE %(like)s ORDER BY id",
            {"like": f"{child}/$everything%"},
        ).all()
    assert [tuple(row) for row in rows] == [("operation", f"{child}/$everything?_type=Observation", 4)]


@pytest.mark.parametrize("count", ["", "&_count=2"])
@pytest.mark.parametrize(("part", "gone"), [("_summary=true", "note"), ("_elements=subject,status", "note")])
def test_only_a_part_of_each_resource_may_be_wanted(suite, part, gone, count):
    id = suite.post(make.patient()).id
    for _ in range(3):
        suite.post(make.observation(id, note=[{"text": "x"}]))
    url, seen = f"Patient/{id}/$everything?{part}{count}", 0
    while url:
        page = suite.get(url)
        for each in page.entries:
            seen += 1
            assert gone not in each["resource"]
            assert each["resource"]["meta"]["tag"][-1]["code"] == "SUBSETTED"
        url = page.link("next")
    assert seen == 4


@pytest.mark.parametrize("query", ["_summary=count", "_summary=x", "_summary=true&_elements=id"])
def test_a_part_that_makes_no_sense_is_refused(suite, query):
    id = suite.post(make.patient()).id
    assert suite.get(f"Patient/{id}/$everything?{query}").code == "invalid"
