"""FHIR's own validator and ours, on its own test cases."""

import pytest

from tests.validation.conformance.case import cases
from tests.validation.conformance.report import PAGE, differences, page
from tests.validation.conformance.verdict import Verdict, same, verdict

CASES = cases()
DIFFERENCES = differences()


@pytest.fixture(scope="module")
def verdicts() -> list[Verdict]:
    return [verdict(case) for case in CASES]


def test_the_verdict_is_right_on_95_of_100_cases(verdicts: list[Verdict]) -> None:
    names = {each.case.name for each in verdicts}
    wrong = {each.case.name for each in verdicts if not each.right}
    assert len(names) >= 160
    assert len(wrong) <= 0.05 * len(names), sorted(wrong)


def test_the_right_element_is_named_in_90_of_100_invalid_cases(verdicts: list[Verdict]) -> None:
    invalid = [each for each in verdicts if not each.case.valid]
    unnamed = [each.case.id for each in invalid if not (each.right and each.named)]
    assert len(unnamed) <= 0.1 * len(invalid), unnamed


def test_every_difference_has_its_reason_and_nothing_else_has(verdicts: list[Verdict]) -> None:
    differing = {each.case.id for each in verdicts if not each.right or not (each.case.valid or each.named)}
    assert differing == set(DIFFERENCES)
    assert all(reason.endswith(".") for reason in DIFFERENCES.values())


def test_the_page_is_what_the_command_writes(verdicts: list[Verdict]) -> None:
    assert PAGE.read_text("utf-8") == page(verdicts)


def test_every_error_says_a_sentence_about_an_element(verdicts: list[Verdict]) -> None:
    for each in verdicts:
        for error in each.errors:
            assert error.diagnostics.endswith((".", "?")), error
            assert error.expression or each.case.file.suffix != ".xml", error


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Patient.name[0].given", "Patient.name[0].given", True),
        ("Patient.name.given", "Patient.name[0].given[1]", True),
        ("Patient.name[1].given", "Patient.name[0].given", False),
        ("Patient.identifier", "Patient", True),
        ("Patient.identifier[0].system", "Patient", False),
        ("Patient.name", "Patient.address", False),
        ("Observation.value.ofType(Quantity)", "Observation.value", True),
        ("Patient.name.text.script", "/f:Patient/f:name/f:text", True),
        ("Bundle.entry[1].resource.gender", "Bundle.entry[1].resource/*Patient/pat2*/.gender", True),
        ("Patient.extension[0].url", "Patient.extension[0][url='http://x']", True),
    ],
)
def test_two_paths_name_one_element_or_do_not(one: str, other: str, expected: bool) -> None:
    assert same(one, other) is expected
