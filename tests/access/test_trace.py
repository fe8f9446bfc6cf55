"""A way in: who presents a unique identifier and the birth date gets what confirms that it is the child."""

import pytest

from server.fhir.identifier import NHS_NUMBER
from tests import make
from tests.access.test_decision import ROLE, not_shared
from tests.person import signed_in


@pytest.fixture
def newcomer(client_with):
    return client_with("newcomer")


@pytest.fixture
def stranger(suite):
    """A child with whom only social care works."""
    sent = make.child(
        gender="female",
        address=[{"city": "Exampleton"}],
        telecom=[{"system": "phone", "value": "01632 960001"}],
    )
    sent["identifier"].append(make.identifier("X1"))
    made = suite.post(sent)
    suite.post(make.episode(made.id, "social-care", "child-in-need"))
    return made.json


def question(child, **other):
    asked = {
        "identifier": f"{NHS_NUMBER}|{child['identifier'][0]['value']}",
        "birthdate": child["birthDate"],
        **other,
    }
    return "&".join(f"{name}={value}" for name, value in asked.items() if value)


def test_number_and_birth_date_find_the_child_with_enough_to_confirm_it(newcomer, stranger):
    found = newcomer.search(f"Patient?{question(stranger)}")
    [patient] = found.matches
    assert found.json["total"] == 1
    assert patient["id"] == stranger["id"]
    assert set(patient) == {"resourceType", "id", "meta", "identifier", "name", "gender", "birthDate"}
    assert patient["identifier"] == stranger["identifier"][:1]
    assert patient["meta"]["security"][-1]["code"] == "REDACTED"


@pytest.mark.parametrize(
    "other",
    [
        {"birthdate": "2014-03-15"},
        {"birthdate": "2014-03"},
        {"birthdate": "2014"},
        {"birthdate": "ge2014-03-14"},
        {"birthdate": "2014-03-13,2014-03-14"},
        {"birthdate": None},
        {"identifier": "x"},
        {"identifier": None},
        {"identifier": f"{NHS_NUMBER}|"},
        {"identifier": f"{make.TEST}|X1"},
        {"name": "sample"},
        {"gender": "female"},
    ],
    ids=str,
)
def test_any_other_question_finds_nothing(newcomer, stranger, other):
    assert newcomer.search(f"Patient?{question(stranger, **other)}").ids == []


def test_a_number_without_its_system_is_no_trace(newcomer, stranger):
    number = stranger["identifier"][0]["value"]
    assert newcomer.search(f"Patient?{question(stranger, identifier=number)}").ids == []


def test_tracing_a_child_is_not_yet_seeing_it(newcomer, stranger):
    newcomer.search(f"Patient?{question(stranger)}")
    for path in ("", "/_history", "/_history/1"):
        assert newcomer.get(f"Patient/{stranger['id']}{path}").status == 404
    for query in (
        f"_id={stranger['id']}",
        "name=sample&gender=female&birthdate=2014-03-14",
        f"identifier={stranger['identifier'][0]['value']}",
    ):
        assert stranger["id"] not in newcomer.search(f"Patient?{query}").ids
    assert newcomer.search(f"EpisodeOfCare?patient={stranger['id']}").ids == []
    assert newcomer.put(make.patient(id=stranger["id"])).status == 409


def test_the_registration_brings_the_school_in(newcomer, stranger):
    newcomer.search(f"Patient?{question(stranger)}")
    assert newcomer.post(make.episode(stranger["id"], "newcomer")).status == 201
    assert newcomer.get(f"Patient/{stranger['id']}").json == stranger
    assert newcomer.search("Patient?name=sample&gender=female").ids.count(stranger["id"]) == 1
    assert newcomer.post(make.mark(stranger["id"], "newcomer")).status == 201


def test_one_transaction_finds_and_enrols(newcomer, stranger):
    reference = {"patient": make.reference(f"Patient?{question(stranger)}")}
    answer = newcomer.post(make.bundle("transaction", make.posted(make.episode("x", "newcomer") | reference)))
    assert answer.status == 200
    assert newcomer.get(f"Patient/{stranger['id']}").status == 200


def test_a_conditional_create_is_answered_with_the_child(newcomer, stranger):
    sent = {name: stranger[name] for name in ("resourceType", "identifier", "birthDate", "name")}
    answer = newcomer.post(sent, If_None_Exist=question(stranger))
    assert (answer.status, answer.id) == (200, stranger["id"])
    assert "address" not in answer.json


