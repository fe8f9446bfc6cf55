"""Snapshots: what HL7 and SUSHI make of the same differentials, and what cannot be made.

https://hl7.org/fhir/R4/profiling.html#snapshot
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from server.definition import folder
from server.definition.archive import NAME
from server.definition.library import Library, library
from server.definition.loose import hold, library_with
from server.definition.own import FOLDERS
from server.definition.snapshot import Unbuildable, snapshot
from server.fhir import Json
from server.terminology.codes import codes

DATA = Path(__file__).parent.parent / "data"
SUSHI = DATA / "sushi"
HL7 = "http://hl7.org/fhir/StructureDefinition"
URL = "https://example.org/StructureDefinition/x"

# What the program neither reads nor keeps of HL7's snapshots.
PROSE = frozenset(
    {
        "alias", "comment", "definition", "example", "extension", "isModifierReason", "mapping",
        "meaningWhenMissing", "requirements", "short",
    }
)  # fmt: skip
CONSTRAINT = ("key", "severity", "human", "expression")


def comparable(element: Json) -> dict[str, Any]:
    found = {key: value for key, value in element.items() if key not in PROSE and value is not False}
    found.setdefault("base", {key: element[key] for key in ("path", "min", "max")})
    for key in ("condition", "alias"):
        if key in found:
            found[key] = sorted(found[key])
    if "binding" in found:
        found["binding"] = {key: found["binding"].get(key) for key in ("strength", "valueSet")}
    if "constraint" in found:
        found["constraint"] = sorted(
            [each.get(key, "") for key in CONSTRAINT] for each in found["constraint"]
        )
    return found


def differences(made: Sequence[Json], published: Sequence[Json]) -> Iterator[tuple[str, str]]:
    """Element and property; of an element that only one of them has `-` or `+`."""
    ours = {each["id"]: comparable(each) for each in made}
    theirs = {each["id"]: comparable(each) for each in published}
    yield from ((id_, "-") for id_ in theirs.keys() - ours.keys())
    yield from ((id_, "+") for id_ in ours.keys() - theirs.keys())
    for id_ in ours.keys() & theirs.keys():
        one, other = ours[id_], theirs[id_]
        yield from ((id_, key) for key in one.keys() | other.keys() if one.get(key) != other.get(key))


# ---- what HL7 published ------------------------------------------------------------------------------------

PUBLISHED = [
    json.loads(line) for line in (DATA / "hl7.fhir.r4.core" / "differentials.ndjson").read_text().splitlines()
]

OTHERWISE: Mapping[str, str] = {
    "bp": "`valueQuantity` inside a slice is not a slice of `value[x]` there, though it is outside of one.",
    "catalog": "A slice of an element that does not repeat stands in place of the element there.",
    "cholesterol": "What a type's profile adds under `condition` replaces what was there.",
    "elementdefinition-de": "`condition` of a profile of a type is left out, and elsewhere it is not.",
    "hdlcholesterol": "As cholesterol.",
    "ldlcholesterol": "As cholesterol.",
    "provenance-relevant-history": "A slice is not bound to what all slices are bound to.",
}
"""Where ours is another, and what HL7's does there that it does nowhere else, or that its rules forbid."""

UNBUILDABLE = {"familymemberhistory-genetic"}
"""It has slices of an element that repeats, and does not say by what they are told apart."""


@pytest.mark.parametrize("definition", PUBLISHED, ids=lambda each: each["id"])
def test_a_snapshot_is_the_one_that_hl7_published(definition):
    if definition["id"] in UNBUILDABLE:
        with pytest.raises(Unbuildable, match="told apart"):
            snapshot(definition, library().definition)
        return
    made = snapshot(definition, library().definition)["snapshot"]["element"]
    published = library().definition(definition["url"])["snapshot"]["element"]
    found = set(differences(made, published))
    assert bool(found) is (definition["id"] in OTHERWISE), sorted(found)
    if not {key for _, key in found} & {"-", "+"}:
        assert [each["id"] for each in made] == [each["id"] for each in published]


