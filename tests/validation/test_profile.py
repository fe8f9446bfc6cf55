"""https://hl7.org/fhir/R4/profiling.html: profiles made here, each with what it lets pass and what not."""

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from server.definition.library import Library
from server.definition.loose import hold, library_with
from server.fhir import Json
from server.validation.context import Context
from server.validation.validate import validate

_HL7 = "http://hl7.org/fhir/StructureDefinition"
_OURS = "https://example.org/StructureDefinition"


def _profile(name: str, type: str, *elements: Json, kind: str = "resource", **more: Any) -> Json:
    return {
        "resourceType": "StructureDefinition",
        "id": name,
        "url": f"{_OURS}/{name}",
        "name": name,
        "status": "active",
        "kind": kind,
        "abstract": False,
        "type": type,
        "baseDefinition": f"{_HL7}/{type}",
        "derivation": "constraint",
        "differential": {"element": [{"id": each["path"], **each} for each in elements]},
        **more,
    }


def _sliced(path: str, kind: str, by: str, **rules: Any) -> Json:
    return {
        "path": path,
        "slicing": {"discriminator": [{"type": kind, "path": by}], "rules": "open", **rules},
    }


def _slice(path: str, name: str, *inside: Json, **said: Any) -> tuple[Json, ...]:
    tail = path.rpartition(".")[2]
    head = f"{path.rpartition('.')[0]}.{tail}:{name}"
    children = ({**each, "id": each["path"].replace(path, head, 1)} for each in inside)
    return {"id": head, "path": path, "sliceName": name, **said}, *children


def _reference(profile: str) -> list[Json]:
    return [{"code": "Reference", "targetProfile": [profile]}]


_PROFILES = (
    _profile(
        "Bounds", "Patient", {"path": "Patient.gender", "min": 1}, {"path": "Patient.photo", "max": "0"}
    ),
    _profile("Fixed", "Patient", {"path": "Patient.active", "fixedBoolean": True}),
    _profile(
        "Pattern",
        "Patient",
        {"path": "Patient.maritalStatus", "patternCodeableConcept": {"coding": [{"code": "M"}]}},
    ),
    _profile("Type", "Observation", {"path": "Observation.value[x]", "type": [{"code": "Quantity"}]}),
    _profile("Length", "Patient", {"path": "Patient.language", "maxLength": 2}),
    _profile("Least", "Patient", {"path": "Patient.birthDate", "minValueDate": "2000-01-01"}),
    _profile(
        "Rule",
        "Patient",
        {
            "path": "Patient",
            "constraint": [
                {"key": "r-1", "severity": "error", "human": "Active.", "expression": "active = true"},
                {"key": "r-2", "severity": "warning", "human": "Named.", "expression": "name.exists()"},
            ],
        },
    ),
    _profile(
        "Ordered",
        "Patient",
        _sliced("Patient.identifier", "value", "system", ordered=True, rules="closed"),
        *_slice("Patient.identifier", "a", {"path": "Patient.identifier.system", "fixedUri": "urn:a"}, min=1),
        *_slice(
            "Patient.identifier", "b", {"path": "Patient.identifier.system", "fixedUri": "urn:b"}, max="1"
        ),
    ),
    _profile(
        "AtEnd",
        "Patient",
        _sliced("Patient.identifier", "value", "system", rules="openAtEnd"),
        *_slice("Patient.identifier", "a", {"path": "Patient.identifier.system", "fixedUri": "urn:a"}),
    ),
    _profile(
        "Exists",
        "Patient",
        _sliced("Patient.name", "exists", "period"),
        *_slice("Patient.name", "now", {"path": "Patient.name.period", "max": "0"}, max="1"),
        *_slice(
            "Patient.name",
            "then",
            {"path": "Patient.name.period", "min": 1},
            {"path": "Patient.name.use", "min": 1},
        ),
    ),
    _profile(
        "ByType",
        "Observation",
        _sliced("Observation.value[x]", "type", "$this"),
        *_slice("Observation.value[x]", "valueQuantity", type=[{"code": "Quantity"}], min=1),
    ),
    _profile("Grown", "Patient", {"path": "Patient.birthDate", "min": 1}),
    _profile(
        "Resolved",
        "List",
        _sliced("List.entry", "profile", "item.resolve()"),
        *_slice(
            "List.entry",
            "grown",
            {"path": "List.entry.item", "type": _reference(f"{_OURS}/Grown")},
            max="1",
        ),
    ),
    _profile("Target", "Observation", {"path": "Observation.subject", "type": _reference(f"{_OURS}/Grown")}),
    _profile(
        "Inside",
        "Observation",
        {
            "path": "Observation.subject",
            "type": [{"code": "Reference", "aggregation": ["contained"]}],
        },
    ),
)


