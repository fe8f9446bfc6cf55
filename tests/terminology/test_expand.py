"""How a value set is listed.

https://hl7.org/fhir/R4/valueset-operation-expand.html
"""

from datetime import date
from itertools import count
from statistics import median
from time import perf_counter

import pytest

from server.fhir.json import encode
from server.terminology.expand import MOST, Asked, Versions, expand
from server.terminology.provider import CannotTell
from server.terminology.validate_code import validate_code
from server.terminology.valueset import of, value_set
from tests.terminology.definitions import ANIMALS, PLANTS, B, added, code_system, concept
from tests.terminology.definitions import value_set as defined

A, P = ANIMALS["url"], PLANTS["url"]
DOG = {"code": "dog", "display": "Doggy", "designation": [{"language": "es", "value": "Perro"}]}
SET = defined(
    "set",
    {"system": A, "concept": [DOG, {"code": "dodo"}, {"code": "animal"}]},
    {"system": P},
    version="7",
    title="A set",
    text={"status": "empty"},
)
MANY = code_system("many", *(concept(f"c{at:05}", definition="What it is. " * 5) for at in range(5000)))
TOO_MANY = code_system("too-many", *({"code": str(at)} for at in range(MOST + 1)))


@pytest.fixture(autouse=True)
def definitions():
    with added(ANIMALS, PLANTS, SET, MANY, TOO_MANY):
        yield


def expanded(definition: dict, **asked: object) -> dict:
    return expand(of(definition), Asked(**asked), "2026-01-01T00:00:00Z", "urn:uuid:1")  # type: ignore[arg-type]


def codes(listed: dict) -> list[str]:
    return [each["code"] for each in listed["expansion"].get("contains", ())]


def test_an_expansion_says_what_it_is_of():
    found = expanded(SET)
    assert found["expansion"].pop("contains")
    assert found == {
        "resourceType": "ValueSet",
        "url": SET["url"],
        "status": "active",
        "version": "7",
        "title": "A set",
        "expansion": {
            "identifier": "urn:uuid:1",
            "timestamp": "2026-01-01T00:00:00Z",
            "total": 5,
            "parameter": [{"name": "version", "valueUri": f"{A}|2"}],
        },
    }
    whole = expand(of(SET), Asked(definition=True), "2026-01-01T00:00:00Z", "urn:uuid:1")
    assert whole["compose"] == SET["compose"]


def test_a_code_is_listed_as_the_set_writes_it():
    dog, dodo, animal, *_ = expanded(SET)["expansion"]["contains"]
    assert dog == {"system": A, "code": "dog", "display": "Doggy"}
    assert dodo == {"system": A, "inactive": True, "code": "dodo", "display": "Display of dodo"}
    assert animal == {"system": A, "abstract": True, "code": "animal", "display": "Display of animal"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["dog", "dodo", "animal", "oak", "rose"]),
        ({"active": True}, ["dog", "animal", "oak", "rose"]),
        ({"without_abstract": True}, ["dog", "dodo", "oak", "rose"]),
        ({"without_systems": frozenset({P})}, ["dog", "dodo", "animal"]),
        ({"at": date(1600, 1, 1)}, ["dog", "dodo", "animal", "oak", "rose"]),
        ({"at": date(2020, 1, 1)}, ["dog", "animal", "oak", "rose"]),
        ({"text": "perr"}, ["dog"]),
        ({"text": "rose"}, ["rose"]),
        ({"offset": 1, "count": 3}, ["dodo", "animal", "oak"]),
        ({"offset": 4, "count": 3}, ["rose"]),
        ({"offset": 9, "count": 3}, []),
        ({"count": 0}, []),
        ({"offset": 3}, ["oak", "rose"]),
        ({"at": date(2020, 1, 1), "offset": 1, "count": 2}, ["animal", "oak"]),
    ],
)
def test_a_part_of_the_list(asked, expected):
    assert codes(expanded(SET, **asked)) == expected


