"""Translations, in either direction.

https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

import pytest

from server.terminology.conceptmap import Asked, fitting, translate
from server.terminology.provider import CannotTell
from tests.terminology.definitions import ANIMALS, PLANTS, B, added

A, P = ANIMALS["url"], PLANTS["url"]


def mapped(code: str, *targets: dict) -> dict:
    return {"code": code, "target": [{"equivalence": "equivalent", **each} for each in targets]}


def concept_map(name: str, *elements: dict, **more: object) -> dict:
    group = {"source": A, "target": P, "element": list(elements), **more}
    return {
        "resourceType": "ConceptMap",
        "id": name,
        "url": f"{B}ConceptMap/{name}",
        "status": "active",
        "sourceUri": f"{B}ValueSet/every-animal",
        "targetUri": f"{B}ValueSet/every-plant",
        "group": [group],
    }


DEPENDENT = {"property": f"{B}home", "system": f"{B}homes", "value": "garden"}
PRODUCT = {"property": f"{B}size", "value": "big"}
MAP = concept_map(
    "map",
    mapped("dog", {"code": "oak"}, {"code": "rose", "equivalence": "wider", "display": "A rose"}),
    mapped("cat", {"code": "oak", "equivalence": "narrower", "product": [PRODUCT]}),
    mapped("whale", {"equivalence": "unmatched"}),
    mapped("penguin", {"code": "rose", "dependsOn": [DEPENDENT]}),
)  # fmt: skip
PROVIDED = concept_map("provided", unmapped={"mode": "provided"})
FIXED = concept_map("fixed", unmapped={"mode": "fixed", "code": "rose", "display": "Any rose"})
OTHER = concept_map("other", unmapped={"mode": "other-map", "url": MAP["url"]})
LOOP = concept_map("loop", unmapped={"mode": "other-map", "url": f"{B}ConceptMap/loop"})
LOST = concept_map("lost", unmapped={"mode": "other-map", "url": f"{B}ConceptMap/none"})


def at_home(code: str) -> dict:
    return {f"{B}home": [{"coding": [{"system": f"{B}homes", "code": code}]}]}


@pytest.fixture(autouse=True)
def definitions():
    with added(ANIMALS, PLANTS, MAP, LOOP):
        yield


def told(definition: dict, code: str, **asked: object) -> list[tuple[str, str | None]]:
    found = translate([definition], Asked(asked.pop("system", A), code, **asked))  # type: ignore[arg-type]
    return [(each.equivalence, each.concept and each.concept["code"]) for each in found]


@pytest.mark.parametrize(
    ("definition", "code", "asked", "expected"),
    [
        (MAP, "dog", {}, [("equivalent", "oak"), ("wider", "rose")]),
        (MAP, "whale", {}, [("unmatched", None)]),
        (MAP, "robot", {}, []),
        (MAP, "dog", {"system": P}, []),
        (MAP, "dog", {"target_system": P}, [("equivalent", "oak"), ("wider", "rose")]),
        (MAP, "dog", {"target_system": A}, []),
        (MAP, "penguin", {}, []),
        (MAP, "penguin", {"dependencies": at_home("garden")}, [("equivalent", "rose")]),
        (MAP, "penguin", {"dependencies": at_home("sea")}, []),
        (MAP, "oak", {"system": P, "reverse": True}, [("equivalent", "dog"), ("wider", "cat")]),
        (MAP, "rose", {"system": P, "reverse": True}, [("narrower", "dog"), ("equivalent", "penguin")]),
        (MAP, "oak", {"system": P, "reverse": True, "target_system": P}, []),
        (MAP, "oak", {"reverse": True}, []),
        (PROVIDED, "dog", {}, [("equal", "dog")]),
        (FIXED, "dog", {}, [("inexact", "rose")]),
        (OTHER, "dog", {}, [("equivalent", "oak"), ("wider", "rose")]),
        (LOOP, "dog", {}, []),
    ],
)  # fmt: skip
def test_what_a_map_says_of_a_code(definition, code, asked, expected):
    assert told(definition, code, **asked) == expected


def test_a_display_is_that_of_the_map_or_of_the_code_system():
    oak, rose = (each.concept for each in translate([MAP], Asked(A, "dog")))
    assert oak == {"system": P, "code": "oak", "display": "Display of oak"}
    assert rose == {"system": P, "code": "rose", "display": "A rose"}


def test_products_come_with_the_translation():
    [cat] = translate([MAP], Asked(A, "cat"))
    assert cat.products == (PRODUCT,)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (Asked(A, "dog"), True),
        (Asked(P, "oak"), False),
        (Asked(P, "oak", reverse=True), True),
        (Asked(A, "dog", source=f"{B}ValueSet/every-animal"), True),
        (Asked(A, "dog", source=f"{B}ValueSet/other"), False),
        (Asked(A, "dog", target=f"{B}ValueSet/every-plant"), True),
        (Asked(P, "oak", target=f"{B}ValueSet/every-animal", reverse=True), True),
        (Asked(P, "oak", target=f"{B}ValueSet/every-plant", reverse=True), False),
    ],
)
def test_a_map_that_is_not_named_is_found_by_its_two_sides(asked, found):
    assert (MAP["url"] in [each["url"] for each in fitting(asked)]) is found


def test_a_map_that_hands_on_to_one_that_is_not_held_cannot_tell():
    with pytest.raises(CannotTell, match="none' is not held"):
        told(LOST, "dog")
