"""Value sets that can be listed, and those that cannot.

https://hl7.org/fhir/R4/valueset.html#compositions
"""

import pytest

from server.definition.codes import codes
from server.definition.library import library

SYSTEM = {
    "resourceType": "CodeSystem",
    "content": "complete",
    "concept": [
        {
            "code": "a",
            "display": "Alpha",
            "concept": [{"code": "a1", "concept": [{"code": "a2"}]}, {"code": "a3"}],
            "property": [
                {"code": "group", "valueString": "one"},
                {"code": "withdrawn", "valueBoolean": True},
            ],
        },
        {
            "code": "b",
            "property": [{"code": "parent", "valueCode": "a3"}, {"code": "group", "valueString": "two"}],
        },
        {"code": "c", "property": [{"code": "group", "valueCoding": {"code": "two"}}]},
    ],
}
OTHER = {"resourceType": "CodeSystem", "content": "complete", "concept": [{"code": "x"}, {"code": "a"}]}
DEFINITIONS = {
    ("CodeSystem", "s"): SYSTEM,
    ("CodeSystem", "o"): OTHER,
    ("CodeSystem", "fragment"): SYSTEM | {"content": "fragment"},
    ("ValueSet", "all"): {"compose": {"include": [{"system": "s"}]}},
    ("ValueSet", "ab"): {
        "compose": {"include": [{"system": "s", "concept": [{"code": "a"}, {"code": "b"}]}]}
    },
    ("ValueSet", "expanded"): {
        "expansion": {
            "contains": [
                {"system": "s", "code": "a", "abstract": True, "contains": [{"system": "s", "code": "b"}]}
            ]
        }
    },
    ("ValueSet", "nothing"): {},
}


def listed(*include, exclude=()):
    """`system|code` of what a value set with these parts contains."""
    definition = {"compose": {"include": list(include), "exclude": list(exclude)}}
    known = DEFINITIONS | {("ValueSet", "asked"): definition}
    found = codes("asked", lambda kind, url: known.get((kind, url)))
    return None if found is None else sorted(f"{system}|{code}" for system, code in found)


ALL = ["s|a", "s|a1", "s|a2", "s|a3", "s|b", "s|c"]


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ({"system": "s"}, ALL),
        ({"system": "s|1.0"}, ALL),
        ({"system": "s", "concept": [{"code": "a"}]}, ["s|a"]),
        ({"system": "unknown", "concept": [{"code": "a"}]}, ["unknown|a"]),
        ({"system": "unknown"}, None),
        ({"system": "fragment"}, None),
        ({"valueSet": ["ab"]}, ["s|a", "s|b"]),
        ({"valueSet": ["ab|2"]}, ["s|a", "s|b"]),
        ({"valueSet": ["ab", "expanded"]}, ["s|b"]),
        ({"valueSet": ["ab"], "system": "s", "concept": [{"code": "b"}, {"code": "c"}]}, ["s|b"]),
        ({"valueSet": ["unknown"]}, None),
        ({"valueSet": ["asked"]}, None),
        ({"valueSet": ["nothing"]}, None),
        ({"valueSet": ["expanded"]}, ["s|b"]),
    ],
)
def test_what_an_include_contains(include, expected):
    assert listed(include) == expected


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("concept", "is-a", "a", ["a", "a1", "a2", "a3", "b"]),
        ("concept", "descendent-of", "a", ["a1", "a2", "a3", "b"]),
        ("concept", "is-not-a", "a", ["c"]),
        ("concept", "is-a", "a3", ["a3", "b"]),
        ("concept", "is-a", "unknown", []),
        ("group", "=", "one", ["a"]),
        ("group", "=", "two", ["b", "c"]),
        ("parent", "=", "a", ["a1", "a3"]),
        ("parent", "=", "a3", ["b"]),
        ("code", "in", "a,c,z", ["a", "c"]),
        ("display", "=", "Alpha", ["a"]),
        ("group", "not-in", "one", ["a1", "a2", "a3", "b", "c"]),
        ("withdrawn", "=", "true", ["a"]),
        ("withdrawn", "exists", "true", ["a"]),
        ("group", "exists", "false", ["a1", "a2", "a3"]),
        ("code", "regex", "a.*", None),
    ],
)
def test_what_a_filter_leaves(name, operator, value, expected):
    found = listed({"system": "s", "filter": [{"property": name, "op": operator, "value": value}]})
    assert found == (None if expected is None else [f"s|{code}" for code in expected])


def test_several_filters_all_hold():
    filters = [
        {"property": "concept", "op": "is-a", "value": "a"},
        {"property": "group", "op": "=", "value": "two"},
    ]
    assert listed({"system": "s", "filter": filters}) == ["s|b"]


def test_includes_add_up_and_excludes_take_away():
    assert listed({"system": "o"}, {"system": "s", "concept": [{"code": "c"}]}) == ["o|a", "o|x", "s|c"]
    assert listed({"system": "s"}, exclude=[{"valueSet": ["ab"]}]) == ["s|a1", "s|a2", "s|a3", "s|c"]
    assert listed({"system": "s"}, exclude=[{"system": "unknown"}]) is None


def test_a_code_without_system_is_in_the_set_if_any_system_has_it():
    gender = library().codes("http://hl7.org/fhir/ValueSet/administrative-gender")
    assert gender.systems == ("http://hl7.org/fhir/administrative-gender",)
    assert len(gender) == 4
    assert gender.contains(None, "female")
    assert gender.contains("http://hl7.org/fhir/administrative-gender", "female")
    assert not gender.contains("http://loinc.org", "female")
    assert not gender.contains(None, "Female")


def test_all_required_bindings_of_r4_can_be_listed_but_these():
    """Media types and units are open systems of others; one answer list is LOINC's."""
    required: set[str] = set()
    for type in (
        *library().resource_types,
        "Timing",
        "HumanName",
        "Address",
        "Identifier",
        "ElementDefinition",
    ):
        for element in library().definition(type)["snapshot"]["element"]:
            binding = element.get("binding", {})
            if binding.get("strength") == "required":
                required.add(binding["valueSet"].partition("|")[0])
    assert len(required) > 200
    assert {url.rpartition("/")[2] for url in required if library().codes(url) is None} == {
        "LL379-9",
        "mimetypes",
        "ucum-units",
    }
