"""$expunge: a resource is taken out for good, and nothing but the account tells that it was there."""

import json

import pytest
from sqlalchemy import Text, cast, func, select

from server import clock
from server.fhir.identifier import NHS_NUMBER
from server.job.worker import Worker
from server.store import tables as t
from server.store.expunge import rule
from tests import make
from tests.access.test_decision import not_shared

BINARY = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
REASON = "Case 12 of the county court"


def expunge(caller, path, reason=REASON, **parameters):
    sent = [{"name": "reason", "valueString": reason}]
    kinds = {bool: "valueBoolean", str: "valueString"}
    sent += [{"name": name, kinds[type(value)]: value} for name, value in parameters.items()]
    return caller.ask("POST", f"{path}/$expunge", {"resourceType": "Parameters", "parameter": sent})


def told(answer):
    assert answer.status == 200, answer
    found = {"gone": []}
    for each in answer.json["parameter"]:
        if each["name"] == "gone":
            _, resources, versions = each["part"]
            found["gone"].append((resources["valueUnsignedInt"], versions["valueUnsignedInt"]))
        else:
            [found[each["name"]]] = [value for name, value in each.items() if name.startswith("value")]
    return found


@pytest.fixture(scope="module")
def records(client_with):
    return client_with("records")


@pytest.fixture
def connection(app):
    with app.extensions["database"].autocommit() as connection:
        yield connection


@pytest.fixture
def everywhere(connection):
    """The tables in which a row has one of the numbers, or a text one of the words."""

    def found(numbers=(), words=()):
        names = {"child", "rid", "basis", "other", "former"}
        return {
            table.name
            for table in t.metadata.tables.values()
            if table.name not in rule.STAYS
            for column in table.c
            if (column.name in names and holds(table.c[column.name].in_(numbers)))
            or any(holds(cast(column, Text).contains(word)) for word in words)
        }

    def holds(condition):
        return bool(connection.scalar(select(func.count()).where(condition)))

    return found


@pytest.fixture
def place(app, connection):
    """(child, rid) of a resource."""

    def found(path):
        type_, id = path.split("/")
        number = app.extensions["door"].library.type_number(type_)
        own = (t.locator.c.type == number, t.locator.c.id == id)
        return tuple(connection.execute(select(t.locator.c.child, t.locator.c.rid).where(*own)).one())

    return found


def test_a_resource_is_gone_with_every_version_and_all_that_finds_it(
    suite, records, child, place, everywhere
):
    word = make.word("Zq")
    full = make.observation(child, word, identifier=[make.identifier(word)], valueString=word)
    id = suite.post(full | {"effectiveDateTime": "2024-05-06", "meta": make.tagged(word)}).id
    path = f"Observation/{id}"
    suite.put(full | {"id": id, "status": "amended"}, Idempotency_Key=word)
    _, rid = place(path)
    assert {"resource", "history", "facet", "outbox", "idempotency"} <= everywhere([rid], [id])
    done = expunge(records, path)
    assert told(done)["count"] == 1
    for gone in (path, f"{path}/_history/1", f"{path}/_history"):
        assert suite.get(gone).status == 404
    for query in (f"Observation?_tag={word}", f"Observation?code={word}", f"Observation?_id={id}"):
        assert suite.search(query).ids == []
    assert not everywhere([rid], [id, word])


def test_a_child_is_gone_with_everything_known_of_it(suite, records, child, place, everywhere):
    number, word = make.nhs(), make.word("Zq")
    suite.put(make.child(number, id=child, meta=make.tagged(word)))
    paths = [f"Patient/{child}"]
    paths += [f"Observation/{suite.post(make.mark(child, 'school')).id}"]
    paths += [f"Encounter/{suite.post(make.encounter(child, 'health')).id}"]
    deleted = f"Observation/{suite.post(make.observation(child)).id}"
    suite.delete(deleted)
    places = [place(each) for each in (*paths, deleted)]
    done = told(expunge(records, f"Patient/{child}"))
    assert done["count"] >= 4
    for path in (*paths, deleted):
        assert suite.get(path).status == 404
    assert suite.search(f"Patient?identifier={NHS_NUMBER}|{number}").ids == []
    assert suite.search(f"EpisodeOfCare?patient={child}").ids == []
    assert not everywhere([each for pair in places for each in pair], [child, number])
    # One child, one record: the number is free for who comes next.
    assert suite.post(make.child(number)).status == 201


def test_the_account_keeps_that_it_was_there_who_took_it_out_and_why(
    suite, records, child, place, connection
):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    home, rid = place(path)
    expunge(records, path)
    own = (t.audit.c.interaction == "expunge", t.audit.c.child == home)
    [line] = connection.execute(select(t.audit).where(*own)).all()
    assert (line.client, line.reason, list(line.hits)) == (records.client, REASON, [rid])
    assert line.query.startswith(path)