# ---- what SUSHI makes --------------------------------------------------------------------------------------

MADE = {
    file.stem.partition("-")[2]: json.loads(file.read_text()) for file in (SUSHI / "resource").glob("*.json")
}
WITH_SNAPSHOT = {
    file.stem.partition("-")[2]: json.loads(file.read_text()) for file in (SUSHI / "snapshot").glob("*.json")
}


@pytest.fixture(scope="module")
def reading() -> Library:
    return library_with(MADE.values())


@pytest.mark.parametrize("name", sorted(WITH_SNAPSHOT))
def test_a_snapshot_is_the_one_that_sushi_makes(reading, name):
    made = reading.definition(MADE[name]["url"])["snapshot"]["element"]
    theirs = WITH_SNAPSHOT[name]["snapshot"]["element"]
    # SUSHI takes over the conditions of an extension's definition with none, and HL7's publisher with them.
    found = {each for each in differences(made, theirs) if each[1] not in ("condition", "constraint")}
    assert found == set()
    assert [each["id"] for each in made] == [each["id"] for each in theirs]


@pytest.mark.parametrize("name", sorted(WITH_SNAPSHOT))
def test_a_snapshot_that_is_there_is_taken_as_it_is(name):
    known = library_with(WITH_SNAPSHOT.values())
    assert known.definition(WITH_SNAPSHOT[name]["url"])["snapshot"] == WITH_SNAPSHOT[name]["snapshot"]


def test_what_sushi_makes_loads_from_the_project_s_folders(tmp_path):
    for kind in ("StructureDefinition", "CodeSystem", "ValueSet"):
        (tmp_path / FOLDERS[kind]).mkdir(parents=True)
    (tmp_path / "profiles" / NAME).symlink_to(folder.profiles() / NAME)
    for file in (SUSHI / "resource").glob("*.json"):
        kind = file.stem.partition("-")[0]
        (tmp_path / FOLDERS[kind] / file.name).write_bytes(file.read_bytes())
    known = Library(tmp_path)
    known.check()
    assert known.definition("https://example.org/reading/StructureDefinition/phonics-test")["snapshot"]
    hold(known)
    assert ("https://example.org/reading/CodeSystem/reading-measures", "book-band") in set(
        codes("https://example.org/reading/ValueSet/reading-bands")
    )


def test_a_logical_model_is_made_of_its_own_elements(reading):
    made = reading.definition(MADE["reading-list"]["url"])["snapshot"]["element"]
    assert [each["path"].removeprefix("reading-list") for each in made] == [
        "", ".pupil", ".book", ".book.id", ".book.extension", ".book.modifierExtension", ".book.title",
        ".book.finished",
    ]  # fmt: skip


# ---- ours --------------------------------------------------------------------------------------------------

OURS = sorted(each["url"] for each in library().ours() if each["resourceType"] == "StructureDefinition")


@pytest.mark.parametrize("url", OURS)
def test_every_profile_of_ours_has_a_snapshot_with_whole_elements(url):
    for element in library().definition(url)["snapshot"]["element"]:
        assert {"id", "path", "min", "max", "base"} <= element.keys()


def test_a_slice_of_uk_core_stands_after_what_it_slices():
    ids = ids_of(library().definition("https://w3id.org/single-child-record/StructureDefinition/Child"))
    sliced, slice_ = ids.index("Patient.identifier"), ids.index("Patient.identifier:nhsNumber")
    assert sliced < slice_ < ids.index("Patient.active")
    assert ids[slice_ + 1].startswith("Patient.identifier:nhsNumber.")


# ---- one rule at a time ------------------------------------------------------------------------------------


def profile(*elements: Json, type_: str = "Observation", base: str = "", **more: Any) -> Json:
    return {
        "resourceType": "StructureDefinition", "url": URL, "type": type_, "kind": "resource",
        "derivation": "constraint", "baseDefinition": base or f"{HL7}/{type_}",
        "differential": {"element": list(elements)}, **more,
    }  # fmt: skip


