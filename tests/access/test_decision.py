"""Decisions about sharing: what is not to be shared, a service that was agreed to, an objection to it."""

import pytest

from tests import make
from tests.person import signed_in

SHARING = f"{make.B}/CodeSystem/sharing-category"
REASON = f"{make.B}/StructureDefinition/decision-reason"
TYPES = "http://hl7.org/fhir/resource-types"
ROLE = make.concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")
URI = "urn:ietf:rfc:3986"
ENCOUNTERS = {"system": TYPES, "code": "Encounter"}
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"


def consent(child, category, by="suite", /, **provision):
    return {
        "resourceType": "Consent",
        "extension": [{"url": REASON, "valueString": "As the family asked."}],
        "status": "active",
        "scope": make.concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [make.concept(SHARING, category)],
        "patient": make.reference(f"Patient/{child}"),
        "dateTime": "2025-03-04",
        "organization": [make.reference(f"Organization/{by}")],
        "policyRule": make.concept(f"{make.B}/CodeSystem/lawful-basis", "public-task"),
        **({"provision": provision} if provision else {}),
    }


def not_shared(child, *agencies, **more):
    actors = [
        {
            "role": ROLE,
            "reference": make.reference(f"Organization/{agency}"),
        }
        for agency in agencies
    ]
    provision = {"type": "deny", **({"actor": actors} if actors else {}), **more}
    return consent(child, "decision-not-to-share", **provision)


@pytest.fixture
def known(suite, child):
    """Resources of a child, by name, as paths: others than the school wrote them."""
    written = {
        "mark": make.mark(child, "school", date="2025-09-09"),
        "visit": make.encounter(child, "health"),
        "registration": make.episode(child, "school", start="2023-09-01"),
    }
    return {name: f"{each['resourceType']}/{suite.post(each).id}" for name, each in written.items()}


def seen(client, known):
    return {name for name, path in known.items() if client.get(path).status == 200}


EVERYTHING = {"mark", "visit", "registration"}


@pytest.mark.parametrize(
    ("provision", "hidden"),
    [
        ({}, EVERYTHING),
        ({"class": [ENCOUNTERS]}, {"visit"}),
        ({"class": [ENCOUNTERS, {"system": TYPES, "code": "Observation"}]},
         {"visit", "mark"}),
        ({"class": [{"system": URI, "code": f"{make.B}/StructureDefinition/SchoolAttendance"}]}, {"mark"}),
        ({"class": [{"system": URI, "code": f"{make.B}/StructureDefinition/SchoolExclusion"}]}, set()),
        ({"code": [make.concept(make.EPISODE, "registration")]}, {"registration"}),
        ({"code": [make.concept(make.CATEGORY, "attendance")]}, {"mark"}),
        ({"code": [make.concept(make.TEST, "registration")]}, set()),
        ({"class": [ENCOUNTERS],
          "code": [make.concept(make.CATEGORY, "attendance")]}, set()),
        ({"period": {"start": "2020-01-01"}}, EVERYTHING),
        ({"period": {"end": "2020-01-01"}}, set()),
        ({"period": {"start": "2999-01-01"}}, set()),
        ({"purpose": [{"system": PURPOSES, "code": "HRESCH"}]}, EVERYTHING),
        ({"type": "permit"}, set()),
        ({"type": "permit", "provision": [{"type": "deny", "class": [ENCOUNTERS]}]}, {"visit"}),
    ],
)  # fmt: skip
def test_what_is_not_to_be_shared_is_hidden_by_code_class_and_period(
    suite, school, social_care, child, known, provision, hidden
):
    assert seen(school, known) == EVERYTHING
    assert suite.post(not_shared(child, "school", **provision)).status == 201
    assert seen(school, known) == EVERYTHING - hidden
    assert seen(social_care, known) == EVERYTHING
    assert seen(suite, known) == EVERYTHING


