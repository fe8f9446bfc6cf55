"""The further kinds of search, from the request to the Bundle."""

import pytest

from tests import make
from tests.make import TEST

UCUM = "http://unitsofmeasure.org"


def measured(value, unit="g", **more):
    return make.observation(valueQuantity={"value": value, "system": UCUM, "code": unit}, **more)


@pytest.fixture(scope="module")
def weights(suite):
    """Five weights in units of their own, the lightest first, and one Observation without any."""
    tag = make.word()
    stated = [(10, "g"), (2, "[oz_av]"), (100, "g"), (1, "[lb_av]"), (1, "kg")]
    sent = [measured(*each, id=f"{tag}-{at}", meta=make.tagged(tag)) for at, each in enumerate(stated)]
    sent.append(make.observation(id=f"{tag}-5", meta=make.tagged(tag)))
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return tag


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"value-quantity=gt99|{UCUM}|g", {2, 3, 4}),
        (f"value-quantity=1000|{UCUM}|g", {4}),
        (f"value-quantity=453.59|{UCUM}|g", {3}),
        ("value-quantity=1", {3, 4}),
        ("value-quantity=1||kg", {4}),
        ("value-quantity:missing=true", {5}),
    ],
)
def test_quantities_are_found_whatever_they_are_stated_in(suite, weights, query, found):
    answer = suite.search(f"Observation?_tag={weights}&{query}")
    assert {id_[-1] for id_ in answer.ids} == set(map(str, found))


@pytest.mark.parametrize("code", ["value-quantity", "combo-value-quantity"])
@pytest.mark.parametrize(("sort", "order"), [("", "012345"), ("-", "432105")])
@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_quantities_come_in_the_order_of_their_amounts(suite, weights, code, sort, order, count):
    pages = suite.pages(f"Observation?_tag={weights}&_sort={sort}{code}&_count={count}")
    assert [id_[-1] for page in pages for id_ in page] == list(order)


@pytest.fixture(scope="module")
def house(suite):
    """A building, a ward in it, a bed in that; an encounter in each."""
    word = make.word()
    places = [
        {"resourceType": "Location", "id": f"{word}-{name}", **({"partOf": within} if within else {})}
        for name, within in (
            ("house", None),
            ("ward", make.reference(f"Location/{word}-house")),
            ("bed", make.reference(f"Location/{word}-ward")),
        )
    ]
    child = make.child(id=word)
    visits = [
        {
            "resourceType": "Encounter",
            "id": f"{word}-in-{name}",
            "status": "finished",
            "class": {"system": TEST, "code": "x"},
            "subject": make.reference(f"Patient/{word}"),
            "location": [{"location": make.reference(f"Location/{word}-{name}")}],
        }
        for name in ("house", "ward", "bed")
    ]
    sent = suite.post(make.bundle("transaction", *map(make.put, [child, *places, *visits])))
    assert sent.status == 200, sent
    return word


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("location={0}-ward", ["ward"]),
        ("location:below={0}-house", ["house", "ward", "bed"]),
        ("location:below=Location/{0}-ward", ["ward", "bed"]),
        ("location:below={0}-bed", ["bed"]),
        ("location:above={0}-bed", ["house", "ward", "bed"]),
        ("location:above={0}-house", ["house"]),
        ("location:below={0}-nowhere", []),
        ("location:below={0}-ward&_count=0", []),
    ],
)
def test_a_reference_is_followed_up_and_down_a_hierarchy(suite, house, query, found):
    answer = suite.search(f"Encounter?{query.format(house)}")
    assert sorted(answer.ids) == sorted(f"{house}-in-{name}" for name in found)


def test_a_hierarchy_is_followed_from_the_end_of_a_chain(suite, house):
    answer = suite.search(f"Location?_has:Encounter:location:location:below={house}-ward")
    assert sorted(answer.ids) == sorted(f"{house}-{name}" for name in ("ward", "bed"))
    seen = make.observation(house, id=f"{house}-seen", encounter={"reference": f"Encounter/{house}-in-bed"})
    assert suite.put(seen).status == 201
    assert suite.search(f"Observation?encounter.location:below={house}-house").ids == [f"{house}-seen"]
    assert suite.search(f"Observation?encounter.location:above={house}-ward&_id={house}-seen").ids == []


def test_a_hierarchy_is_searched_only_where_there_is_one(suite):
    refused = suite.get("Observation?specimen:below=1")
    assert (refused.status, refused.code) == (400, "invalid")


