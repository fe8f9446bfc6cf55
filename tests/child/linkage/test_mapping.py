"""A row of a legacy extract becomes FHIR by its mapping, and nothing of it gets lost unnoticed."""

import json
from pathlib import Path
from typing import Any

import pytest

from server.child.linkage.mapping import Mapping, MappingError, child

MAPPING: dict[str, Any] = {
    "source": "pupils",
    "id": "id",
    "given": ["first", "middle"],
    "family": ["last"],
    "former": ["was"],
    "born": {"column": "dob", "format": "%d/%m/%Y"},
    "sex": {"column": "sex", "codes": {"1": "male", "2": "female"}},
    "address": [{"line": ["house", "street"], "postcode": "postcode"}],
    "parent": [{"given": "carer", "family": "carer_last"}],
    "sibling": [{"given": "brother", "born": {"column": "brother_dob"}}],
    "school": ["school"],
    "identifier": {"upn": "upn"},
}
ROW = {
    "id": "7", "first": "Robin", "middle": "Jo", "last": "Sample", "was": "Example",
    "dob": "14/03/2014", "sex": "2",
    "house": "12A", "street": "Example Road", "postcode": "ZZ1 1AA", "carer": "Alex", "carer_last": "Sample",
    "brother": "Kit", "brother_dob": "2016-02", "school": "Ashbourne", "upn": "H801200001001",
}  # fmt: skip


def mapping(tmp_path: Path, **changed: Any) -> Mapping:
    path = tmp_path / "pupils.mapping.json"
    path.write_text(json.dumps(MAPPING | changed))
    return Mapping.read(path)


def test_a_row_is_a_patient_with_family_and_school(tmp_path: Path) -> None:
    patient, related, registrations = child(mapping(tmp_path), ROW)
    assert patient == {
        "resourceType": "Patient",
        "id": "7",
        "identifier": [{"system": "https://w3id.org/single-child-record/sid/upn", "value": "H801200001001"}],
        "name": [
            {"use": "official", "given": ["Robin", "Jo"], "family": "Sample"},
            {"use": "old", "family": "Example"},
        ],
        "gender": "female",
        "birthDate": "2014-03-14",
        "address": [{"use": "home", "line": ["12A", "Example Road"], "postalCode": "ZZ1 1AA"}],
    }
    assert [each["name"][0] for each in related] == [
        {"given": ["Alex"], "family": "Sample"},
        {"given": ["Kit"]},
    ]
    assert related[1]["birthDate"] == "2016-02"
    assert registrations[0]["managingOrganization"] == {"identifier": {"value": "Ashbourne"}}


@pytest.mark.parametrize(
    ("column", "value", "element"),
    [
        ("dob", "", "birthDate"),
        ("dob", "31/02/2014", "birthDate"),
        ("dob", "2014-03-14", "birthDate"),
        ("sex", "9", "gender"),
        ("sex", "", "gender"),
        ("upn", " ", "identifier"),
    ],
)
def test_what_is_empty_or_makes_no_sense_is_not_known(
    tmp_path: Path, column: str, value: str, element: str
) -> None:
    assert element not in child(mapping(tmp_path), ROW | {column: value})[0]


def test_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    told = mapping(tmp_path)
    told.check(ROW)
    with pytest.raises(MappingError, match="no column carer_last, dob"):
        told.check(ROW.keys() - {"dob", "carer_last"})


@pytest.mark.parametrize("changed", [{"surname": ["last"]}, {"given": "first"}, {"born": {"format": "%d"}}])
def test_a_mapping_that_says_something_else_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(MappingError, match="cannot be read"):
        mapping(tmp_path, **changed)
