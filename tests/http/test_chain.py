"""https://hl7.org/fhir/R4/search.html#chaining and https://hl7.org/fhir/R4/search.html#has"""

import pytest

from server.search import join
from tests import make
from tests.make import TEST


@pytest.fixture(scope="module")
def family(suite):
    """Two children of one school, with an Encounter, Observations of it, and who took them."""
    word = make.word("chain")
    ref = make.reference
    sent = [
        make.organization(f"{word}-o", name=f"{word} Academy"),
        {"resourceType": "Practitioner", "id": f"{word}-g", "name": [{"family": f"{word}Green"}]},
        {"resourceType": "Practitioner", "id": f"{word}-h", "name": [{"family": f"{word}Hall"}]},
        make.patient(
            id=f"{word}-a",
            name=[{"family": f"{word}Adams"}],
            gender="female",
            birthDate="2011-05-03",
            managingOrganization=ref(f"Organization/{word}-o"),
            generalPractitioner=[ref(f"Practitioner/{word}-g"), ref(f"Organization/{word}-o")],
        ),
        make.patient(
            id=f"{word}-b",
            name=[{"family": f"{word}Baker"}],
            gender="male",
            generalPractitioner=[ref(f"Practitioner/{word}-h")],
        ),
        make.encounter(f"{word}-a", f"{word}-o", id=f"{word}-e"),
        make.encounter(f"{word}-b", f"{word}-o", id=f"{word}-f"),
        make.observation(
            f"{word}-a",
            f"{word}1",
            id=f"{word}-1",
            encounter=ref(f"Encounter/{word}-e"),
            performer=[ref(f"Practitioner/{word}-g"), ref(f"Practitioner/{word}-h")],
        ),
        make.observation(f"{word}-a", f"{word}2", id=f"{word}-2", performer=[ref(f"Practitioner/{word}-h")]),
        make.observation(
            f"{word}-b", f"{word}2", id=f"{word}-3", encounter=ref(f"Encounter/{word}-f/_history/1")
        ),
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return word


QUERIES = [
    # a chain
    ("Observation?patient.family={w}adams", "12"),
    ("Observation?patient:Patient.family={w}", "123"),
    ("Observation?subject:Patient.family={w}baker", "3"),
    ("Observation?subject.family={w}baker", "3"),
    ("Observation?patient.family:exact={w}Adams", "12"),
    ("Observation?patient._id={w}-a", "12"),
    ("Observation?patient._id={w}-a,{w}-b", "123"),
    ("Observation?patient.family=nobody{w}", ""),
    ("Observation?patient.family={w}&code={w}2", "23"),
    ("Observation?patient.birthdate=2011-05-03&code={w}2", "2"),
    ("Observation?patient.family={w}&patient.gender=male", "3"),
    ("Observation?performer:Practitioner.family={w}hall", "12"),
    ("Observation?performer.family={w}green", "1"),
    ("Observation?performer:Practitioner.name={w}", "12"),
    ("Observation?encounter.service-provider=Organization/{w}-o", "13"),
    ("Patient?organization.name={w}", "a"),
    ("Patient?general-practitioner.name={w}", "ab"),
    ("Patient?general-practitioner:Organization.name={w}", "a"),
    # of several links
    ("Observation?patient.organization.name={w}", "12"),
    ("Observation?encounter.patient.family={w}baker", "3"),
    ("Observation?encounter:Encounter.patient:Patient.organization:Organization.name={w}", "1"),
    ("Observation?patient.general-practitioner:Practitioner.family={w}hall", "3"),
    # _has
    ("Patient?_has:Observation:patient:code={w}1", "a"),
    ("Patient?_has:Observation:patient:code={w}2", "ab"),
    ("Patient?_has:Observation:subject:code={w}1,{w}2", "ab"),
    ("Patient?_has:Observation:patient:code=nothing{w}", ""),
    ("Patient?_has:Observation:patient:code={w}2&gender=male", "b"),
    ("Patient?_has:Observation:patient:code={w}1&_has:Observation:patient:code={w}2", "a"),
    ("Practitioner?_has:Observation:performer:code={w}1", "gh"),
    ("Practitioner?_has:Observation:performer:code={w}2", "h"),
    ("Practitioner?_has:Patient:general-practitioner:family={w}adams", "g"),
    ("Encounter?_has:Observation:encounter:code={w}2", "f"),
    ("Encounter?_has:Observation:encounter:code={w}1&patient={w}-a", "e"),
    # nested and mixed
    ("Patient?_has:Encounter:patient:_has:Observation:encounter:code={w}2", "b"),
    ("Organization?_has:Patient:organization:_has:Observation:patient:code={w}1", "o"),
    ("Patient?_has:Observation:patient:performer.family={w}green", "a"),
    ("Patient?_has:Observation:patient:encounter.service-provider=Organization/{w}-o", "ab"),
    ("Observation?patient._has:Encounter:patient:service-provider=Organization/{w}-o", "123"),
    ("Observation?encounter._has:Observation:encounter:code={w}1", "1"),
]


@pytest.mark.parametrize(("query", "found"), QUERIES)
def test_what_other_resources_say_is_asked_through_what_leads_to_them(suite, family, query, found):
    answer = suite.get(query.format(w=family), Prefer="handling=strict")
    assert sorted(id.removeprefix(f"{family}-") for id in answer.ids) == list(found)
    assert answer.json["total"] == len(found)


@pytest.mark.parametrize(("query", "found"), QUERIES)
def test_whatever_is_too_much_to_gather_is_found_another_way_or_refused(
    suite, family, query, found, monkeypatch
):
    monkeypatch.setattr(join, "FEW", 0)
    monkeypatch.setattr(join, "MOST", 0)
    answer = suite.get(query.format(w=family))
    if answer.status == 403:
        assert answer.code == "too-costly"
    else:
        assert sorted(id.removeprefix(f"{family}-") for id in answer.ids) == list(found)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("order", ["", "&_sort=date", "&_sort=-code", "&_sort=_lastUpdated"])
def test_pages_of_a_chain_hold_each_once(suite, family, order, count):
    for query in ("patient.family={w}", "performer:Practitioner.family={w}"):
        pages = suite.pages(f"Observation?{query.format(w=family)}{order}&_count={count}")
        ids = [id for page in pages for id in page]
        whole = suite.search(f"Observation?{query.format(w=family)}{order}").ids
        assert ids == whole
        assert len(set(ids)) == len(ids) > 1


def test_totals_count_what_is_joined(suite, family):
    for total in ("accurate", "estimate"):
        found = suite.search(f"Observation?patient.family={family}&_count=1&_total={total}")
        assert found.json["total"] == 3


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("Observation?patient.nonsense=x", "invalid"),
        ("Observation?nonsense.name=x", "invalid"),
        ("Observation?subject:Practitioner.name=x", "invalid"),
        ("Observation?patient.birthdate=yesterday", "invalid"),
        ("Patient?_has=x", "invalid"),
        ("Patient?_has:Observation=x", "invalid"),
        ("Patient?_has:Observation:patient=x", "invalid"),
        ("Patient?_has:Nonsense:patient:code=x", "invalid"),
        ("Patient?_has:Observation:nonsense:code=x", "invalid"),
        ("Patient?_has:Observation:code:code=x", "invalid"),
        ("Patient?_has:Encounter:service-provider:status=x", "invalid"),
        ("Patient?_has:Observation:patient:nonsense=x", "invalid"),
        ("Observation?" + "encounter.part-of." * 9 + "status=x", "invalid"),
    ],
)
def test_a_chain_that_leads_nowhere_is_refused_of_who_is_strict(suite, query, code):
    refused = suite.get(query, Prefer="handling=strict")
    assert (refused.status, refused.code) == (400, code)