def test_it_is_hidden_on_every_path_and_in_every_version(suite, school, child, known):
    visit = suite.get(known["visit"]).json
    suite.put({**visit, "status": "in-progress"})
    suite.post(not_shared(child, "school", **{"class": [ENCOUNTERS]}))
    path, id = known["visit"], visit["id"]
    for asked in (path, f"{path}/_history", f"{path}/_history/1"):
        assert school.get(asked).status == 404
    assert school.search(f"Encounter?patient={child}").ids == []
    assert school.search(f"Encounter?patient={child}&_count=0&_total=accurate").json["total"] == 0
    assert school.search(f"Patient?_id={child}&_revinclude=Encounter:patient").included == []
    assert school.search(f"Patient?_id={child}&_has:Encounter:patient:_id={id}").ids == []
    assert id not in school.get(f"Patient/{child}/$everything").text
    assert id not in school.get("Encounter/_history?_count=1000").text
    assert school.get(f"Patient/{child}").status == 200


def test_the_decision_itself_is_not_shared(suite, client_with, child):
    inspector = client_with("duty")
    suite.post(make.episode(child, "duty", "child-in-need"))
    decided = suite.post(not_shared(child, "duty", **{"class": [ENCOUNTERS]})).id
    other = suite.post(not_shared(child, "school")).id
    assert inspector.get(f"Consent/{decided}").status == 404
    assert inspector.search(f"Consent?patient={child}").ids == [other]


def test_what_an_agency_wrote_stays_its_own(suite, school, child):
    own = school.post(make.encounter(child, "school")).id
    suite.post(not_shared(child, "school"))
    assert school.get(f"Encounter/{own}").status == 200


def test_of_a_child_of_whom_nothing_is_shared_the_whereabouts_are_withheld(suite, school, social_care, child):
    whole = suite.get(f"Patient/{child}").json
    suite.put({**whole, "address": [{"city": "Exampleton"}]})
    suite.post(not_shared(child, "school"))
    assert "address" not in school.get(f"Patient/{child}").json
    assert "address" not in school.get(f"Patient/{child}/_history/2").json
    assert school.search(f"Patient?_id={child}&address-city=Exampleton").ids == []
    assert "address" in social_care.get(f"Patient/{child}").json
    assert school.put({**school.get(f"Patient/{child}").json, "gender": "male"}).status == 200
    assert suite.get(f"Patient/{child}").json["address"] == [{"city": "Exampleton"}]


def test_a_denial_that_names_nobody_is_to_all_but_who_decided(suite, school, social_care, child, known):
    decision = not_shared(child)
    decision["organization"] = [make.reference("Organization/social-care")]
    assert suite.post(decision).status == 201
    assert seen(school, known) == set()
    assert seen(social_care, known) == EVERYTHING


def test_a_resource_of_two_children_is_hidden_by_a_decision_about_either(suite, school, child):
    other = suite.post(make.child()).id
    suite.post(make.episode(other, "school"))
    sibling = {"url": "https://example.org/sibling", "valueReference": make.reference(f"Patient/{other}")}
    id = suite.post({**make.encounter(child, "health"), "extension": [sibling]}).id
    assert school.get(f"Encounter/{id}").status == 200
    suite.post(not_shared(other, "school"))
    assert school.get(f"Encounter/{id}").status == 404
    assert suite.get(f"Encounter/{id}").status == 200


def test_a_decision_holds_from_its_commit_until_it_is_taken_back(suite, school, child, known):
    made = suite.post(not_shared(child, "school"))
    assert seen(school, known) == set()
    assert suite.put({**made.json, "status": "inactive"}).status == 200
    assert seen(school, known) == EVERYTHING
    suite.put({**made.json, "status": "active"})
    assert seen(school, known) == set()
    assert suite.delete(f"Consent/{made.id}").status == 204
    assert seen(school, known) == EVERYTHING


