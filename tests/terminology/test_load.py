"""Code lists as objects."""

import pytest

from server.terminology.build import BASE
from server.terminology.load import code_list, concept_map


def test_a_code_tells_what_it_says_and_until_when() -> None:
    placement = code_list("cla-placement-type").concepts["P2"]
    assert placement.retired
    assert placement.valid_to == "2023-10-27"
    assert not code_list("cla-placement-type").concepts["U4"].retired


def test_a_coding_has_system_code_and_display() -> None:
    assert code_list("session").coding("am") == {
        "system": f"{BASE}/CodeSystem/session",
        "code": "am",
        "display": "Morning session",
    }


def test_a_code_that_is_not_on_the_list_is_not_in_it() -> None:
    assert "OT" in code_list("exclusion-reason")
    assert "ZZ" not in code_list("exclusion-reason")
    with pytest.raises(KeyError):
        code_list("exclusion-reason").coding("ZZ")


def test_a_list_that_does_not_exist_is_said_to() -> None:
    with pytest.raises(LookupError, match="'nothing'"):
        code_list("nothing")


@pytest.mark.parametrize(
    ("name", "code", "target"),
    [
        ("ethnicity-dfe-to-nhs", "WBRI", "A"),
        ("ethnicity-dfe-to-nhs", "WIRT", "C"),
        ("ethnicity-dfe-to-nhs", "NOBT", "99"),
        ("language-dfe-to-bcp47", "CYM", "cy"),
        ("language-dfe-to-bcp47", "RMNM", "ro-MD"),
    ],
)
def test_a_code_is_said_in_another_list(name: str, code: str, target: str) -> None:
    assert concept_map(name)[code]["code"] == target


def test_every_main_category_of_ethnicity_has_one_of_the_nhs() -> None:
    assert set(concept_map("ethnicity-dfe-to-nhs")) == set(code_list("ethnicity").concepts)
