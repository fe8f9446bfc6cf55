"""Who did what is searched as AuditEvents: each line of the account is one, for those entitled."""

from base64 import b64decode
from datetime import timedelta

import pytest

from server import clock
from server.record.auditevent import search
from server.record.auditevent.resource import CLIENT
from tests import make

REST = "http://hl7.org/fhir/restful-interaction"


@pytest.fixture
def anyone(client_with):
    """A client of the suite's that nobody else is."""
    return client_with("suite", other=True)


@pytest.fixture
def of(suite):
    """The events of a client: `of(client, "subtype=read")`. Others were at work before: what is sorted or
    counted is named by its time."""
    asked = f"{_late()}&type=rest"
    return lambda client, query="_count=50", by=suite: (
        by.search(f"AuditEvent?agent:identifier={CLIENT}|{client.client}&{asked}&{query}").matches
    )


def _late():
    """A criterion: from now on."""
    return f"date=ge{clock.now() - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}"


def acts(found):
    return [each["subtype"][0]["code"] for each in found]


def patients(event):
    every = (each.get("what", {}).get("reference", "") for each in event.get("entity", ()))
    return {each.removeprefix("Patient/") for each in every if each.startswith("Patient/")}


def own(**more):
    """An AuditEvent that a client asserts."""
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2026-01-01T10:00:00Z",
        "agent": [{"requestor": True, "name": "An app"}],
        "source": {"observer": {"display": "An app"}},
        **more,
    }


def test_every_act_is_an_event_newest_first(anyone, of):
    made = anyone.post(make.patient()).id
    anyone.get(f"Patient/{made}")
    anyone.search("Patient?_id=nobody")
    anyone.get("Patient/nobody")
    found = of(anyone)
    assert acts(found) == ["read", "search", "read", "create"]
    assert [each["action"] for each in found] == ["R", "E", "R", "C"]
    assert [each["outcome"] for each in found] == ["4", "0", "0", "0"]
    assert [patients(each) for each in found] == [set(), set(), {made}, {made}]


def test_an_event_says_who_asked_what_for_which_agency(anyone, of):
    anyone.search("Patient?_id=nobody")
    [event] = of(anyone)
    app, agency = event["agent"]
    assert (app["name"], app["requestor"]) == (anyone.client, True)
    assert agency["who"] == {"reference": "Organization/suite", "display": "Suite"}
    [query] = event["entity"]
    assert b64decode(query["query"]).decode() == "_id=nobody"
    assert query["detail"] == [{"type": "type", "valueString": "Patient"}]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("subtype=read", ["read", "read"]),
        (f"subtype={REST}|read", ["read", "read"]),
        ("subtype:not=read", ["search", "create"]),
        ("action=C", ["create"]),
        ("action=C,E", ["search", "create"]),
        ("outcome=4", ["read"]),
        ("type=rest", ["read", "search", "read", "create"]),
        ("type=110106", []),
        ("date=ge2020-01-01", ["read", "search", "read", "create"]),
        ("date=lt2020-01-01", []),
        ("date=ne2020", ["read", "search", "read", "create"]),
        ("agent=Organization/suite", ["read", "search", "read", "create"]),
        ("agent=Organization/school", []),
        ("agent-name=suite&_sort=date", ["create", "read", "search", "read"]),
        ("entity-role=24&outcome=0", ["search", "read", "create"]),
        ("_lastUpdated=gt2020", ["read", "search", "read", "create"]),
        ("_sort=_lastUpdated&_count=2", ["create", "read"]),
        ("_filter=outcome eq 4 or action eq C", ["read", "create"]),
    ],
)
def test_a_criterion_finds_what_it_says(anyone, of, query, expected):
    made = anyone.post(make.patient()).id
    anyone.get(f"Patient/{made}")
    anyone.search("Patient?_id=nobody")
    anyone.get("Patient/nobody")
    assert acts(of(anyone, query)) == expected


def test_an_event_is_read_and_found_by_its_id(anyone, of, suite):
    anyone.search("Patient?_id=nobody")
    [event] = of(anyone)
    assert suite.get(f"AuditEvent/{event['id']}").json == event
    assert suite.get(f"AuditEvent/{event['id']}/_history/1").json == event
    assert suite.search(f"AuditEvent?_id={event['id']}").matches == [event]
    assert suite.get("AuditEvent/0190a0a0-0000-7000-8000-000000000000").status == 404


def test_events_of_a_child_are_found_by_the_child(anyone, suite):
    one, other = anyone.post(make.patient()).id, anyone.post(make.patient()).id
    anyone.search(f"Patient?_id={one},{other}")
    anyone.get(f"Patient/{other}")
    assert acts(suite.search(f"AuditEvent?patient={one}").matches) == ["search", "create"]
    assert acts(suite.search(f"AuditEvent?patient=Patient/{other}&action=R").matches) == ["read"]
    assert len(suite.search(f"Patient/{one}/AuditEvent").matches) >= 2
    assert suite.search("AuditEvent?patient=nobody").matches == []


