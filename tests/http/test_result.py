"""What a result is made of: https://hl7.org/fhir/R4/search.html#return"""

from decimal import Decimal

import pytest

from server.interaction import search as interaction_search
from server.search import include
from server.search.compile import Search
from tests import make


@pytest.fixture(scope="module")
def told(suite):
    """Observations in whose notes a word stands once, thrice and, tagged alike, never."""
    word = make.word("said")
    for at, text in enumerate((word, f"{word} {word} {word}", "nothing")):
        sent = make.observation(id=f"{word}-{at}", meta=make.tagged(word), note=[{"text": text}])
        assert suite.put(sent).status == 201
    return word


def scores(answer):
    return [each["search"].get("score") for each in answer.entries if each["search"]["mode"] == "match"]


# ---- how good ----------------------------------------------------------------------------------------------


def test_what_is_sought_by_words_says_how_well_it_answers(suite, told):
    answer = suite.search(f"Observation?_content={told}&_sort=_id")
    assert answer.ids == [f"{told}-0", f"{told}-1"]
    few, many = scores(answer)
    assert 0 < few < many < 1
    assert scores(suite.search(f"Observation?_tag={told}")) == [None] * 3


@pytest.mark.parametrize(("sort", "order"), [("-_score", "10"), ("_score", "01"), ("-_score,_id", "10")])
@pytest.mark.parametrize("start", ["Observation?", "?_type=Observation,Encounter&"])
def test_the_best_come_first_if_they_are_to(suite, told, sort, order, start):
    url = f"{start}_content={told}&_sort={sort}"
    assert [id[-1] for id in suite.search(url).ids] == list(order)
    pages = suite.pages(f"{url}&_count=1")
    assert [id[-1] for ids in pages for id in ids] == list(order)


def test_a_place_is_the_better_the_nearer_it_is(suite):
    word = make.word()
    for name, latitude in (("here", 51.5), ("near", 51.53), ("far", 51.58)):
        suite.put(
            {
                "resourceType": "Location",
                "id": f"{word}-{name}",
                "meta": make.tagged(word),
                "position": {"latitude": latitude, "longitude": -0.12},
            }
        )
    answer = suite.search(f"Location?_tag={word}&near=51.5|-0.12|10|km&_sort=-_score")
    assert [id.rpartition("-")[2] for id in answer.ids] == ["here", "near", "far"]
    best, middle, worst = scores(answer)
    assert best == 1
    assert Decimal("0.6") < middle < Decimal("0.7")
    assert Decimal("0.1") < worst < Decimal("0.2")


def test_where_all_are_equally_good_there_is_no_order_by_score(suite, told):
    assert suite.get(f"Observation?_tag={told}&_sort=_score").code == "invalid"


# ---- how many ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seven(suite):
    tag = make.word("seven")
    sent = [make.put(make.patient(id=f"{tag}-{at}", meta=make.tagged(tag))) for at in range(7)]
    assert suite.post(make.bundle("transaction", *sent)).status == 200
    return tag


@pytest.mark.parametrize("start", ["Patient?", "?_type=Patient,Encounter&"])
@pytest.mark.parametrize(
    ("most", "count", "pages"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (1, 3, [1]), (9, 4, [4, 3])]
)
def test_there_are_no_more_than_are_wanted_in_all(suite, seven, start, most, count, pages):
    whole = suite.search(f"{start}_tag={seven}").ids
    page = suite.search(f"{start}_tag={seven}&_maxresults={most}&_count={count}")
    there = [page.ids]
    while link := page.link("next"):
        page = suite.get(link)
        there.append(page.ids)
    assert list(map(len, there)) == pages
    assert [id for ids in there for id in ids] == whole[:most]
    back = []
    while link := page.link("previous"):
        page = suite.get(link)
        back.insert(0, page.ids)
    assert back == there[:-1]


@pytest.mark.parametrize("value", ["0", "x", "-1"])
def test_a_number_of_matches_that_is_none_is_refused(suite, value):
    assert suite.get(f"Patient?_maxresults={value}").code == "invalid"


@pytest.mark.parametrize(
    "place", ["Patient?", "?_type=Patient,Encounter&", "Patient/{w}-0/*?", "Patient/{w}-0/Patient?"]
)
def test_the_total_is_there_where_it_is_known_or_asked_for(suite, seven, place):
    url = f"{place.format(w=seven)}_tag={seven}"
    every = 1 if "/" in place else 7
    assert suite.search(url).json["total"] == every
    assert "total" not in suite.search(f"{url}&_total=none").json
    assert suite.search(f"{url}&_count=0").json["total"] == every
    for total in ("accurate", "estimate"):
        assert suite.search(f"{url}&_count=1&_total={total}").json["total"] == every
    if every > 1:
        assert "total" not in suite.search(f"{url}&_count=1").json


@pytest.mark.parametrize("count", [1, 7, 8])
def test_an_empty_page_has_no_next(suite, seven, count):
    nobody = suite.search(f"Patient?_tag={make.word()}&_count={count}")
    assert (nobody.link("next"), nobody.link("previous"), nobody.json["total"]) == (None, None, 0)
    page = suite.search(f"Patient?_tag={seven}&_count={count}")
    while link := page.link("next"):
        page = suite.get(link)
        assert page.ids