def test_a_chain_ends_at_what_the_caller_may_not_see(suite, school, child):
    other = make.word("child-")
    secret = make.word("secret")
    known = [
        make.patient(id=other, name=[{"family": secret}], identifier=[make.identifier(secret)]),
        make.observation(child, secret, id=f"{other}-1", focus=[make.reference(f"Patient/{other}")])
        | {"category": [make.concept(make.CATEGORY, "attendance")]},
        make.observation(other, secret, id=f"{other}-2")
        | {"category": [make.concept(make.CATEGORY, "attendance")]},
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, known))).status == 200
    for query in (
        f"Observation?patient.family={secret}",
        f"Observation?focus:Patient.family={secret}",
        f"Patient?_has:Observation:focus:code={secret}",
        f"Patient?_has:Observation:patient:code={secret}",
    ):
        assert suite.search(query).ids
        assert school.search(f"{query}&_total=accurate").json["total"] == 0


def test_a_chain_needs_the_scope_to_search_what_it_leads_to(client_with, child, suite):
    name = make.word("n")
    suite.put({**suite.get(f"Patient/{child}").json, "name": [{"family": name}]})
    attendance = {"category": [make.concept(make.CATEGORY, "attendance")]}
    assert suite.post(make.observation(child) | attendance).status == 201
    query = f"Observation?patient.family={name}"
    assert client_with("school", "system/*.cruds").search(query).ids
    assert not client_with("school", "system/Observation.rs").search(query).ids


def test_a_chain_by_identifier_begins_there(suite):
    word = make.word()
    patient = suite.post(make.patient(identifier=[make.identifier(word)])).id
    made = suite.post(make.observation(patient)).id
    assert suite.search(f"Observation?patient.identifier={TEST}|{word}").ids == [made]
