"""https://hl7.org/fhir/R4/http.html#transaction"""

import pytest

from tests import make
from tests.make import TEST


def statuses(answer):
    return [each["response"]["status"].split()[0] for each in answer.entries]


def test_the_answers_stand_in_the_order_of_the_request(suite):
    gone, changed = (suite.post(make.patient()).id for _ in range(2))
    answer = suite.post(
        make.bundle(
            "transaction",
            make.entry("GET", f"Patient/{changed}"),
            make.put(make.patient(id=changed, gender="male")),
            make.posted(make.patient()),
            make.entry("DELETE", f"Patient/{gone}"),
        )
    )
    assert answer.json["type"] == "transaction-response"
    assert statuses(answer) == ["200", "200", "201", "204"]
    read, put, posted, deleted = answer.entries
    assert read["resource"]["gender"] == "male"
    assert put["response"]["etag"] == 'W/"2"'
    assert posted["response"]["location"].startswith(f"{suite.base}/Patient/")
    assert suite.get(posted["response"]["location"]).status == 200
    assert deleted["response"]["etag"] == 'W/"2"'
    assert suite.get(f"Patient/{gone}").status == 410


def test_deletes_go_before_creates_and_those_before_updates_whatever_their_order(suite):
    sent = make.child()
    old, other = suite.post(sent).id, suite.post(make.patient()).id
    # The new child may have the number only once the old one has lost it.
    answer = suite.post(
        make.bundle(
            "transaction",
            make.entry("GET", f"Patient?identifier={sent['identifier'][0]['value']}"),
            make.put(
                make.patient(id=other, link=[{"other": make.reference("urn:uuid:new"), "type": "seealso"}])
            ),
            make.posted(sent, "urn:uuid:new"),
            make.entry("DELETE", f"Patient/{old}"),
        )
    )
    assert statuses(answer) == ["200", "200", "201", "204"]
    new = answer.entries[2]["response"]["location"].split("/")[-3]
    assert [each["resource"]["id"] for each in answer.entries[0]["resource"]["entry"]] == [new]
    assert suite.get(f"Patient/{other}").json["link"][0]["other"]["reference"] == f"Patient/{new}"


def test_a_urn_is_resolved_wherever_it_stands(suite):
    child, visit, place = make.urn(), make.urn(), make.urn()
    document = {
        "resourceType": "Observation",
        "status": "final",
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{child}">x</a> {child}</div>',
        },
        "contained": [
            {
                "resourceType": "Encounter",
                "id": "e",
                "status": "planned",
                "class": {"code": "AMB"},
                "subject": make.reference(child),
            }
        ],
        "extension": [
            {"url": "https://example.org/r", "valueReference": make.reference(child)},
            {"url": "https://example.org/u", "valueUri": visit},
        ],
        "code": {"text": "x"},
        "subject": make.reference(child),
        "focus": [make.reference("#e")],
        "encounter": make.reference(visit),
        "performer": [make.reference(place), make.reference(child)],
        "note": [{"authorReference": make.reference(place), "text": f"not a link: {child} here"}],
    }
    answer = suite.post(
        make.bundle(
            "transaction",
            make.posted(document, make.urn()),
            make.posted(
                {
                    **make.encounter("x", "x"),
                    "subject": make.reference(child),
                    "serviceProvider": make.reference(place),
                },
                visit,
            ),
            make.posted(make.patient(), child),
            make.put(make.organization(make.word()) | {"partOf": make.reference("Organization/school")}),
            make.entry("PUT", "Organization/" + (home := make.word()), make.organization(home), place),
        )
    )
    observation, encounter, patient = (
        "/".join(each["response"]["location"].split("/")[-4:-2]) for each in answer.entries[:3]
    )
    kept = suite.get(observation).json
    assert kept["subject"] == make.reference(patient)
    assert kept["encounter"] == make.reference(encounter)
    assert kept["performer"] == [make.reference(f"Organization/{home}"), make.reference(patient)]
    assert kept["contained"][0]["subject"] == make.reference(patient)
    assert kept["extension"][0]["valueReference"] == make.reference(patient)
    assert kept["extension"][1]["valueUri"] == encounter
    assert kept["note"][0]["authorReference"] == make.reference(f"Organization/{home}")
    assert f'<a href="{patient}">' in kept["text"]["div"]
    assert kept["note"][0]["text"] == document["note"][0]["text"]
    assert suite.search(f"Observation?patient={patient}").ids == [kept["id"]]


def test_a_full_url_that_is_an_address_is_resolved_too(suite):
    answer = suite.post(
        make.bundle(
            "transaction",
            make.posted(make.patient(), "https://elsewhere.example/fhir/Patient/1"),
            make.posted(
                make.observation("1")
                | {"subject": make.reference("https://elsewhere.example/fhir/Patient/1")}
            ),
        )
    )
    patient, observation = (
        "/".join(each["response"]["location"].split("/")[-4:-2]) for each in answer.entries
    )
    assert suite.get(observation).json["subject"] == make.reference(patient)


