"""https://hl7.org/fhir/R4/search.html#include"""

import pytest

from server.search import include
from tests import make


@pytest.fixture(scope="module")
def family(suite):
    """A Patient of an Organization that is part of another; an Encounter, two Observations of it."""
    word, ref = make.word("inc"), make.reference
    sent = [
        make.organization(f"{word}-l"),
        make.organization(f"{word}-o", partOf=ref(f"Organization/{word}-l")),
        {"resourceType": "Practitioner", "id": f"{word}-g"},
        make.patient(
            id=f"{word}-p",
            managingOrganization=ref(f"Organization/{word}-o"),
            generalPractitioner=[ref(f"Practitioner/{word}-g")],
        ),
        make.encounter(f"{word}-p", f"{word}-o", id=f"{word}-e"),
        make.observation(f"{word}-p", id=f"{word}-1", encounter=ref(f"Encounter/{word}-e")),
        make.observation(f"{word}-p", id=f"{word}-2", encounter=ref(f"Encounter/{word}-e")),
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return word


@pytest.mark.parametrize(
    ("query", "included"),
    [
        ("Patient?_id={w}-p&_include=*", "go"),
        ("Patient?_id={w}-p&_include=Patient:*", "go"),
        ("Patient?_id={w}-p&_include=Patient:*:Practitioner", "g"),
        ("Patient?_id={w}-p&_include=Patient:organization", "o"),
        ("Patient?_id={w}-p&_include=Patient:organization&_include=Organization:partof", "o"),
        ("Patient?_id={w}-p&_include=Patient:organization&_include:iterate=Organization:partof", "lo"),
        ("Patient?_id={w}-p&_include=Patient:organization&_include:recurse=Organization:partof", "lo"),
        ("Patient?_id={w}-p&_include=*&_include:iterate=*", "glo"),
        ("Observation?_id={w}-1&_include:iterate=*", "eglop"),
        ("Observation?_id={w}-1&_include=Observation:encounter&_include:iterate=Encounter:patient", "ep"),
        ("Patient?_id={w}-p&_revinclude=Observation:*", "12"),
        ("Patient?_id={w}-p&_revinclude=Observation:*:Patient", "12"),
        ("Patient?_id={w}-p&_revinclude=Observation:*:Practitioner", ""),
        ("Patient?_id={w}-p&_revinclude=*", "12e"),
        ("Encounter?_id={w}-e&_revinclude=*", "12"),
        ("Organization?_id={w}-l&_revinclude=Organization:partof", "o"),
        (
            "Organization?_id={w}-l&_revinclude=Organization:partof&_revinclude:iterate=Encounter:service-provider",
            "eo",
        ),
        (
            "Organization?_id={w}-l&_revinclude=Organization:partof&_revinclude:iterate=Encounter:service-provider"
            "&_revinclude:iterate=Observation:encounter",
            "12eo",
        ),
        ("Patient?_id={w}-p&_revinclude=Encounter:patient&_include:iterate=Encounter:service-provider", "eo"),
    ],
)
def test_what_is_brought_along_is_what_was_asked_for(suite, family, query, included):
    found = suite.get(query.format(w=family))
    assert "".join(sorted(each[-1] for each in found.included)) == included
    assert len(found.ids) == 1


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_one_answer_cannot_bring_along_a_link_yields(suite, family, limit, monkeypatch):
    query = f"Patient?_id={family}-p&_include=*&_revinclude=*&_include:iterate=*"
    whole = suite.get(query)
    monkeypatch.setattr(include, "LIMIT", limit)
    page, brought = suite.get(query), []
    while True:
        brought += page.included
        assert len(page.included) <= limit
        link = page.link("related")
        outcomes = [e for e in page.json.get("entry", ()) if e["search"]["mode"] == "outcome"]
        assert bool(outcomes) == bool(link)
        if not link:
            break
        page = suite.get(link)
        assert not page.ids
    assert brought == whole.included
    assert len(brought) == 6


@pytest.mark.parametrize(
    "value",
    [
        "_include=Observation:*",
        "_include:nonsense=Patient:organization",
        "_include=*:organization",
        "_revinclude=Organization:*",
        "_revinclude=Nonsense:*",
    ],
)
def test_an_include_that_leads_nowhere_is_ignored_or_refused(suite, family, value):
    refused = suite.get(f"Patient?_id={family}-p&{value}", Prefer="handling=strict")
    assert (refused.status, refused.code) == (400, "invalid")
    ignored = suite.get(f"Patient?_id={family}-p&{value}")
    assert not ignored.included
    assert value.partition("=")[0] not in ignored.link("self")


def test_what_is_brought_along_is_what_the_caller_may_see(suite, school, child):
    secret = make.word("child-")
    ref = make.reference
    attendance = {"category": [make.concept(make.CATEGORY, "attendance")]}
    seen = make.observation(child, id=make.word("o-"), performer=[ref("Organization/school")]) | attendance
    linked = make.patient(id=secret, link=[{"other": ref(f"Patient/{child}"), "type": "seealso"}])
    assert suite.post(make.bundle("transaction", make.put(linked), make.put(seen))).status == 200
    for query in (f"Patient?_id={child}&_revinclude=*", f"Patient?_id={child}&_revinclude:iterate=*"):
        assert f"Patient/{secret}" in suite.get(query).included
        assert f"Patient/{secret}" not in school.get(query).included
