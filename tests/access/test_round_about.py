"""What a caller may not see is not had by moving it, by being refused, by another search or by other eyes."""

import pytest

from tests import make
from tests.person import signed_in

ACTIVITY = "activity"
SECRET = "to-be-kept"


def worked_with(suite, *agencies, **more):
    """The id of a child with whom these agencies work."""
    id = suite.put(make.child(id=make.word("child-"), **more)).id
    for agency in agencies:
        assert suite.post(make.episode(id, agency, "child-in-need")).status == 201
    return id


@pytest.fixture
def borough(client_with):
    return client_with("borough")


@pytest.fixture
def people(client_with):
    return client_with("people")


@pytest.fixture
def restricted(social_care, suite):
    """A child labelled R by social care; the borough and the school work with it and are not named."""
    id = social_care.post(make.child(meta=make.labelled("R"), address=[{"city": SECRET}])).id
    for agency in ("borough", "school"):
        assert social_care.post(make.episode(id, agency, "child-in-need")).status == 201
    return id


# ---- by making it into something else ----------------------------------------------------------------------


def test_another_category_is_no_way_to_see_what_is_hidden(suite, borough):
    child = worked_with(suite, "borough")
    id = suite.post(make.observation(child, category="procedure", valueString=SECRET)).id
    seen = borough.get(f"Observation/{id}").json
    assert "valueString" not in seen
    refused = borough.put(seen | {"category": [make.concept(make.CATEGORY, "attendance")], "meta": {}})
    assert (refused.status, refused.code) == (403, "forbidden")
    assert (
        SECRET not in borough.get(f"Observation/{id}").text + borough.get(f"Observation/{id}/_history").text
    )
    assert borough.put(seen | {"status": "amended"}).status == 200
    assert suite.get(f"Observation/{id}").json["valueString"] == SECRET


def test_another_child_is_no_way_to_see_the_whereabouts_of_a_restricted_one(
    suite, social_care, borough, restricted
):
    other = worked_with(suite, "borough")
    id = social_care.post(make.episode(restricted, "social-care", "child-in-need")).id
    seen = borough.get(f"EpisodeOfCare/{id}").json
    assert "managingOrganization" not in seen
    moved = seen | {"patient": make.reference(f"Patient/{other}"), "meta": {}}
    assert borough.put(moved).status == 403
    sent = make.bundle("transaction", make.put(moved))
    assert borough.post(sent).status == 403
    assert "social-care" not in borough.get(f"EpisodeOfCare/{id}").text


# ---- by being told what is wrong ---------------------------------------------------------------------------


def test_a_write_is_not_told_of_a_reference_that_is_hidden_from_it(suite, borough):
    child = worked_with(suite, "borough")
    parent = suite.put(
        {
            "resourceType": "RelatedPerson",
            "id": make.word("p-"),
            "patient": make.reference(f"Patient/{child}"),
        }
    ).id
    performer = [make.reference(f"RelatedPerson/{parent}")]
    id = suite.post(make.observation(child, category="procedure", performer=performer)).id
    seen = borough.get(f"Observation/{id}").json
    answer = borough.put(seen | {"status": "amended"})
    assert (answer.status, parent in answer.text) == (200, False)
    assert suite.get(f"Observation/{id}").json["performer"] == performer
    # Who guesses it and says it elsewhere is told the same of it as of what does not exist.
    for guess in (parent, "nobody"):
        refused = borough.put(seen | {"focus": [make.reference(f"RelatedPerson/{guess}")]})
        assert refused.status == 422
        assert refused.code == "not-found"


