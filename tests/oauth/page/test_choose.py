import re
from urllib.parse import parse_qs, urlsplit

import pytest

from server.store import tables as t
from tests import make
from tests.caller import Caller, token
from tests.oauth.flow import CHALLENGE, REDIRECT, app_of
from tests.oauth.page.conftest import Person, account_of

RESPONSIBLE = "https://w3id.org/single-child-record/StructureDefinition/parental-responsibility"
SCOPE = "openid launch/patient patient/Patient.rs"


SETTINGS = {}
"""Those of the pages: no second factor."""


@pytest.fixture(scope="module")
def suite(pages):
    caller = Caller(pages, token(pages, "suite", "system/*.cruds"))
    for each in ("school", "people"):
        assert caller.put(make.organization(each)).status == 201
    return caller


@pytest.fixture(scope="module")
def child(suite):
    """Makes a child, of the school unless it is told otherwise; its id."""

    def made(*, of_school=True, **more):
        found = make.child(id=make.word("chosen-"), **more)
        episode = [make.posted(make.episode(found["id"], "school"))] if of_school else []
        assert suite.post(make.bundle("transaction", make.put(found), *episode)).status == 200
        return found["id"]

    return made


@pytest.fixture
def choosing(pages, suite):
    """Somebody at the page, sent there by an app."""

    def sent(**differences):
        person, app = Person(pages), app_of(pages, differences.get("agency", "school"))
        asked = {
            "response_type": "code",
            "client_id": app.id,
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "s",
            "aud": pages.extensions["settings"].public_url,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        begun = person.client.get("/auth/authorize", query_string=asked).headers["Location"]
        person.sign_in(account_of(pages, **differences).username, path=begun)
        assert person.path == "/auth/choose"
        return person

    return sent


def named(family, *given):
    return {"name": [{"family": family, "given": list(given)}]}


def found(person):
    """The ids that are offered."""
    return re.findall(r'<input type="radio"[^>]* name="child" value="([^"]+)"', person.page.text)


def patient(pages, person):
    """Whom the app's request is about."""
    id = parse_qs(urlsplit(person.page.request.url).query)["request"][0]
    row = t.authorization_request
    with pages.extensions["database"].begin() as connection:
        return connection.execute(row.select().where(row.c.id == id)).one().patient


def test_a_child_is_found_by_name_number_and_birthday_and_chosen(pages, choosing, child):
    family = make.word("Fam")
    number = make.nhs()
    robin = child(number=number, **named(family, "Robin"))
    charlie = child(**named(family, "Charlie"))
    person = choosing()
    for given, expected in (
        ({"name": family}, {robin, charlie}),
        ({"name": f"rob {family.lower()}"}, {robin}),
        ({"identifier": f"{number[:3]} {number[3:6]} {number[6:]}"}, {robin}),
        ({"name": family, "day": "14", "month": "3", "year": "2014"}, {robin, charlie}),
        ({"name": family, "day": "15", "month": "3", "year": "2014"}, set()),
    ):
        person.send("/auth/choose", search="yes", **given)
        assert set(found(person)) == expected, given
    person.send("/auth/choose", search="yes", name=family)
    person.send("/auth/choose", child=robin)
    assert person.path == "/auth/consent"
    assert patient(pages, person) == robin


def test_a_child_whom_the_user_may_not_see_is_neither_found_nor_chosen(pages, choosing, child):
    family, number = make.word("Fam"), make.nhs()
    hidden = child(number=number, of_school=False, **named(family, "Robin"))
    person = choosing()
    for given in ({"name": family}, {"identifier": number}):
        absent = {key: make.word("Absent") for key in given}
        person.send("/auth/choose", search="yes", **absent)
        without = person.page.text
        person.send("/auth/choose", search="yes", **given)
        assert found(person) == []
        assert masked(person.page.text, given) == masked(without, absent)
    for id in (hidden, "nobody", "", "a,b", "x" * 3000, "é"):
        person.send("/auth/choose", child=id)
        assert person.path == "/auth/choose"
        assert "child" in person.faults
        assert patient_of_open_request(pages, person) is None


def masked(page, given):
    for value in given.values():
        page = page.replace(value, "")
    return page


def patient_of_open_request(pages, person):
    id = re.search(r'name="request" value="([^"]+)"', person.page.text)[1]
    row = t.authorization_request
    with pages.extensions["database"].begin() as connection:
        return connection.execute(row.select().where(row.c.id == id)).one().patient


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"name": "a"}, "name"),
        ({"day": "31", "month": "2", "year": "2014"}, "day"),
        ({"day": "1"}, "day"),
        ({"day": "1", "month": "1", "year": "14"}, "day"),
        ({"day": "x", "month": "y", "year": "z"}, "day"),
    ],
)
def test_what_cannot_be_searched_for_is_said_at_its_field(choosing, given, field):
    person = choosing()
    person.send("/auth/choose", search="yes", **given)
    assert field in person.faults
    assert found(person) == []