def test_a_conditional_create_finds_what_is_there_and_the_others_refer_to_it(suite):
    word, child = make.word(), make.urn()
    known = suite.post(make.patient(identifier=[make.identifier(word)])).id
    answer = suite.post(
        make.bundle(
            "transaction",
            make.posted(make.patient(), child, ifNoneExist=f"identifier={TEST}|{word}"),
            make.posted(make.observation() | {"subject": make.reference(child)}),
        )
    )
    assert statuses(answer) == ["200", "201"]
    assert suite.get(f"Patient/{known}").version == "1"
    assert len(suite.search(f"Observation?patient={known}").ids) == 1


def test_a_conditional_create_that_finds_nothing_creates(suite):
    word, child = make.word(), make.urn()
    answer = suite.post(
        make.bundle(
            "transaction",
            make.posted(
                make.patient(identifier=[make.identifier(word)]),
                child,
                ifNoneExist=f"identifier={TEST}|{word}",
            ),
            make.posted(make.observation() | {"subject": make.reference(child)}),
        )
    )
    assert statuses(answer) == ["201", "201"]
    [id] = suite.search(f"Patient?identifier={word}").ids
    assert len(suite.search(f"Observation?patient={id}").ids) == 1


def test_a_conditional_reference_is_the_one_resource_that_it_finds(suite):
    word = make.word()
    known = suite.post(make.patient(identifier=[make.identifier(word)])).id
    answer = suite.post(
        make.bundle(
            "transaction",
            make.posted(
                make.observation() | {"subject": make.reference(f"Patient?identifier={TEST}|{word}")}
            ),
        )
    )
    assert statuses(answer) == ["201"]
    [found] = suite.search(f"Observation?patient={known}").matches
    assert found["subject"] == make.reference(f"Patient/{known}")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("identifier={word}-none", 412, "conflict"),
        ("identifier={word}", 412, "multiple-matches"),
        ("nonsense={word}", 400, "invalid"),
        ("_count=1", 412, "conflict"),
    ],
)
def test_a_conditional_reference_to_none_or_several_fails_the_whole(suite, query, status, code):
    word = make.word()
    for _ in range(2):
        suite.post(make.patient(identifier=[make.identifier(word)]))
    subject = {"subject": make.reference("Patient?" + query.format(word=word))}
    sent = [make.posted(make.patient(meta=make.tagged(word))), make.posted(make.observation() | subject)]
    refused = suite.post(make.bundle("transaction", *sent))
    assert (refused.status, refused.code) == (status, code)
    assert refused.json["issue"][0]["expression"] == ["Bundle.entry[1]"]
    assert suite.search(f"Patient?_tag={word}").ids == []


@pytest.mark.parametrize(
    ("entry", "status"),
    [
        (make.posted({"resourceType": "Patient", "nonsense": 1}), 400),
        (make.posted(make.patient(meta=1)), 400),
        (make.posted(make.observation(), ifNoneExist="nonsense=1"), 400),
        (make.put(make.patient(id="nobody"), ifMatch='W/"1"'), 412),
        (make.entry("PUT", "Patient/other", make.patient(id="one")), 400),
        (make.entry("PUT", "Patient?nonsense=x", make.patient()), 400),
        (make.entry("PUT", "Patient", make.patient()), 412),
        (make.entry("DELETE", "Patient?nonsense=x"), 400),
        (make.entry("DELETE", "Patient"), 412),
        (make.entry("PATCH", "Patient/nobody", {"resourceType": "Parameters"}), 404),
        (make.entry("PATCH", "Patient?identifier=nobody", {"resourceType": "Parameters"}), 404),
        (make.entry("PATCH", "Patient/nobody", {"resourceType": "Binary", "contentType": "text/plain"}), 400),
        (make.entry("GET", "Patient/nobody"), 404),
        (make.entry("GET", "https://elsewhere.example/fhir/Patient/x"), 400),
        (make.entry("GET", "Patient/nobody", ifModifiedSince="yesterday"), 400),
        (make.entry("POST", "Patient"), 400),
        (make.entry("POST", "Observation", make.patient()), 400),
        (make.entry("POST", "Nonsense", make.patient()), 404),
        (make.entry("POST", "Patient/$nonsense", make.patient()), 404),
        (make.entry("POST", "/", make.bundle("batch")), 400),
        (make.entry("LINK", "Patient/x"), 400),
        ({"resource": make.patient()}, 400),
        ({"request": "POST Patient"}, 400),
        ({"request": {"method": "POST"}}, 400),
        ({"request": {"method": "POST", "url": 7}}, 400),
        ({"request": {"method": ["POST"], "url": "Patient"}}, 400),
        ("not an entry", 400),
        (None, 400),
    ],
    ids=str,
)
def test_one_entry_that_fails_leaves_nothing_of_the_others(suite, entry, status):
    tag, id = make.word(), suite.post(make.patient()).id
    sent = [
        make.posted(make.patient(meta=make.tagged(tag))),
        make.put(make.patient(id=id, gender="male")),
        make.entry("DELETE", f"Organization/{suite.post({'resourceType': 'Organization', 'name': 'x'}).id}"),
        entry,
    ]
    refused = suite.post(make.bundle("transaction", *sent))
    assert refused.status == status
    assert suite.search(f"Patient?_tag={tag}").ids == []
    assert suite.get(f"Patient/{id}").version == "1"
    assert suite.get(sent[2]["request"]["url"]).status == 200


