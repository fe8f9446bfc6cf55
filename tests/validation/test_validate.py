from typing import Any

import pytest

from server.fhir import Json
from server.validation.validate import validate

_URL = "https://example.org/extension"
_LINK = {"other": {"reference": "#a"}, "type": "seealso"}
_EXTENSION = {"url": _URL, "valueBoolean": True}


def _found(resource: Any) -> list[tuple[str, str]]:
    return [(issue.code, issue.expression[0]) for issue in validate(resource)]


def _observation(**elements: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **elements}


def _patient(**elements: Any) -> Json:
    return {"resourceType": "Patient", **elements}


@pytest.mark.parametrize(
    "resource",
    [
        _patient(),
        _patient(id="1"),
        _patient(id="1", meta={"versionId": "1", "lastUpdated": "2024-02-29T10:00:00Z"}),
        # https://hl7.org/fhir/R4/json.html#primitive
        _patient(birthDate="1970-03-30", _birthDate={"id": "314159", "extension": [_EXTENSION]}),
        _patient(birthDate="1970-03-30", _birthDate={"id": "314159"}),
        _patient(_birthDate={"extension": [_EXTENSION]}),
        _patient(name=[{"given": ["a", "b"], "_given": [None, {"extension": [_EXTENSION]}]}]),
        _patient(name=[{"given": ["a", None], "_given": [None, {"extension": [_EXTENSION]}]}]),
        _patient(name=[{"given": [None, "b"], "_given": [{"extension": [_EXTENSION]}]}]),
        _patient(name=[{"given": ["a"], "_given": [None, {"extension": [_EXTENSION]}]}]),
        _patient(name=[{"_given": [{"extension": [_EXTENSION]}]}]),
        _patient(multipleBirthInteger=2, _multipleBirthInteger={"extension": [_EXTENSION]}),
        _patient(_deceasedBoolean={"extension": [_EXTENSION]}),
        _patient(extension=[{"url": _URL, "extension": [{"url": "a", "valueDecimal": 1}]}]),
        _patient(extension=[{"url": _URL, "_valueString": {"extension": [_EXTENSION]}}]),
        _patient(
            contained=[{"resourceType": "Organization", "id": "a", "name": "b"}],
            managingOrganization={"reference": "#a"},
        ),
        _observation(valueString="a"),
        # A required element may be an extension that says why there is no value.
        {
            "resourceType": "Observation",
            "_status": {"extension": [_EXTENSION]},
            "code": {"extension": [_EXTENSION]},
        },
        {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"fullUrl": "urn:a:b", "resource": _patient()}],
        },
        {
            "resourceType": "Parameters",
            "parameter": [{"name": "a", "part": [{"name": "b", "resource": _patient()}]}],
        },
    ],
)
def test_this_is_valid(resource: Json) -> None:
    assert validate(resource) == []


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        # what it is
        ({}, [("structure", "Resource")]),
        ([], [("structure", "Resource")]),
        (None, [("structure", "Resource")]),
        ({"resourceType": 5}, [("structure", "Resource")]),
        ({"resourceType": None}, [("structure", "Resource")]),
        ({"resourceType": "Patiant"}, [("structure", "Patiant")]),
        ({"resourceType": "Resource"}, [("structure", "Resource")]),
        ({"resourceType": "DomainResource"}, [("structure", "DomainResource")]),
        ({"resourceType": "HumanName"}, [("structure", "HumanName")]),
        ({"resourceType": "x" * 100}, [("structure", "Resource")]),
        # unknown elements
        (_patient(nickname="a"), [("structure", "Patient.nickname")]),
        (_patient(birthdate="2024"), [("structure", "Patient.birthdate")]),
        (_patient(**{"a b": 1}), [("structure", "Patient")]),
        (_patient(fhir_comments=["a"]), [("structure", "Patient.fhir_comments")]),
        (_patient(name=[{"resourceType": "HumanName"}]), [("structure", "Patient.name[0].resourceType")]),
        (_patient(_name=[{"id": "a"}]), [("structure", "Patient._name")]),
        (_patient(_active=None), [("structure", "Patient.active")]),
        # cardinality
        (_patient(name={"family": "a"}), [("structure", "Patient.name")]),
        (_patient(birthDate=["2024"]), [("structure", "Patient.birthDate")]),
        (_patient(maritalStatus=[{"text": "a"}]), [("structure", "Patient.maritalStatus")]),
        (_patient(name=[]), [("structure", "Patient.name")]),
        (_patient(name=[{}]), [("structure", "Patient.name[0]")]),
        (_patient(name=[None]), [("structure", "Patient.name[0]")]),
        (_patient(name=[[]]), [("structure", "Patient.name[0]")]),
        (_patient(link=[{}]), [("structure", "Patient.link[0]")]),
        (
            _patient(link=[{"id": "a"}]),
            [("invariant", "Patient.link[0]")],
        ),
        (
            _patient(link=[{"other": {"display": "a"}}]),
            [("required", "Patient.link[0].type")],
        ),
        ({"resourceType": "Observation", "status": "final"}, [("required", "Observation.code")]),
        # choices
        (_observation(value="a"), [("structure", "Observation.value")]),
        (_observation(valueDecimal=1), [("structure", "Observation.valueDecimal")]),
        (_observation(valueString=1), [("structure", "Observation.value.ofType(string)")]),
        (
            _observation(valueString="a", valueBoolean=True),
            [("structure", "Observation.value.ofType(boolean)")],
        ),
        (
            _observation(valueString="a", _valueBoolean={"extension": [_EXTENSION]}),
            [("structure", "Observation.value.ofType(boolean)")],
        ),
        (
            _observation(valueQuantity={"value": "a"}),
            [("structure", "Observation.value.ofType(Quantity).value")],
        ),
        (
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "subject": {"display": "a"},
            },
            [("required", "MedicationRequest.medication")],
        ),
        # nulls and primitive extensions
        (_patient(birthDate=None), [("structure", "Patient.birthDate")]),
        (_patient(_birthDate={}), [("structure", "Patient.birthDate")]),
        (_patient(_birthDate={"id": "a"}), [("structure", "Patient.birthDate")]),
        (_patient(_birthDate=[{"extension": [_EXTENSION]}]), [("structure", "Patient.birthDate")]),
        (
            _patient(birthDate="2024", _birthDate={"value": "a"}),
            [("structure", "Patient.birthDate.value")],
        ),
        (
            _patient(birthDate="2024", _birthDate={"extension": [{"valueString": "a"}]}),
            [("required", "Patient.birthDate.extension[0].url")],
        ),
        (_patient(name=[{"given": [None]}]), [("structure", "Patient.name[0].given[0]")]),
        (
            _patient(name=[{"given": [None], "_given": [None]}]),
            [("structure", "Patient.name[0].given[0]")],
        ),
        (_patient(name=[{"_given": [None]}]), [("structure", "Patient.name[0].given[0]")]),
        (_patient(name=[{"_given": [{"id": "a"}]}]), [("structure", "Patient.name[0].given[0]")]),
        (
            _patient(name=[{"given": ["a"], "_given": {"extension": [_EXTENSION]}}]),
            [("structure", "Patient.name[0].given")],
        ),
        (
            _patient(name=[{"given": ["a"], "_given": [None, None]}]),
            [("structure", "Patient.name[0].given[1]")],
        ),
        (_patient(name=[{"given": "a", "_given": [{"id": "b"}]}]), [("structure", "Patient.name[0].given")]),
        # extensions
        (_patient(extension=[{"url": _URL}]), [("invariant", "Patient.extension[0]")]),
        (_patient(extension=[{"valueString": "a"}]), [("required", "Patient.extension[0].url")]),
        (_patient(extension=[{"url": 5, "valueString": "a"}]), [("structure", "Patient.extension[0].url")]),
        (_patient(extension=[{"url": "a b", "valueString": "a"}]), [("value", "Patient.extension[0].url")]),
        (
            _patient(extension=[{"url": _URL, "_url": {"id": "a"}, "valueString": "a"}]),
            [("structure", "Patient.extension[0]._url")],
        ),
        (
            _patient(extension=[{"url": _URL, "valueString": "a", "extension": [_EXTENSION]}]),
            [("invariant", "Patient.extension[0]")],
        ),
        (
            _patient(extension=[{"url": _URL, "valueString": "a", "valueCode": "b"}]),
            [("structure", "Patient.extension[0].value.ofType(code)")],
        ),
        (
            _patient(extension=[{"url": _URL, "extension": [{"url": "a"}]}]),
            [("invariant", "Patient.extension[0].extension[0]")],
        ),
        # formats
        (_patient(birthDate="2011-02-30"), [("value", "Patient.birthDate")]),
        (_patient(id="a_b"), [("value", "Patient.id")]),
        (_patient(id=5), [("structure", "Patient.id")]),
        (_patient(meta={"lastUpdated": "2024-02-29"}), [("value", "Patient.meta.lastUpdated")]),
        (_patient(meta={"profile": ["a b"]}), [("value", "Patient.meta.profile[0]")]),
        (_patient(multipleBirthInteger=True), [("structure", "Patient.multipleBirth.ofType(integer)")]),
        (
            _patient(managingOrganization={"reference": "a b"}),
            [("value", "Patient.managingOrganization.reference")],
        ),
        (_patient(language="not a language"), [("code-invalid", "Patient.language")]),
        # contained resources
        (
            _patient(contained=[{"resourceType": "Basic"}]),
            [
                ("required", "Patient.contained[0].code"),
                ("required", "Patient.contained[0].id"),
            ],
        ),
        (_patient(contained=[{"id": "a"}]), [("structure", "Patient.contained[0]")]),
        (
            _patient(contained=[_patient(id="a", contained=[_patient(id="b")])], link=[_LINK]),
            [("invariant", "Patient.contained[0].contained")],
        ),
        (
            _patient(
                contained=[
                    _patient(
                        id="a",
                        meta={
                            "versionId": "1",
                            "lastUpdated": "2024-02-29T10:00:00Z",
                            "security": [{"code": "R"}],
                            "tag": [{"code": "a"}],
                        },
                    )
                ],
                link=[_LINK],
            ),
            [
                ("invariant", "Patient.contained[0].meta.versionId"),
                ("invariant", "Patient.contained[0].meta.lastUpdated"),
                ("invariant", "Patient.contained[0].meta.security"),
            ],
        ),
        # resources inside others
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{}, {"resource": _patient(gender="x")}]},
            [("structure", "Bundle.entry[0]"), ("code-invalid", "Bundle.entry[1].resource.gender")],
        ),
        (
            {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "Foo"}}]},
            [("structure", "Bundle.entry[0].resource")],
        ),
        (
            {"resourceType": "Parameters", "parameter": [{"name": "a", "resource": _patient(nickname="b")}]},
            [("structure", "Parameters.parameter[0].resource.nickname")],
        ),
    ],
)
def test_this_is_refused_where_it_is_wrong(resource: Any, expected: list[tuple[str, str]]) -> None:
    assert _found(resource) == expected


