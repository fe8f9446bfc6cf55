import pytest

from tests import make
from tests.make import TEST


def statuses(answer):
    return [each["response"]["status"].split()[0] for each in answer.entries]


def test_each_entry_stands_alone_and_fails_alone(suite):
    id, tag = suite.post(make.patient()).id, make.word()
    answer = suite.post(
        make.bundle(
            "batch",
            make.posted(make.patient(meta=make.tagged(tag))),
            make.posted({"resourceType": "Patient", "nonsense": 1}),
            make.entry("GET", f"Patient/{id}"),
            make.entry("GET", "Patient/nobody"),
            make.put(make.patient(id=id), ifMatch='W/"7"'),
            make.put(make.patient(id=id), ifMatch='W/"1"'),
            make.entry("DELETE", "Patient/nobody"),
            make.entry("GET", "Nonsense/1"),
        )
    )
    assert answer.json["type"] == "batch-response"
    assert statuses(answer) == ["201", "400", "200", "404", "412", "200", "204", "404"]
    assert len(suite.search(f"Patient?_tag={tag}").ids) == 1
    for each in answer.entries:
        failed = each["response"]["status"] >= "400"
        assert ("outcome" in each["response"]) == failed
        assert not failed or each["response"]["outcome"]["resourceType"] == "OperationOutcome"


def test_a_search_in_a_batch_is_a_bundle_in_the_answer(suite):
    tag = make.word()
    id = suite.post(make.patient(meta=make.tagged(tag))).id
    answer = suite.post(
        make.bundle(
            "batch",
            make.entry("GET", f"Patient?_tag={tag}&_count=1"),
            make.entry("GET", f"/Patient/{id}/_history"),
        )
    )
    search, history = (each["resource"] for each in answer.entries)
    assert [each["resource"]["id"] for each in search["entry"]] == [id]
    assert history["type"] == "history"


def test_a_conditional_create_in_a_batch_sees_what_the_entry_before_it_made(suite):
    word = make.word()
    sent = make.posted(
        make.patient(identifier=[make.identifier(word)]), ifNoneExist=f"identifier={TEST}|{word}"
    )
    assert statuses(suite.post(make.bundle("batch", sent, sent))) == ["201", "200"]
    assert len(suite.search(f"Patient?identifier={word}").ids) == 1


@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_a_batch_holds_no_bundle_of_acts(suite, type_):
    tag = make.word()
    inner = make.bundle(type_, make.posted(make.patient(meta=make.tagged(tag))))
    assert statuses(suite.post(make.bundle("batch", make.entry("POST", "/", inner)))) == ["400"]
    assert suite.search(f"Patient?_tag={tag}").ids == []


@pytest.mark.parametrize(
    "entry",
    [{"resource": make.patient()}, {"request": 1}, make.entry("GET", "?"), make.entry("OPTIONS", "Patient")],
)
def test_an_entry_that_is_no_request_fails_alone(suite, entry):
    assert statuses(suite.post(make.bundle("batch", entry, make.posted(make.patient())))) == ["400", "201"]


def test_a_urn_means_nothing_in_a_batch(suite):
    child = make.urn()
    sent = make.posted(make.observation() | {"subject": make.reference(child)})
    answer = suite.post(
        make.bundle("batch", make.posted(make.patient(), child), sent), Prefer="return=representation"
    )
    assert answer.entries[1]["resource"]["subject"] == make.reference(child)


def test_past_the_limit_of_entries_nothing_is_carried_out(suite, app):
    tag = make.word()
    sent = make.posted(make.patient(meta=make.tagged(tag)))
    many = [sent] * (app.extensions["settings"].bundle_limit + 1)
    assert suite.post(make.bundle("batch", *many)).status == 413
    assert suite.search(f"Patient?_tag={tag}").ids == []


def test_each_entry_is_asked_with_the_callers_rights(school, suite, child):
    other = suite.post(make.child()).id
    answer = school.post(
        make.bundle(
            "batch",
            make.entry("GET", f"Patient/{child}"),
            make.entry("GET", f"Patient/{other}"),
            make.entry("GET", "Condition?code=x"),
            make.posted(make.mark(child, "school")),
            make.posted(make.mark(other, "school")),
            make.posted(make.observation(child)),
        )
    )
    assert statuses(answer) == ["200", "404", "403", "201", "422", "403"]
