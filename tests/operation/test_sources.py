"""$sources: who said what of a child, first and last."""

import json

import msgspec
import pytest

from server.child import disputed
from server.fhir import json as fhir_json
from server.operation import sources
from server.validation.validate import validate
from tests import make
from tests.operation.test_merge import merge

MILL = {"use": "home", "line": ["12 Mill Road"], "postalCode": "ZA1 1AA"}
SWAN = {"use": "home", "line": ["3 Swan Lane"], "postalCode": "ZB9 9ZZ"}
PHONE = {"system": "phone", "value": "01632 960001"}


@pytest.fixture
def robin(suite, child):
    """A child whom school, social care and health work with; the first version is the suite's."""
    return f"Patient/{child}"


def put(client, path, **said):
    """What the client reads, with this said instead; of None nothing is."""
    held = {**client.get(path).json, **said}
    answer = client.put({name: value for name, value in held.items() if value is not None})
    assert answer.status == 200, answer
    return answer


def parts(each):
    """Names and values of parts; a name that comes several times has a list."""
    found = {}
    for part in each.get("part", ()):
        value = parts(part) if "part" in part else next((v for k, v in part.items() if k != "name"), None)
        found.setdefault(part["name"], []).append(value)
    return found


def told(client, path, query=""):
    """By path, each element; of former ones there may be several under one path."""
    answer = client.get(f"{path}/$sources{query}")
    assert answer.status == 200, answer
    found = {}
    for each in map(parts, answer.json.get("parameter", ())):
        found.setdefault(each["path"][0], []).append(each)
    return found


def said(element):
    """(agency, first version, last version) of each that said it."""
    return [
        (
            each["agency"][0]["reference"].partition("/")[2] if "agency" in each else None,
            *(int(each[name][0].rpartition("/")[2]) for name in ("firstVersion", "lastVersion")),
        )
        for each in element["said"]
    ]


def test_each_element_tells_who_said_it_first_and_last(suite, school, social_care, robin):
    put(school, robin, telecom=[PHONE])
    put(social_care, robin, gender="female")
    found = told(social_care, robin)
    assert said(found["Patient.telecom[0]"][0]) == [("school", 2, 2), ("social-care", 3, 3)]
    assert said(found["Patient.gender"][0]) == [("social-care", 3, 3)]
    assert said(found["Patient.birthDate"][0])[0] == ("suite", 1, 1)
    assert {"Patient.name[0]", "Patient.identifier[0]"} <= found.keys()
    assert found["Patient.birthDate"][0]["value"] == ["2014-03-14"]


def test_times_are_those_of_the_versions(suite, school, robin):
    written = put(school, robin, telecom=[PHONE]).json["meta"]["lastUpdated"]
    [one] = told(school, robin)["Patient.telecom[0]"][0]["said"]
    assert (one["first"], one["last"]) == ([written], [written])
    assert one["firstVersion"] == [f"{robin}/_history/2"]


def test_a_patch_says_only_what_it_changes(suite, school, social_care, robin):
    put(school, robin, telecom=[PHONE])
    change = [{"op": "add", "path": "/gender", "value": "female"}]
    patched = social_care.ask("PATCH", robin, change, Content_Type="application/json-patch+json")
    assert patched.status == 200
    found = told(suite, robin)
    assert said(found["Patient.telecom[0]"][0]) == [("school", 2, 2)]
    assert said(found["Patient.gender"][0]) == [("social-care", 3, 3)]


def test_an_item_of_a_list_is_known_by_what_it_says_and_not_by_its_place(suite, school, social_care, robin):
    other = {"system": "email", "value": "robin@example.org"}
    put(school, robin, telecom=[PHONE])
    put(social_care, robin, telecom=[other, {"value": PHONE["value"], "system": "phone"}])
    found = told(suite, robin)
    assert said(found["Patient.telecom[0]"][0]) == [("social-care", 3, 3)]
    assert said(found["Patient.telecom[1]"][0]) == [("school", 2, 2), ("social-care", 3, 3)]