def test_a_page_says_where_it_is_and_how_much_there_is():
    page = expanded(SET, offset=1, count=2)["expansion"]
    assert (page["offset"], page["total"], len(page["contains"])) == (1, 5, 2)
    assert expanded(SET, count=0)["expansion"]["total"] == 5


@pytest.mark.parametrize(
    ("asked", "designations", "display"),
    [
        ({}, None, "Doggy"),
        ({"designations": True}, ["Perro", "Hund", "Chien"], "Doggy"),
        ({"designations": True, "designation": ("urn:ietf:bcp:47|de",)}, ["Hund"], "Doggy"),
        ({"designations": True, "designation": ("fr", "es")}, ["Perro", "Chien"], "Doggy"),
        ({"designations": True, "designation": (f"{B}use|pet",)}, ["Chien"], "Doggy"),
        ({"designations": True, "designation": ("ru",)}, None, "Doggy"),
        ({"language": "de"}, None, "Hund"),
        ({"language": "es"}, None, "Perro"),
        ({"language": "ru"}, None, "Doggy"),
    ],
)
def test_designations_and_languages(asked, designations, display):
    dog = expanded(SET, **asked)["expansion"]["contains"][0]
    assert dog["display"] == display
    assert [each["value"] for each in dog.get("designation", ())] == (designations or [])


def test_a_tree_has_each_code_in_the_nearest_one_that_is_listed():
    part = defined("part", {"system": A}, exclude=[{"system": A, "concept": [{"code": "mammal"}]}])
    roots = expanded(part, nested=True)["expansion"]["contains"]
    assert [each["code"] for each in roots] == ["animal", "robot"]
    below = {
        each["code"]: [inner["code"] for inner in each.get("contains", ())] for each in roots[0]["contains"]
    }
    assert below == {"dog": [], "cat": [], "whale": [], "bird": ["penguin"], "dodo": []}


@pytest.mark.parametrize(
    ("versions", "why"),
    [
        (({A: "2"}, {}, {}), None),
        (({A: "1"}, {}, {}), "version '1'"),
        (({}, {A: "2"}, {}), None),
        (({}, {A: "3"}, {}), "has to be of '3'"),
        (({}, {}, {A: "4"}), "version '4'"),
    ],
)
def test_a_version_that_is_asked_for_is_used_or_refused(versions, why):
    among = of(defined("animals", {"system": A}), Versions(*versions).find())
    if why is None:
        assert among.page(None, False, 0, 1).total == 9
    else:
        with pytest.raises(CannotTell, match=why):
            among.page(None, False, 0, 1)


def test_what_is_too_long_to_be_listed_at_once_is_listed_by_pages():
    too_many = defined("too-many", {"system": TOO_MANY["url"]})
    with pytest.raises(CannotTell, match=str(MOST + 1)):
        expanded(too_many)
    assert codes(expanded(too_many, offset=MOST, count=10)) == [str(MOST)]


def _seconds(act) -> float:
    def once() -> float:
        start = perf_counter()
        act()
        return perf_counter() - start

    return median(once() for _ in range(15))


@pytest.mark.parametrize("include", [{"system": MANY["url"]}, {"system": MANY["url"], "filter": [
    {"property": "code", "op": "regex", "value": "c.*"}]}])  # fmt: skip
def test_the_first_page_of_5000_codes_takes_30_milliseconds_at_most(include):
    definition = defined("many", include)
    assert _seconds(lambda: encode(expanded(definition, count=100))) < 0.030
    words = count()
    assert _seconds(lambda: encode(expanded(definition, text=f"display c0 {next(words)}", count=9))) < 0.030


def test_whether_a_code_is_one_of_5000_takes_a_millisecond_at_most():
    url = f"{B}ValueSet/all-of-many"
    with added(MANY, defined("all-of-many", {"system": MANY["url"]})):
        assert value_set(url)
        assert _seconds(lambda: validate_code(url, MANY["url"], "c04999", "Display of c04999")) < 0.001
