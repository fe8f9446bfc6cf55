"""Entries of a transaction that are carried out on condition.

https://hl7.org/fhir/R4/http.html#trules
"""

from base64 import b64encode

import pytest

from tests import make
from tests.make import TEST


def statuses(answer):
    return [each["response"]["status"].split()[0] for each in answer.entries]


def paths(answer):
    return ["/".join(each["response"]["location"].split("/")[-4:-2]) for each in answer.entries]


def known(word, **more):
    """A Patient that a condition on the word finds."""
    return make.patient(identifier=[make.identifier(word)], **more)


def found_by(word):
    return f"identifier={TEST}|{word}"


def set_gender(code):
    change = {"name": "value", "valueCode": code}
    parts = [
        {"name": "type", "valueCode": "replace"},
        {"name": "path", "valueString": "Patient.gender"},
        change,
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def as_binary(patch, type_="application/json-patch+json"):
    return {"resourceType": "Binary", "contentType": type_, "data": b64encode(patch.encode()).decode()}


JSON_PATCH = '[{"op": "replace", "path": "/gender", "value": "female"}]'
XML_PATCH = (
    '<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">female</replace></diff>'
)


@pytest.mark.parametrize(
    "patch",
    [set_gender("female"), as_binary(JSON_PATCH), as_binary(XML_PATCH, "application/xml-patch+xml")],
    ids=["FHIRPath Patch", "JSON Patch", "XML Patch"],
)
@pytest.mark.parametrize("type_", ["transaction", "batch"])
@pytest.mark.parametrize("url", ["Patient/{id}", "Patient?identifier={word}"])
def test_a_patch_is_an_entry_too(suite, patch, type_, url):
    word = make.word()
    id = suite.post(known(word, gender="male")).id
    answer = suite.post(make.bundle(type_, make.entry("PATCH", url.format(id=id, word=word), patch)))
    assert statuses(answer) == ["200"]
    assert suite.get(f"Patient/{id}").json["gender"] == "female"


def test_a_patch_keeps_its_preconditions_and_fails_the_whole(suite):
    id, tag = suite.post(make.patient(gender="male")).id, make.word()
    sent = [
        make.posted(make.patient(meta=make.tagged(tag))),
        make.entry("PATCH", f"Patient/{id}", set_gender("female"), ifMatch='W/"7"'),
    ]
    assert suite.post(make.bundle("transaction", *sent)).status == 412
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_a_patch_may_speak_of_what_another_entry_creates(suite):
    id, other = suite.post(make.patient()).id, make.urn()
    link = {"name": "value", "part": [{"name": "other", "valueReference": make.reference(other)},
                                      {"name": "type", "valueCode": "seealso"}]}  # fmt: skip
    parts = [{"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Patient"},
             {"name": "name", "valueString": "link"}, link]  # fmt: skip
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    sent = [make.entry("PATCH", f"Patient/{id}", patch), make.posted(make.patient(), other)]
    new = suite.post(make.bundle("transaction", *sent)).entries[1]["response"]["location"].split("/")[-3]
    assert suite.get(f"Patient/{id}").json["link"][0]["other"] == make.reference(f"Patient/{new}")


@pytest.mark.parametrize("existing", [True, False])
def test_a_conditional_update_is_an_entry_that_others_refer_to(suite, existing):
    word, child = make.word(), make.urn()
    if existing:
        suite.post(known(word))
    sent = [
        make.posted(make.observation() | {"subject": make.reference(child)}),
        make.entry("PUT", f"Patient?{found_by(word)}", known(word, gender="male"), child),
    ]
    answer = suite.post(make.bundle("transaction", *sent))
    assert statuses(answer) == ["201", "200" if existing else "201"]
    [id] = suite.search(f"Patient?{found_by(word)}").ids
    assert suite.get(f"Patient/{id}").json["gender"] == "male"
    assert len(suite.search(f"Observation?patient={id}").ids) == 1


def test_a_conditional_delete_is_an_entry_too_and_goes_first(suite):
    word = make.word()
    gone = suite.post(known(word)).id
    sent = [
        make.posted(known(word), ifNoneExist=found_by(word)),
        make.entry("DELETE", f"Patient?{found_by(word)}"),
    ]
    assert statuses(suite.post(make.bundle("transaction", *sent))) == ["201", "204"]
    [new] = suite.search(f"Patient?{found_by(word)}").ids
    assert new != gone


@pytest.mark.parametrize(
    "pair",
    [
        lambda id, word: (
            make.put(make.patient(id=id)),
            make.entry("PUT", f"Patient?{found_by(word)}", known(word)),
        ),
        lambda id, word: (
            make.entry("DELETE", f"Patient/{id}"),
            make.entry("PATCH", f"Patient/{id}", set_gender("male")),
        ),
        lambda id, word: (
            make.entry("PATCH", f"Patient?{found_by(word)}", set_gender("male")),
            make.put(make.patient(id=id)),
        ),
        lambda id, word: (make.entry("DELETE", f"Patient?{found_by(word)}"), make.put(known(word, id=id))),
        lambda id, word: (
            make.entry("PUT", f"Patient?{found_by(word)}", known(word)),
            make.entry("PUT", f"Patient?identifier={word}", known(word)),
        ),
        lambda id, word: (
            make.posted(known(f"{word}-new")),
            make.entry("PUT", f"Patient?{found_by(word)}-new", known(f"{word}-new")),
        ),
        lambda id, word: (
            make.put(known(f"{word}-new", id=make.word())),
            make.entry("PUT", f"Patient?{found_by(word)}-new", known(f"{word}-new")),
        ),
    ],
    ids=[
        "PUT, PUT?",
        "DELETE, PATCH",
        "PATCH?, PUT",
        "DELETE?, PUT",
        "PUT?, PUT?",
        "POST, PUT?",
        "PUT, PUT? new",
    ],
)
@pytest.mark.parametrize("turned", [False, True])
def test_two_entries_that_turn_out_to_touch_one_resource_are_refused(suite, pair, turned):
    word = make.word()
    id = suite.post(known(word)).id
    entries = pair(id, word)
    refused = suite.post(make.bundle("transaction", *(reversed(entries) if turned else entries)))
    assert (refused.status, refused.code) == (400, "structure")
    assert suite.get(f"Patient/{id}").version == "1"
    assert suite.search(f"Patient?{found_by(word)}-new").ids == []


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("condition", ["identifier={test}|{word}", "identifier={word}", "_tag={test}|{word}"])
@pytest.mark.parametrize("put", [False, True])
def test_a_conditional_create_finds_what_another_entry_writes(suite, turned, condition, put):
    word, child = make.word(), make.urn()
    plain = known(word, meta=make.tagged(word), id=make.word())
    sent = [
        make.put(plain) if put else make.posted(plain),
        make.posted(known(word), child, ifNoneExist=condition.format(test=TEST, word=word)),
        make.posted(make.observation() | {"subject": make.reference(child)}),
    ]
    answer = suite.post(make.bundle("transaction", *(reversed(sent) if turned else sent)))
    assert sorted(statuses(answer)) == ["200", "201", "201"]
    [id] = suite.search(f"Patient?identifier={word}").ids
    assert len(suite.search(f"Observation?patient={id}").ids) == 1


def test_two_creates_on_one_condition_with_one_content_are_one(suite):
    word, urls = make.word(), [make.urn() for _ in range(3)]
    sent = [make.posted(known(word), url, ifNoneExist=found_by(word)) for url in urls]
    sent += [make.posted(make.observation() | {"subject": make.reference(url)}) for url in urls]
    answer = suite.post(make.bundle("transaction", *sent), Prefer="return=representation")
    assert statuses(answer) == ["201", "200", "200", "201", "201", "201"]
    assert answer.entries[0]["resource"] == answer.entries[1]["resource"] == answer.entries[2]["resource"]
    [id] = suite.search(f"Patient?{found_by(word)}").ids
    assert len(suite.search(f"Observation?patient={id}").ids) == 3


def test_two_creates_on_one_condition_with_two_contents_are_refused(suite):
    word = make.word()
    sent = [make.posted(known(word, gender=code), ifNoneExist=found_by(word)) for code in ("male", "female")]
    assert suite.post(make.bundle("transaction", *sent)).status == 400
    assert suite.search(f"Patient?{found_by(word)}").ids == []


def test_a_condition_that_only_the_database_can_judge_is_asked_when_all_is_written(suite):
    word = make.word("Zz")
    named = make.patient(name=[{"family": word}])
    sent = [make.posted(named), make.posted(named, ifNoneExist=f"family:exact={word}")]
    refused = suite.post(make.bundle("transaction", *sent))
    assert (refused.status, refused.code) == (412, "multiple-matches")
    assert suite.search(f"Patient?family={word}").ids == []
    assert statuses(suite.post(make.bundle("transaction", sent[1], make.posted(make.patient())))) == [
        "201",
        "201",
    ]


def test_a_condition_that_finds_one_here_and_one_in_the_bundle_is_refused(suite):
    word = make.word()
    suite.post(known(word))
    sent = [make.posted(known(word)), make.posted(known(word), ifNoneExist=found_by(word))]
    refused = suite.post(make.bundle("transaction", *sent))
    assert (refused.status, refused.code) == (412, "multiple-matches")
    assert len(suite.search(f"Patient?{found_by(word)}").ids) == 1


def test_a_conditional_reference_finds_what_another_entry_creates(suite):
    word = make.word()
    sent = [
        make.posted(make.observation() | {"subject": make.reference(f"Patient?{found_by(word)}")}),
        make.posted(known(word)),
    ]
    answer = suite.post(make.bundle("transaction", *sent))
    observation, patient = paths(answer)
    assert suite.get(observation).json["subject"] == make.reference(patient)


def test_many_conditions_at_once_find_each_its_own(suite):
    words = [make.word() for _ in range(8)]
    there = {word: suite.post(known(word)).id for word in words[::2]}
    sent = [make.posted(known(word), ifNoneExist=found_by(word)) for word in words]
    about = {word: {"subject": make.reference(f"Patient?{found_by(word)}")} for word in words}
    sent += [make.posted(make.observation(code=word) | about[word]) for word in words]
    answer = suite.post(make.bundle("transaction", *sent))
    assert statuses(answer)[:8] == ["200", "201"] * 4
    for word in words:
        [id] = suite.search(f"Patient?{found_by(word)}").ids
        assert there.get(word, id) == id
        assert suite.search(f"Observation?code={word}").matches[0]["subject"] == make.reference(
            f"Patient/{id}"
        )


def test_of_many_conditions_the_one_that_finds_several_is_named(suite):
    one, twice = make.word(), make.word()
    for _ in range(2):
        suite.post(known(twice))
    sent = [make.posted(known(word), ifNoneExist=found_by(word)) for word in (one, twice)]
    refused = suite.post(make.bundle("transaction", *sent))
    assert (refused.status, refused.code) == (412, "multiple-matches")
    assert refused.json["issue"][0]["expression"] == ["Bundle.entry[1]"]


def test_a_read_that_is_not_newer_is_told_so(suite):
    made = suite.post(make.patient())
    since = made.json["meta"]["lastUpdated"]
    unchanged = make.entry("GET", f"Patient/{made.id}", ifModifiedSince=since)
    newer = make.entry("GET", f"Patient/{made.id}", ifModifiedSince="2020-01-01T00:00:00Z")
    same = make.entry("GET", f"Patient/{made.id}", ifNoneMatch='W/"1"')
    for type_ in ("batch", "transaction"):
        assert statuses(suite.post(make.bundle(type_, unchanged, newer, same))) == ["304", "200", "304"]


def test_the_url_of_an_entry_may_begin_with_the_base(suite):
    id = suite.post(make.patient()).id
    for type_ in ("batch", "transaction"):
        answer = suite.post(make.bundle(type_, make.entry("GET", f"{suite.base}/Patient/{id}")))
        assert answer.entries[0]["resource"]["id"] == id


@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_an_entry_may_ask_what_the_server_can_do(suite, type_):
    entries = (make.entry("GET", "metadata"), make.entry("GET", "metadata?mode=terminology"))
    found = [each["resource"]["resourceType"] for each in suite.post(make.bundle(type_, *entries)).entries]
    assert found == ["CapabilityStatement", "TerminologyCapabilities"]


@pytest.mark.parametrize("url", ["Patient//{}", "/Patient/{}/", "//Patient//{}//"])
def test_the_slashes_of_an_entry_are_those_of_a_request(suite, url):
    id = suite.post(make.patient()).id
    for type_ in ("batch", "transaction"):
        assert statuses(suite.post(make.bundle(type_, make.entry("GET", url.format(id))))) == ["200"]


@pytest.mark.parametrize("name", ["ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince"])
@pytest.mark.parametrize("value", [1, True, [], {}, ['W/"1"']], ids=str)
def test_a_condition_that_cannot_be_read_is_not_overlooked(suite, name, value):
    id = make.word()
    sent = make.bundle("transaction", make.put(make.patient(id=id)))
    sent["entry"][0]["request"][name] = value
    refused = suite.post(sent)
    assert (refused.status, refused.code) == (400, "structure")
    assert refused.json["issue"][0]["expression"] == [f"Bundle.entry[0].request.{name}"]
    assert suite.get(f"Patient/{id}").status == 404


def test_whoever_writes_on_condition_learns_what_was_found(suite):
    word = make.word()
    id = suite.post(known(word)).id
    patch = {"resourceType": "Parameters"}
    for entry in (
        make.posted(known(word), ifNoneExist=found_by(word)),
        make.entry("PUT", f"Patient?{found_by(word)}", known(word)),
        make.entry("PATCH", f"Patient?{found_by(word)}", patch),
    ):
        for type_ in ("batch", "transaction"):
            answer = suite.post(make.bundle(type_, entry))
            assert (statuses(answer), paths(answer)) == (["200"], [f"Patient/{id}"])
    found = suite.post(known(word), If_None_Exist=found_by(word), Prefer="return=minimal")
    assert found.headers["Content-Location"] == f"{suite.base}/Patient/{id}/_history/1"


def test_an_outcome_comes_back_where_it_is_preferred(suite):
    sent = make.bundle("transaction", make.posted(make.patient()))
    [entry] = suite.post(sent, Prefer="return=OperationOutcome").entries
    assert entry["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert "resource" not in entry
