"""What is in a value set, asked of one code and listed: both must say the same.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

import time

import pytest

from server.terminology.codes import codes
from server.terminology.provider import CannotTell
from server.terminology.valueset import MOST, of, value_set
from tests.terminology.definitions import ANIMALS, PART, PLANTS, SUPPLEMENT, B, added, code_system, concept
from tests.terminology.definitions import value_set as defined

A, P = ANIMALS["url"], PLANTS["url"]
PETS = defined("pets", {"system": A, "concept": [{"code": "dog", "display": "Doggy"}, {"code": "cat"}]})
CIRCLE = defined("circle", {"valueSet": [f"{B}ValueSet/circle"]})


@pytest.fixture(autouse=True)
def definitions():
    with added(ANIMALS, PLANTS, PART, SUPPLEMENT, PETS, CIRCLE):
        yield


def animals(*filters: tuple[str, str, str]) -> dict:
    return {
        "system": A,
        "filter": [dict(zip(("property", "op", "value"), each, strict=True)) for each in filters],
    }


WILD = ["animal", "mammal", "whale", "bird", "penguin", "dodo", "robot"]
EVERY = ["animal", "mammal", "dog", "cat", "whale", "bird", "penguin", "dodo", "robot"]


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        ([{"system": A}], [], EVERY),
        ([{"system": A, "concept": [{"code": "cat"}, {"code": "dog"}]}], [], ["cat", "dog"]),
        ([{"system": A}, {"system": P}], [], [*EVERY, "oak", "rose"]),
        ([{"system": A}, {"system": A}], [], EVERY),
        ([{"valueSet": [PETS["url"]]}], [], ["dog", "cat"]),
        ([{"valueSet": [f"{PETS['url']}|1"]}], [], ["dog", "cat"]),
        ([{"system": A, "valueSet": [PETS["url"]]}], [], ["dog", "cat"]),
        ([{"system": P, "valueSet": [PETS["url"]]}], [], []),
        ([{"valueSet": [PETS["url"], f"{B}ValueSet/every-animal"]}], [], ["dog", "cat"]),
        ([{"valueSet": [PETS["url"]]}, {"system": P}], [{"system": P, "concept": [{"code": "oak"}]}],
         ["dog", "cat", "rose"]),
        ([{"system": A}], [{"valueSet": [PETS["url"]]}], WILD),
        ([{"system": A}], [animals(("concept", "is-a", "animal"))], ["robot"]),
        ([animals(("concept", "is-a", "mammal"))], [], ["mammal", "dog", "cat", "whale"]),
        ([animals(("concept", "descendent-of", "mammal"))], [], ["dog", "cat", "whale"]),
        ([animals(("concept", "is-not-a", "animal"))], [], ["robot"]),
        ([animals(("concept", "generalizes", "dog"))], [], ["animal", "mammal", "dog"]),
        ([animals(("concept", "child-of", "animal"))], [], ["mammal", "bird", "dodo"]),
        ([animals(("concept", "descendent-leaf", "animal"))], [], ["dog", "cat", "whale", "penguin", "dodo"]),
        ([animals(("concept", "in", "dog,cat , none"))], [], ["dog", "cat"]),
        ([animals(("concept", "not-in", "dog,cat"))], [], WILD),
        ([animals(("code", "regex", "[cd]o.*"))], [], ["dog", "dodo"]),
        ([animals(("legs", "=", "4"))], [], ["dog", "cat"]),
        ([animals(("legs", "exists", "true"))], [], ["dog", "cat", "bird", "penguin"]),
        ([animals(("notSelectable", "=", "true"))], [], ["animal"]),
        ([animals(("home", "in", "sea,air"))], [], ["whale", "penguin"]),
        ([animals(("parent", "=", "bird"))], [], ["penguin"]),
        ([animals(("display", "=", "Display of cat"))], [], ["cat"]),
        ([animals(("home", "=", "sea"), ("concept", "is-a", "mammal"))], [], ["whale"]),
        ([animals(("concept", "is-a", "nothing"))], [], []),
        ([], [], []),
    ],
)  # fmt: skip
def test_a_set_lists_and_contains_the_same(include, exclude, expected):
    among = of(defined("asked", *include, exclude=exclude))
    assert [each.concept.code for each in among.entries()] == expected
    assert among.page(None, False, 0, None).total == len(expected)
    for system, listed in ((A, EVERY), (P, ["oak", "rose"])):
        for code in [*listed, "none"]:
            assert among.contains(system, code) == (code in expected), code


@pytest.mark.parametrize(
    ("include", "why"),
    [
        ([{"system": f"{B}unknown"}], "unknown' is not held"),
        ([{"system": A, "version": "1"}], "in version '1', but in version '2'"),
        ([{"valueSet": [f"{B}ValueSet/unknown"]}], "The value set"),
        ([animals(("legs", "like", "4"))], "is not filtered by 'legs like'"),
        ([animals(("code", "regex", "((.{0,99}){0,99}){0,99}b"))], "repeats too much"),
        ([animals(("code", "regex", "(a"))], "cannot be read"),
        ([animals(("code", "regex", r"(a)\1"))], "cannot be read"),
        ([{"valueSet": [CIRCLE["url"]]}], "includes itself"),
        ([{"system": "http://unitsofmeasure.org"}], "cannot be listed"),
    ],
)
def test_what_cannot_be_listed_says_why(include, why):
    with pytest.raises(CannotTell, match=why):
        list(of(defined("asked", *include)).entries())


@pytest.mark.parametrize(
    ("include", "code", "told"),
    [
        ([{"system": f"{B}unknown"}, {"system": A}], "dog", True),
        ([{"system": f"{B}unknown"}, {"system": A}], "none", False),
        ([{"system": A, "valueSet": [f"{B}ValueSet/unknown"]}], "dog", None),
        ([{"valueSet": [f"{B}ValueSet/unknown"]}, {"system": A}], "dog", True),
        ([{"valueSet": [f"{B}ValueSet/unknown"]}, {"system": A}], "none", None),
    ],
)
def test_what_one_part_affirms_needs_no_other_part(include, code, told):
    among = of(defined("asked", *include))
    if told is None:
        with pytest.raises(CannotTell):
            among.contains(A, code)
    else:
        assert among.contains(A, code) is told


def test_of_a_fragment_only_what_is_there_can_be_told():
    among = of(defined("asked", {"system": PART["url"]}))
    assert among.contains(PART["url"], "known")
    with pytest.raises(CannotTell, match="only a part"):
        among.contains(PART["url"], "other")


def test_an_expansion_stands_in_for_a_composition_that_is_not_there():
    published = {
        "resourceType": "ValueSet",
        "url": f"{B}ValueSet/published",
        "expansion": {"contains": [{"system": A, "abstract": True, "code": "mammal", "contains": [
            {"system": A, "code": "dog"}, {"system": P, "code": "oak"}]}]},
    }  # fmt: skip
    assert [each.key for each in of(published).entries()] == [(A, "dog"), (P, "oak")]


def test_a_contained_value_set_is_found_by_its_place():
    outer = defined("outer", {"valueSet": ["#inner"]}, contained=[{**PETS, "id": "inner"}])
    assert [each.concept.code for each in of(outer).entries()] == ["dog", "cat"]


def test_codes_out_of_use_stay_out_where_the_set_says_so():
    compose = {"include": [{"system": A, "concept": [{"code": "dodo"}, {"code": "dog"}]}], "inactive": False}
    among = of({"resourceType": "ValueSet", "compose": compose})
    assert [each.concept.code for each in among.entries()] == ["dog"]
    assert not among.contains(A, "dodo")


def test_all_codes_of_a_system_are_the_set_that_it_names():
    assert len(list(value_set(f"{B}ValueSet/every-animal").entries())) == len(EVERY)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", ["dog"]),
        ("DISPLAY cat", ["cat"]),
        ("chi", ["dog"]),
        ("cath", ["cat"]),
        ("og", []),
        ("do", ["dog", "dodo"]),
    ],
)
def test_a_text_finds_codes_by_the_beginnings_of_words(text, expected):
    for include in ({"system": A}, {"system": A, "concept": [{"code": code} for code in EVERY]}):
        found = of(defined("asked", include)).page(text, False, 0, None)
        assert [each.concept.code for each in found.entries] == expected
        assert found.total == len(expected)


@pytest.mark.parametrize(
    "include", [[{"system": P}, {"system": A}], [{"valueSet": [PETS["url"]]}, {"system": P}, {"system": A}]]
)
def test_pages_put_together_are_the_whole(include):
    among = of(defined("asked", *include))
    whole = [each.key for each in among.entries()]
    for size in (1, 2, 3, 5, 100):
        pages = [among.page(None, False, start, size) for start in range(0, len(whole) + size, size)]
        assert [each.key for page in pages for each in page.entries] == whole
        assert {page.total for page in pages} == {len(whole)}


def test_a_list_that_can_be_kept_is_kept_and_one_that_cannot_is_asked_again():
    assert codes(PETS["url"]) is codes(f"{PETS['url']}|3")
    assert set(codes(PETS["url"])) == {(A, "dog"), (A, "cat")}
    assert codes(f"{B}ValueSet/unknown") is None


def test_a_set_that_is_too_long_is_not_gone_through(monkeypatch):
    monkeypatch.setattr("server.terminology.valueset.MOST", 5)
    assert MOST > 5
    with pytest.raises(CannotTell, match="more codes and value sets to go through"):
        list(of(defined("asked", {"system": A})).entries())


def test_codes_are_compared_by_case_unless_the_system_says_otherwise():
    loose = code_system("loose", concept("Ab"), caseSensitive=False)
    with added(loose, ANIMALS):
        assert of(defined("asked", {"system": loose["url"]})).contains(loose["url"], "aB")
        assert not of(defined("asked", {"system": A})).contains(A, "DOG")


def test_value_sets_that_lead_to_one_in_many_ways_are_given_up_in_good_time():
    """Each is made twice of the next: a million ways lead to the last."""
    chain = [defined(f"step-{n}", *2 * [{"valueSet": [f"{B}ValueSet/step-{n + 1}"]}]) for n in range(19)]
    with added(ANIMALS, *chain, defined("step-19", {"system": A, "concept": [{"code": "cat"}]})):
        asked = value_set(f"{B}ValueSet/step-0")
        before = time.perf_counter()
        with pytest.raises(CannotTell, match="more codes and value sets"):
            asked.contains(A, "dog")
        with pytest.raises(CannotTell, match="more codes and value sets"):
            list(asked.entries())
        assert time.perf_counter() - before < 5
        assert value_set(f"{B}ValueSet/step-12").contains(A, "cat")
        assert not value_set(f"{B}ValueSet/step-12").contains(A, "dog")
