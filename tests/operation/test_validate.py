"""$validate: what is wrong with a resource, and what an interaction would be refused for.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import pytest

from tests import make

TEXT = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">In words</div>'}
GOOD = make.observation(text=TEXT)
BAD = {**GOOD, "status": "nonsense", "colour": "red"}


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
    free = suite.post(make.child(text=TEXT)).json
    match mode:
        case "create":
            refused, path, sent = make.patient(identifier=taken, text=TEXT), "Patient", suite.post
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
    held = suite.post(GOOD)
    path = "Observation" if mode == "create" else f"Observation/{held.id}"
    changed = {**held.json, "status": "amended"}
    resource = {"create": GOOD, "update": changed, "delete": None}[mode]
    answer = validate(suite, path, resource, mode=mode)
    assert severities(answer) == {"information"}
    assert suite.get(f"Observation/{held.id}").text == held.text
    assert len(suite.get(f"Observation/{held.id}/_history").entries) == 1


def test_an_update_is_tried_against_the_version_that_if_match_names(suite):
    held = suite.post(GOOD)
    path, changed = f"Observation/{held.id}", {**held.json, "status": "amended"}
    for version, severity in (("1", "information"), ("2", "error")):
        answer = validate(suite, path, changed, mode="update", headers={"If_Match": f'W/"{version}"'})
        assert severities(answer) == {severity}


def test_a_reference_that_leads_nowhere_is_found_by_a_mode(school, child):
    mark = make.mark(child, "school", encounter=make.reference("Encounter/nobody"), text=TEXT)
    assert severities(validate(school, "Observation", mark)) == {"information"}
    assert "error" in severities(validate(school, "Observation", mark, mode="create"))


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
        ("Observation", GOOD, {"profile": f"{make.B}/StructureDefinition/Child"}),
        ("Observation", GOOD, {"profile": f"{make.B}/StructureDefinition/Nonsense"}),
        ("Observation", GOOD, {"profile": "SchoolAttendance"}),
    ],
)
def test_what_cannot_be_validated_is_refused(suite, path, resource, more):
    assert validate(suite, path, resource, **more).status == 400


def test_the_profile_of_the_type_itself_is_what_is_checked(suite):
    base = "http://hl7.org/fhir/StructureDefinition/Observation"
    assert severities(validate(suite, "Observation", GOOD, profile=base)) == {"information"}
    held = suite.post(GOOD)
    answer = validate(suite, f"Observation/{held.id}", mode="profile", profile=base)
    assert severities(answer) == {"information"}
    assert validate(suite, "Observation/nobody", mode="profile", profile=base).status == 404


def test_a_resource_is_held_against_the_profile_that_is_asked_for(suite, child):
    profile = f"{make.B}/StructureDefinition/SchoolAttendance"
    mark = make.mark(child, "school", text=TEXT)
    assert "error" not in severities(validate(suite, "Observation", mark, profile=profile))
    assert "error" not in severities(validate(suite, "Observation", {**mark, "effectiveDateTime": "2025"}))
    answer = validate(suite, "Observation", {**mark, "effectiveDateTime": "2025"}, profile=profile)
    assert "error" in severities(answer)
    [first] = [issue for issue in answer.json["issue"] if issue["severity"] == "error"]
    assert first["details"]["coding"] == [{"system": profile, "code": "attendance-1"}]


def test_what_is_only_a_warning_is_told_here_and_refused_nowhere(suite):
    without = make.observation()
    told = severities(validate(suite, "Observation", without, mode="create"))
    assert told == {"information", "warning"}
    assert suite.post(without).status == 201


def test_a_stored_resource_is_held_against_a_profile(suite, child):
    held = suite.post(make.mark(child, "school", date="2025", text=TEXT))
    profile = f"{make.B}/StructureDefinition/SchoolAttendance"
    answer = validate(suite, f"Observation/{held.id}", mode="profile", profile=profile)
    assert "error" in severities(answer)


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


def test_only_a_profile_that_is_known_here_is_said_to_have_been_asked(suite):
    claimed = {"meta": {"profile": ["https://example.org/nobody-knows"]}}
    answer = validate(suite, "Basic", {"resourceType": "Basic", "code": {"text": "x"}, **claimed})
    checked, *others = [issue["diagnostics"] for issue in answer.json["issue"]]
    assert "nobody-knows" not in checked
    assert any("nobody-knows, which is not known here" in each for each in others)
