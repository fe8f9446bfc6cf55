"""The profiles of the record: each is a good definition, and its examples keep or break what it says."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fhirpathpy import evaluate
from fhirpathpy.models import models

from server.child.codeday import code_day
from server.child.kind import profiles
from server.definition.library import library
from server.fhir import Json
from server.fhir.identifier import fault
from server.fhir.json import decode
from server.terminology.codes import codes as listed_codes
from server.validation.context import Context
from server.validation.validate import validate

BASE = "https://w3id.org/single-child-record"
PROFILES = Path(__file__).parent.parent / "profiles"
STRUCTURES = sorted((PROFILES / "structuredefinition").glob("*.json"))
SEARCH_PARAMETERS = sorted((PROFILES / "searchparameter").glob("*.json"))
EXAMPLES = sorted((PROFILES / "example").glob("*.json"))
INVALID = PROFILES / "example" / "invalid"
INDEX: dict[str, Json] = decode((INVALID / "index.json").read_bytes())
# A granular scope is stored beside each resource as this number: it never changes and is never used again.
KINDS = {
    "Child": 1,
    "Family": 2,
    "Agency": 3,
    "TeamAroundTheChild": 4,
    "Registration": 5,
    "SchoolAttendance": 6,
    "AttendanceTotal": 7,
    "SchoolExclusion": 8,
    "MissingEpisode": 9,
    "ChildInNeed": 10,
    "ChildProtectionPlan": 11,
    "LookedAfterPeriod": 12,
    "Placement": 13,
    "EarlyHelp": 14,
    "ElectiveHomeEducation": 15,
    "ChildMissingEducation": 16,
    "YouthJustice": 17,
    "AgencyContact": 18,
    "Need": 19,
    "ChildFlag": 20,
    "SharingDecision": 21,
    "Referral": 22,
    "ChildPlan": 23,
    "Adoption": 24,
    "DeprivationOfLiberty": 25,
    "PreProceedings": 26,
    "StrengthsAndDifficulties": 27,
    "LookedAfterHealth": 28,
    "CareLeaver": 29,
    "PreviousPermanence": 30,
    "CareEpisode": 31,
    "SealedLink": 32,
}


def read(path: Path) -> Any:
    return decode(path.read_bytes())


RULES: list[Json] = json.loads((PROFILES / "rule.json").read_bytes())


def profile_of(path: Path) -> str:
    return path.name.partition("-")[0]


def profile(name: str) -> Json:
    definition = library().definition(f"{BASE}/StructureDefinition/{name}")
    assert definition is not None
    return definition


def lineage(name: str) -> Iterator[Json]:
    """The profile and those of ours that it derives from."""
    definition = profile(name)
    yield definition
    parent = definition["baseDefinition"]
    if parent.startswith(BASE):
        yield from lineage(parent.rpartition("/")[2])


@cache
def invariants(name: str) -> tuple[Json, ...]:
    """What the profile asks of the whole resource, as errors."""
    return tuple(
        constraint
        for definition in lineage(name)
        for constraint in definition["differential"]["element"][0].get("constraint", ())
        if constraint["severity"] == "error"
    )


def broken(name: str, resource: Json) -> list[str]:
    """The keys of the invariants that the resource does not keep, as another engine sees it."""
    return [
        constraint["key"]
        for constraint in invariants(name)
        if evaluate(resource, constraint["expression"], {"resource": resource}, models["r4"]) != [True]
    ]


def objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(each)


def name(path: Path) -> str:
    return path.stem


@pytest.mark.parametrize("path", [*STRUCTURES, *SEARCH_PARAMETERS], ids=name)
def test_a_definition_is_a_valid_resource_of_its_file_s_name(path: Path) -> None:
    definition = read(path)
    assert validate(definition) == []
    assert definition["id"] == path.stem


def test_every_canonical_of_ours_resolves() -> None:
    library().check()


@pytest.mark.parametrize("path", STRUCTURES, ids=name)
def test_the_definition_that_a_profile_derives_from_is_there(path: Path) -> None:
    assert library().definition(read(path)["baseDefinition"]) is not None


@pytest.mark.parametrize("path", STRUCTURES, ids=name)
def test_a_differential_names_elements_that_exist_in_the_order_of_its_base(path: Path) -> None:
    definition = read(path)
    paths = [element["path"] for element in definition["differential"]["element"]]
    assert all(exists(each) for each in paths)
    ids = [element["id"] for element in definition["differential"]["element"]]
    assert len(set(ids)) == len(ids)
    if not definition["url"].startswith(BASE):
        return  # UK Core as published
    base = library().definition(definition["type"])
    assert base is not None
    order = [element["path"] for element in base["snapshot"]["element"]]
    places = [order.index(".".join(each.split(".")[:2])) for each in paths]
    assert places == sorted(places)


def exists(path: str) -> bool:
    type, *names = path.split(".")
    for each in names:
        found = library().children(type, each.removesuffix("[x]"))
        if not found:
            # `extension` and `id` stand in every element, primitive ones too.
            return each in ("extension", "id") or type[0].islower()
        type = found[0].type
    return True


@pytest.mark.parametrize("definition", [each["profile"].rpartition("/")[2] for each in RULES])
def test_a_profile_has_two_valid_examples_and_two_invalid_ones_of_either_sort(definition: str) -> None:
    assert sum(profile_of(path) == definition for path in EXAMPLES) >= 2
    sorts = [entry["by"] for file, entry in INDEX.items() if profile_of(Path(file)) == definition]
    assert len(sorts) >= 2
    assert {"profile", "structure"} <= set(sorts)


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_a_valid_example_has_no_issue(path: Path) -> None:
    resource = read(path)
    given = profiles(resource)
    assert validate(resource, given, Context(at=code_day(resource, given))) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_a_valid_example_keeps_the_invariants_of_its_profile(path: Path) -> None:
    assert broken(profile_of(path), read(path)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_a_valid_example_uses_codes_extensions_and_identifiers_that_exist(path: Path) -> None:
    resource = read(path)
    for each in objects(resource):
        if each.get("system", "").startswith(f"{BASE}/CodeSystem/"):
            assert known(each["system"], each["code"]), each
        if "value" in each and "system" in each and isinstance(each["value"], str):
            assert fault(each["system"], each["value"]) is None
        if each.get("url", "").startswith(f"{BASE}/StructureDefinition/"):
            assert_extension(each, resource["resourceType"])


@cache
def codes_of(system: str) -> frozenset[str]:
    definition = library().resource("CodeSystem", system)
    assert definition is not None, system
    return frozenset(concept["code"] for concept in definition["concept"])


def known(system: str, code: str) -> bool:
    return code in codes_of(system)


def assert_extension(extension: Json, type: str) -> None:
    """Of a type that its definition allows, where it may stand, from the list it is bound to."""
    definition = library().definition(extension["url"])
    assert definition is not None, extension["url"]
    assert type in {each["expression"].partition(".")[0] for each in definition["context"]}
    elements = {element["id"]: element for element in definition["differential"]["element"]}
    if "extension" in extension:
        for part in extension["extension"]:
            assert_value(part, elements[f"Extension.extension:{part['url']}.value[x]"])
    else:
        assert_value(extension, elements["Extension.value[x]"])


def assert_value(extension: Json, element: Json) -> None:
    [key] = [key for key in extension if key.startswith("value")]
    type = element["type"][0]["code"]
    assert key == f"value{type[0].upper()}{type[1:]}"
    if "binding" in element:
        codes = listed_codes(element["binding"]["valueSet"])
        assert codes is not None
        value = extension[key]
        codings = [{"code": value}] if type == "code" else value.get("coding", [])
        assert all(codes.contains(coding.get("system"), coding["code"]) for coding in codings)


@pytest.mark.parametrize("file", sorted(INDEX))
def test_an_invalid_example_is_wrong_for_the_reason_that_the_index_gives(file: str) -> None:
    entry, resource = INDEX[file], read(INVALID / file)
    issues = [expression for issue in validate(resource) for expression in issue.expression]
    match entry["by"]:
        case "structure":
            assert issues == [entry["expression"]]
        case "identifier":
            assert issues == []
            place = re.fullmatch(r"Patient\.identifier\[(\d+)]\.value", entry["expression"])
            assert place is not None
            faulty = [bool(fault(each["system"], each["value"])) for each in resource["identifier"]]
            assert faulty == [index == int(place[1]) for index in range(len(faulty))]
        case "profile":
            governing = (*profiles(resource), f"{BASE}/StructureDefinition/{profile_of(Path(file))}")
            [issue] = validate(resource, tuple(dict.fromkeys(governing)))
            assert issue.expression == (entry["expression"],)
            assert issue.rule == entry.get("constraint", "")


def test_the_index_lists_every_invalid_example_and_no_other() -> None:
    assert {path.name for path in INVALID.glob("*.json")} - {"index.json"} == set(INDEX)


def test_the_number_of_a_class_never_changes() -> None:
    assert {each["profile"].rpartition("/")[2]: each["kind"] for each in RULES} == KINDS


@pytest.mark.parametrize("path", EXAMPLES, ids=name)
def test_a_rule_finds_the_examples_of_its_profile_and_of_no_other(path: Path) -> None:
    resource = read(path)
    found = [rule["profile"].rpartition("/")[2] for rule in RULES if matches(rule, resource)]
    assert found == [profile_of(path)]


def matches(rule: Json, resource: Json) -> bool:
    if rule["type"] != resource["resourceType"] or not rule["search"]:
        return rule["type"] == resource["resourceType"]
    code, _, value = rule["search"].partition("=")
    system, _, wanted = value.partition("|")
    parameter = library().search_parameters(rule["type"])[code]
    codings = [
        coding for element, _ in parameter.extract(resource) for coding in element.get("coding", (element,))
    ]
    return any(each.get("system") == system and wanted in ("", each["code"]) for each in codings)


# A type that no profile of ours is of.
REPLACED: Json = {
    "resourceType": "DocumentReference",
    "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/1"}}],
}


@pytest.mark.parametrize("path", SEARCH_PARAMETERS, ids=name)
def test_a_search_parameter_of_ours_finds_something_in_an_example(path: Path) -> None:
    definition = read(path)
    resources = [*(read(each) for each in EXAMPLES), REPLACED]
    [type] = definition["base"]
    parameter = library().search_parameters(type)[definition["code"]]
    assert parameter.type == definition["type"]
    found = Counter(bool(parameter.extract(each)) for each in resources if each["resourceType"] == type)
    assert found[True] >= 1


@pytest.mark.parametrize("definition", sorted(KINDS))
def test_the_documentation_has_a_row_for_the_profile(definition: str) -> None:
    page = (PROFILES.parent / "docs" / "profiles.md").read_text(encoding="utf-8")
    assert f"| **{definition}** |" in page