def said(path: str, slice_: str = "", **more: Any) -> Json:
    """An element of a differential without an id, as FHIR allows."""
    return {"path": path, **({"sliceName": slice_} if slice_ else {}), **more}


def made(*elements: Json, **more: Any) -> dict[str, Json]:
    built = snapshot(profile(*elements, **more), library().definition)
    return {each["id"]: each for each in built["snapshot"]["element"]}


def ids_of(definition: Json) -> list[str]:
    return [each["id"] for each in definition["snapshot"]["element"]]


ROOT = library().definition("Extension")["snapshot"]["element"][0]
BY_CODE = {"discriminator": [{"type": "pattern", "path": "code"}], "rules": "open"}
COMPONENT = said("Observation.component", slicing=BY_CODE)


def test_slices_are_named_by_where_they_stand_though_the_differential_has_no_ids():
    found = made(
        COMPONENT,
        said("Observation.component", "a", min=1),
        said("Observation.component.code", min=1),
        said("Observation.component", "b", max="1"),
        said("Observation.component.code", short="of b"),
    )
    inside = [each for each in found if each.startswith("Observation.component:")]
    assert [each for each in inside if each.count(".") == 1] == [
        "Observation.component:a",
        "Observation.component:b",
    ]
    assert found["Observation.component:b.code"]["short"] == "of b"
    assert found["Observation.component:a.code"]["short"] != "of b"
    assert found["Observation.component:b"]["min"] == 0
    assert found["Observation.component:a"]["path"] == "Observation.component"


def test_a_slice_of_a_slice_stands_after_it_and_is_made_of_it():
    found = made(
        COMPONENT,
        said("Observation.component", "a", max="3"),
        said("Observation.component", "b"),
        said("Observation.component", "a/one", max="1"),
    )
    names = [each for each in found if each.startswith("Observation.component:") and each.count(".") == 1]
    assert names == ["Observation.component:a", "Observation.component:a/one", "Observation.component:b"]
    assert (
        made(
            COMPONENT, said("Observation.component", "a", short="A"), said("Observation.component", "a/one")
        )["Observation.component:a/one"]["short"]
        == "A"
    )


def test_what_is_said_of_all_slices_is_said_of_each():
    found = made(
        COMPONENT,
        said("Observation.component.value[x]", min=1),
        said("Observation.component", "a"),
    )
    assert found["Observation.component:a.value[x]"]["min"] == 1


@pytest.mark.parametrize(
    ("elements", "types", "rules"),
    [
        ([said("Observation.valueQuantity", min=1)], ["Quantity"], "closed"),
        (
            [said("Observation.valueQuantity"), said("Observation.valueString")],
            ["Quantity", "string"],
            "closed",
        ),
        ([said("Observation.value[x]", type=[{"code": "Quantity"}])], ["Quantity"], None),
        (
            [{"id": "Observation.value[x]:valueQuantity", **said("Observation.value[x]", "valueQuantity")}],
            None,
            "open",
        ),
    ],
)
def test_a_choice_is_narrowed(elements, types, rules):
    choice = made(*elements)["Observation.value[x]"]
    if types:
        assert [each["code"] for each in choice["type"]] == types
    else:
        assert len(choice["type"]) == 11
    assert choice.get("slicing", {}).get("rules") == rules


def test_a_choice_of_one_type_is_a_slice_with_the_elements_of_that_type():
    found = made(said("Observation.valueQuantity.system", fixedUri="http://unitsofmeasure.org"))
    assert found["Observation.value[x]:valueQuantity.system"]["fixedUri"] == "http://unitsofmeasure.org"
    assert found["Observation.value[x]:valueQuantity"]["type"] == [{"code": "Quantity"}]
    assert found["Observation.value[x]:valueQuantity.system"]["path"] == "Observation.value[x].system"


def test_extensions_are_sliced_by_url_without_being_told_to():
    kind = {"code": "Extension", "profile": [f"{HL7}/patient-birthPlace"]}
    found = made(said("Patient.extension", "birthPlace", type=[kind]), type_="Patient")
    assert found["Patient.extension"]["slicing"]["discriminator"] == [{"type": "value", "path": "url"}]
    assert found["Patient.extension:birthPlace"]["min"] == 0