def test_what_was_taken_away_and_put_back_says_so(suite, school, social_care, robin):
    put(school, robin, telecom=[PHONE])
    put(social_care, robin, telecom=None)
    back = put(school, robin, telecom=[PHONE]).json["meta"]["lastUpdated"]
    [phone] = told(suite, robin)["Patient.telecom[0]"]
    assert phone["again"] == [back]
    assert said(phone) == [("school", 2, 4)]


def test_what_is_there_no_more_is_told_on_request(suite, school, social_care, robin):
    put(school, robin, telecom=[PHONE])
    gone = put(social_care, robin, telecom=None).json["meta"]["lastUpdated"]
    assert "Patient.telecom" not in told(suite, robin)
    [phone] = told(suite, robin, "?former=true")["Patient.telecom"]
    assert phone["until"] == [gone]
    assert phone["ended"][0]["reference"] == "Organization/social-care"
    assert said(phone) == [("school", 2, 2)]


def test_a_deletion_takes_everything_away(suite, school, robin):
    held = suite.get(robin).json
    suite.delete(robin + "?_cascade=delete")
    assert suite.get(f"{robin}/$sources").status == 410
    suite.put({**held, "gender": "female"})
    [born] = told(suite, robin)["Patient.birthDate"]
    assert "again" in born
    assert said(born) == [("suite", 1, 3)]


def test_a_number_is_the_same_whatever_its_use(suite, school, social_care, robin):
    [number] = suite.get(robin).json["identifier"]
    put(social_care, robin, identifier=[{**number, "use": "official"}])
    [found] = told(suite, robin)["Patient.identifier[0]"]
    assert said(found) == [("suite", 1, 1), ("social-care", 2, 2)]


def test_a_provenance_names_people_to_who_may_read_it(suite, school, client_with, robin):
    practitioner = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).json["id"]
    agent = {"who": make.reference(f"Practitioner/{practitioner}")}
    reason = {"resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z", "agent": [agent]}
    held = {**school.get(robin).json, "telecom": [PHONE]}
    assert suite.put(held, X_Provenance=json.dumps(reason)).status == 200
    [one] = told(suite, robin)["Patient.telecom[0]"][0]["said"]
    assert one["who"] == [{"reference": f"Practitioner/{practitioner}"}]
    [provenance] = one["provenance"]
    assert suite.get(provenance["reference"]).json["target"] == [{"reference": f"{robin}/_history/2"}]
    suite.post(make.episode(robin.partition("/")[2], "borough"))
    borough = client_with("borough")
    assert borough.get("Provenance?target=Patient/x").status == 403
    [unseen] = told(borough, robin)["Patient.telecom[0]"][0]["said"]
    assert "who" not in unseen
    assert "provenance" not in unseen


def test_only_what_is_asked_for_is_told(suite, school, robin):
    put(school, robin, telecom=[PHONE], address=[MILL])
    asked = told(suite, robin, "?element=telecom&element=birthDate")
    assert asked.keys() == {"Patient.telecom[0]", "Patient.birthDate"}
    refused = suite.get(f"{robin}/$sources?element=shoe")
    assert (refused.status, refused.code) == (400, "invalid")


def test_backbone_elements_and_extensions_are_told_in_parts(suite, robin):
    contact = {"relationship": [{"text": "Aunt"}], "name": {"family": "Quexley"}}
    put(suite, robin, contact=[contact], communication=[{"language": {"text": "Welsh"}}])
    found = told(suite, robin)
    assert found["Patient.contact[0]"][0]["value"][0]["name"] == [{"family": "Quexley"}]
    assert found["Patient.communication[0]"][0]["value"][0]["language"] == [{"text": "Welsh"}]


def test_what_is_said_of_a_primitive_beside_its_value_is_a_part_of_it(suite, school, robin):
    time = {"url": "http://hl7.org/fhir/StructureDefinition/patient-birthTime"}
    put(suite, robin, _birthDate={"extension": [{**time, "valueDateTime": "2014-03-14T10:00:00Z"}]})
    [born] = told(suite, robin)["Patient.birthDate"]
    assert said(born) == [("suite", 2, 2)]


# ---- what a caller may not see -----------------------------------------------------------------------------