def test_pages_go_on_without_a_gap_among_what_clients_wrote_and_what_was_done(anyone, suite, monkeypatch):
    monkeypatch.setattr(search, "CHUNK", 3)
    made = anyone.post(make.patient()).id
    about = {"entity": [{"what": {"reference": f"Patient/{made}"}}]}
    for _ in range(3):
        anyone.get(f"Patient/{made}")
        anyone.post(own(**about))
    every = suite.search(f"AuditEvent?patient={made}&_count=50").ids
    # Each act that wrote an AuditEvent about the child is an event too.
    assert len(every) == len(set(every)) >= 7
    pages = suite.pages(f"AuditEvent?patient={made}&_count=2")
    assert [id for page in pages for id in page][-len(every) :] == every
    assert all(len(page) == 2 for page in pages[:-1])


def test_the_page_before_is_the_same_one(anyone, of, suite):
    for _ in range(5):
        anyone.search("Patient?_id=nobody")
    first = suite.search(f"AuditEvent?agent:identifier={CLIENT}|{anyone.client}&_count=2")
    second = suite.search(first.link("next"))
    assert suite.search(second.link("previous")).ids == first.ids


def test_what_is_searched_is_counted(anyone, suite):
    begun = _late()
    for _ in range(4):
        anyone.search("Patient?_id=nobody")
    query = f"AuditEvent?agent:identifier={CLIENT}|{anyone.client}&type=rest&{begun}"
    assert suite.search(f"{query}&_count=1&_total=accurate").json["total"] == 4
    assert suite.search(f"{query}&_summary=count").json["total"] == 4


def test_they_are_sorted_otherwise_where_they_are_few(anyone, of, suite, monkeypatch):
    begun, made = _late(), anyone.post(make.patient()).id
    anyone.get(f"Patient/{made}")
    anyone.get("Patient/nobody")
    assert acts(of(anyone, "_sort=-outcome,date")) == ["read", "create", "read"]
    query = f"AuditEvent?agent:identifier={CLIENT}|{anyone.client}&type=rest&{begun}&_sort=action,-date"
    every = suite.search(query).ids
    assert [id for page in suite.pages(f"{query}&_count=1") for id in page] == every
    monkeypatch.setattr(search, "CHUNK", 1)
    monkeypatch.setattr(search, "CHUNKS", 2)
    assert suite.search(query).code == "too-costly"
    assert suite.search("AuditEvent?_id=nobody&_sort=outcome").ids == []


def test_an_event_is_not_searched_by_way_of_others(suite):
    assert suite.search("AuditEvent?patient.name=x").status == 400


def test_what_a_client_asserts_stays_what_it_is(suite, of, anyone):
    made = anyone.post(own()).id
    found = suite.get(f"AuditEvent/{made}").json
    assert found["source"] == {"observer": {"display": "An app"}}
    assert acts(of(anyone)) == ["create"]


# ---- who may see them --------------------------------------------------------------------------------------


def test_only_who_works_with_the_child_sees_who_looked(suite, child, social_care):
    stranger = suite.post(make.patient()).id
    suite.get(f"Patient/{child}")
    suite.get(f"Patient/{stranger}")
    assert "read" in acts(social_care.search(f"AuditEvent?patient={child}").matches)
    assert social_care.search(f"AuditEvent?patient={stranger}").matches == []
    [event, *_] = suite.search(f"AuditEvent?patient={stranger}&subtype=read").matches
    assert social_care.get(f"AuditEvent/{event['id']}").status == 404
    assert social_care.search(f"AuditEvent?_id={event['id']}").matches == []


def test_an_event_about_several_children_is_seen_by_who_may_see_each(suite, child, social_care, anyone, of):
    stranger = suite.post(make.patient()).id
    anyone.search(f"Patient?_id={child},{stranger}")
    assert acts(of(anyone)) == ["search"]
    assert of(anyone, by=social_care) == []


def test_what_is_about_no_child_is_its_agencys(client_with, suite, of, social_care):
    mine, other = client_with("social-care", other=True), client_with("suite", other=True)
    mine.search("Patient?_id=nobody")
    other.search("Patient?_id=nobody")
    assert acts(of(mine, by=social_care)) == ["search"]
    assert of(other, by=social_care) == []


def test_a_right_with_a_criterion_shows_what_meets_it(suite, child, health):
    health.get(f"Patient/{child}")
    suite.get(f"Patient/{child}")
    found = health.search(f"AuditEvent?patient={child}").matches
    assert {each["agent"][-1]["who"]["reference"] for each in found} == {"Organization/health"}


def test_an_event_names_nothing_that_its_reader_may_not_see(suite, child, social_care, anyone, of):
    secret = anyone.post({**own(), "entity": [{"what": {"reference": f"Patient/{child}"}}]}).id
    hidden = anyone.post(
        {"resourceType": "Immunization", "status": "completed", "vaccineCode": {"text": "x"},
         "patient": {"reference": f"Patient/{child}"}, "occurrenceString": "x"}
    ).id  # fmt: skip
    anyone.get(f"Immunization/{hidden}")
    [seen] = of(anyone, "subtype=read", by=suite)
    assert f"Immunization/{hidden}" in str(seen)
    [less] = of(anyone, "subtype=read", by=social_care)
    assert patients(less) == {child}
    assert hidden not in str(less)
    assert secret not in str(less)


def test_without_a_right_there_are_none(school, child):
    assert school.search(f"AuditEvent?patient={child}").status == 403


def test_who_searches_the_account_is_accounted_for(anyone, suite, child, of):
    anyone.search(f"AuditEvent?patient={child}")
    assert any(patients(each) == {child} for each in of(anyone, "subtype=search"))