def _extension(name: str, context: Json, *elements: Json, **more: Any) -> Json:
    return _profile(
        name,
        "Extension",
        {"path": "Extension.url", "fixedUri": f"{_OURS}/{name}"},
        *elements,
        kind="complex-type",
        context=[context],
        **more,
    )


_ON_ADDRESS = {"type": "element", "expression": "Patient.address"}
_ON_PATIENT = {"type": "element", "expression": "Patient"}
_EXTENSIONS = (
    _extension("here", _ON_ADDRESS, {"path": "Extension.value[x]", "type": [{"code": "boolean"}]}),
    _extension("flag", _ON_PATIENT, contextInvariant=["active.exists()"]),
    _extension("modifies", _ON_PATIENT, {"path": "Extension", "isModifier": True, "isModifierReason": "a"}),
    _extension("nested", {"type": "extension", "expression": f"{_OURS}/flag"}),
)


@pytest.fixture(scope="module")
def known() -> Library:
    return library_with((*_PROFILES, *_EXTENSIONS))


@pytest.fixture(autouse=True)
def _held(known: Library) -> Iterator[None]:
    hold(known)
    yield
    hold(None)


def _patient(**elements: Any) -> Json:
    return {"resourceType": "Patient", **elements}


def _observation(**elements: Any) -> Json:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **elements}


def _contained(**elements: Any) -> Json:
    return _observation(subject={"reference": "#p"}, contained=[_patient(id="p", **elements)])


def _list(*dates: str | None) -> Json:
    return {
        "resourceType": "List",
        "status": "current",
        "mode": "working",
        "contained": [
            _patient(id=f"p{index}", **({"birthDate": each} if each else {"active": True}))
            for index, each in enumerate(dates)
        ],
        "entry": [{"item": {"reference": f"#p{index}"}} for index in range(len(dates))],
    }


def _ids(*systems: str) -> Json:
    return _patient(identifier=[{"system": f"urn:{each}", "value": "1"} for each in systems])


_PERIOD = {"start": "2024"}


