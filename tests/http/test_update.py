import pytest
from sqlalchemy import select

from server import clock
from server.store import tables as t
from tests import make


@pytest.fixture
def held(suite):
    """A Patient at version 1."""
    return suite.post(make.patient(gender="female")).json


def test_an_update_is_the_next_version(suite, held):
    again = suite.put({**held, "gender": "male"})
    assert (again.status, again.version, again.json["gender"]) == (200, "2", "male")
    assert "Location" not in again.headers
    read = suite.get(f"Patient/{held['id']}")
    assert (read.version, read.text) == ("2", again.text)


def test_what_an_update_leaves_out_is_gone_and_found_no_more(suite):
    word = make.word()
    made = suite.post(make.patient(identifier=[make.identifier(word)]))
    suite.put(make.patient(id=made.id))
    assert "identifier" not in suite.get(f"Patient/{made.id}").json
    assert suite.search(f"Patient?identifier={word}").ids == []


def test_a_put_of_a_new_id_creates_it(suite):
    id = make.word()
    made = suite.put(make.patient(id=id))
    assert (made.status, made.version) == (201, "1")
    assert made.headers["Location"] == f"{suite.base}/Patient/{id}/_history/1"
    assert suite.get(f"Patient/{id}").text == made.text


@pytest.mark.parametrize("tag", ['W/"1"', '"1"', "1", "*", ' W/"1" ', 'W/"7", W/"1"'])
def test_an_update_of_the_version_that_is_named_is_carried_out(suite, held, tag):
    assert suite.put({**held, "gender": "male"}, If_Match=tag).version == "2"


@pytest.mark.parametrize("tag", ['W/"2"', '"0"', "7", 'W/"x"', '""', 'W/"2", W/"3"'])
def test_an_update_of_a_version_that_is_not_the_present_one_is_refused(suite, held, tag):
    refused = suite.put({**held, "gender": "male"}, If_Match=tag)
    assert (refused.status, refused.code) == (412, "conflict")
    assert suite.get(f"Patient/{held['id']}").json == held


@pytest.mark.parametrize("tag", ['W/"1', "1 2", "", 'W/"1",'])
def test_an_if_match_that_names_no_version_is_refused(suite, held, tag):
    assert suite.put(held, If_Match=tag).status == 400


def test_of_two_updates_of_one_version_the_second_is_refused(suite, held):
    assert suite.put({**held, "gender": "male"}, If_Match='W/"1"').status == 200
    assert suite.put({**held, "gender": "other"}, If_Match='W/"1"').status == 412
    assert suite.get(f"Patient/{held['id']}").json["gender"] == "male"


def test_a_version_of_what_does_not_exist_cannot_be_updated(suite):
    id = make.word()
    assert suite.put(make.patient(id=id), If_Match='W/"1"').status == 412
    assert suite.get(f"Patient/{id}").status == 404


def test_if_none_match_creates_and_never_overwrites(suite):
    sent = make.patient(id=make.word())
    assert suite.put(sent, If_None_Match="*").status == 201
    assert suite.put(sent, If_None_Match="*").status == 412
    assert suite.put({**sent, "gender": "male"}, If_None_Match='W/"2", W/"1"').status == 412
    assert suite.get(f"Patient/{sent['id']}").version == "1"


@pytest.mark.parametrize("id", [None, "other", 7])
def test_a_resource_that_has_not_the_id_of_the_url_is_refused(suite, held, id):
    sent = {name: value for name, value in {**held, "id": id}.items() if value is not None}
    refused = suite.ask("PUT", f"Patient/{held['id']}", sent)
    assert refused.status == 400
    assert refused.json["issue"][0]["expression"] == ["Patient.id"]


@pytest.mark.parametrize(
    ("path", "status"),
    [("Observation/x", 400), ("Patient/no_id!", 404), ("Nonsense/x", 404)],
)
def test_a_put_to_another_place_is_refused(suite, path, status):
    assert suite.ask("PUT", path, make.patient(id="x")).status == status


@pytest.mark.parametrize(
    "meta",
    [
        {
            "tag": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
            ]
        },
        {
            "security": [
                {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "REDACTED"}
            ]
        },
    ],
    ids=["SUBSETTED", "REDACTED"],
)
def test_a_part_of_a_resource_cannot_take_its_place(suite, held, meta):
    refused = suite.put({**held, "meta": meta})
    assert (refused.status, refused.code) == (422, "business-rule")
    assert suite.get(f"Patient/{held['id']}").json == held


def test_an_update_is_validated_like_a_create(suite, held):
    assert suite.put({**held, "gender": "unheard-of"}).status == 400
    assert suite.get(f"Patient/{held['id']}").version == "1"


def test_an_update_may_not_take_anothers_number(suite):
    first, second = make.child(), make.child()
    suite.post(first)
    made = suite.post(second)
    refused = suite.put({**made.json, "identifier": first["identifier"]})
    assert (refused.status, refused.code) == (409, "duplicate")
    assert suite.get(f"Patient/{made.id}").json == made.json


def test_an_update_keeps_its_own_number_and_frees_one_that_it_drops(suite):
    sent = make.child()
    made = suite.post(sent)
    assert suite.put({**made.json, "gender": "male"}).status == 200
    assert suite.put(make.patient(id=made.id)).status == 200
    assert suite.post(sent).status == 201