@pytest.mark.parametrize(
    ("resource", "sentence"),
    [
        (
            _patient(birthDate="2011-02-30"),
            "Patient.birthDate has to be a date as YYYY, YYYY-MM or YYYY-MM-DD, with a day that the calendar "
            "has; '2011-02-30' is not.",
        ),
        (
            _patient(active="true"),
            "Patient.active has to be the JSON boolean true or false; a string is not.",
        ),
        (
            _patient(birthdate="2024"),
            "Patient.birthdate is not an element of Patient; did you mean 'birthDate'?",
        ),
        (
            _observation(value="a"),
            "Observation.value is not an element of Observation; its type is part of its name, as in "
            "'valueQuantity'.",
        ),
        (
            _observation(status="finished"),
            "Observation.status has to be one of the codes of "
            "http://hl7.org/fhir/ValueSet/observation-status "
            "(amended, cancelled, corrected, entered-in-error, final, preliminary, registered, unknown); "
            "'finished' is not.",
        ),
        ({"resourceType": "Observation", "status": "final"}, "Observation.code is required and missing."),
        (_patient(name={}), "Patient.name may repeat and so has to be an array; an object is not."),
        (_patient(name=[]), "Patient.name is an empty array; leave the element out."),
        (_patient(name=[{}]), "Patient.name[0] is an empty object; leave the element out."),
        (_patient(name=None), "Patient.name may repeat and so has to be an array; null is not."),
        (
            _observation(valueString="a", valueBoolean=True),
            "Observation.value.ofType(boolean) stands beside 'valueString'; only one type of the element "
            "may be used.",
        ),
        (
            {"resourceType": "Patiant"},
            "Patiant has the resourceType 'Patiant', which is no resource type of R4; "
            "did you mean 'Patient'?",
        ),
        ({}, "Resource has no 'resourceType', and so nobody can say what it is."),
        (
            _patient(multipleBirthInteger=2**31),
            "Patient.multipleBirth.ofType(integer) has to be a whole JSON number from -2147483648 to "
            "2147483647; this value is not.",
        ),
    ],
)
def test_a_sentence_says_what_was_found_and_what_belongs_there(resource: Json, sentence: str) -> None:
    assert [issue.diagnostics for issue in validate(resource)] == [sentence]


