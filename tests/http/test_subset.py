"""https://hl7.org/fhir/R4/search.html#summary"""

import pytest

from tests import make

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
ALWAYS = {"resourceType", "id", "meta"}


def whole(**more):
    """A Patient with something of everything."""
    return make.patient(
        text={"status": "generated", "div": f"<div {XHTML}>Robin</div>"},
        extension=[{"url": "https://example.org/x", "valueString": "x"}],
        gender="other",
        birthDate="2015-05-05",
        _birthDate={"extension": [{"url": "https://example.org/y", "valueString": "y"}]},
        active=True,
        maritalStatus={"text": "single"},
        photo=[{"contentType": "image/png", "data": "AAAA"}],
        contact=[{"name": {"family": "Carer"}}],
        communication=[{"language": {"text": "Welsh"}, "preferred": True}],
        **more,
    )


def names(resource):
    return set(resource) - ALWAYS


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("_summary=true", {"active", "name", "gender", "birthDate"}),
        ("_summary=text", {"text"}),
        ("_summary=data", {"extension", "active", "name", "gender", "birthDate", "_birthDate",
                           "maritalStatus", "photo", "contact", "communication"}),
        ("_elements=name", {"name"}),
        ("_elements=name,gender", {"name", "gender"}),
        ("_elements=Patient.name, gender", {"name", "gender"}),
        ("_elements=birthDate", {"birthDate", "_birthDate"}),
        ("_elements=id,meta", set()),
        ("_elements=deceased[x]", set()),
    ],
)  # fmt: skip
def test_a_read_a_search_and_a_history_show_the_part_that_is_asked_for(suite, query, left):
    tag = make.word()
    id = suite.post(whole(meta=make.tagged(tag))).id
    shown = [
        suite.get(f"Patient/{id}?{query}").json,
        suite.get(f"Patient/{id}/_history/1?{query}").json,
        *suite.search(f"Patient?_tag={tag}&{query}").matches,
        *(entry["resource"] for entry in suite.get(f"Patient/{id}/_history?{query}").entries),
    ]
    assert len(shown) == 4
    for resource in shown:
        assert names(resource) == left
        assert resource["id"] == id
        assert resource["meta"]["versionId"] == "1"
        assert resource["meta"]["tag"] == [*make.tagged(tag)["tag"], SUBSETTED]


def test_summary_false_is_the_whole_resource(suite):
    id = suite.post(whole()).id
    assert suite.get(f"Patient/{id}?_summary=false").text == suite.get(f"Patient/{id}").text


def test_what_a_type_requires_is_in_every_part_of_it(suite):
    id = suite.post(make.observation(valueString="v", note=[{"text": "n"}])).id
    for query in ("_summary=text", "_elements=note"):
        part = suite.get(f"Observation/{id}?{query}").json
        assert names(part) >= {"status", "code"}
        assert "valueString" not in part


def test_a_summary_goes_inside_elements(suite):
    id = suite.post(
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "content": [
                {
                    "attachment": {
                        "contentType": "text/plain",
                        "data": "AAAA",
                        "extension": [{"url": "https://example.org/x", "valueString": "x"}],
                    },
                    "format": {"code": "x"},
                }
            ],
        }
    ).id
    [content] = suite.get(f"DocumentReference/{id}?_summary=true").json["content"]
    assert content == {"attachment": {"contentType": "text/plain"}, "format": {"code": "x"}}


def test_an_element_may_be_asked_for_by_any_of_its_names(suite):
    id = suite.post(make.observation(valueString="v")).id
    for name in ("value", "value[x]", "valueString", "valueQuantity", "Observation.value"):
        assert suite.get(f"Observation/{id}?_elements={name}").json["valueString"] == "v"


def test_only_the_count_of_a_search_is_given(suite):
    tag = make.word()
    for _ in range(3):
        suite.post(make.patient(meta=make.tagged(tag)))
    counted = suite.search(f"Patient?_tag={tag}&_summary=count")
    assert counted.json["total"] == 3
    assert "entry" not in counted.json


def test_every_page_shows_the_same_part(suite):
    tag = make.word()
    for _ in range(3):
        suite.post(whole(meta=make.tagged(tag)))
    url, seen = f"Patient?_tag={tag}&_elements=gender&_count=1", 0
    while url:
        page = suite.search(url)
        seen += len(page.matches)
        assert all(names(each) == {"gender"} for each in page.matches)
        url = page.link("next")
    assert seen == 3


def test_elements_are_of_the_type_that_is_searched_or_that_they_name(suite):
    patient = suite.post(whole()).id
    suite.post(make.observation(subject=make.reference(f"Patient/{patient}")))
    asked = f"Observation?patient={patient}&_include=Observation:subject"
    [included] = [e["resource"] for e in suite.search(f"{asked}&_elements=status").entries[1:]]
    assert "name" in included
    assert SUBSETTED not in included["meta"].get("tag", [])
    [included] = [e["resource"] for e in suite.search(f"{asked}&_elements=status,Patient.gender").entries[1:]]
    assert names(included) == {"gender"}
    [included] = [e["resource"] for e in suite.search(f"{asked}&_summary=true").entries[1:]]
    assert SUBSETTED in included["meta"]["tag"]


def test_a_part_is_part_of_a_batch_too(suite):
    id = suite.post(whole()).id
    asked = make.bundle("batch", {"request": {"method": "GET", "url": f"Patient/{id}?_elements=gender"}})
    [entry] = suite.post(asked).entries
    assert names(entry["resource"]) == {"gender"}


@pytest.mark.parametrize("query", ["_summary=true", "_summary=text", "_summary=data", "_elements=name"])
def test_a_part_cannot_be_put_back(suite, query):
    id = suite.post(whole()).id
    part = suite.get(f"Patient/{id}?{query}").json
    refused = suite.put(part)
    assert refused.status in (400, 422)
    assert suite.get(f"Patient/{id}").version == "1"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("Patient/{id}?_summary=some", 400),
        ("Patient/{id}?_summary=count", 400),
        ("Patient/{id}?_elements=nonsense", 400),
        ("Patient/{id}?_elements=Nonsense.name", 400),
        ("Patient/{id}?_elements=name.family", 400),
        ("Patient/{id}?_elements=Patient.name.family", 400),
        ("Patient/{id}?_summary=true&_elements=name", 400),
        ("Patient?_id={id}&_elements=nonsense", 400),
        ("Patient?_id={id}&_summary=true&_elements=name", 400),
        ("Patient?_id={id}&_summary=text&_revinclude=Observation:subject", 400),
        ("Patient/{id}?_summary=false&_elements=name", 200),
    ],
)
def test_what_makes_no_sense_is_refused(suite, path, status):
    id = suite.post(whole()).id
    assert suite.get(path.format(id=id)).status == status


@pytest.mark.parametrize(
    "query", ["_elements=careManager,text", "_summary=text", "_summary=true", "_summary=data"]
)
def test_a_part_shows_nothing_that_the_whole_would_not(suite, client_with, child, query):
    glimpse = client_with("glimpse")
    suite.post(make.episode(child, "glimpse"))
    secret = {
        "text": {"status": "generated", "div": f"<div {XHTML}>secret</div>"},
        "careManager": {"display": "secret"},
    }
    id = suite.post(make.episode(child, "social-care", "child-protection-plan", **secret)).id
    part = glimpse.get(f"EpisodeOfCare/{id}?{query}")
    assert "secret" not in part.text
    assert [label["code"] for label in part.json["meta"]["security"]] == ["REDACTED"]
    assert SUBSETTED in part.json["meta"]["tag"]
