from typing import Any

import pytest

from server.child.likeness.comparison import COMPARISONS, MISSING, levels
from server.child.likeness.feature import Features, features
from tests.child.likeness.pair import NHS, SID, address, child, patient, registration, related


def level(comparison: str, a: Features, b: Features) -> str:
    at = list(COMPARISONS).index(comparison)
    found = levels(a, b)[at]
    assert found == levels(b, a)[at], "what is compared has no order"
    return "MISSING" if found == MISSING else list(COMPARISONS[comparison])[found].name


@pytest.mark.parametrize(
    ("one", "other", "given", "middle"),
    [
        ("Robin Jo", "Robin Jo", "SAME", "SAME"),
        ("Robin", "Robin Jo", "SAME", "MISSING"),
        ("Robin Jo", "Robin Kay", "SAME", "DIFFER"),
        ("Robin Jo", "Robin J", "SAME", "VARIANT"),
        ("Mary Jane", "Maryjane", "SAME", "MISSING"),
        ("Mary-Jane", "Mary Jane", "SAME", "MISSING"),
        ("Mary Jane", "Jane Mary", "INSIDE", "MISSING"),
        ("Robin Jo", "Jo", "INSIDE", "MISSING"),
        ("Muhammad Hassan", "Hassan", "SAME", "MISSING"),
        ("Muhammad Hassan", "Mohamed Hasan", "VARIANT", "MISSING"),
        ("Muhammad Hassan", "Muhammad Ali", "DIFFER", "MISSING"),
        ("Muhammad Hassan", "Muhammad", "INSIDE", "MISSING"),
        ("William", "Bill", "SHORT", "MISSING"),
        ("Yasmin", "Yasmiin Elif", "VARIANT", "MISSING"),
        ("Dylan", "Dylaan Bradley", "VARIANT", "MISSING"),
        ("Oliver James", "James Peter", "DIFFER", "DIFFER"),
        ("Baby", "Robin", "MISSING", "MISSING"),
    ],
)
def test_given_names(one: str, other: str, given: str, middle: str) -> None:
    a, b = child(one), child(other)
    assert level("given_name", a, b) == given
    assert level("middle_name", a, b) == middle


def test_any_name_that_a_child_is_known_by_will_do() -> None:
    a = child(name=[{"given": ["Robin"], "family": "Sample"}, {"use": "nickname", "given": ["Bobbin"]}])
    assert level("given_name", a, child("Bobbin")) == "SAME"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Smith-Jones", "Smith Jones", "SAME"),
        ("Smith-Jones", "Jones Smith", "SAME"),
        ("Smith-Jones", "Smithjones", "SAME"),
        ("O'Brien", "OBRIEN", "SAME"),
        ("Al-Hassan", "Hassan", "SAME"),
        ("Smith-Jones", "Jones", "PART"),
        ("Hussain", "Hussein", "SOUND"),
        ("Nowak", "Novak", "SOUND"),
        ("Patel", "Pate", "SLIP"),
        ("Smith-Jones", "Jonse", "SOUND"),
        ("Smith", "Patel", "DIFFER"),
        ("", "Patel", "MISSING"),
    ],
)
def test_family_names(one: str, other: str, expected: str) -> None:
    assert level("family_name", child(family=one), child(family=other)) == expected


def test_a_changed_family_name_is_found_among_the_former_ones() -> None:
    a = child(name=[{"family": "Now", "given": ["Robin"]}, {"use": "old", "family": "Before"}])
    assert level("family_name", a, child(family="Before")) == "PART"


def test_given_and_family_name_exchanged() -> None:
    a, b = child("Wei", "Zhang"), child("Zhang", "Wei")
    assert (level("given_name", a, b), level("family_name", a, b)) == ("INSIDE", "SWAPPED")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("2014-03-14", "2014-03-14", "SAME"),
        ("2014-03-04", "2014-04-03", "SWAPPED"),
        ("2014-03-14", "2014-03-15", "DIGIT"),
        ("2014-03-14", "2014-03-41", "DIGIT"),
        ("2014-03-14", "2015-03-14", "DIGIT"),
        ("2009-12-31", "2010-12-31", "DIGIT"),
        ("2014-01-01", "2014-03-14", "ESTIMATED"),
        ("2014-01-01", "2014-01-01", "ESTIMATED"),
        ("2014-03-01", "2014-03-27", "ESTIMATED"),
        ("2014", "2014-03-14", "ESTIMATED"),
        ("2014-03", "2014-03-14", "ESTIMATED"),
        ("2014-03", "2014-04-14", "DIFFER"),
        ("2014-03-14", "2014-03-29", "NEAR"),
        ("2014-12-27", "2015-01-14", "NEAR"),
        ("2014-03-14", "2014-09-29", "DIFFER"),
        ("2014-03-14", "2003-11-29", "DIFFER"),
        ("", "2014-03-14", "MISSING"),
    ],
)
def test_birth_dates(one: str, other: str, expected: str) -> None:
    assert level("birth_date", child(birthDate=one), child(birthDate=other)) == expected