@pytest.mark.parametrize(
    ("resource", "secret"),
    [
        (_patient(name=[{"family": ["Windsor"]}]), "Windsor"),
        (_patient(name=[{"family": "Wind\x00sor"}]), "Wind"),
        (_patient(id="9000_000009"), "9000"),
        (_patient(birthDate="9000000009"), "9000000009"),
        (_patient(gender="9000000009"), "9000000009"),
        (_patient(gender="Jim Windsor"), "Windsor"),
        (_patient(birthDate="Windsor"), "Windsor"),
        (_patient(managingOrganization={"reference": "Organization/for Windsor"}), "Windsor"),
        (_patient(**{"Jim Windsor": 1}), "Windsor"),
        (_patient(text={"status": "generated", "div": "<div>Windsor"}), "Windsor"),
        (_patient(photo=[{"data": "Windsor!"}]), "Windsor"),
        (_patient(multipleBirthInteger=9000000009), "9000000009"),
        ({"resourceType": "Jim Windsor"}, "Windsor"),
    ],
)
def test_a_sentence_holds_nobody_s_data(resource: Json, secret: str) -> None:
    issues = validate(resource)
    assert issues
    assert not any(secret in issue.diagnostics or secret in issue.expression[0] for issue in issues)


def test_what_is_quoted_is_cut_to_size() -> None:
    (issue,) = validate(_patient(gender="x" * 200))
    assert f"'{'x' * 59}…'" in issue.diagnostics
    (issue,) = validate(_patient(**{"y" * 200: 1}))
    assert issue.diagnostics == "Patient has a property that is not an element of Patient."