def test_without_having_traced_a_child_nobody_can_write_about_it(newcomer, stranger):
    refused = newcomer.post(make.episode(stranger["id"], "newcomer"))
    assert refused.status == 422
    assert refused.text.replace(stranger["id"], "ID") == newcomer.post(
        make.episode("nobody", "newcomer")
    ).text.replace("nobody", "ID")


def test_what_was_traced_opens_nothing_but_what_brings_the_agency_in(newcomer, stranger):
    newcomer.search(f"Patient?{question(stranger)}")
    assert newcomer.post(make.mark(stranger["id"], "newcomer")).status == 403
    assert newcomer.post(make.episode(stranger["id"], "school")).status == 403
    assert newcomer.get(f"Patient/{stranger['id']}").status == 404


def test_without_the_right_to_trace_there_is_no_way_in(school, stranger):
    assert school.search(f"Patient?{question(stranger)}").ids == []
    reference = {"patient": make.reference(f"Patient?{question(stranger)}")}
    assert (
        school.post(make.bundle("transaction", make.posted(make.episode("x", "school") | reference))).status
        == 412
    )
    assert school.post(make.episode(stranger["id"], "school")).status == 422
    assert school.get(f"Patient/{stranger['id']}").status == 404


def test_without_the_scope_to_search_there_is_no_way_in(client_with, stranger):
    narrow = client_with("newcomer", "system/Patient.r system/EpisodeOfCare.c")
    assert narrow.get(f"Patient?{question(stranger)}").status == 403


def test_a_child_absent_to_all_but_the_named_cannot_be_traced(newcomer, suite, social_care):
    hidden = social_care.post(make.child(meta=make.labelled("V"))).json
    assert newcomer.search(f"Patient?{question(hidden)}").ids == []


def test_what_an_agency_sees_anyway_is_no_trace_and_whole(school, suite, child):
    sent = suite.get(f"Patient/{child}").json
    assert school.search(f"Patient?{question(sent)}").matches == [sent]


@pytest.mark.parametrize("how", ["search", "conditional create", "conditional reference", "batch"])
def test_who_guesses_is_stopped_whatever_the_way(app, client_with, new_database, serve, stranger, how):
    """Three questions an hour; each counts, also where the request comes to nothing."""
    curious = client_with("curious")
    with app.extensions["database"].begin() as connection:
        connection.exec_driver_sql("DELETE FROM allowance WHERE principal = 'curious'")

    def guess(date):
        asked = question(stranger, birthdate=date)
        enrol = make.episode("x", "curious") | {"patient": make.reference(f"Patient?{asked}")}
        match how:
            case "search":
                return curious.search(f"Patient?{asked}")
            case "conditional create":
                return curious.post(make.child(stranger["identifier"][0]["value"]), If_None_Exist=asked)
            case "conditional reference":
                return curious.post(make.bundle("transaction", make.posted(enrol)))
        [inner] = curious.post(make.bundle("batch", make.entry("GET", f"Patient?{asked}"))).entries
        return inner["response"].get("outcome", {}).get("issue", [{"code": "found"}])[0]["code"]

    for day in ("2014-03-11", "2014-03-12", "2014-03-13"):
        guess(day)
    refused = guess(stranger["birthDate"])
    assert refused == "throttled" if how == "batch" else (refused.status, refused.code) == (429, "throttled")


@pytest.mark.parametrize("agencies", [(), ("newcomer",)], ids=["all", "it"])
def test_a_child_of_whom_it_is_not_to_know_is_not_traced(suite, newcomer, stranger, agencies):
    kept_back = {"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}]}
    assert newcomer.search(f"Patient?{question(stranger)}").ids == [stranger["id"]]
    suite.post(not_shared(stranger["id"], *agencies, **kept_back))
    assert newcomer.search(f"Patient?{question(stranger)}").ids == []


def test_a_child_that_is_kept_from_one_worker_is_not_traced_by_that_one(app, suite, stranger):
    ids = [suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id for _ in range(2)]
    one, other = (signed_in(app, "newcomer", "user/*.cruds", f"Practitioner/{id}") for id in ids)
    actor = {"role": ROLE, "reference": make.reference(f"Practitioner/{ids[0]}")}
    patient = {"system": "http://hl7.org/fhir/resource-types", "code": "Patient"}
    decided = not_shared(stranger["id"], actor=[actor], **{"class": [patient]})
    assert suite.post(decided).status == 201
    asked = f"Patient?{question(stranger)}"
    assert one.search(asked).ids == []
    assert other.search(asked).ids == [stranger["id"]]