@pytest.mark.parametrize(
    ("born", "expected"), [("2027-02-20", "ESTIMATED"), ("2027-01-10", "ESTIMATED"), ("2026-03-14", "DIFFER")]
)
def test_a_birth_is_held_against_the_date_it_was_expected(born: str, expected: str) -> None:
    unborn = Features(family=(("sample",),), expected="2027-02-14")
    assert level("birth_date", unborn, child(birthDate=born)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (("12 Example Road", "ZZ1 1AA"), ("12 Example Rd", "zz11aa"), "HOME"),
        (("12 Example Road", "ZZ1 1AA"), ("Flat A, 12 Example Road", "ZZ1 1AA"), "HOME"),
        (("12A Example Road", "ZZ1 1AA"), ("Flat A, 12 Example Road", "ZZ1 1AA"), "HOME"),
        (("Rose Cottage, Mill Lane", "ZZ1 1AA"), ("Rose Cottage, Mill Ln", "ZZ1 1AA"), "HOME"),
        (("12 Example Road", "ZZ1 1AA"), ("12 Example Road", "ZZ1 1AB"), "SLIP"),
        (("12 Example Road", "ZZ1 1AA"), ("12 Example Road", "ZZ11 AA"), "HOME"),
        (("12 Example Road", "ZZ1 1AA"), ("12 Example Road", ""), "SLIP"),
        (("12 Example Road", "ZZ1 1AA"), ("14 Example Road", "ZZ1 1AA"), "POSTCODE"),
        (("12 Example Road", "ZZ1 1AA"), ("3 Other Street", "ZZ1 9XX"), "DISTRICT"),
        (("12 Example Road", "ZZ1 1AA"), ("3 Other Street", "YY1 9XX"), "DIFFER"),
        (("12 Example Road", ""), ("3 Other Street", "YY1 9XX"), "MISSING"),
    ],
)
def test_addresses(one: tuple[str, str], other: tuple[str, str], expected: str) -> None:
    a, b = child(address=[address(*one)]), child(address=[address(*other)])
    assert level("address", a, b) == expected


def test_a_house_that_was_moved_out_of_still_counts() -> None:
    moved = child(
        address=[address("3 New Street", "YY9 9YY"), address("12 Example Rd", "ZZ1 1AA", use="old")]
    )
    assert level("address", child(), moved) == "HOME"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (["Alex Sample", "Kim Sample"], ["Kim Sample", "Alex Sample"], "BOTH"),
        (["Alex Muster"], ["Alexander Muster", "Kim Sample"], "ONE"),
        (["Alex Sample"], ["Alex Sample"], "GIVEN"),
        (["Alex Muster"], ["Alex Other"], "GIVEN"),
        (["Alex Sample"], ["Kim Sample"], "DIFFER"),
        ([], ["Kim Sample"], "MISSING"),
    ],
)
def test_parents_say_by_their_family_name_only_what_the_childs_has_not(
    one: list[str], other: list[str], expected: str
) -> None:
    a, b = (features(patient(), [related(*name.split()) for name in names]) for names in (one, other))
    assert level("parent", a, b) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({"birthDate": "2010-01-02"}, {"birthDate": "2010-01-02"}, "SHARED"),
        ({"birthDate": "2010-01-02"}, {"birthDate": "2011-07-23"}, "DIFFER"),
        ({}, {}, "MISSING"),
    ],
)
def test_brothers_and_sisters(one: dict[str, Any], other: dict[str, Any], expected: str) -> None:
    a, b = (features(patient(), [related("Kit", code="SIB", **each)]) for each in (one, other))
    assert level("sibling", a, b) == expected


def test_schools() -> None:
    oak, elm = (features(patient(), [], [registration(school)]) for school in ("oak", "elm"))
    both = features(patient(), [], [registration("oak"), registration("elm")])
    assert level("school", oak, elm) == "DIFFER"
    assert level("school", oak, both) == "SHARED"
    assert level("school", oak, child()) == "MISSING"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((NHS, "9990001014"), (NHS, "9990001014"), "SAME"),
        ((NHS, "9990001014"), (NHS, "9990001022"), "DIFFER"),
        ((NHS, "9990001014"), (f"{SID}/unverified-nhs-number", "9990001041"), "SLIP"),
        ((NHS, "9990001014"), (f"{SID}/unverified-nhs-number", "1234567890"), "MISSING"),
        ((f"{SID}/upn", "Z330400124001"), (f"{SID}/former-upn", "Z330400124001"), "SAME"),
        ((f"{SID}/upn", "Z330400124001"), (f"{SID}/upn", "Z330400124002"), "DIFFER"),
        ((f"{SID}/la-child-id/330", "1"), (f"{SID}/la-child-id/331", "1"), "MISSING"),
        ((f"{SID}/la-child-id/330", "1"), (f"{SID}/la-child-id/330", "2"), "MISSING"),
    ],
)
def test_identifiers(one: tuple[str, str], other: tuple[str, str], expected: str) -> None:
    a, b = (child(identifier=[{"system": system, "value": value}]) for system, value in (one, other))
    assert level("identifier", a, b) == expected
