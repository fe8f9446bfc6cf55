import re
from typing import Any

import pytest

from server.fhir import Json
from server.validation.validate import validate

_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def _condition(*codings: Json, **more: Any) -> Json:
    return {
        "resourceType": "Condition",
        "subject": {"display": "a"},
        "clinicalStatus": {**({"coding": list(codings)} if codings else {}), **more},
    }


@pytest.mark.parametrize(
    "resource",
    [
        _condition({"system": _CLINICAL, "code": "active"}),
        _condition({"system": "https://example.org", "code": "x"}, {"system": _CLINICAL, "code": "active"}),
        _condition(extension=[{"url": "https://example.org", "valueCode": "unknown"}]),
    ],
)
def test_one_coding_of_the_value_set_is_enough(resource: Json) -> None:
    assert validate(resource) == []


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        (_condition({"system": _CLINICAL, "code": "on"}), f"'on' of '{_CLINICAL}' is not."),
        (
            _condition({"system": "https://example.org", "code": "active"}),
            f"'active' of 'https://example.org' is not; {_CLINICAL} has it.",
        ),
        (_condition({"code": "active"}), f"'active' of no system is not; {_CLINICAL} has it."),
        (_condition({"system": _CLINICAL}), "a code is missing."),
        (_condition({"system": _CLINICAL, "display": "Active"}), "a code is missing."),
        (_condition(text="active"), "none was found."),
    ],
)
def test_a_concept_outside_a_required_value_set_is_refused(resource: Json, says: str) -> None:
    (issue,) = validate(resource)
    assert (issue.code, issue.expression) == ("code-invalid", ("Condition.clinicalStatus",))
    assert "(active, inactive, recurrence, relapse, remission, resolved)" in issue.diagnostics
    assert issue.diagnostics.endswith(says)


@pytest.mark.parametrize(
    ("element", "word", "valid"),
    [
        ("contentType", "text/plain", True),
        ("contentType", "text/plain; charset=UTF-8", True),
        ("contentType", "application/fhir+json", True),
        ("contentType", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", True),
        ("contentType", "json", True),
        ("contentType", "plain text", False),
        ("contentType", "text", False),
        ("contentType", "text/", False),
        ("language", "en", True),
        ("language", "en-GB", True),
        ("language", "x-own", True),
        ("language", "english!", False),
        ("language", "en_GB", False),
    ],
)
def test_words_of_endless_lists_are_known_by_their_form(element: str, word: str, valid: bool) -> None:
    resource = {"resourceType": "Patient", "photo": [{element: word}]}
    assert [issue.code for issue in validate(resource)] == ([] if valid else ["code-invalid"])


@pytest.mark.parametrize(("currency", "valid"), [("GBP", True), ("gbp", False), ("POUND", False)])
def test_a_currency_has_three_capitals(currency: str, valid: bool) -> None:
    resource = {
        "resourceType": "PaymentNotice",
        "status": "active",
        "created": "2024",
        "payment": {"display": "a"},
        "recipient": {"display": "a"},
        "amount": {"value": 1, "currency": currency},
    }
    assert [issue.code for issue in validate(resource)] == ([] if valid else ["code-invalid"])


def test_a_long_list_is_named_and_counted() -> None:
    parameter = {"name": "a", "use": "in", "min": 0, "max": "1", "type": "Patiant"}
    operation = {"name": "A", "status": "draft", "kind": "query", "code": "a", "type": True}
    scope = {"system": False, "instance": False}
    resource = {"resourceType": "OperationDefinition", **operation, **scope, "parameter": [parameter]}
    (issue,) = validate(resource)
    assert issue.expression == ("OperationDefinition.parameter[0].type",)
    assert re.search(
        r"one of the \d+ codes of http://hl7.org/fhir/ValueSet/all-types; 'Patiant'", issue.diagnostics
    )
