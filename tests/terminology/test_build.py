"""The terminology that ships is what its tables make, every row of them."""

from pathlib import Path

import pytest

from server.definition.folder import terminology
from server.definition.library import library
from server.fhir import Json
from server.fhir.identifier import FORMER_UPN, LA_CHILD_ID, NHS_NUMBER, ULN, UPN, unverified
from server.fhir.json import decode
from server.terminology.build import BASE, build, pretty, resources, table
from server.terminology.codes import codes as listed_codes
from server.validation.validate import validate

SOURCE = terminology() / "source"
LISTS = [entry["name"] for entry in table(SOURCE / "lists.csv")]
MADE = list(resources(SOURCE))
SHIPPED = sorted(path for path in terminology().glob("*/*.json"))


def concepts(name: str) -> dict[str, Json]:
    definition = library().resource("CodeSystem", f"{BASE}/CodeSystem/{name.replace('_', '-')}")
    assert definition is not None
    assert definition["count"] == len(definition["concept"])
    return {concept["code"]: concept for concept in definition["concept"]}


def values(concept: Json) -> dict[str, str]:
    return {
        each["code"]: value
        for each in concept["property"]
        for key, value in each.items()
        if key.startswith("value")
    }


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_ships_is_valid_r4(path: Path) -> None:
    assert validate(decode(path.read_bytes())) == []


@pytest.mark.parametrize("made", MADE, ids=lambda made: f"{made['resourceType']}/{made['id']}")
def test_what_ships_is_what_the_tables_make(made: Json) -> None:
    path = terminology() / made["resourceType"].lower() / f"{made['id']}.json"
    assert path.read_text(encoding="utf-8") == pretty(made)


def test_building_twice_gives_the_same_files(tmp_path: Path) -> None:
    assert build(SOURCE, tmp_path) == build(SOURCE, tmp_path) == len(MADE)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.json")}
    assert len(written) == len(MADE)
    assert all((terminology() / path).read_bytes() == body for path, body in written.items())


def test_every_table_is_of_a_list_that_ships() -> None:
    others = {"lists", "subsets", "naming_systems", "identifiers", "identifier_examples"}
    tables = {path.stem for path in SOURCE.glob("*.csv") if not path.stem.startswith("conceptmap_")}
    assert tables - others == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_each_row_is_found_in_its_code_system(name: str) -> None:
    known = concepts(name)
    for row in table(SOURCE / f"{name}.csv"):
        concept = known[row["code"]]
        wordings = [concept["display"], *(each["value"] for each in concept.get("designation", ()))]
        assert row["display"] in wordings
        if row["display"] == concept["display"]:
            assert values(concept).get("group", "") == row["group"]
            assert values(concept).get("source", "") == row["source"]


@pytest.mark.parametrize("name", LISTS)
def test_a_withdrawn_code_is_kept_and_marked(name: str) -> None:
    known = concepts(name)
    rows = table(SOURCE / f"{name}.csv")
    valid = {row["code"] for row in rows if not row["valid_to"]}
    for row in rows:
        property = values(known[row["code"]])
        withdrawn = row["code"] not in valid
        assert property["status"] == ("retired" if withdrawn else "active")
        assert property.get("validTo", "") == (row["valid_to"] if withdrawn else "")


def test_a_code_that_was_reworded_is_one_concept_with_its_former_wording() -> None:
    concept = concepts("cin_primary_need")["N1"]
    assert concept["display"] == "Abuse, neglect and exploitation"
    assert [each["value"] for each in concept["designation"]] == ["Abuse or neglect"]
    assert values(concept)["wordedSince"] == "2025-04-01"
    assert "validFrom" not in values(concept)


@pytest.mark.parametrize("name", LISTS)
def test_the_value_set_of_a_list_holds_all_its_codes(name: str) -> None:
    codes = listed_codes(f"{BASE}/ValueSet/{name.replace('_', '-')}")
    assert codes is not None
    assert {code for _, code in codes} == set(concepts(name))


@pytest.mark.parametrize("entry", table(SOURCE / "subsets.csv"), ids=lambda entry: entry["name"])
def test_a_subset_holds_some_codes_of_its_list(entry: dict[str, str]) -> None:
    codes = listed_codes(f"{BASE}/ValueSet/{entry['name'].replace('_', '-')}")
    assert codes is not None
    assert 0 < len(codes) < len(concepts(entry["list"]))


@pytest.mark.parametrize("system", [NHS_NUMBER, UPN, FORMER_UPN, ULN, LA_CHILD_ID])
def test_a_system_whose_identifiers_are_checked_has_a_naming_system_and_so_has_its_unverified_twin(
    system: str,
) -> None:
    systems = {
        each["uniqueId"][0]["value"].rstrip("/") for each in MADE if each["resourceType"] == "NamingSystem"
    }
    assert system.rstrip("/") in systems
    assert unverified(system).rstrip("/") in systems


def test_every_identifier_of_the_table_is_told_of() -> None:
    told = " ".join(each["description"] for each in MADE if each["resourceType"] == "NamingSystem")
    assert all(row["definition"] in told for row in table(SOURCE / "identifiers.csv"))