def test_an_element_has_inside_it_what_the_profile_of_its_type_says():
    kind = {"code": "Extension", "profile": [f"{HL7}/patient-birthPlace"]}
    found = made(
        said("Patient.extension", "birthPlace", type=[kind]),
        said("Patient.extension.value[x]", short="Where"),
        type_="Patient",
    )
    assert found["Patient.extension:birthPlace.url"]["fixedUri"] == f"{HL7}/patient-birthPlace"
    assert [each["code"] for each in found["Patient.extension:birthPlace.value[x]"]["type"]] == ["Address"]


def test_content_of_another_element_is_unfolded_where_something_is_said_inside_it():
    found = made(said("Questionnaire.item.item.item.linkId", short="third"), type_="Questionnaire")
    assert found["Questionnaire.item.item.item.linkId"]["short"] == "third"
    assert "contentReference" not in found["Questionnaire.item.item"]
    assert found["Questionnaire.item.item.item.item"]["contentReference"] == "#Questionnaire.item"


def test_how_far_the_publication_of_a_type_has_come_is_not_said_of_its_profiles():
    assert any("standards-status" in each["url"] for each in ROOT["extension"])
    assert "extension" not in made(type_="Extension")["Extension"]


def test_constraints_add_up_and_name_where_they_come_from():
    one = {"key": "x-1", "severity": "error", "human": "X.", "expression": "true"}
    root = made(said("Observation", constraint=[one]))["Observation"]
    assert {"dom-2", "obs-6", "x-1"} <= {each["key"] for each in root["constraint"]}
    assert next(each for each in root["constraint"] if each["key"] == "x-1")["source"] == URL


def test_text_that_begins_with_dots_goes_on():
    base = snapshot(profile(said("Observation.code", definition="First.")), library().definition)
    derived = profile(said("Observation.code", definition="...Then."), base="https://example.org/base")
    known = {"https://example.org/base": base}
    built = snapshot(derived, lambda url: known.get(url) or library().definition(url))
    code = next(each for each in built["snapshot"]["element"] if each["id"] == "Observation.code")
    assert code["definition"] == "First.\r\nThen."


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (profile(said("Observation.colour")), "'Observation.colour' is no element"),
        (profile(said("Observation.valueAddress")), "'Observation.valueAddress' is no element"),
        (profile(said("Observation.component", "a")), "'Observation.component' has slices and does not say"),
        (profile(base="https://example.org/nowhere"), "'https://example.org/nowhere', .* is not known"),
        ({**profile(), "baseDefinition": None}, "does not say what it derives from"),
        (profile(said("Observation.status.extension.nonsense")), "nonsense' is no element"),
    ],
)
def test_what_cannot_be_made_is_told_in_words(definition, told):
    definition = {key: value for key, value in definition.items() if value is not None}
    with pytest.raises(Unbuildable, match=told):
        snapshot(definition, library().definition)


def test_profiles_that_derive_from_each_other_are_known_for_what_they_are():
    one = profile(base="https://example.org/other") | {"id": "one"}
    other = profile(base=URL) | {"id": "other", "url": "https://example.org/other"}
    known = library_with([one, other])
    assert known.definition(URL) is None
    with pytest.raises(Unbuildable, match="is not known"):
        snapshot(one, known.definition)


def test_many_slices_take_as_long_as_they_are_many():
    """Each was once made as a copy of all before it."""
    slices = [
        {"id": f"Basic.extension:s{number}", "path": "Basic.extension", "sliceName": f"s{number}"}
        for number in range(3000)
    ]
    derived = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "type": "Basic",
        "baseDefinition": f"{HL7}/Basic",
        "derivation": "constraint",
        "differential": {"element": slices},
    }
    before = time.perf_counter()
    assert len(snapshot(derived, library().definition)["snapshot"]["element"]) > 3000
    assert time.perf_counter() - before < 5