def test_a_claim_that_is_refused_leaves_nothing_of_the_others(suite):
    tag, sent = make.word(), make.child()
    suite.post(sent)
    refused = suite.post(
        make.bundle("transaction", make.posted(make.patient(meta=make.tagged(tag))), make.posted(sent))
    )
    assert (refused.status, refused.code) == (409, "duplicate")
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_one_number_cannot_be_claimed_twice_in_one_transaction(suite):
    sent = make.child()
    assert suite.post(make.bundle("transaction", make.posted(sent), make.posted(sent))).status == 409
    assert suite.search(f"Patient?identifier={sent['identifier'][0]['value']}").ids == []


@pytest.mark.parametrize(
    "entries",
    [
        lambda id: (make.put(make.patient(id=id)), make.put(make.patient(id=id))),
        lambda id: (make.put(make.patient(id=id)), make.entry("DELETE", f"Patient/{id}")),
        lambda id: (make.entry("DELETE", f"Patient/{id}"), make.entry("DELETE", f"/Patient/{id}")),
        lambda id: (make.posted(make.patient(), "urn:uuid:a"), make.posted(make.patient(), "urn:uuid:a")),
    ],
)
def test_two_entries_about_one_resource_are_refused(suite, entries):
    id = suite.post(make.patient()).id
    assert suite.post(make.bundle("transaction", *entries(id))).status == 400
    assert suite.get(f"Patient/{id}").version == "1"


def test_two_creates_on_one_condition_make_one_resource_or_are_refused(suite):
    word = make.word()
    sent = make.posted(
        make.patient(identifier=[make.identifier(word)]), ifNoneExist=f"identifier={TEST}|{word}"
    )
    answer = suite.post(make.bundle("transaction", sent, sent))
    assert answer.status in (200, 400, 412)
    assert len(suite.search(f"Patient?identifier={word}").ids) < 2


def test_an_update_in_a_transaction_keeps_its_preconditions(suite):
    id = suite.post(make.patient()).id
    sent = make.put(make.patient(id=id, gender="male"), ifMatch='W/"1"')
    assert statuses(suite.post(make.bundle("transaction", sent))) == ["200"]
    assert suite.post(make.bundle("transaction", sent)).status == 412
    created = make.entry("PUT", f"Patient/{id}", make.patient(id=id), None, ifNoneMatch="*")
    assert suite.post(make.bundle("transaction", created)).status == 412


def test_past_the_limit_of_entries_nothing_is_carried_out(suite, app):
    limit, tag = app.extensions["settings"].bundle_limit, make.word()
    sent = make.posted(make.patient(meta=make.tagged(tag)))
    refused = suite.post(make.bundle("transaction", *[sent] * (limit + 1)))
    assert (refused.status, refused.code) == (413, "too-long")
    assert suite.search(f"Patient?_tag={tag}").ids == []
    assert suite.post(make.bundle("transaction", *[sent] * limit)).status == 200
    assert suite.search(f"Patient?_tag={tag}&_count=0").json["total"] == limit


def test_an_empty_transaction_is_done(suite):
    assert suite.post(make.bundle("transaction")).entries == []


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Bundle", "type": "collection"},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "type": 7},
        {"resourceType": "Bundle", "type": "transaction", "entry": {}},
        {"resourceType": "Bundle", "type": "transaction", "entry": "x"},
        {"resourceType": "Patient"},
        {},
    ],
)
def test_what_is_no_transaction_is_refused(suite, body):
    assert suite.ask("POST", "", body).status == 400


def test_resources_come_back_where_they_are_preferred(suite):
    sent = make.bundle("transaction", make.posted(make.patient(gender="female")))
    assert "resource" not in suite.post(sent).entries[0]
    [entry] = suite.post(sent, Prefer="return=representation").entries
    assert entry["resource"]["gender"] == "female"


def test_a_bundle_that_is_no_act_is_stored_as_any_resource(suite):
    made = suite.ask(
        "POST",
        "Bundle",
        make.bundle("collection", {"fullUrl": f"{make.B}/Patient/x", "resource": make.patient(id="x")}),
    )
    assert made.status == 201
    assert suite.get(f"Bundle/{made.id}").text == made.text
