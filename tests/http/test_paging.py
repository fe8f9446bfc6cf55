"""Forward and back again: https://hl7.org/fhir/R4/http.html#paging"""

import pytest

from tests import make


@pytest.fixture(scope="module")
def many(suite):
    """Observations of one child: of one day, of days of their own, and without a date."""
    tag, patient = make.word("pg"), make.word("child-")
    dates = ["2024-05-01"] * 3 + [f"2024-05-0{day}" for day in (2, 3, 4)] + [None] * 3
    sent = [make.put(make.patient(id=patient))]
    for at, date in enumerate(dates):
        known = {"effectiveDateTime": date} if date else {}
        one = make.observation(patient, "ab"[at % 2], id=f"{tag}-{at}", meta=make.tagged(tag), **known)
        sent.append(make.put(one))
    assert suite.post(make.bundle("transaction", *sent)).status == 200
    return tag, patient


ORDERS = (
    "",
    "&_sort=date",
    "&_sort=-date",
    "&_sort=_lastUpdated",
    "&_sort=code,-date",
    "&_sort=-code,date",
    "&_sort=_id",
)
QUERIES = ("Observation?_tag={tag}", "Observation?patient={patient}", "Observation?code=a,b&_tag={tag}")


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("count", [1, 2, 4, 9])
@pytest.mark.parametrize("query", QUERIES)
def test_the_way_back_is_the_way_there(suite, many, query, count, sort):
    tag, patient = many
    url = query.format(tag=tag, patient=patient) + sort
    whole = suite.search(f"{url}&_count=100").ids
    assert len(whole) == 9
    page = suite.search(f"{url}&_count={count}")
    assert page.link("previous") is None
    there = [page.ids]
    while link := page.link("next"):
        page = suite.get(link)
        there.append(page.ids)
    assert [id for ids in there for id in ids] == whole
    back = []
    while link := page.link("previous"):
        came_from, page = page.ids, suite.get(link)
        assert len(page.ids) <= count
        assert suite.get(page.link("next")).ids[: len(came_from)] == came_from
        back = page.ids + back
    assert back == whole[: len(whole) - len(there[-1])]


@pytest.mark.parametrize("sort", ["family", "-family"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_pages_in_the_order_of_names_end_with_those_who_have_none(suite, sort, count):
    word = make.word("o")
    for at, name in enumerate(("b", "a", None, "c", "b", None)):
        named = [{"family": f"{word}{name}"}] if name else []
        suite.put(make.patient(id=f"{word}-{at}", gender="other", name=[*named, {"given": ["Ada"]}]))
    url = f"Patient?gender=other&_sort={sort}"
    whole = suite.search(f"{url}&_count=1000").ids
    known = [id_ for id_ in whole if id_.startswith(word)]
    expected = {"family": (1, 0, 4, 3, 2, 5), "-family": (3, 4, 0, 1, 5, 2)}
    assert known == [f"{word}-{at}" for at in expected[sort]]
    page = suite.search(f"{url}&_count={count}")
    there = page.ids
    while link := page.link("next"):
        page = suite.get(link)
        there += page.ids
    assert there == whole
    back = page.ids
    while link := page.link("previous"):
        page = suite.get(link)
        back = page.ids + back
    assert back == whole


def test_names_that_begin_alike_are_paged_back(suite):
    word = make.word("n")
    for at, letter in enumerate("dbca"):
        suite.put(make.patient(id=f"{word}-{at}", name=[{"family": f"{word}{letter}"}]))
    first = suite.search(f"Patient?family={word}&_count=2")
    second = suite.get(first.link("next"))
    assert suite.get(second.link("previous")).ids == first.ids


def test_what_is_written_meanwhile_moves_no_page_before(suite):
    tag = make.word()
    for _ in range(5):
        suite.post(make.patient(meta=make.tagged(tag)))
    first = suite.search(f"Patient?_tag={tag}&_count=2")
    second = suite.get(first.link("next"))
    suite.post(make.patient(meta=make.tagged(tag)))
    assert suite.get(second.link("previous")).ids == first.ids


def test_a_page_before_that_is_gone_leads_to_what_came_after_it(suite):
    tag = make.word()
    gone, *kept = [suite.post(make.patient(meta=make.tagged(tag))).id for _ in range(3)]
    second = suite.get(suite.search(f"Patient?_tag={tag}&_count=1&_sort=_id").link("next"))
    suite.delete(f"Patient/{gone}")
    before = suite.get(second.link("previous"))
    assert (before.ids, before.link("previous")) == ([], None)
    assert suite.get(before.link("next")).ids == kept[:1]
