"""Whether a code is good, and what is said when it is not.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from datetime import date

import pytest

from server.terminology.validate_code import Coded, Wanted, in_system, in_value_set, validate_code
from tests.terminology.definitions import ANIMALS, PART, PLANTS, B, added
from tests.terminology.definitions import value_set as defined

A, P = ANIMALS["url"], PLANTS["url"]
OURS = "https://w3id.org/single-child-record/"
MARKS = f"{OURS}ValueSet/attendance-mark"
LISTED = defined("listed", {"system": A, "concept": [{"code": "dog", "display": "Doggy"}]}, {"system": P})
STRANGE = defined("strange", {"system": f"{B}strange", "concept": [{"code": "x", "display": "X ray"}]})
ALL = defined("all", {"system": A}, {"system": f"{B}unknown"})


@pytest.fixture(autouse=True)
def definitions():
    with added(ANIMALS, PLANTS, PART, LISTED, STRANGE, ALL):
        yield


@pytest.mark.parametrize(
    ("url", "system", "code", "result", "message"),
    [
        (LISTED["url"], A, "dog", True, ""),
        (LISTED["url"], A, "cat", False, "The code 'cat' of"),
        (LISTED["url"], None, "oak", True, ""),
        (LISTED["url"], None, "cat", False, "The code 'cat' is not one"),
        (LISTED["url"], f"{B}other", "dog", False, "is not one of the value set"),
        (STRANGE["url"], f"{B}strange", "x", True, ""),
        (STRANGE["url"], f"{B}strange", "y", False, "is not one"),
        (ALL["url"], A, "dodo", True, "not in use any more"),
        (ALL["url"], f"{B}unknown", "y", None, "is not held"),
        (ALL["url"], None, "nothing", None, "is not held"),
        (f"{B}ValueSet/none", A, "dog", None, "is not held"),
        ("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", None, "female", True, ""),
        ("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1", None, "Female", False, "is not one"),
        ("http://hl7.org/fhir/ValueSet/ucum-units", "http://unitsofmeasure.org", "mg/dL", True, ""),
        (
            "http://hl7.org/fhir/ValueSet/ucum-units",
            "http://unitsofmeasure.org",
            "mgs/dL",
            False,
            "is not one",
        ),
        ("http://hl7.org/fhir/ValueSet/body-site", "http://snomed.info/sct", "51185008", None, "is not held"),
    ],
)
def test_a_code_is_one_or_none_of_a_set_or_it_cannot_be_told(url, system, code, result, message):
    verdict = validate_code(url, system, code)
    assert verdict.result is result
    assert message in verdict.message


@pytest.mark.parametrize(
    ("code", "at", "result", "since", "until"),
    [
        ("H", date(2023, 5, 1), True, None, None),
        ("H", date(2024, 8, 18), True, None, None),
        ("H", date(2024, 8, 19), False, None, "2024-08-18"),
        ("H", date(2025, 5, 1), False, None, "2024-08-18"),
        ("L", date(2023, 5, 1), True, None, None),
        ("L", date(2025, 5, 1), True, None, None),
        ("C1", date(2024, 8, 18), False, "2024-08-19", None),
    ],
)
def test_a_mark_is_good_on_the_day_that_it_is_about(code, at, result, since, until):
    verdict = validate_code(MARKS, None, code, at=at)
    assert (verdict.result, verdict.since, verdict.until) == (result, since, until)
    if not result:
        assert f"{'since' if since else 'until'} {since or until}" in verdict.message
        assert str(at) in verdict.message


@pytest.mark.parametrize(
    ("code", "at", "result"),
    [
        ("dodo", date(1662, 12, 31), True),
        ("dodo", date(1663, 1, 1), False),
        ("robot", date(1921, 1, 24), False),
        ("robot", date(1921, 1, 25), True),
        ("dog", date(1, 1, 1), True),
    ],
)
def test_a_date_that_says_less_than_a_day_holds_for_all_of_it(code, at, result):
    assert in_system(A, Coded(code), Wanted(at=at)).result is result


@pytest.mark.parametrize(
    ("display", "fits"),
    [
        ("Display of dog", True),
        ("display  OF-dog", True),
        ("Hund", True),
        ("Doggy", True),
        ("Cat", False),
    ],
)
def test_a_display_is_one_of_the_codes_own_or_of_the_sets(display, fits):
    verdict = validate_code(LISTED["url"], A, "dog", display)
    assert verdict.result is True
    assert verdict.display_fits is fits
    assert (verdict.message == "") is fits
    assert verdict.display == "Doggy"


@pytest.mark.parametrize(
    ("language", "display"),
    [(None, "Display of dog"), ("de", "Hund"), ("de-AT", "Display of dog"), ("cy", "Display of dog")],
)
def test_a_display_comes_in_the_language_that_is_wanted(language, display):
    assert in_system(A, Coded("dog"), Wanted(language=language)).display == display


def test_a_code_that_only_groups_is_good_for_who_takes_those():
    assert in_system(A, Coded("animal"), Wanted(abstract=True)).result is True
    verdict = in_system(A, Coded("animal"), Wanted(abstract=False))
    assert verdict.result is False
    assert "only groups others" in verdict.message


@pytest.mark.parametrize(
    ("system", "code", "version", "result"),
    [
        (A, "none", None, False),
        (A, "dog", "2", True),
        (A, "dog", "1", None),
        (PART["url"], "known", None, True),
        (PART["url"], "other", None, None),
        (f"{B}unknown", "x", None, None),
    ],
)
def test_a_code_of_a_system(system, code, version, result):
    assert in_system(system, Coded(code, version=version)).result is result


def test_a_coding_of_a_version_that_is_not_held_keeps_its_place_in_a_list():
    assert in_value_set(LISTED["url"], Coded("dog", A, version="1")).result is True
