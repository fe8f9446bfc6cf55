"""Searches of several types, and in a compartment. https://hl7.org/fhir/R4/http.html#search"""

import pytest

from tests import make
from tests.make import TEST


@pytest.fixture(scope="module")
def world(suite):
    """A child, another, and what is about them; everything is tagged."""
    word = make.word("sys")
    tag, ref = make.tagged(word), make.reference
    sent = [
        make.patient(id=f"{word}-p", meta=tag),
        make.patient(id=f"{word}-q", meta=tag),
        make.encounter(f"{word}-p", f"{word}-o", id=f"{word}-e", meta=tag),
        make.observation(f"{word}-p", "x", id=f"{word}-1", meta=tag, encounter=ref(f"Encounter/{word}-e")),
        make.observation(f"{word}-q", "x", id=f"{word}-2", meta=tag, performer=[ref(f"Patient/{word}-p")]),
        make.observation(
            f"{word}-q", "y", id=f"{word}-3", meta=tag, performer=[ref(f"Practitioner/{word}-g")]
        ),
        make.organization(f"{word}-o", meta=tag),
        {"resourceType": "Practitioner", "id": f"{word}-g", "meta": tag},
    ]
    for each in sent:
        assert suite.put(each).status == 201
    return word


def letters(answer, word):
    return "".join(sorted(id.removeprefix(f"{word}-") for id in answer.ids))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?_tag={w}", "123egopq"),
        ("?_type=Patient&_tag={w}", "pq"),
        ("?_type=Patient,Observation&_tag={w}", "123pq"),
        ("?_type=Patient,Observation&_tag={w}&_id={w}-p,{w}-1,{w}-e", "1p"),
        ("?_type=Patient,Observation&_tag={w}&_lastUpdated=gt2020", "123pq"),
        ("?_type=Observation,Encounter&_tag={w}&patient={w}-p", "1e"),
        ("?_type=Device&_tag={w}", ""),
        ("?_id={w}-g", "g"),
    ],
)
def test_several_types_are_searched_as_one(suite, world, query, found):
    answer = suite.get(query.format(w=world), Prefer="handling=strict")
    assert letters(answer, world) == found
    assert answer.json["total"] == len(found)


def test_what_is_no_parameter_of_every_type_is_none(suite, world):
    query = f"?_type=Patient,Observation&_tag={world}&code=y"
    assert letters(suite.get(query), world) == "123pq"
    assert "code" not in suite.get(query).link("self")
    assert suite.get(query, Prefer="handling=strict").code == "invalid"


@pytest.mark.parametrize(("sort", "order"), [("", "go321eqp"), ("&_sort=_lastUpdated", "pqe123og")])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_pages_of_several_types_hold_each_once_in_order_and_back_again(suite, world, sort, order, count):
    pages = []
    url = f"?_tag={world}{sort}&_count={count}"
    while url:
        page = suite.get(url)
        pages.append([id.removeprefix(f"{world}-") for id in page.ids])
        url, last = page.link("next"), page
    assert "".join(letter for page in pages for letter in page) == order
    back = []
    while last and (link := last.link("previous")):
        last = suite.get(link)
        back = [id.removeprefix(f"{world}-") for id in last.ids] + back
    assert "".join(back) == order[: len(back)]
    assert len(back) >= len(order) - count


def test_an_order_that_not_every_type_has_is_refused(suite):
    assert suite.get("?_type=Patient,Observation&_sort=birthdate").code == "not-supported"


def test_a_type_that_is_none_is_refused(suite):
    assert suite.get("?_type=Nonsense").code == "invalid"


def test_totals_of_several_types_are_added_up(suite, world):
    assert suite.get(f"?_tag={world}&_count=2&_total=accurate").json["total"] == 8
    assert suite.get(f"?_tag={world}&_count=0").json["total"] == 8


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Patient/{w}-p/Observation", "12"),
        ("Patient/{w}-q/Observation", "23"),
        ("Patient/{w}-q/Observation?code=y", "3"),
        ("Patient/{w}-p/Encounter", "e"),
        ("Patient/{w}-p/*", "12ep"),
        ("Patient/{w}-p/*?_type=Observation", "12"),
        ("Patient/{w}-p/Patient", "p"),
        ("Patient/nobody/Observation", ""),
        ("Patient/nobody/*", ""),
        ("Encounter/{w}-e/Observation", "1"),
        ("Encounter/{w}-e/*", "1e"),
        ("Practitioner/{w}-g/Observation", "3"),
    ],
)
def test_a_compartment_holds_what_refers_to_its_resource(suite, world, path, found):
    answer = suite.get(path.format(w=world))
    assert answer.status == 200, answer
    assert letters(answer, world) == found
    assert answer.link("self").startswith(f"{suite.base}/{path.format(w=world).partition('?')[0]}")


def test_a_compartment_has_pages(suite, world):
    pages = suite.pages(f"Patient/{world}-q/Observation?_count=1")
    assert sorted(id[-1] for page in pages for id in page) == ["2", "3"]
    pages = suite.pages(f"Patient/{world}-p/*?_count=1")
    assert sorted(id[-1] for page in pages for id in page) == ["1", "2", "e", "p"]


def test_what_cannot_stand_in_a_compartment_is_refused(suite):
    assert suite.get("Patient/x/Organization").code == "invalid"


def test_each_level_takes_a_form(suite, world):
    for path, found in (
        ("_search", "123egopq"),
        (f"Patient/{world}-q/Observation/_search", "23"),
        (f"Patient/{world}-p/*/_search", "12ep"),
    ):
        form = f"_tag={TEST}|{world}"
        answer = suite.ask("POST", path, form, Content_Type="application/x-www-form-urlencoded")
        assert letters(answer, world) == found, path


def test_only_what_the_caller_may_search_is_searched(client_with, world):
    few = client_with("suite", "system/Organization.rs system/Practitioner.rs")
    assert letters(few.get(f"?_tag={world}"), world) == "go"
    assert few.get(f"?_type=Patient&_tag={world}").status == 403


def test_a_page_link_of_another_place_is_refused(suite, world):
    link = suite.get(f"?_tag={world}&_count=1").link("next")
    assert suite.get(link.replace("?_page", "/Patient?_page")).status == 400
    link = suite.get(f"Patient/{world}-q/Observation?_count=1").link("next")
    assert suite.get(link.replace(f"{world}-q", f"{world}-p")).status == 400