def test_a_preview_changes_nothing(suite, records, child):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    suite.put(make.observation(child, id=path.partition("/")[2], status="amended"))
    done = told(expunge(records, path, preview=True))
    assert done["count"] == 1
    assert done["gone"] == [(1, 2)]
    assert suite.get(path).status == 200


def test_what_was_deleted_can_be_named_or_taken_out_with_all_of_its_type(suite, records, child):
    ids = [suite.post(make.observation(child)).id for _ in range(3)]
    suite.delete(f"Observation/{ids[0]}")
    suite.delete(f"Observation/{ids[1]}")
    assert told(expunge(records, f"Observation/{ids[0]}"))["count"] == 1
    assert suite.get(f"Observation/{ids[1]}").status == 410
    expunge(records, "Observation")
    assert suite.get(f"Observation/{ids[1]}").status == 404
    assert suite.get(f"Observation/{ids[2]}").status == 200


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("Observation/{}", {"reason": " "}, 400),
        ("Observation/{}", {"referring": "perhaps"}, 400),
        ("Observation/{}", {"before": "2024"}, 400),
        ("Observation/nobody", {}, 404),
        ("Patient/nobody", {}, 404),
        ("StructureDefinition/Child", {}, 403),
    ],
)
def test_what_cannot_be_is_refused(suite, records, child, path, parameters, status):
    id = suite.post(make.observation(child)).id
    assert expunge(records, path.format(id), **{"reason": REASON, **parameters}).status == status
    assert suite.get(f"Observation/{id}").status == 200


@pytest.mark.parametrize(
    ("agency", "scopes", "status"),
    [
        ("records", "system/*.cruds", 200),
        ("records", "system/Observation.d", 200),
        ("records", "system/Observation.rus", 403),
        ("records", "system/Patient.cruds", 403),
        ("social-care", "system/*.cruds", 403),
        ("suite", "system/*.cruds", 403),
    ],
)
def test_only_who_is_entitled_takes_out(client_with, suite, child, agency, scopes, status):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    assert expunge(client_with(agency, scopes), path).status == status
    assert suite.get(path).status == (404 if status == 200 else 200)


def test_what_is_not_seen_is_absent_to_who_is_not_entitled(client_with, suite, child):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    school = client_with("school")
    assert expunge(school, path).status == expunge(school, "Observation/nobody").status


@pytest.mark.parametrize(
    ("referring", "status", "left"), [("refuse", 409, 200), ("keep", 200, 200), ("expunge", 200, 404)]
)
def test_what_refers_to_it_says_whether_it_goes(suite, records, child, referring, status, left):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    pointing = f"Observation/{suite.post(make.observation(child, hasMember=[make.reference(path)])).id}"
    assert pointing in json.dumps(expunge(records, path, preview=True).json)
    done = expunge(records, path, referring=referring)
    assert done.status == status
    assert (pointing in done.text) == (status == 409 or referring == "keep")
    assert suite.get(path).status == (404 if status == 200 else 200)
    assert suite.get(pointing).status == left


def test_what_speaks_of_an_other_child_too_speaks_of_that_alone_where_it_is_kept(
    suite, records, child, social_care
):
    other = suite.post(make.child()).id
    about = suite.post(make.observation(child, focus=[make.reference(f"Patient/{other}")])).id
    assert social_care.get(f"Observation/{about}").status == 404
    assert expunge(records, f"Patient/{other}").status == 409
    assert expunge(records, f"Patient/{other}", referring="keep").status == 200
    assert social_care.get(f"Observation/{about}").status == 200


def test_what_is_seen_only_with_it_goes_with_it(suite, records, child):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    other = f"Observation/{suite.post(make.observation(child)).id}"
    alone = suite.post(
        {
            "resourceType": "Binary",
            "contentType": "text/plain",
            "data": "eA==",
            "securityContext": make.reference(path),
        }
    ).id
    provenance = {
        "resourceType": "Provenance",
        "recorded": "2026-01-01T00:00:00Z",
        "agent": [{"who": {"display": "Somebody"}}],
    }
    own = suite.post({**provenance, "target": [make.reference(path)]}).id
    both = suite.post({**provenance, "target": [make.reference(path), make.reference(other)]}).id
    assert told(expunge(records, path))["count"] == 3
    assert suite.get(f"Binary/{alone}").status == suite.get(f"Provenance/{own}").status == 404
    assert suite.get(f"Provenance/{both}").status == 200


def test_versions_go_with_the_child_that_they_were_about(suite, records, child):
    other = suite.post(make.child()).id
    id = suite.post(make.observation(child)).id
    suite.put(make.observation(other, id=id))
    assert suite.get(f"Observation/{id}/_history/1").status == 200
    assert expunge(records, f"Patient/{child}").status == 200
    assert suite.get(f"Observation/{id}").status == 200
    assert suite.get(f"Observation/{id}/_history/1").status == 404
    suite.put(make.observation(other, id=id, status="amended"))
    assert suite.get(f"Observation/{id}").version == "3"


