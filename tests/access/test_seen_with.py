"""A Binary is seen with its security context, a Provenance with what it is of: on every path."""

import pytest

from tests import make
from tests.http.test_history import moment, versions

FHIR = "application/fhir+json"


def binary(context=None, **more):
    named = {"securityContext": make.reference(context)} if context else {}
    return {"resourceType": "Binary", "contentType": "text/plain", "data": "c2VjcmV0", **named, **more}


def provenance(*targets, **more):
    return {
        "resourceType": "Provenance",
        "target": [make.reference(target) for target in targets],
        "recorded": "2025-09-08T09:00:00Z",
        "agent": [{"who": {"display": "Somebody"}}],
        **more,
    }


def attendance(about, **more):
    """Of the category that schools have a right to."""
    return make.observation(about, **more) | {"category": [make.concept(make.CATEGORY, "attendance")]}


def past(client, url, since):
    return versions(client.get(f"{url}?_since={since}&_count=1000"))


def sees(client, type_, id, since):
    """Whether a caller finds it, alike by each way."""
    answers = {
        "read": client.get(f"{type_}/{id}", Accept=FHIR).status == 200,
        "vread": client.get(f"{type_}/{id}/_history/1", Accept=FHIR).status == 200,
        "history": client.get(f"{type_}/{id}/_history").status == 200,
        "search": client.search(f"{type_}?_id={id}").ids == [id],
        "walk": id in client.search(f"{type_}?_lastUpdated=ge{since}&_count=1000").ids,
        "counted": client.search(f"{type_}?_id={id}&_count=0").json["total"] == 1,
        "history of the type": f"{id}/1" in past(client, f"{type_}/_history", since),
        "history of everything": f"{id}/1" in past(client, "_history", since),
        "batch": "resource" in client.post(
            make.bundle("batch", make.entry("GET", f"{type_}/{id}"))
        ).json["entry"][0],
    }  # fmt: skip
    assert len(set(answers.values())) == 1, answers
    return answers["read"]


@pytest.fixture
def start(suite):
    return moment(suite.put(make.organization(make.word())))


@pytest.fixture(params=["Binary", "Provenance"])
def kind(request):
    return request.param


def made(kind, *contexts, id=None):
    id = id or make.word()
    return {"Binary": binary, "Provenance": provenance}[kind](*contexts, id=id)


def test_it_is_seen_by_who_sees_what_it_names(suite, school, social_care, child, start, kind):
    mark, secret = make.word(), make.word()
    suite.put(attendance(child, id=mark))
    suite.put(make.observation(child, id=secret))
    of_mark, of_secret = made(kind, f"Observation/{mark}"), made(kind, f"Observation/{secret}")
    for each in (of_mark, of_secret):
        assert suite.put(each).status == 201
    assert sees(social_care, kind, of_mark["id"], start)
    assert sees(social_care, kind, of_secret["id"], start)
    assert sees(school, kind, of_mark["id"], start)
    assert not sees(school, kind, of_secret["id"], start)


def test_what_names_nothing_is_its_author_s(suite, school, client_with, kind, start):
    its = {**made(kind, "https://example.org/Observation/1")} if kind == "Provenance" else made(kind)
    assert school.put(its).status == 201
    assert sees(school, kind, its["id"], start)
    for other in (suite, client_with("social-care"), client_with("inspector")):
        assert not sees(other, kind, its["id"], start)
        assert other.delete(f"{kind}/{its['id']}").status in (204, 403)
    assert sees(school, kind, its["id"], start)


def test_what_names_nothing_that_is_there_is_seen_by_nobody(suite, client_with, kind, start):
    absent = make.word("child-")
    its = made(kind, f"Patient/{absent}")
    assert suite.put(its).status == 201
    assert suite.get(f"{kind}/{its['id']}").status == 404
    assert suite.put(make.patient(id=absent)).status == 201
    assert sees(suite, kind, its["id"], start)


def test_it_is_seen_by_nobody_whose_sight_has_ended(suite, school, child, start, kind):
    known = suite.get(f"Patient/{child}").json
    its = made(kind, f"Patient/{child}")
    suite.put(its)
    assert sees(school, kind, its["id"], start)
    suite.put({**known, "meta": make.labelled("V")})
    assert not sees(school, kind, its["id"], start)


def test_of_what_is_shown_in_part_it_is_not_shown(suite, client_with, school, child, start, kind):
    """It holds as much as what it names, and cannot be shown in part."""
    glimpse, other, id = client_with("glimpse"), make.word("child-"), make.word()
    suite.put(make.patient(id=other))
    suite.post(make.episode(other, "glimpse"))
    suite.put(make.observation(other, id=id))
    assert glimpse.get(f"Observation/{id}").status == 200
    its = made(kind, f"Observation/{id}")
    suite.put(its)
    assert not sees(glimpse, kind, its["id"], start)
    known = suite.get(f"Patient/{child}").json
    of_child = made(kind, f"Patient/{child}")
    suite.put(of_child)
    assert sees(school, kind, of_child["id"], start)
    suite.put({**known, "meta": make.labelled("R")})
    assert school.get(f"Patient/{child}").status == 200
    assert not sees(school, kind, of_child["id"], start)