def test_a_page_is_as_long_as_the_self_link_says(suite, seven):
    assert "_count=1000" in suite.search(f"Patient?_tag={seven}&_count=5000").link("self")
    assert "_count=1000" in suite.search(f"?_tag={seven}&_count=5000").link("self")


# ---- in which order ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed(suite):
    """Of two types, with a date, a status, a tag and an id; some without a date."""
    tag = make.word("mix")
    dates = ["2024-03-01", None, "2024-01-01", "2024-02-01T10:00:00Z", None, "2024-03-01"]
    for at, date in enumerate(dates):
        known = {"effectiveDateTime": date} if date else {}
        spoken = {"period": {"start": date}} if date else {}
        one = (
            make.observation("x", id=f"{tag}-{at}", meta=make.tagged(tag), **known)
            if at % 2
            else make.encounter("x", "y", id=f"{tag}-{at}", meta=make.tagged(tag), **spoken)
        )
        assert suite.put(one).status == 201
    return tag


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("date", "230514"),
        ("-date", "503241"),
        ("-_id", "543210"),
        ("_id", "012345"),
        ("date,-_id", "235041"),
        ("status,_id", "135024"),
        ("-status,-date", "024531"),
        ("subject,-_lastUpdated", "543210"),
        ("", "543210"),
    ],
)
def test_several_types_come_in_any_order_that_they_have_in_common(suite, mixed, sort, order):
    url = f"?_type=Observation,Encounter&_tag={mixed}" + (f"&_sort={sort}" if sort else "")
    assert "".join(id[-1] for id in suite.search(url).ids) == order
    for count in (1, 2, 4):
        page = suite.search(f"{url}&_count={count}")
        there = [page.ids]
        while link := page.link("next"):
            page = suite.get(link)
            there.append(page.ids)
        assert "".join(id[-1] for ids in there for id in ids) == order
        back = []
        while link := page.link("previous"):
            page = suite.get(link)
            back.insert(0, page.ids)
        assert "".join(id[-1] for ids in back for id in ids) == order[: -len(there[-1])]


# ---- links -------------------------------------------------------------------------------------------------


def test_what_was_asked_at_length_is_paged_by_links_that_stay_short(suite, seven):
    ids = ",".join([*(f"{seven}-{at}" for at in range(7)), *(f"nobody-{at:06d}" for at in range(1500))])
    page = suite.ask(
        "POST", "Patient/_search", f"_id={ids}&_count=3", Content_Type="application/x-www-form-urlencoded"
    )
    found = page.ids
    while link := page.link("next"):
        assert len(link) <= interaction_search.LINK
        page = suite.get(link)
        found += page.ids
    assert sorted(found) == [f"{seven}-{at}" for at in range(7)]


def test_what_no_link_can_hold_is_refused(suite, seven, monkeypatch):
    monkeypatch.setattr(interaction_search, "LINK", 100)
    refused = suite.get(f"Patient?_tag={seven}&_count=3")
    assert (refused.status, refused.code) == (413, "too-long")
    assert suite.search(f"Patient?_tag={seven}").json["total"] == 7


# ---- what is brought along ---------------------------------------------------------------------------------


def test_what_a_page_brings_along_beyond_the_limit_is_not_moved_by_what_is_written_meanwhile(
    suite, monkeypatch
):
    """Of two Patients' Observations some change, others are new, and there are new Patients too."""
    tag = make.word("rel")
    sent = [make.patient(id=f"{tag}-{at}", meta=make.tagged(tag)) for at in range(4)]
    sent += [make.observation(f"{tag}-{at % 4}", id=f"{tag}-o{at}") for at in range(20)]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    monkeypatch.setattr(include, "LIMIT", 3)
    page = suite.search(
        f"Patient?_tag={tag}&_count=2&_revinclude=Observation:subject&_revinclude=Observation:patient"
    )
    about = set(page.ids)
    expected = {f"Observation/{each['id']}" for each in sent[4:] if each["subject"]["reference"][8:] in about}
    brought, at = list(page.included), 0
    while link := page.link("related"):
        suite.put(make.patient(id=f"{tag}-new{at}", meta=make.tagged(tag)))
        suite.put(make.observation(f"{tag}-{at % 4}", id=f"{tag}-later{at}"))
        suite.put(make.observation(f"{tag}-{at % 4}", "y", id=f"{tag}-o{at}"))
        page, at = suite.get(link), at + 1
        assert not page.matches
        assert 0 < len(page.included) <= 3
        brought += page.included
    assert len(brought) == len(set(brought))
    assert expected <= set(brought)
    assert at >= 3


def test_an_estimate_that_cannot_be_known_within_its_budget_is_left_out(suite, monkeypatch):
    source = f"http://example.org/{make.word()}"
    for _ in range(3):
        assert suite.post(make.patient(meta={"source": source})).status == 201
    url = f"Patient?_source={source}&_sort=gender&_count=1"
    assert suite.search(f"{url}&_total=estimate").json["total"] == 3
    monkeypatch.setattr(Search, "bearing", lambda _search, _fetched: 2)
    assert "total" not in suite.search(f"{url}&_total=estimate").json
    assert suite.search(f"{url}&_total=accurate").json["total"] == 3