def test_a_hold_stops_it_until_it_is_lifted(suite, records, child):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    reason = {"resourceType": "Parameters", "parameter": [{"name": "reason", "valueString": "A claim"}]}
    for held in (path, f"Patient/{child}"):
        placed = records.ask("POST", f"{held}/$hold", reason)
        [name] = [part["valueId"] for part in placed.json["parameter"][0]["part"] if part["name"] == "id"]
        assert name in expunge(records, path, preview=True).text
        refused = expunge(records, path)
        assert (refused.status, name in refused.text) == (409, True)
        assert expunge(records, f"Patient/{child}").status == 409
        assert name in records.get(f"{path}/$hold-list").text
        lift = {**reason, "parameter": [*reason["parameter"], {"name": "hold", "valueId": name}]}
        assert records.ask("POST", "Observation/nobody/$hold-lift", lift).status == 404
        assert records.ask("POST", f"{held}/$hold-lift", lift).status == 200
        assert records.ask("POST", f"{held}/$hold-lift", lift).status == 404
        assert name not in records.get(f"{path}/$hold-list").text
        assert name in records.get(f"{path}/$hold-list?lifted=true").text
    assert expunge(records, path).status == 200


@pytest.mark.parametrize("operation", ["hold", "hold-lift", "hold-list"])
def test_holds_are_for_who_is_entitled(client_with, child, operation):
    sent = [{"name": "reason", "valueString": "x"}, {"name": "hold", "valueId": "x"}]
    sent = [each for each in sent if each["name"] == "reason" or operation == "hold-lift"]
    body = {"resourceType": "Parameters", "parameter": [] if operation == "hold-list" else sent}
    caller = client_with("social-care")
    assert (
        caller.ask("POST", f"Patient/{child}/${operation}", body if body["parameter"] else None).status == 403
    )
    assert (
        caller.ask("POST", f"Patient/nobody/${operation}", body if body["parameter"] else None).status == 403
    )


def test_answers_that_wait_to_be_fetched_go_with_it(app, suite, records, child):
    path = f"Observation/{suite.post(make.observation(child)).id}"
    other = f"Observation/{suite.post(make.observation(child)).id}"
    left = [suite.get(each, Prefer="respond-async").headers["Content-Location"] for each in (path, other)]
    worker = Worker(app.extensions["door"])
    while worker.work():
        pass
    assert [suite.get(each).status for each in left] == [200, 200]
    expunge(records, path)
    assert [suite.get(each).status for each in left] == [404, 200]


def test_apps_and_people_of_a_child_that_is_gone_have_no_access(app, suite, records, child):
    other, at = suite.post(make.child()).id, clock.now()
    word, gone = make.word(), f"Patient/{child}"
    grant = {
        "client": "x", "agency": "school", "account": "x", "scope": "x", "authenticated": at, "created": at,
        "expires": at,
    }  # fmt: skip
    account = {
        "agency": "school", "name": "x", "roles": [], "caseload": "own", "teams": [], "created": at,
    }  # fmt: skip
    rows = [
        (t.app_grant, grant | {"id": f"{word}-1", "patient": child}),
        (t.app_grant, grant | {"id": f"{word}-2", "patient": other}),
        (t.app_grant, grant | {"id": f"{word}-3", "context": {"fhirContext": [make.reference(gone)]}}),
        (t.refresh_token, {"hash": word, "grant": f"{word}-1", "created": at, "expires": at}),
        (t.launch, {"hash": f"{word}-1", "agency": "school", "context": {"patient": child}, "expires": at}),
        (t.launch, {"hash": f"{word}-2", "agency": "school", "context": {"patient": other}, "expires": at}),
        (t.account, account | {"id": f"{word}-1", "fhir_user": gone, "references": []}),
        (t.account, account | {"id": f"{word}-2", "fhir_user": "Patient/x", "references": [gone, "x"]}),
    ]  # fmt: skip
    with app.extensions["database"].begin() as connection:
        for table, values in rows:
            connection.execute(table.insert().values(values))
    expunge(records, f"Patient/{child}")
    with app.extensions["database"].begin() as connection:

        def left(column):
            return set(connection.execute(select(column).where(column.startswith(word))).scalars())

        assert left(t.app_grant.c.id) == {f"{word}-2"}
        assert left(t.refresh_token.c.hash) == set()
        assert left(t.launch.c.hash) == {f"{word}-2"}
        own = select(t.account.c.id, t.account.c.suspended, t.account.c.references)
        found = connection.execute(own.where(t.account.c.id.startswith(word)).order_by(t.account.c.id)).all()
    assert [(each.suspended is not None, each.references) for each in found] == [(True, []), (False, ["x"])]


def test_a_decision_ends_with_the_consent_that_says_it(suite, records, school, child):
    id = suite.post(not_shared(child, "school")).id
    assert school.get(f"Patient/{child}").text != suite.get(f"Patient/{child}").text
    assert told(expunge(records, f"Consent/{id}"))["count"] == 1
    assert school.get(f"Patient/{child}").text == suite.get(f"Patient/{child}").text
