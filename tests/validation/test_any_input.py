from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from server.definition.library import library
from server.fhir.issue import Issue
from server.validation.fault import LIMIT
from server.validation.validate import validate

_WORDS = """
    id meta text div status contained extension modifierExtension url valueString valueQuantity value _value
    _valueString name _name given _given _id identifier code coding system reference subject entry resource
    resourceType parameter part item linkId birthDate _birthDate active period start
"""
_NAMES = st.sampled_from(_WORDS.split())
_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["final", "2024-02-30", "2024-02-29", "#a", "<div>", "Patient", "a b", "\ud800"])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES | st.text(), inner, max_size=6),
    max_leaves=30,
)
_TYPES = st.sampled_from(["Observation", "Patient", "Bundle", "Parameters", "Questionnaire", "Basic"])
_RESOURCES = st.builds(
    lambda type, properties: {"resourceType": type, **properties},
    _TYPES | st.sampled_from(library().resource_types),
    st.dictionaries(_NAMES, _VALUES, max_size=8),
)


def _is_sound(issues: list[Issue]) -> bool:
    return len(issues) <= LIMIT and all(
        issue.severity == "error" and issue.diagnostics.endswith((".", "?")) and len(issue.expression) == 1
        for issue in issues
    )


@settings(max_examples=500, deadline=None)
@given(_RESOURCES)
def test_any_resource_is_valid_or_has_issues(resource: dict[str, Any]) -> None:
    assert _is_sound(validate(resource))


@settings(max_examples=200, deadline=None)
@given(_VALUES)
def test_what_is_no_resource_has_issues(value: Any) -> None:
    issues = validate(value)
    assert issues
    assert _is_sound(issues)


@settings(deadline=None)
@given(_VALUES, st.sampled_from(["Narrative", "Element", "Extension"]))
def test_any_value_anywhere_is_met(value: Any, where: str) -> None:
    place = {"Narrative": "text", "Element": "_status", "Extension": "extension"}[where]
    assert _is_sound(validate({"resourceType": "Observation", place: value}))


def test_a_hundred_errors_are_enough() -> None:
    resource = {
        "resourceType": "Patient",
        "name": [{"given": [5] * 1000}] * 1000,
        **{f"x{n}": n for n in range(1000)},
    }
    issues = validate(resource)
    assert len(issues) == LIMIT
    assert issues[0].expression == ("Patient.name[0].given[0]",)