def test_whereabouts_are_withheld_from_it_as_from_a_read(suite, school, social_care, robin):
    put(school, robin, address=[MILL])
    put(suite, robin, meta=make.labelled("R"))
    answer = social_care.get(f"{robin}/$sources?former=true")
    assert answer.status == 200
    assert "Mill" not in answer.text
    assert "Organization/school" not in answer.text
    assert "Organization/social-care" not in answer.text
    put(social_care, robin, gender="female")
    [gender] = told(social_care, robin)["Patient.gender"]
    assert said(gender) == [("social-care", 4, 4)]
    assert "earlier" not in gender


def test_what_may_have_been_said_in_a_version_that_is_not_seen_says_so(suite, client_with, robin):
    put(suite, robin, telecom=[PHONE])
    put(suite, robin, gender="female")
    girls = client_with("school", "system/Patient.rs?gender=female")
    assert girls.get(f"{robin}/_history/2").status == 404
    [phone] = told(girls, robin)["Patient.telecom[0]"]
    assert phone["earlier"] == [True]
    assert said(phone) == [("suite", 3, 3)]
    assert "earlier" not in told(suite, robin)["Patient.telecom[0]"][0]


def test_who_sees_no_patient_learns_nothing(suite, school):
    id = suite.post(make.child()).id
    unseen, absent = (school.get(f"Patient/{each}/$sources") for each in (id, "nobody"))
    assert (unseen.status, absent.status) == (404, 404)
    assert unseen.text.replace(id, "nobody") == absent.text


def test_an_agency_of_a_quiet_kind_is_named_to_itself_and_to_who_sees_the_audit(
    suite, school, client_with, robin, monkeypatch
):
    put(school, robin, telecom=[PHONE])
    quiet = msgspec.structs.replace(disputed.sources(), quiet=frozenset({"school"}))
    monkeypatch.setattr(sources, "rule", lambda: quiet)
    assert said(told(school, robin)["Patient.telecom[0]"][0]) == [("school", 2, 2)]
    assert said(told(suite, robin)["Patient.telecom[0]"][0]) == [("school", 2, 2)]
    glimpse = client_with("borough")
    suite.post(make.episode(robin.partition("/")[2], "borough"))
    assert said(told(glimpse, robin)["Patient.telecom[0]"][0]) == [(None, 2, 2)]


# ---- merged records ----------------------------------------------------------------------------------------


def test_what_a_merged_record_said_is_its_own(suite, school, client_with):
    number, upn = make.nhs(), make.identifier(make.word("n"), make.TEST)
    source, target = make.word("source-"), make.word("target-")
    suite.put(make.child(id=source) | {"identifier": [upn], "telecom": [PHONE]})
    suite.post(make.episode(source, "school"))
    suite.put(make.child(number, id=target))
    suite.post(make.episode(target, "school"))
    put(school, f"Patient/{source}", gender="female")
    records = client_with("records")
    assert merge(records, source, target).status == 200
    found = told(suite, f"Patient/{target}")
    [kept] = found["Patient.identifier[1]"]
    assert [one["firstVersion"] for one in kept["said"]] == [
        [f"Patient/{source}/_history/1"], [f"Patient/{source}/_history/2"],
    ]  # fmt: skip
    assert [one["agency"][0]["reference"] for one in kept["said"]] == [
        "Organization/suite",
        "Organization/school",
    ]
    assert said(told(suite, f"Patient/{source}")["Patient.gender"][0]) == [("school", 2, 2)]


def test_a_link_that_the_other_does_not_confirm_brings_nothing(suite, robin):
    other = make.word("other-")
    suite.put(make.patient(id=other, telecom=[PHONE]))
    link = {"other": make.reference(f"Patient/{other}"), "type": "replaces"}
    put(suite, robin, link=[link], telecom=[PHONE])
    assert [one["firstVersion"] for one in told(suite, robin)["Patient.telecom[0]"][0]["said"]] == [
        [f"{robin}/_history/2"]
    ]


def test_what_is_told_is_a_valid_parameters_resource(suite, school, robin):
    put(school, robin, address=[MILL], telecom=[PHONE], contact=[{"name": {"family": "Quexley"}}])
    answer = suite.get(f"{robin}/$sources?former=true")
    assert validate(fhir_json.decode(answer.text.encode())) == []