def test_what_is_written_with_the_decision_and_after_it_is_hidden_too(suite, school, child):
    visit = make.posted(make.encounter(child, "health"))
    sent = make.bundle("transaction", visit, make.posted(not_shared(child, "school")), visit)
    assert suite.post(sent).status == 200
    suite.post(make.encounter(child, "health"))
    assert school.search(f"Encounter?patient={child}").ids == []


def test_a_patient_that_is_written_again_does_not_forget_the_decisions(suite, school, child, known):
    suite.post(not_shared(child, "school"))
    suite.put({**suite.get(f"Patient/{child}").json, "gender": "female"})
    assert seen(school, known) == set()
    suite.put({**suite.get(f"Patient/{child}").json, "meta": make.labelled("R")})
    assert seen(school, known) == set()


def test_who_is_nobody_in_the_record_is_kept_from_nothing_and_neither_is_anybody_else(
    suite, school, child, known
):
    father = {"role": ROLE, "reference": {"display": "The father"}}
    assert suite.post(not_shared(child, actor=[father])).status == 201
    assert seen(school, known) == EVERYTHING


@pytest.mark.parametrize(
    ("purpose", "is_seen"), [("TREAT", True), ("HRESCH", False), (None, False), ("nonsense", False)]
)
def test_a_decision_for_a_purpose_holds_for_that_and_for_who_says_none(app, suite, child, purpose, is_seen):
    suite.post(make.episode(child, "duty", "child-in-need"))
    visit = suite.post(make.encounter(child, "health")).id
    suite.post(not_shared(child, "duty", purpose=[{"system": PURPOSES, "code": "HRESCH"}]))
    worker = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id
    user = signed_in(app, "duty", "user/*.cruds", f"Practitioner/{worker}", roles=("duty",), purpose=purpose)
    assert (user.get(f"Encounter/{visit}").status == 200) is is_seen


@pytest.fixture
def colleagues(app, suite, child):
    """Two workers of an agency that works with the child, and has written of it."""
    suite.post(make.episode(child, "people", "child-in-need"))
    ids = [suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id for _ in range(2)]
    team = suite.post(make.team(child, "people")).id
    return [
        (f"Practitioner/{ids[0]}", {}),
        (f"Practitioner/{ids[1]}", {"teams": (f"CareTeam/{team}",)}),
    ]


def as_worker(app, reference, more):
    return signed_in(app, "people", "user/*.cruds", reference, **more)


def test_a_decision_is_kept_to_by_the_very_person_that_it_names(app, suite, client_with, child, colleagues):
    (named, _), _ = colleagues
    own = client_with("people").post(make.encounter(child, "people")).id
    visit = suite.post(make.encounter(child, "health")).id
    one, other = (as_worker(app, *each) for each in colleagues)
    paths = (f"Encounter/{own}", f"Encounter/{visit}")
    assert [one.get(path).status for path in paths] == [200, 200]
    actor = {"role": ROLE, "reference": make.reference(named)}
    decision = suite.post(not_shared(child, actor=[actor], **{"class": [ENCOUNTERS]}))
    assert decision.status == 201
    # What the agency wrote is kept from the worker too: it is not the agency that was decided about.
    assert [one.get(path).status for path in paths] == [404, 404]
    assert one.search(f"Encounter?patient={child}").ids == []
    assert one.get(f"{paths[0]}/_history").status == 404
    assert one.get(f"Patient/{child}").status == 200
    for colleague in (other, client_with("people")):
        assert [colleague.get(path).status for path in paths] == [200, 200]
    assert suite.delete(f"Consent/{decision.id}").status in (200, 204)
    assert [one.get(path).status for path in paths] == [200, 200]


