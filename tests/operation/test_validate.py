"""$validate: what is wrong with a resource, and what an interaction would be refused for.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import pytest

from tests import make

GOOD = make.observation()
BAD = {**make.observation(), "status": "nonsense", "colour": "red"}


def validate(caller, path, resource=None, **more):
    headers = more.pop("headers", {})
    given = [{"name": name, "valueCode": value} for name, value in more.items()]
    if resource is not None:
        given.append({"name": "resource", "resource": resource})
    sent = {"resourceType": "Parameters", "parameter": given}
    return caller.ask("POST", f"{path}/$validate", sent, **headers)


def severities(answer):
    assert answer.status == 200, answer
    return {issue["severity"] for issue in answer.json["issue"]}


def count(suite):
    return suite.search("Observation?_count=0&_total=accurate").json["total"]


def test_a_good_resource_has_no_errors_and_is_told_what_was_checked(suite):
    answer = validate(suite, "Observation", GOOD)
    assert severities(answer) == {"information"}
    assert "structure" in answer.text


def test_everything_that_is_wrong_is_told_at_once(suite):
    answer = validate(suite, "Observation", BAD)
    assert [issue["expression"] for issue in answer.json["issue"]] == [
        issue["expression"] for issue in suite.post(BAD).json["issue"]
    ]
    assert severities(answer) == {"error"}


def test_the_resource_may_be_the_body_and_the_mode_in_the_url(suite):
    for path in ("Observation/$validate", "Observation/$validate?mode=create"):
        assert severities(suite.ask("POST", path, GOOD)) == {"information"}
        assert severities(suite.ask("POST", path, BAD)) == {"error"}


@pytest.mark.parametrize("resource", [GOOD, BAD])
def test_nothing_is_stored(suite, resource):
    before = count(suite)
    validate(suite, "Observation", resource, mode="create")
    assert count(suite) == before


@pytest.mark.parametrize("mode", ["create", "update", "delete"])
def test_a_mode_tells_what_the_interaction_would(app, suite, school, child, mode):
    taken = suite.get(f"Patient/{child}").json["identifier"]
    free = suite.post(make.child()).json
    match mode:
        case "create":
            refused, path, sent = make.patient(identifier=taken), "Patient", suite.post
        case "update":
            refused, path, sent = {**free, "identifier": taken}, f"Patient/{free['id']}", suite.put
        case "delete":
            refused, path, sent = None, f"Patient/{child}", lambda _: school.delete(f"Patient/{child}")
    caller = school if mode == "delete" else suite
    answer = validate(caller, path, refused, mode=mode)
    told = [(issue["code"], issue["severity"]) for issue in answer.json["issue"]]
    assert told == [(issue["code"], issue["severity"]) for issue in sent(refused).json["issue"]]
    assert severities(answer) == {"error"}


@pytest.mark.parametrize("mode", ["create", "update", "delete"])
def test_what_would_be_accepted_is_still_as_it_was(suite, mode):
    held = suite.post(make.observation())
    path = "Observation" if mode == "create" else f"Observation/{held.id}"
    changed = {**held.json, "status": "amended"}
    resource = {"create": GOOD, "update": changed, "delete": None}[mode]
    answer = validate(suite, path, resource, mode=mode)
    assert severities(answer) == {"information"}
    assert suite.get(f"Observation/{held.id}").text == held.text
    assert len(suite.get(f"Observation/{held.id}/_history").entries) == 1


def test_an_update_is_tried_against_the_version_that_if_match_names(suite):
    held = suite.post(make.observation())
    path, changed = f"Observation/{held.id}", {**held.json, "status": "amended"}
    for version, severity in (("1", "information"), ("2", "error")):
        answer = validate(suite, path, changed, mode="update", headers={"If_Match": f'W/"{version}"'})
        assert severities(answer) == {severity}


def test_a_reference_that_leads_nowhere_is_found_by_a_mode(school, child):
    mark = make.mark(child, "school", encounter=make.reference("Encounter/nobody"))
    assert severities(validate(school, "Observation", mark)) == {"information"}
    assert severities(validate(school, "Observation", mark, mode="create")) == {"error"}


def test_a_mode_tells_no_more_than_the_interaction_and_needs_its_scope(client_with, suite):
    reader = client_with("suite", "system/Observation.rs")
    answer = validate(reader, "Observation", GOOD, mode="create")
    assert [issue["code"] for issue in answer.json["issue"]] == ["forbidden"]


@pytest.mark.parametrize(
    ("path", "resource", "more"),
    [
        ("Observation", None, {}),
        ("Observation", None, {"mode": "create"}),
        ("Observation", make.patient(), {}),
        ("Observation", GOOD, {"mode": "nonsense"}),
        ("Observation", GOOD, {"mode": "update"}),
        ("Observation", None, {"mode": "delete"}),
        ("Observation/x", GOOD, {"mode": "create"}),
        ("Observation/x", GOOD, {"mode": "profile"}),
        ("Observation", GOOD, {"profile": f"{make.B}/StructureDefinition/SchoolAttendance"}),
    ],
)
def test_what_cannot_be_validated_is_refused(suite, path, resource, more):
    assert validate(suite, path, resource, **more).status == 400


def test_the_profile_of_the_type_itself_is_what_is_checked(suite):
    base = "http://hl7.org/fhir/StructureDefinition/Observation"
    assert severities(validate(suite, "Observation", GOOD, profile=base)) == {"information"}
    held = suite.post(make.observation())
    answer = validate(suite, f"Observation/{held.id}", mode="profile", profile=base)
    assert severities(answer) == {"information"}
    assert validate(suite, "Observation/nobody", mode="profile", profile=base).status == 404


def test_inside_a_transaction_it_sees_what_was_written_before_and_leaves_it(suite):
    child, twin = make.child(id=make.word("child-")), None
    twin = make.patient(identifier=child["identifier"])
    sent = {
        "resourceType": "Parameters",
        "parameter": [{"name": "mode", "valueCode": "create"}, {"name": "resource", "resource": twin}],
    }
    entries = (make.put(child), make.entry("POST", "Patient/$validate", sent))
    answer = suite.post(make.bundle("transaction", *entries))
    assert answer.status == 200
    assert suite.get(f"Patient/{child['id']}").status == 200


def test_it_is_accounted_for_as_what_it_tried(app, suite):
    word = make.word()
    validate(suite, f"Observation/{word}", {**GOOD, "id": word}, mode="update", headers={"If_Match": 'W/"9"'})
    with app.extensions["database"].begin() as connection:
        rows = connection.exec_driver_sql(
            "SELECT interaction, outcome FROM audit WHERE query = %(query)s",
            {"query": f"{word}/$validate?mode=update"},
        ).all()
    assert [tuple(row) for row in rows] == [("operation", 412)]
