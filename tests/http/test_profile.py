"""What is written keeps the rules of its profiles, or is refused with every one that it breaks.

https://hl7.org/fhir/R4/profiling.html
"""

import pytest

from tests import make

OURS = f"{make.B}/StructureDefinition"
VITAL_SIGNS = "http://hl7.org/fhir/StructureDefinition/vitalsigns"


@pytest.fixture
def academy(client_with):
    """A client of a school whose agreement insists on the rules of every profile."""
    return client_with("academy")


@pytest.fixture
def pupil(suite):
    """The id of a child with whom the academy works."""
    id = make.word("child-")
    known = make.bundle("transaction", make.put(make.child(id=id)), make.posted(make.episode(id, "academy")))
    assert suite.post(known).status == 200
    return id


def bad_mark(pupil, **more):
    """A mark of an afternoon with the code of a morning, and no whole date."""
    return make.mark(pupil, "academy", date="2025-09", session="pm", code="/", **more)


def rules(answer):
    told = (issue.get("details", {}).get("coding", ()) for issue in answer.json["issue"])
    return sorted(coding["code"] for codings in told for coding in codings)


def test_a_mark_is_of_its_profile_whether_it_says_so_or_not(academy, pupil):
    assert academy.post(make.mark(pupil, "academy")).status == 201
    answer = academy.post(bad_mark(pupil))
    assert answer.status == 422
    assert rules(answer) == ["attendance-1", "attendance-2"]


def test_an_issue_names_the_place_the_rule_and_the_definition(academy, pupil):
    first, *_ = academy.post(bad_mark(pupil)).json["issue"]
    assert first["severity"] == "error"
    assert first["code"] == "invariant"
    assert first["expression"] == ["Observation"]
    assert first["details"]["coding"] == [{"system": f"{OURS}/SchoolAttendance", "code": "attendance-1"}]
    [source] = first["extension"]
    assert source["valueString"].startswith(f"{OURS}/SchoolAttendance")
    assert "attendance-1" in first["diagnostics"]


def test_what_the_structure_forbids_is_400_and_tells_the_broken_rules_too(academy, pupil):
    answer = academy.post({**bad_mark(pupil), "colour": "red"})
    assert answer.status == 400
    assert any("colour" in issue["diagnostics"] for issue in answer.json["issue"])


def test_every_way_of_writing_is_judged(academy, pupil):
    held = academy.post(make.mark(pupil, "academy", date="2025-09-09"))
    path = f"Observation/{held.id}"
    worse = {**held.json, "valueCodeableConcept": make.concept(f"{make.B}/CodeSystem/attendance-code", "??")}
    patch = [{"op": "replace", "path": "/valueCodeableConcept/coding/0/code", "value": "??"}]
    bundle = make.bundle("transaction", make.posted(bad_mark(pupil)))
    batch = make.bundle("batch", make.posted(bad_mark(pupil)))
    refused = (
        academy.put(worse),
        academy.ask("PATCH", path, patch, Content_Type="application/json-patch+json"),
        academy.post(bundle),
    )
    assert [answer.status for answer in refused] == [422, 422, 422]
    assert refused[2].json["issue"][0]["expression"] == ["Bundle.entry[0].resource.Observation"]
    assert academy.post(batch).entries[0]["response"]["status"].startswith("422")
    assert academy.get(path).text == held.text


def test_all_entries_of_a_transaction_are_told_of_at_once(academy, pupil):
    entries = (bad_mark(pupil), make.mark(pupil, "academy"), {**bad_mark(pupil), "colour": "red"})
    answer = academy.post(make.bundle("transaction", *map(make.posted, entries)))
    assert answer.status == 422
    places = [issue["expression"][0] for issue in answer.json["issue"]]
    assert {place.partition(".resource")[0] for place in places} == {"Bundle.entry[0]", "Bundle.entry[2]"}
    assert places == sorted(places)


def test_who_writes_plain_fhir_keeps_the_profiles_that_it_names_and_no_others(suite, pupil):
    assert suite.post(bad_mark(pupil)).status == 201
    claimed = bad_mark(pupil, meta={"profile": [f"{OURS}/SchoolAttendance"]})
    assert suite.post(claimed).status == 422


def test_a_reference_may_lead_to_another_entry_of_the_bundle(academy):
    urn, id = make.urn(), make.word("child-")
    child = make.entry("PUT", f"Patient/{id}", make.child(id=id), urn)
    mark = make.mark(id, "academy")
    mark["subject"] = make.reference(urn)
    registration = make.episode(id, "academy")
    registration["patient"] = make.reference(urn)
    answer = academy.post(make.bundle("transaction", child, make.posted(registration), make.posted(mark)))
    assert answer.status == 200, answer