def test_a_write_is_neither_told_of_nor_held_to_a_fault_that_is_hidden_from_it(suite, client_with, people):
    child = worked_with(suite, "legacy", "people")
    profile = f"{make.B}/StructureDefinition/SchoolAttendance"
    marked = client_with("legacy").post(
        {**make.mark(child, "legacy", code=SECRET), "meta": {"profile": [profile]}}
    )
    assert "profile-not-kept" in marked.text
    seen = people.get(f"Observation/{marked.id}").json
    assert "valueCodeableConcept" not in seen
    answer = people.put(seen | {"status": "amended"})
    assert (answer.status, SECRET in answer.text) == (200, False)
    kept = suite.get(f"Observation/{marked.id}")
    assert SECRET in kept.text
    # It is to be corrected still, and by whom it was before.
    assert "profile-not-kept" in kept.text
    [task] = suite.search(f"Task?patient={child}&code=correct").matches
    assert (task["status"], task["owner"]["reference"]) == ("requested", "Organization/legacy")


# ---- by searching for it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "value-quantity=5",
        "combo-value-quantity=5",
        "code-value-quantity=x$5",
        "combo-code-value-quantity=x$5",
    ],
)
def test_a_parameter_that_combines_elements_finds_nothing_by_one_that_is_hidden(suite, people, query):
    child = worked_with(suite, "people")
    id = suite.post(make.observation(child, category=ACTIVITY, valueQuantity={"value": 5})).id
    assert people.search(f"Observation?patient={child}").ids == [id]
    assert people.search(f"Observation?patient={child}&{query}").ids == []
    assert suite.search(f"Observation?patient={child}&{query}").ids == [id]


def test_nobody_is_found_by_what_a_resource_contains_that_is_hidden(suite, people):
    word = make.word()
    contained = [{"resourceType": "Practitioner", "id": "p", "name": [{"family": word}]}]
    worked_with(suite, "people", contained=contained, generalPractitioner=[make.reference("#p")])
    for how in ("true", "both", "true&_containedType=contained"):
        query = f"Practitioner?_contained={how}&family={word}"
        assert [len(each.search(query).entries) for each in (people, suite)] == [0, 1]


# ---- by what else speaks of it -----------------------------------------------------------------------------

_DISPLAY = {"display": SECRET}


@pytest.mark.parametrize(
    ("type_", "content"),
    [
        ("Procedure", {"status": "completed", "location": _DISPLAY, "recorder": _DISPLAY}),
        ("Communication", {"status": "completed", "sender": _DISPLAY, "recipient": [_DISPLAY]}),
        ("QuestionnaireResponse", {"status": "completed", "author": _DISPLAY, "source": _DISPLAY}),
        ("List", {"status": "current", "mode": "working", "source": _DISPLAY}),
        ("CareTeam", {"note": [{"text": SECRET}]}),
        (
            "CarePlan",
            {
                "status": "active",
                "intent": "plan",
                "activity": [{"detail": {"status": "scheduled", "location": _DISPLAY}}],
            },
        ),
        (
            "Composition",
            {
                "status": "final",
                "type": {"text": "x"},
                "date": "2020-01-01",
                "title": "t",
                "author": [_DISPLAY],
                "custodian": _DISPLAY,
            },
        ),
    ],
    ids=str,
)
def test_the_whereabouts_are_withheld_in_whatever_resource_they_stand(suite, restricted, type_, content):
    about = {"resourceType": type_, "subject": make.reference(f"Patient/{restricted}")}
    id = suite.post({**about, **content}).id
    assert SECRET not in suite.get(f"{type_}/{id}").text


def test_the_whereabouts_are_withheld_from_a_persons_other_record(suite, restricted):
    link = [{"target": make.reference(f"Patient/{restricted}")}]
    telecom = [{"system": "phone", "value": SECRET}]
    person = {"resourceType": "Person", "link": link, "address": [{"city": SECRET}], "telecom": telecom}
    assert SECRET not in suite.get(f"Person/{suite.post(person).id}").text


def test_who_looked_at_a_restricted_child_does_not_tell_where_it_is_known(suite, client_with):
    school, social_care = client_with("school"), client_with("social-care")
    child = school.post(make.child(meta=make.labelled("R"))).id
    assert suite.post(make.episode(child, "social-care", "child-in-need")).status == 201
    for caller in (school, social_care):
        assert caller.get(f"Patient/{child}").status == 200
    own = social_care.get(f"AuditEvent?patient=Patient/{child}")
    looked = social_care.get(f"Patient/{child}/$who-looked")
    for answer in (own, looked):
        assert answer.status == 200
        assert ("Social care" in answer.text, "School" in answer.text) == (True, False)
    by_the_school = f"AuditEvent?patient=Patient/{child}&agent=Organization/school"
    assert social_care.search(by_the_school).ids == []
    assert social_care.search(f"{by_the_school}&_summary=count").json["total"] == 0


