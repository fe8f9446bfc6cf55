import json
from pathlib import Path

import msgspec
import pytest

from server.child.likeness.feature import Features, features
from server.child.likeness.home import district, home
from tests.child.likeness.pair import NHS, SID, address, child, patient, registration, related

EXAMPLES = Path(__file__).parents[3] / "profiles" / "example"


def example(name: str) -> dict[str, object]:
    return json.loads((EXAMPLES / f"{name}.json").read_text())


def test_the_features_of_an_example() -> None:
    mother, sibling = example("Family-mother"), example("Family-sibling")
    found = features(example("Child-robin"), [mother, sibling], [example("Registration-robin")])
    assert json.loads(msgspec.json.encode(found)) == {
        "given": [["robin", "jo"]],
        "family": [["sample"]],
        "born": "2014-03-14",
        "sex": "f",
        "homes": [["B11AA", "12", "example road"]],
        "parents": [[["alex"], ["sample"]]],
        "siblings": [["", "", "kit"]],
        "schools": ["ashbourne-primary"],
        "identifiers": [
            ["nhs-number", "9990001014"],
            ["upn", "Z330400124001"],
            ["la-child-id/330", "1000234"],
        ],
        "id": "robin",
    }


def test_features_are_kept_as_json() -> None:
    found = features(patient(), [related("Alex", "Sample")], [registration("oak")])
    assert msgspec.json.decode(msgspec.json.encode(found), type=Features) == found


def test_the_present_name_comes_first_and_a_former_one_last() -> None:
    found = features(
        {
            "name": [
                {"use": "old", "family": "Before"},
                {"use": "usual", "given": ["Bo"]},
                {"family": "Now", "given": ["Robin"]},
            ]
        }
    )
    assert found.given == (("robin",), ("bo",))
    assert found.family == (("now",), ("before",))


def test_a_name_that_is_only_text_is_taken_apart() -> None:
    found = features({"name": [{"text": "Robin Jo Sample"}]})
    assert (found.given, found.family) == ((("robin", "jo"),), (("sample",),))


def test_an_unborn_child_has_the_date_that_is_expected() -> None:
    found = features(example("Child-unborn"))
    assert (found.born, found.expected, found.given) == ("", "2027-02-14", ())


def test_sex_is_taken_from_the_recorded_one_where_gender_is_silent() -> None:
    robin = {key: value for key, value in example("Child-robin").items() if key != "gender"}
    assert features(robin).sex == "f"
    assert child(gender="other").sex == ""


def test_a_twin_is_known_by_the_relationship_or_by_the_birth_date() -> None:
    assert features(patient(), [related("Kit", code="TWIN")]).multiple == -1
    assert features(patient(), [related("Kit", code="SIB", birthDate="2014-03-14")]).multiple == -1
    assert features(patient(), [related("Kit", code="SIB", birthDate="2012-03-14")]).multiple == 0
    assert child(multipleBirthInteger=2).multiple == 2
    assert child(multipleBirthBoolean=True).multiple == -1


def test_identifiers_of_unknown_systems_are_not_compared() -> None:
    found = child(
        identifier=[
            {"system": NHS, "value": "999 000 1014"},
            {"system": f"{SID}/unverified-nhs-number", "value": "9990001041"},
            {"system": "https://example.org/local", "value": "1"},
            {"system": f"{SID}/upn"},
        ]
    )
    assert found.identifiers == (("nhs-number", "9990001014"), ("unverified-nhs-number", "9990001041"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("12 Example Rd", ("12", "example road")),
        ("12A Example Road", ("12 a", "example road")),
        ("12 A Example Road", ("12 a", "example road")),
        ("Flat A, 12 Example Road", ("12 a", "example road")),
        ("Flat 3, 12 Example St", ("12 3", "example street")),
        ("Flat 3 12 Example Street", ("12 3", "example street")),
        ("Rose Cottage, High Street", ("rose cottage", "high street")),
        ("Rose Cottage", ("", "rose cottage")),
        ("Flat 3, Oak House, 12 Elm Way", ("3", "oak house")),
    ],
)
def test_an_address_is_a_house_and_a_street(line: str, expected: tuple[str, str]) -> None:
    assert home(address(line, "zz1 1aa")) == ("ZZ11AA", *expected)


def test_a_postcode_that_stands_for_none_is_none() -> None:
    assert home(address("No fixed abode", "ZZ99 3VZ"))[0] == ""


@pytest.mark.parametrize(
    ("postcode", "expected"), [("ZZ11AA", "ZZ1"), ("EC1A1BB", "EC1A"), ("ZZ1", ""), ("", "")]
)
def test_the_district_is_the_outward_part(postcode: str, expected: str) -> None:
    assert district(postcode) == expected