@pytest.fixture(scope="module")
def named(suite):
    """Two children, an Observation of each, and a List of the first."""
    word = make.word()
    sent = [
        make.patient(id=f"{word}-1", name=[{"family": f"Pet{word}", "given": ["Ann"]}]),
        make.patient(id=f"{word}-2", name=[{"family": f"Other{word}"}]),
        make.observation(f"{word}-1", id=f"{word}-o1", effectiveDateTime="2024-05-06"),
        make.observation(f"{word}-2", id=f"{word}-o2", effectiveDateTime="2024-05-07"),
        make.list_of(f"Patient/{word}-1", f"Observation/{word}-o2", id=f"{word}-list"),
    ]
    assert suite.post(make.bundle("transaction", *map(make.put, sent))).status == 200
    return word


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('Observation?_filter=subject:Patient.name co "pet{0}"', ["o1"]),
        ("Observation?_filter=subject:Patient.name sw pet{0} and date ge 2024-05-06", ["o1"]),
        ("Observation?_filter=subject:Patient.name sw pet{0} and date ge 2024-05-07", []),
        ("Observation?_filter=subject:Patient.family eq pet{0}", ["o1"]),
        ("Observation?_filter=subject:Patient.family eq pet", []),
        ('Observation?_filter=subject:Patient.family ew "t{0}"', ["o1"]),
        ("Observation?_id={0}-o1,{0}-o2&_filter=subject:Patient.family ne pet{0}", ["o2"]),
        ("Observation?_id={0}-o1,{0}-o2&_filter=subject:Patient.given pr false", ["o2"]),
        ("Patient?_has:Observation:patient:_filter=date po 2024-05-06&_id={0}-1,{0}-2", ["1"]),
        ("Observation?_id={0}-o1,{0}-o2&_filter=date po 2024-05-07 or date lt 2000", ["o2"]),
        ("Patient?_filter=family eq pet{0} and not (given eq beth)", ["1"]),
        ("Patient?_list={0}-list", ["1"]),
        ("Observation?_list={0}-list", ["o2"]),
        ("Observation?_list={0}-nothing", []),
        ("Patient?_content=pet{0}", ["1"]),
        ("Patient?_content=pet{0},other{0}&_sort=family", ["2", "1"]),
        ("Patient?_text=pet{0}", []),
    ],
)
def test_filters_lists_and_words_lead_to_what_they_say(suite, named, query, found):
    answer = suite.search(query.format(named))
    assert [id_.removeprefix(f"{named}-") for id_ in answer.ids] == found


def test_a_named_query_is_a_search_with_a_name(suite):
    child = make.word()
    spans = [("2024-01-01", "2024-03-31"), ("2024-03-01", None), ("2024-05-01", None)]
    episodes = [
        make.episode(child, "school")
        | {"id": f"{child}-{at}", "period": {"start": start, **({"end": end} if end else {})}}
        for at, (start, end) in enumerate(spans)
    ]
    suite.post(make.bundle("transaction", *map(make.put, [make.child(id=child), *episodes])))
    answer = suite.search(f"EpisodeOfCare?_query=open-on&on=2024-04-10&patient={child}")
    assert answer.ids == [f"{child}-1"]
    assert "_query=open-on" in answer.link("self")
    assert "date=" not in answer.link("self")


@pytest.mark.parametrize("query", ["_query=nonsense", "_query=open-on", "_query=open-on&on="])
def test_a_named_query_that_is_not_one_is_refused(suite, query):
    refused = suite.get(f"EpisodeOfCare?{query}")
    assert (refused.status, refused.code) == (400, "invalid")


def test_what_is_changed_is_found_by_what_it_says_now(suite):
    word, other = make.word("w"), make.word("w")
    first = make.observation(id=word, note=[{"text": word}], valueQuantity={"value": 1})
    suite.put(first)
    assert suite.search(f"Observation?_content={word}").ids == [word]
    suite.put({**first, "note": [{"text": other}], "valueQuantity": {"value": 2}})
    assert suite.search(f"Observation?_content={word}").ids == []
    assert suite.search(f"Observation?_content={other}").ids == [word]
    assert suite.search(f"Observation?_id={word}&value-quantity=1").ids == []
    assert suite.search(f"Observation?_id={word}&value-quantity=2").ids == [word]
    suite.delete(f"Observation/{word}")
    assert suite.search(f"Observation?_content={other}").ids == []