# ---- by other eyes -----------------------------------------------------------------------------------------


@pytest.fixture
def worker(suite):
    return suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id


def test_a_worker_does_not_bring_themselves_to_a_child_who_is_not_theirs(app, suite, worker):
    child = worked_with(suite, "people")
    me = signed_in(app, "people", "user/*.cruds", f"Practitioner/{worker}", caseload="own")
    mine = make.episode(
        child, "people", "child-in-need", careManager=make.reference(f"Practitioner/{worker}")
    )
    no_change = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="}
    for before in (
        [],
        [make.put(make.child(id=child))],
        [make.entry("PUT", f"Patient?_id={child}", make.patient(id=child))],
        [make.entry("PATCH", f"Patient/{child}", no_change)],
        [make.entry("DELETE", f"Patient/{child}")],
    ):
        assert me.post(make.bundle("transaction", *before, make.posted(mine))).status >= 400
    for reference in (f"{me.base}/Patient/{child}", f"Patient/{child}/_history/1"):
        assert me.post({**mine, "patient": make.reference(reference)}).status == 422
    assert me.get(f"Patient/{child}").status == 404


def test_scopes_of_one_level_do_not_widen_those_of_another(app, suite, worker):
    mine, other = (worked_with(suite, "people") for _ in range(2))
    observed = {id: suite.post(make.observation(id)).id for id in (mine, other)}
    scopes = "patient/Observation.rs patient/Patient.rs user/EpisodeOfCare.rs"
    reference = f"Practitioner/{worker}"
    me = signed_in(app, "people", scopes, reference, roles=("worker",), patient=mine)
    assert me.search(f"Observation?patient={mine},{other}").ids == [observed[mine]]
    assert me.search(f"Patient?_has:Observation:patient:code=x&_id={mine},{other}").ids == [mine]
    assert me.search(f"EpisodeOfCare?patient={other}&_include=EpisodeOfCare:patient").included == []
    assert len(me.search(f"EpisodeOfCare?patient={other}").ids) == 1
    assert me.search(f"EpisodeOfCare?patient._id={other}").ids == []
    assert me.get(f"Patient/{other}/$everything").status == 404


def test_a_page_is_for_the_user_who_was_given_its_link(app, suite, worker):
    child = worked_with(suite, "people")
    me, other = (
        signed_in(app, "people", "user/*.rs", f"Practitioner/{worker}", client="shared") for _ in range(2)
    )
    for path in (f"EpisodeOfCare?_count=1&patient={child}", f"Patient/{child}/_history?_count=1"):
        suite.post(make.episode(child, "people", "child-in-need"))
        suite.put(make.child(id=child, gender="other"))
        link = me.get(path).link("next")
        assert me.get(link).status == 200
        assert other.get(link).status == 400


def test_whose_a_hidden_number_is_is_not_told_to_who_presents_it(suite, client_with):
    child, number = make.word("child-"), make.nhs()
    suite.put(make.child(number, id=child))
    for agency in ("veiled", "people"):
        suite.post(make.episode(child, agency, "child-in-need"))
    veiled, people = client_with("veiled"), client_with("people")
    assert "identifier" not in veiled.get(f"Patient/{child}").json
    for caller, is_told in ((people, True), (veiled, False)):
        refused = caller.post(make.child(number))
        assert (refused.status, refused.code) == (409, "duplicate")
        assert (child in refused.text) == is_told
        again = caller.ask("POST", "Patient", make.child(number), If_None_Exist=f"identifier={number}")
        assert (again.status, child in again.text) == ((200, True) if is_told else (409, False))