def test_a_version_is_seen_with_what_it_named_itself(suite, school, child, start):
    mark, secret, id = make.word(), make.word(), make.word()
    suite.put(attendance(child, id=mark))
    suite.put(make.observation(child, id=secret))
    suite.put(binary(f"Observation/{secret}", id=id))
    suite.put(binary(f"Observation/{mark}", id=id))
    assert versions(school.get(f"Binary/{id}/_history")) == [f"{id}/2"]
    assert school.get(f"Binary/{id}/_history/1", Accept=FHIR).status == 404
    suite.delete(f"Binary/{id}")
    assert versions(school.get(f"Binary/{id}/_history")) == [f"{id}/3", f"{id}/2"]
    suite.put(binary(f"Observation/{secret}", id=id))
    assert school.get(f"Binary/{id}/_history").status == 404


def test_a_provenance_of_several_is_seen_by_who_sees_each(suite, school, social_care, child, start):
    mark, secret = make.word(), make.word()
    suite.put(attendance(child, id=mark))
    suite.put(make.observation(child, id=secret))
    its = provenance(f"Observation/{mark}", f"Observation/{secret}", id=make.word())
    suite.put(its)
    assert sees(social_care, "Provenance", its["id"], start)
    assert not sees(school, "Provenance", its["id"], start)


def test_a_provenance_outlives_what_it_is_of_and_a_binary_does_not(suite, school, child, start):
    mark = make.word()
    suite.put(attendance(child, id=mark))
    why, what = (
        provenance(f"Observation/{mark}", id=make.word()),
        binary(f"Observation/{mark}", id=make.word()),
    )
    for each in (why, what):
        suite.put(each)
        assert sees(school, each["resourceType"], each["id"], start)
    suite.delete(f"Observation/{mark}")
    assert sees(school, "Provenance", why["id"], start)
    assert not sees(school, "Binary", what["id"], start)
    suite.put(make.observation(child, id=mark))
    assert not sees(school, "Provenance", why["id"], start)


def test_a_provenance_of_what_has_no_rights_of_its_own_is_its_author_s(suite, social_care, child, start):
    what = made("Binary", f"Patient/{child}")
    suite.put(what)
    why = made("Provenance", f"Binary/{what['id']}")
    assert social_care.put(why).status == 201
    assert sees(social_care, "Provenance", why["id"], start)
    assert not sees(suite, "Provenance", why["id"], start)


def test_the_reason_of_a_correction_is_read_by_who_reads_what_was_corrected(
    suite, school, social_care, child
):
    mark = make.word()
    suite.put(attendance(child, id=mark))
    suite.put(attendance(child, id=mark, code="y"))
    suite.put(
        provenance(f"Observation/{mark}/_history/2", id=make.word(), reason=[{"text": "It was a typo."}])
    )
    for client in (school, social_care):
        [found] = client.search(f"Provenance?target=Observation/{mark}").matches
        assert found["reason"] == [{"text": "It was a typo."}]


def test_who_may_not_see_the_bytes_may_not_change_or_delete_them(suite, school, child):
    secret, id = make.word(), make.word()
    suite.put(make.observation(child, id=secret))
    suite.put(binary(f"Observation/{secret}", id=id))
    assert school.put(binary(id=id)).status == 409
    assert school.delete(f"Binary/{id}").status == 204
    assert suite.get(f"Binary/{id}", Accept=FHIR).version == "1"


def test_an_audit_event_is_written_once(suite):
    event = {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest"},
        "recorded": "2025-09-08T09:00:00Z",
        "agent": [{"requestor": True}],
        "source": {"observer": {"display": "Ours"}},
    }
    id = suite.post(event).id
    path, again = f"AuditEvent/{id}", {**event, "id": id, "recorded": "2025-09-09T09:00:00Z"}
    patch = '[{"op": "replace", "path": "/recorded", "value": "2025-09-09T09:00:00Z"}]'
    refused = [
        suite.put(again),
        suite.put({**event, "id": make.word()}),
        suite.ask("PUT", f"AuditEvent?_id={id}", again),
        suite.ask("PATCH", path, patch, Content_Type="application/json-patch+json"),
        suite.ask("PATCH", f"AuditEvent?_id={id}", patch, Content_Type="application/json-patch+json"),
        suite.delete(path),
        suite.delete(f"AuditEvent?_id={id}"),
    ]
    assert [each.status for each in refused] == [405] * len(refused)
    assert all(
        "PUT" not in each.headers["Allow"] and "DELETE" not in each.headers["Allow"] for each in refused
    )
    for entry in (make.put(again), make.entry("DELETE", path)):
        assert suite.post(make.bundle("transaction", entry)).status == 405
        assert (
            suite.post(make.bundle("batch", entry)).json["entry"][0]["response"]["status"].startswith("405")
        )
    meta = {"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": make.tagged("x")}]}
    assert suite.ask("POST", f"{path}/$meta-add", meta).status in (403, 404, 405)
    assert suite.get(path).version == "1"
    assert len(suite.get(f"{path}/_history").entries) == 1
    assert suite.search(f"AuditEvent?_id={id}").ids == [id]


def test_what_an_audit_event_has_not_is_not_declared(suite):
    resources = suite.get("metadata").json["rest"][0]["resource"]
    [event] = [each for each in resources if each["type"] == "AuditEvent"]
    codes = {each["code"] for each in event["interaction"]}
    assert codes >= {"create", "read", "search-type"}
    assert codes.isdisjoint({"update", "patch", "delete"})
    assert not event.get("updateCreate")
    assert not event.get("conditionalUpdate")
    assert event.get("conditionalDelete", "not-supported") == "not-supported"