def test_a_decision_names_a_post_or_a_team_as_well(app, suite, child, colleagues):
    (one, _), (_, more) = colleagues
    role = suite.post({"resourceType": "PractitionerRole", "practitioner": make.reference(one)}).id
    visit = suite.post(make.encounter(child, "health")).id
    for at, text in enumerate((f"PractitionerRole/{role}", more["teams"][0])):
        actor = {"role": ROLE, "reference": make.reference(text)}
        decided = suite.post(not_shared(child, actor=[actor])).id
        found = [as_worker(app, *each).get(f"Encounter/{visit}").status for each in colleagues]
        assert found == [404 if at == place else 200 for place in range(2)]
        suite.delete(f"Consent/{decided}")


def test_a_consent_of_no_category_of_ours_changes_nothing(suite, school, child, known):
    plain = not_shared(child, "school") | {"category": [make.concept(make.TEST, "decision-not-to-share")]}
    assert suite.post(plain).status == 201
    assert seen(school, known) == EVERYTHING


@pytest.mark.parametrize(
    ("provision", "path"),
    [
        ({"class": [{"system": TYPES, "code": "Nonsense"}]}, "Consent.provision.class[0]"),
        ({"class": [{"system": "urn:ietf:bcp:13", "code": "application/pdf"}]}, "Consent.provision.class[0]"),
        (
            {"actor": [{"role": ROLE, "reference": {"identifier": {"value": "1"}}}]},
            "Consent.provision.actor[0]",
        ),
        (
            {"actor": [{"role": ROLE, "reference": make.reference("Group/everybody")}]},
            "Consent.provision.actor[0]",
        ),
        ({"actor": [{"role": ROLE, "reference": make.reference("#p")}]}, "Consent.provision.actor[0]"),
        ({"code": [{"text": "All about school"}]}, "Consent.provision.code[0]"),
        ({"securityLabel": [{"code": "R"}]}, "Consent.provision.securityLabel"),
        ({"dataPeriod": {"start": "2020-01-01"}}, "Consent.provision.dataPeriod"),
        ({"provision": [{"type": "permit"}]}, "Consent.provision.provision[0]"),
        ({"provision": [{"action": [{"text": "read"}]}]}, "Consent.provision.provision[0].action"),
    ],
)
def test_a_decision_that_cannot_be_kept_to_is_refused(suite, child, provision, path):
    refused = suite.post(not_shared(child, "school", **provision))
    assert refused.status == 422
    [issue] = refused.json["issue"]
    assert issue["code"] == "not-supported"
    assert issue["expression"] == [path]


# ---- a service that a family agrees to ---------------------------------------------------------------------


@pytest.fixture
def service(client_with):
    return client_with("service")


@pytest.fixture
def served(suite, child, known):
    suite.post(make.episode(child, "service", "early-help"))
    return known["mark"]


def test_a_right_that_rests_on_agreement_begins_and_ends_with_it(suite, service, child, served):
    assert service.get(served).status == 404
    agreed = suite.post(consent(child, "agreement-to-service", "service"))
    assert service.get(served).status == 200
    suite.put({**agreed.json, "provision": {"type": "permit", "period": {"end": "2020-01-01"}}})
    assert service.get(served).status == 404


def test_an_objection_goes_before_an_agreement(suite, service, child, served):
    suite.post(consent(child, "agreement-to-service", "service"))
    objected = suite.post(consent(child, "agreement-to-service", "service", type="deny"))
    assert service.get(served).status == 404
    assert service.search(f"Observation?patient={child}").ids == []
    suite.delete(f"Consent/{objected.id}")
    assert service.get(served).status == 200


def test_an_agreement_is_to_the_service_and_to_what_it_names(suite, service, child, served):
    suite.post(consent(child, "agreement-to-service", "school"))
    assert service.get(served).status == 404
    named = {"class": [ENCOUNTERS]}
    suite.post(consent(child, "agreement-to-service", "service", type="permit", **named))
    assert service.get(served).status == 404


def test_an_objection_hides_nothing_from_who_needs_no_agreement(suite, school, child, known):
    suite.post(consent(child, "agreement-to-service", "school", type="deny"))
    assert seen(school, known) == EVERYTHING
