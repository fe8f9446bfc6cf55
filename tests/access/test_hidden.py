"""Elements that a right hides, or lets be read and not changed."""

import pytest

from tests import make
from tests.person import signed_in

SECRET = "https://example.org/secret"
OPEN = "https://example.org/open"


@pytest.fixture
def held(suite):
    """A child of whom everything is said; the agency works with it."""
    word = make.word()
    child = {
        **make.child(id=f"child-{word}", meta=make.tagged(word)),
        "telecom": [{"system": "email", "value": f"{word}@example.org"}],
        "extension": [{"url": SECRET, "valueString": word}, {"url": OPEN, "valueString": "said"}],
        "address": [{"city": "Shown"}],
        "text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{word}</div>'},
        "contained": [{"resourceType": "Practitioner", "id": "p", "name": [{"family": word}]}],
        "generalPractitioner": [{"reference": "#p"}],
    }
    made = suite.put(child)
    assert made.status == 201, made
    suite.post(make.episode(made.id, "people", "child-in-need"))
    return made.json | {"word": word}


@pytest.fixture
def people(client_with):
    return client_with("people")


@pytest.fixture
def clerk(app):
    """One whose further right hides nothing."""
    return signed_in(app, "people", "user/*.cruds", "Practitioner/clerk", roles=("clerk",))


def said(answer, word):
    """Whether anything of what is hidden stands there."""
    return f"{word}@" in answer.text or f'"{word}"' in answer.text.replace(f'"code":"{word}"', "")


def test_hidden_elements_are_hidden_on_every_path_and_marked(people, held):
    id, word = held["id"], held["word"]
    paths = (
        f"Patient/{id}",
        f"Patient/{id}/_history/1",
        f"Patient/{id}/_history",
        f"Patient/{id}/$everything",
        f"Patient?_id={id}",
        f"Patient?_tag={word}&_elements=telecom,extension",
        f"EpisodeOfCare?patient={id}&_include=EpisodeOfCare:patient",
        "Patient/_history?_count=500",
        "_history?_count=500",
    )
    for path in paths:
        answer = people.get(path)
        assert answer.status == 200, answer
        assert not said(answer, word), path
    found = people.get(f"Patient/{id}").json
    assert not {"telecom", "text", "contained"} & found.keys()
    assert (found["extension"], found["address"]) == ([{"url": OPEN, "valueString": "said"}], held["address"])
    assert found["meta"]["security"][0]["code"] == "REDACTED"


def test_who_has_a_right_that_hides_nothing_is_shown_all(clerk, held):
    found = clerk.get(f"Patient/{held['id']}")
    assert said(found, held["word"])
    assert "REDACTED" not in found.text


@pytest.mark.parametrize(
    "query",
    [
        "telecom={word}@example.org",
        "email={word}@example.org",
        "email:not=x",
        "telecom:missing=false",
        "_content={word}",
        "_text={word}",
        "_filter=email eq {word}@example.org",
        "_has:EpisodeOfCare:patient:status=active&email={word}@example.org",
        "_sort=email",
        "_sort=-telecom",
    ],
)
def test_nobody_is_found_or_sorted_by_what_is_hidden(people, clerk, suite, held, query):
    path = f"Patient?_id={held['id']}&{query.format(**held)}"
    known = suite.get(path)
    if known.status == 200 and known.ids == [held["id"]]:
        assert people.get(path).ids == []
        assert people.get(f"{path}&_count=0").json["total"] == 0
        assert clerk.get(path).ids == [held["id"]]
    else:
        assert "_content" in query or "_text" in query, known


def test_a_chain_does_not_pass_through_what_is_hidden(people, clerk, held):
    path = f"EpisodeOfCare?patient={held['id']}&patient.email={held['word']}@example.org"
    assert people.get(path).ids == []
    assert len(clerk.get(path).ids) == 1
    assert len(people.get(f"EpisodeOfCare?patient={held['id']}&patient.address-city=Shown").ids) == 1


def test_a_put_that_did_not_see_them_does_not_erase_them(people, suite, held):
    id, word = held["id"], held["word"]
    found = people.get(f"Patient/{id}").json
    for sent in (
        found | {"address": [{"city": "Elsewhere"}]},
        found | {"telecom": [{"system": "phone", "value": "1"}], "extension": []},
        {name: value for name, value in found.items() if name != "extension"},
    ):
        if sent.get("extension") == []:
            sent = {name: value for name, value in sent.items() if name != "extension"}
        answer = people.put(sent)
        assert answer.status == 200, answer
        assert not said(answer, word)
        kept = suite.get(f"Patient/{id}").json
        assert kept["telecom"] == held["telecom"]
        assert {"url": SECRET, "valueString": word} in kept["extension"]
        assert kept["contained"] == held["contained"]
        assert "REDACTED" not in str(kept["meta"])


JSON_PATCH = "application/json-patch+json"


@pytest.mark.parametrize(
    ("operation", "status"),
    [
        ({"op": "replace", "path": "/address/0/city", "value": "Elsewhere"}, 200),
        ({"op": "add", "path": "/telecom", "value": [{"system": "phone", "value": "1"}]}, 403),
        ({"op": "remove", "path": "/telecom"}, 422),
        ({"op": "test", "path": "/telecom/0/value", "value": "{word}@example.org"}, 422),
        ({"op": "add", "path": "/extension/-", "value": {"url": SECRET, "valueString": "x"}}, 403),
        ({"op": "replace", "path": "/birthDate", "value": "2011-01-01"}, 403),
    ],
    ids=str,
)
def test_a_patch_acts_on_what_its_sender_is_shown(people, suite, held, operation, status):
    import json

    text = json.dumps([operation]).replace("{word}", held["word"])
    answer = people.ask("PATCH", f"Patient/{held['id']}", text, Content_Type=JSON_PATCH)
    assert answer.status == status, answer
    kept = suite.get(f"Patient/{held['id']}").json
    assert (kept["telecom"], len(kept["extension"])) == (held["telecom"], 2)
    assert kept["address"][0]["city"] == ("Elsewhere" if status == 200 else "Shown")


def test_what_is_read_only_cannot_be_changed_nor_left_out(people, suite, held):
    found = people.get(f"Patient/{held['id']}").json
    without = {name: value for name, value in found.items() if name != "birthDate"}
    for sent in (found | {"birthDate": "2011-01-01"}, without):
        refused = people.put(sent)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "'birthDate'" in refused.text
    assert people.put(found | {"gender": "other"}).status == 200
    assert suite.get(f"Patient/{held['id']}").json["birthDate"] == held["birthDate"]


def test_a_binary_of_what_is_not_shown_whole_is_not_shown(people, clerk, suite, held):
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": "eA=="}
    id = suite.post(binary | {"securityContext": {"reference": f"Patient/{held['id']}"}}).id
    seen = [each.get(f"Binary/{id}", Accept="application/fhir+json").status for each in (people, clerk)]
    assert seen == [404, 200]


def test_what_refers_by_a_hidden_element_is_not_brought_along(people, clerk, suite, held):
    doctor = suite.put({"resourceType": "Practitioner", "id": make.word("doctor-")}).id
    seen = {name: held[name] for name in held if name not in ("word", "contained", "text")}
    named = seen | {"generalPractitioner": [make.reference(f"Practitioner/{doctor}")]}
    assert suite.put(named).status == 200
    path = f"Patient?_id={held['id']}&_include=Patient:general-practitioner"
    assert [each.get(path).included for each in (people, clerk)] == [[f"Practitioner/{doctor}"]] * 2
    assert people.get(path.replace("general-practitioner", "*")).included == [f"Practitioner/{doctor}"]