@pytest.mark.parametrize(
    ("profile", "resource", "places"),
    [
        ("Bounds", _patient(gender="male"), []),
        ("Bounds", _patient(photo=[{"title": "a"}]), ["Patient.gender", "Patient.photo"]),
        ("Bounds", _observation(), ["Observation"]),
        ("Fixed", _patient(active=True), []),
        ("Fixed", _patient(active=False), ["Patient.active"]),
        ("Pattern", _patient(maritalStatus={"coding": [{"code": "S"}, {"code": "M"}]}), []),
        ("Pattern", _patient(maritalStatus={"text": "M"}), ["Patient.maritalStatus"]),
        ("Type", _observation(valueQuantity={"value": 1}), []),
        ("Type", _observation(valueString="1"), ["Observation.value.ofType(string)"]),
        ("Length", _patient(language="en"), []),
        ("Length", _patient(language="en-GB"), ["Patient.language"]),
        ("Least", _patient(birthDate="2000"), []),
        ("Least", _patient(birthDate="1999-12-31"), ["Patient.birthDate"]),
        ("Rule", _patient(active=True), []),
        ("Rule", _patient(active=False), ["Patient"]),
        ("Ordered", _ids("a", "a", "b"), []),
        ("Ordered", _ids("b"), ["Patient.identifier"]),
        ("Ordered", _ids("a", "b", "b"), ["Patient.identifier"]),
        ("Ordered", _ids("b", "a"), ["Patient.identifier[1]"]),
        ("Ordered", _ids("a", "c"), ["Patient.identifier[1]"]),
        ("AtEnd", _ids("a", "c", "d"), []),
        ("AtEnd", _ids("c", "a"), ["Patient.identifier[1]"]),
        ("Exists", _patient(name=[{"text": "a"}, {"use": "old", "period": _PERIOD}]), []),
        ("Exists", _patient(name=[{"text": "a"}, {"text": "b"}]), ["Patient.name"]),
        ("Exists", _patient(name=[{"period": _PERIOD}]), ["Patient.name[0].use"]),
        ("ByType", _observation(valueQuantity={"value": 1}), []),
        ("ByType", _observation(valueString="a"), ["Observation.value"]),
        ("Resolved", _list("2000", None, None), []),
        ("Resolved", _list("2000", None, "2001"), ["List.entry"]),
        ("Target", _contained(birthDate="2000"), []),
        ("Target", _contained(active=True), ["Observation.subject"]),
        ("Target", _observation(subject={"reference": "Patient/unseen"}), []),
        ("Target", _observation(subject={"reference": "Group/a"}), ["Observation.subject"]),
        ("Inside", _contained(active=True), []),
        ("Inside", _observation(subject={"reference": "Patient/a"}), ["Observation.subject"]),
    ],
)
def test_a_profile_says_what_it_asks_for_and_where(profile: str, resource: Json, places: list[str]) -> None:
    issues = validate(resource, [f"{_OURS}/{profile}"])
    assert [issue.expression[0] for issue in issues] == places
    assert all(issue.profile == f"{_OURS}/{profile}" for issue in issues)
    assert all(issue.source.startswith(_OURS) for issue in issues)


def _extended(name: str, **more: Any) -> Json:
    return {"url": f"{_OURS}/{name}", "valueBoolean": True, **more}


def _flag_inside() -> Json:
    return {
        "url": f"{_OURS}/flag",
        "valueBoolean": True,
        "_valueBoolean": {"extension": [_extended("nested")]},
    }


@pytest.mark.parametrize(
    ("resource", "places"),
    [
        (_patient(address=[{"text": "a", "extension": [_extended("here")]}]), []),
        (_patient(extension=[_extended("here")]), ["Patient.extension[0]"]),
        (_patient(name=[{"text": "a", "extension": [_extended("here")]}]), ["Patient.name[0].extension[0]"]),
        (
            _patient(address=[{"text": "a", "extension": [{"url": f"{_OURS}/here", "valueCode": "a"}]}]),
            ["Patient.address[0].extension[0].value.ofType(code)"],
        ),
        (_patient(active=True, extension=[_extended("flag")]), []),
        (_patient(extension=[_extended("flag")]), ["Patient.extension[0]"]),
        (_patient(active=True, extension=[_flag_inside()]), []),
        (_patient(extension=[_extended("nested")]), ["Patient.extension[0]"]),
        (_patient(modifierExtension=[_extended("modifies")]), []),
        (_patient(extension=[_extended("modifies")]), ["Patient.extension[0]"]),
        (_patient(modifierExtension=[_extended("flag")], active=True), ["Patient.modifierExtension[0]"]),
        (_patient(modifierExtension=[_extended("unknown")]), ["Patient.modifierExtension[0]"]),
        (_patient(extension=[_extended("unknown")]), []),
        (_patient(extension=[{"url": "name", "valueBoolean": True}]), ["Patient.extension[0].url"]),
    ],
)
def test_an_extension_stands_where_its_definition_allows_it(resource: Json, places: list[str]) -> None:
    assert [issue.expression[0] for issue in validate(resource)] == places


def test_an_extension_that_nobody_knows_is_an_error_only_to_who_wants_it_so() -> None:
    resource = _patient(extension=[{"url": "https://nobody.example/a", "valueBoolean": True}])
    severities = [
        [each.severity for each in validate(resource, context=context) if each.code == "extension"]
        for context in (Context(), Context(full=True), Context(closed=True))
    ]
    assert severities == [[], ["information"], ["error"]]


