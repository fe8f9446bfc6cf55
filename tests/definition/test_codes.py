"""The concepts of a code system in their order, and which stands under which.

https://hl7.org/fhir/R4/codesystem.html#hierachy
"""

from server.definition.codes import concepts, parents

SYSTEM = {
    "resourceType": "CodeSystem",
    "content": "complete",
    "concept": [
        {"code": "a", "concept": [{"code": "a1", "concept": [{"code": "a2"}]}, {"code": "a3"}]},
        {
            "code": "b",
            "property": [
                {"code": "parent", "valueCode": "a3"},
                {"code": "subsumedBy", "valueCode": "a1"},
                {"code": "group", "valueCode": "a"},
            ],
        },
        {"code": "c", "property": [{"code": "child", "valueCode": "b"}]},
    ],
}


def test_concepts_come_in_the_order_of_the_definition():
    assert [each["code"] for each in concepts(SYSTEM)] == ["a", "a1", "a2", "a3", "b", "c"]
    assert list(concepts({})) == []


def test_a_concept_stands_under_another_by_nesting_or_by_a_property_of_either():
    assert parents(SYSTEM) == {"a1": {"a"}, "a3": {"a"}, "a2": {"a1"}, "b": {"a3", "a1", "c"}}