@pytest.mark.parametrize("name", ["a|b", "a,b", "a\\b", "a$b", "<b>", "'; --", "ab%", "é" * 99, "nul\0"])
def test_signs_in_a_name_are_part_of_the_name(choosing, name):
    person = choosing()
    page = person.send("/auth/choose", search="yes", name=name)
    assert found(person) == []
    assert "<b>" not in page.text


def test_who_finds_too_many_is_asked_for_more(choosing, child):
    family = make.word("Many")
    for _ in range(21):
        child(**named(family, "Robin"))
    person = choosing()
    person.send("/auth/choose", search="yes", name=family)
    assert len(found(person)) == 20
    assert "More than 20 children" in person.page.text


def test_nothing_about_a_child_stands_in_a_url(choosing, child):
    family = make.word("Fam")
    child(**named(family, "Robin"))
    person = choosing()
    person.send("/auth/choose", search="yes", name=family)
    assert family not in person.page.request.url
    assert 'method="get"' not in person.page.text


def test_looking_for_a_child_is_accounted_for(pages, choosing, child):
    family = make.word("Fam")
    child(**named(family, "Robin"))
    person = choosing()
    person.send("/auth/choose", search="yes", name=family)
    with pages.extensions["database"].begin() as connection:
        rows = connection.execute(t.audit.select().where(t.audit.c.query.contains(family))).all()
    assert [(row.interaction, row.account is not None) for row in rows] == [("search", True)]


def test_a_family_is_shown_its_own_children_and_need_not_look(pages, choosing, child, suite):
    own = [child(of_school=False, **named(make.word("Own"), "Robin")) for _ in range(2)]
    child(of_school=False, **named(make.word("Other"), "Robin"))
    mother = [
        suite.post(
            {
                "resourceType": "RelatedPerson",
                "patient": make.reference(f"Patient/{id}"),
                "extension": [{"url": RESPONSIBLE, "valueBoolean": True}],
            }
        ).id
        for id in own
    ]
    first, second = (f"RelatedPerson/{id}" for id in mother)
    person = choosing(agency="people", roles=(), caseload="own", fhir_user=first, references=(second,))
    assert set(found(person)) == set(own)
    assert 'name="search"' not in person.page.text
    person.send("/auth/choose", child=own[1])
    assert patient(pages, person) == own[1]


def test_a_worker_with_own_children_is_shown_them_and_may_look_among_them(pages, choosing, suite):
    worker = suite.put({"resourceType": "Practitioner", "id": make.word("worker-")}).id
    ids = []
    for by in ({"careManager": make.reference(f"Practitioner/{worker}")}, {}):
        met = make.child(id=make.word("chosen-"))
        ids.append(met["id"])
        episode = make.posted(make.episode(met["id"], "people", "child-in-need") | by)
        assert suite.post(make.bundle("transaction", make.put(met), episode)).status == 200
    person = choosing(agency="people", roles=("worker",), caseload="own", fhir_user=f"Practitioner/{worker}")
    assert found(person) == ids[:1]
    person.send("/auth/choose", search="yes", name="Sample")
    assert found(person) == ids[:1]


def test_the_page_is_for_who_was_sent_by_an_app(pages):
    assert Person(pages).open("/auth/choose").status_code == 400