def test_a_profile_that_a_resource_claims_is_asked_at_every_level() -> None:
    claiming = _patient(meta={"profile": [f"{_OURS}/Fixed"]}, active=False)
    entry = {"fullUrl": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "resource": claiming}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    assert [issue.expression for issue in validate(bundle)] == [("Bundle.entry[0].resource.active",)]


def test_warnings_are_worked_out_in_full_only() -> None:
    resource = _patient(active=True)
    assert validate(resource, [f"{_OURS}/Rule"]) == []
    said = {(each.rule, each.severity) for each in validate(resource, [f"{_OURS}/Rule"], Context(full=True))}
    assert ("r-2", "warning") in said


def test_a_profile_that_is_not_known_is_named() -> None:
    context = Context(full=True)
    (asked,) = (each for each in validate(_patient(), ["urn:a"], context) if each.code == "not-found")
    claiming = _patient(meta={"profile": ["urn:a"]})
    (claimed,) = (each for each in validate(claiming, context=context) if each.code == "not-found")
    assert (asked.severity, claimed.severity) == ("error", "warning")


def test_what_a_reference_leads_to_is_asked_of_the_context() -> None:
    def resolve(reference: str, within: Json) -> Json | None:
        return _patient(birthDate="2000") if reference == "Patient/grown" else _patient()

    places = [
        [each.expression[0] for each in validate(resource, [f"{_OURS}/Target"], Context(resolve=resolve))]
        for reference in ("Patient/grown", "Patient/small")
        for resource in [_observation(subject={"reference": reference})]
    ]
    assert places == [[], ["Observation.subject"]]


def test_a_code_is_asked_about_for_the_day_that_the_resource_is_about() -> None:
    base = "https://w3id.org/single-child-record"
    mark = {"coding": [{"system": f"{base}/CodeSystem/attendance-code-pre2024", "code": "H"}]}
    resource = _observation(valueCodeableConcept=mark)
    issues = [
        [
            each.diagnostics
            for each in validate(resource, [f"{base}/StructureDefinition/SchoolAttendance"], Context(at=at))
            if each.code == "code-invalid" and "value" in each.expression[0]
        ]
        for at in (date(2023, 5, 2), date(2025, 5, 2))
    ]
    assert issues[0] == []
    assert "was not in use on 2025-05-02" in issues[1][0]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (date(2023, 5, 2), "CodeSystem/attendance-code-pre2024 has it."),
        (date(2025, 5, 2), "CodeSystem/attendance-code-pre2024 has it, but until 2024-08-18."),
    ],
)
def test_a_code_of_another_system_of_the_value_set_is_said_to_be_there(at: date, said: str) -> None:
    base = "https://w3id.org/single-child-record"
    mark = {"coding": [{"system": f"{base}/CodeSystem/attendance-code", "code": "H"}]}
    resource = _observation(valueCodeableConcept=mark)
    issues = validate(resource, [f"{base}/StructureDefinition/SchoolAttendance"], Context(at=at))
    assert any(issue.code == "code-invalid" and said in issue.diagnostics for issue in issues)


@pytest.mark.parametrize(
    "expression",
    [
        "name.family.toChars()" + ".select(%resource.name.family.toChars())" * 8 + ".exists().not()",
        "name.family.first()" + ".select($this & $this)" * 60 + " = 'x'",
        "name.family.first()" + ".select($this.replace('', $this))" * 9 + " = 'x'",
        "name.family.first().replaceMatches('(a+)+$', 'b') = 'x'",
    ],
)
def test_a_rule_that_takes_too_long_is_not_held_against_anyone_and_says_so(expression: str) -> None:
    rule = {"key": "slow-1", "severity": "error", "human": "Slow", "expression": expression}
    profile = _profile("slow", "Patient", {"path": "Patient", "constraint": [rule]})
    hold(library_with([profile]))
    before = time.perf_counter()
    found = validate(_patient(name=[{"family": "a" * 60 + "!"}]), [profile["url"]])
    assert time.perf_counter() - before < 3
    assert [(each.severity, each.code, each.rule) for each in found] == [("warning", "too-costly", "slow-1")]
