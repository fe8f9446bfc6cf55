import pytest

from server import clock
from server.access import redact
from server.definition.library import library
from server.fhir import json
from server.search import hidden
from server.store.row import Stored
from server.validation.validate import validate
from tests import make
from tests.caller import check

EVERYTHING_MANDATORY = [
    make.observation("x"),
    make.encounter("x", "y"),
    make.episode("x", "y"),
    make.team("x", "y"),
    {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"url": "https://example.org/secret"}}],
        "relatesTo": [{"code": "replaces", "target": make.reference("DocumentReference/1")}],
    },
    {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"text": "x"},
        "patient": make.reference("Patient/x"),
        "occurrenceDateTime": "2024-01-01",
        "_occurrenceDateTime": {"id": "x"},
    },
    {
        "resourceType": "Appointment",
        "status": "booked",
        "participant": [{"status": "accepted", "actor": make.reference("Patient/x")}],
        "start": "2024-01-01T09:00:00Z",
        "end": "2024-01-01T10:00:00Z",
    },
    {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"text": "x"},
        "category": [{"text": "x"}],
        "patient": make.reference("Patient/x"),
    },
    {
        "resourceType": "Communication",
        "status": "completed",
        "subject": make.reference("Patient/x"),
        "payload": [{"contentString": "x"}],
    },
    {
        "resourceType": "Flag",
        "status": "active",
        "code": {"text": "x"},
        "subject": make.reference("Patient/x"),
    },
]


def stored(resource, **sight):
    return Stored(resource["resourceType"], "1", 1, 1, 1, None, json.encode(resource).decode(), 1, **sight)


@pytest.mark.parametrize("resource", EVERYTHING_MANDATORY, ids=lambda each: each["resourceType"])
@pytest.mark.parametrize(
    "sight", [{"whole": False}, {"withheld": True}, {"whole": False, "withheld": True}], ids=str
)
def test_what_is_left_of_a_resource_is_a_valid_resource(resource, sight):
    shown = json.decode(redact.shown(stored(resource, **sight)).body.encode())
    for each in (resource, shown):
        # An invariant may ask for one of several elements, which are held back together.
        assert [issue for issue in validate(each) if not issue.rule] == []
    check(shown)
    assert "secret" not in str(shown)


@pytest.mark.parametrize("resource", EVERYTHING_MANDATORY, ids=lambda each: each["resourceType"])
@pytest.mark.parametrize("sight", [{"whole": False}, {"withheld": True}], ids=str)
def test_what_was_shown_and_is_sent_back_changes_nothing(resource, sight):
    held = stored({**resource, "meta": make.labelled("R")}, **sight)
    back = redact.restored(json.decode(redact.shown(held).body.encode()), held)
    assert back == json.decode(held.body.encode())


@pytest.mark.parametrize("type_", ["Patient", "EpisodeOfCare", "Observation", "Encounter"])
def test_no_parameter_of_existence_asks_about_what_is_withheld_of_all(type_):
    parameters = library().search_parameters(type_).keys()
    assert redact.by_existence(type_) <= parameters
    assert redact.withheld_parameters(type_) <= parameters
    assert "identifier" not in redact.by_existence(type_)
    assert {"_id", "_lastUpdated"} <= redact.by_existence(type_) - redact.withheld_parameters(type_)


@pytest.mark.parametrize(
    "before", [{}, {"location": [{"location": {"display": "kept"}, "status": "active"}]}]
)
def test_a_part_that_is_hidden_is_not_written_by_who_is_not_shown_it(before):
    path = "location.location"
    held = {**make.encounter("x", "y"), "id": "x", "meta": {}, **before}
    row = Stored(
        "Encounter", "x", 0, 1, 1, clock.now(), json.encode(held).decode(), 1, withheld=hidden.bit(path)
    )
    sent = redact.visible(held, row)
    guessed = [{**each, "location": {"display": "guessed"}} for each in sent.get("location", [{}])]
    assert redact.restored({**sent, "location": guessed}, row) == held