def test_what_moves_to_another_child_is_found_with_it_and_keeps_its_past(suite):
    one, other = (suite.post(make.patient()).id for _ in range(2))
    made = suite.post(make.observation(one))
    moved = suite.put({**made.json, "subject": make.reference(f"Patient/{other}")})
    assert (moved.status, moved.version) == (200, "2")
    assert suite.search(f"Observation?patient={one}").ids == []
    assert suite.search(f"Observation?patient={other}").ids == [made.id]
    history = suite.get(f"Observation/{made.id}/_history").entries
    assert [each["resource"]["subject"]["reference"] for each in history] == [
        f"Patient/{other}",
        f"Patient/{one}",
    ]
    assert suite.get(f"Observation/{made.id}/_history/1").text == made.text


def test_what_spoke_of_a_child_before_it_was_written_is_found_with_it(suite):
    id = make.word("child-")
    spoken = suite.post(make.observation(id)).id
    assert suite.search(f"Observation?patient={id}").ids == [spoken]
    assert suite.get(f"Patient/{id}").status == 404
    assert suite.put(make.patient(id=id)).status == 201
    assert suite.search(f"Observation?patient={id}").ids == [spoken]


def test_an_agency_may_not_change_what_another_wrote_where_it_has_no_right_to(suite, school, child):
    made = suite.post(make.mark(child, "school"))
    assert school.get(f"Observation/{made.id}").status == 200
    refused = school.put({**made.json, "note": [{"text": "changed"}]})
    assert (refused.status, refused.code) == (403, "forbidden")
    assert suite.get(f"Observation/{made.id}").text == made.text


def test_who_corrects_anothers_resource_does_not_become_its_author(school, social_care, child):
    made = school.post(make.mark(child, "school"))
    assert social_care.put({**made.json, "note": [{"text": "changed"}]}).version == "2"
    assert school.put(made.json).version == "3"


@pytest.fixture
def acts(app, client_with):
    """Of a client that nobody else is: how often it acted so, and how often anybody is told of a resource."""
    caller = client_with("suite", other=True)

    def found(interaction, type_, id):
        with app.extensions["database"].autocommit() as connection:
            own = (t.audit.c.client == caller.client, t.audit.c.interaction == interaction)
            lines = connection.execute(select(t.audit.c.outcome).where(*own)).scalars().all()
            number = app.extensions["door"].library.type_number(type_)
            place = select(t.locator.c.rid).where(t.locator.c.type == number, t.locator.c.id == id)
            told = select(t.outbox.c.interaction).where(t.outbox.c.rid == place.scalar_subquery())
            return lines, connection.execute(told.order_by(t.outbox.c.version)).scalars().all()

    return caller, found


def test_an_update_that_changes_nothing_makes_no_version_and_is_accounted_for(acts):
    caller, found = acts
    made = caller.post(make.patient(gender="female", _gender={"id": "g"}, multipleBirthInteger=2))
    shuffled = dict(reversed(made.json.items()))
    bare = {name: value for name, value in made.json.items() if name != "meta"}
    for sent in (made.json, shuffled, bare):
        again = caller.put(sent)
        assert (again.status, again.text) == (200, made.text)
        assert {again.headers[name] == made.headers[name] for name in ("ETag", "Last-Modified")} == {True}
    told = caller.put(bare, Prefer="return=OperationOutcome", If_Match='W/"1"')
    assert (told.status, told.version, told.code) == (200, "1", "informational")
    assert "unchanged" in told.text
    assert len(caller.get(f"Patient/{made.id}/_history").entries) == 1
    lines, outbox = found("update", "Patient", made.id)
    assert (lines, outbox) == ([200] * 4, ["create"])


def test_an_update_that_changes_nothing_in_a_transaction_makes_no_version(suite, held):
    bundle = make.bundle("transaction", make.put(held, ifMatch='W/"1"'))
    [entry] = suite.post(bundle).entries
    assert entry["response"]["status"] == "200 OK"
    assert entry["response"]["etag"] == 'W/"1"'
    assert suite.get(f"Patient/{held['id']}").version == "1"


@pytest.mark.parametrize(
    ("before", "after"), [("1.5", "1.50"), ("1.0", "1"), ("1", "1.0"), ("100", "1e2"), ("0.0", "-0.0")]
)
def test_another_precision_is_another_value(suite, before, after):
    word = make.word()
    body = (
        '{"resourceType":"Observation","id":"%s","status":"final","code":{"text":"x"},'
        '"valueQuantity":{"value":%s}}'
    )
    assert suite.ask("PUT", f"Observation/{word}", body % (word, before)).status == 201
    assert suite.ask("PUT", f"Observation/{word}", body % (word, after)).version == "2"


def test_who_may_not_read_a_resource_does_not_learn_that_it_said_the_same(suite, client_with):
    blind = client_with("suite", "system/Patient.cud")
    made = suite.post(make.patient(gender="female"))
    assert blind.put(made.json).version == "2"


def test_each_version_is_later_than_the_one_before_though_the_clock_stands_still(suite, monkeypatch):
    id, now = make.word(), clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    for at in range(5):
        suite.put(make.patient(id=id, multipleBirthInteger=at))
        suite.delete(f"Patient/{id}")
    history = suite.get(f"Patient/{id}/_history?_count=100").entries
    at = [each["response"]["lastModified"] for each in history]
    assert len(at) == 10
    assert at == sorted(set(at), reverse=True)


def test_what_is_written_must_still_be_the_writers_to_write(school, child):
    made = school.post(make.mark(child, "school"))
    refused = school.put({**made.json, "category": make.observation()["category"]})
    assert refused.status == 403
    assert school.get(f"Observation/{made.id}").version == "1"
