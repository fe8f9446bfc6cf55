"""FHIRPath Patch: HL7's own cases, and the places that they do not go to."""

from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from server.definition.library import library
from server.definition.xml import from_xml
from server.fhir.issue import Inapplicable, Malformed
from server.fhir.patch.fhirpath_patch import patched

SUITE = Path(__file__).parents[2] / "data/fhir-test-cases/patch/fhir-patch-tests.xml"
CASES = etree.parse(SUITE, etree.XMLParser(remove_comments=True)).findall("case")

TYPE_OF = library().children


def resource(case, name):
    [found] = case.find(name)
    found.tail = None
    return from_xml(etree.tostring(found))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.get("name"))
def test_hl7s_own_cases(case):
    given, patch = resource(case, "input"), resource(case, "diff")
    if case.find("error") is not None:
        with pytest.raises(Inapplicable, match="finds nothing"):
            patched(given, patch, TYPE_OF)
    else:
        assert patched(given, patch, TYPE_OF) == resource(case, "output")
    assert given == resource(case, "input")


def part(name, **value):
    return {"name": name, **value}


def operation(type_, path, name=None, parts=None, **value):
    """One parameter: `value` is `valueString=…`, `part=[…]` or `resource=…`; `parts`: index and the like."""
    given = [part("type", valueCode=type_), part("path", valueString=path)]
    given += [part("name", valueString=name)] if name else []
    given += [part(each, valueInteger=number) for each, number in (parts or {}).items()]
    given += [part("value", **value)] if value else []
    return {"name": "operation", "part": given}


def parameters(*operations):
    return {"resourceType": "Parameters", "parameter": list(operations)}


EXTENSION = {"url": "urn:x", "valueString": "x"}

PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {"family": "A", "given": ["B", "C"], "_given": [None, {"extension": [EXTENSION]}]},
        {"use": "old", "given": ["D"]},
    ],
    "telecom": [
        {"system": "phone", "value": "07 1"},
        {"system": "email", "value": "a@b", "period": {"start": "2020"}},
    ],
    "birthDate": "2014-03-14",
    "_birthDate": {"extension": [EXTENSION, {"url": "urn:y", "valueCode": "y"}]},
    "_gender": {"extension": [EXTENSION]},
    "deceasedDateTime": "2020-01-01",
    "_deceasedDateTime": {"id": "d"},
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "O"}],
}

OBSERVATION = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "c"},
    "valueQuantity": {"value": Decimal("1.50"), "unit": "m"},
    "component": [{"code": {"text": "d"}, "valueInteger": 1}],
}


def name(at, **changed):
    """The names with one changed; None takes away."""
    names = [dict(each) for each in PATIENT["name"]]
    names[at] = {key: value for key, value in {**names[at], **changed}.items() if value is not None}
    return {"name": names}


def telecom(at, **changed):
    """The telecom with one changed; None takes away."""
    listed = [dict(each) for each in PATIENT["telecom"]]
    listed[at] = {key: value for key, value in {**listed[at], **changed}.items() if value is not None}
    return {"telecom": listed}


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        # Each kind of element.
        (operation("replace", "Patient.active", valueBoolean=False), {"active": False}),
        (operation("replace", "Patient.multipleBirth", valueInteger=3), {"multipleBirthInteger": 3}),
        (operation("replace", "Patient.contained[0].name", valueString="P"),
         {"contained": [{"resourceType": "Organization", "id": "o", "name": "P"}]}),
        (operation("add", "Patient", "contained", resource={"resourceType": "Basic", "code": {"text": "b"}}),
         {"contained": [*PATIENT["contained"], {"resourceType": "Basic", "code": {"text": "b"}}]}),
        (operation("add", "Patient", "text", part=[part("status", valueCode="generated"),
                                                   part("div", valueString="<div>x</div>")]),
         {"text": {"status": "generated", "div": "<div>x</div>"}}),
        (operation("add", "Patient", "communication", part=[
            part("language", valueCodeableConcept={"text": "en"}), part("preferred", valueBoolean=True)]),
         {"communication": [{"language": {"text": "en"}, "preferred": True}]}),
        # Ways to an element.
        (operation("replace", "Patient.name.where(use = 'old').given", valueString="E"),
         name(1, given=["E"])),
        (operation("replace", "Patient.name.first().family", valueString="E"), name(0, family="E")),
        (operation("replace", "Patient.name.last().use", valueCode="usual"), name(1, use="usual")),
        (operation("replace", "name[0].family", valueString="E"), name(0, family="E")),
        (operation("replace", "Patient.telecom.where(system = 'email' and value = 'a@b').value",
                   valueString="c@d"), telecom(1, value="c@d")),
        (operation("replace", "Patient.telecom.where(value.startsWith('07')).value", valueString="08"),
         telecom(0, value="08")),
        (operation("replace", "Patient.telecom.where(period.exists().not())[0].value", valueString="08"),
         telecom(0, value="08")),
        (operation("replace", "Patient.telecom.skip(1).period.start", valueDateTime="2021"),
         telecom(1, period={"start": "2021"})),
        (operation("delete", "Patient.telecom.where(period.start >= @2020).period"),
         telecom(1, period=None)),
        # Primitives have an id and extensions beside them, which go where they go.
        (operation("replace", "Patient.birthDate", valueDate="2015"),
         {"birthDate": "2015", "_birthDate": ...}),
        (operation("delete", "Patient.birthDate"), {"birthDate": ..., "_birthDate": ...}),
        (operation("delete", "Patient.birthDate.extension[0]"),
         {"_birthDate": {"extension": [{"url": "urn:y", "valueCode": "y"}]}}),
        (operation("delete", "Patient.birthDate.extension('urn:x')"),
         {"_birthDate": {"extension": [{"url": "urn:y", "valueCode": "y"}]}}),
        (operation("replace", "Patient.birthDate.extension.where(url = 'urn:y').value", valueCode="z"),
         {"_birthDate": {"extension": [EXTENSION, {"url": "urn:y", "valueCode": "z"}]}}),
        (operation("delete", "Patient.gender.extension"), {"_gender": ...}),
        (operation("delete", "Patient.deceased.id"), {"_deceasedDateTime": ...}),
        (operation("add", "Patient.gender", "id", valueString="g"),
         {"_gender": {"extension": [EXTENSION], "id": "g"}}),
        (operation("add", "Patient.active", "extension", part=[part("url", valueUri="urn:z"),
                                                               part("value", valueString="z")]),
         {"_active": {"extension": [{"url": "urn:z", "valueString": "z"}]}}),
        (operation("delete", "Patient.name[0].given[1].extension"), name(0, _given=None)),
        (operation("delete", "Patient.name[0].given[0]"),
         name(0, given=["C"], _given=[{"extension": [EXTENSION]}])),
        (operation("add", "Patient.name[1]", "given", valueString="E"), name(1, given=["D", "E"])),
        (operation("insert", "Patient.name[0].given", parts={"index": 1}, valueString="E"),
         name(0, given=["B", "E", "C"], _given=[None, None, {"extension": [EXTENSION]}])),
        (operation("move", "Patient.name[0].given", parts={"source": 1, "destination": 0}),
         name(0, given=["C", "B"], _given=[{"extension": [EXTENSION]}, None])),
        (operation("add", "Patient.name[1].given[0]", "id", valueString="i"), name(1, _given=[{"id": "i"}])),
        # A choice changes its type and keeps its place.
        (operation("replace", "Patient.deceased", valueBoolean=True),
         {"deceasedDateTime": ..., "_deceasedDateTime": ..., "deceasedBoolean": True}),
        (operation("delete", "Patient.deceased"), {"deceasedDateTime": ..., "_deceasedDateTime": ...}),
        (operation("delete", "Patient.deceased.as(dateTime)"),
         {"deceasedDateTime": ..., "_deceasedDateTime": ...}),
        # What is emptied goes; what is not there need not be deleted.
        (operation("delete", "Patient.telecom[1].period.start"), telecom(1, period=None)),
        (operation("delete", "Patient.photo"), {}),
        (operation("delete", "Patient.name.where(use = 'usual')"), {}),
        (operation("delete", "Observation.status"), {}),
    ],
)  # fmt: skip
def test_an_operation_changes_what_it_names_and_nothing_else(given, changed):
    expected = {key: value for key, value in {**PATIENT, **changed}.items() if value is not ...}
    assert patched(PATIENT, parameters(given), TYPE_OF) == expected


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (operation("replace", "Observation.value", valueString="x"),
         {"valueQuantity": ..., "valueString": "x"}),
        (operation("replace", "Observation.value.value", valueDecimal=Decimal("2.0")),
         {"valueQuantity": {"value": Decimal("2.0"), "unit": "m"}}),
        (operation("delete", "Observation.value.ofType(Quantity).unit"),
         {"valueQuantity": {"value": Decimal("1.50")}}),
        (operation("delete", "(Observation.value as Quantity).unit"),
         {"valueQuantity": {"value": Decimal("1.50")}}),
        (operation("delete", "Observation.value.where(unit.length() = 1).unit"),
         {"valueQuantity": {"value": Decimal("1.50")}}),
        (operation("add", "Observation", "component", part=[
            part("code", valueCodeableConcept={"text": "e"}), part("value", valueBoolean=False)]),
         {"component": [*OBSERVATION["component"], {"code": {"text": "e"}, "valueBoolean": False}]}),
        (operation("add", "Observation", "effective[x]", valueDateTime="2020"),
         {"effectiveDateTime": "2020"}),
        (operation("add", "Observation", "effectiveDateTime", valueDateTime="2020"),
         {"effectiveDateTime": "2020"}),
    ],
)  # fmt: skip
def test_a_choice_is_known_by_its_name(given, changed):
    expected = {key: value for key, value in {**OBSERVATION, **changed}.items() if value is not ...}
    found = patched(OBSERVATION, parameters(given), TYPE_OF)
    assert repr(found) == repr({key: found[key] for key in found})
    assert found == expected


@pytest.mark.parametrize(
    "given",
    [
        operation("add", "Patient.photo", "title", valueString="x"),
        operation("add", "Patient.name", "use", valueCode="usual"),
        operation("add", "Patient", "birthDate", valueDate="2015"),
        operation("add", "Patient", "deceased", valueBoolean=True),
        operation("add", "Patient", "nonsense", valueString="x"),
        operation("add", "Patient", "name", valueString="x"),
        operation("add", "Patient", "active", valueString="true"),
        operation("add", "Patient", "multipleBirth", valueString="true"),
        operation("add", "Patient", "gender", valueBoolean=True),
        operation("add", "Patient", "photo", valueIdentifier={"value": "x"}),
        operation("add", "Patient", "photo", resource={"resourceType": "Basic"}),
        operation("add", "Patient", "contained", valueString="x"),
        operation("add", "Patient", "communication", part=[part("nonsense", valueString="x")]),
        operation("add", "Patient", "communication",
                  part=[part("preferred", valueBoolean=True), part("preferred", valueBoolean=True)]),
        operation("add", "Patient.birthDate", "value", valueDate="2015"),
        operation("insert", "Patient.photo", parts={"index": 0}, valueAttachment={"title": "x"}),
        operation("insert", "Patient.name", parts={"index": 3}, valueHumanName={"text": "x"}),
        operation("insert", "Patient.name[0]", parts={"index": 0}, valueHumanName={"text": "x"}),
        operation("insert", "Patient.name.given", parts={"index": 0}, valueString="x"),
        operation("insert", "Patient.birthDate", parts={"index": 0}, valueDate="2015"),
        operation("delete", "Patient"),
        operation("delete", "Patient.name"),
        operation("delete", "Patient.nonsense"),
        operation("delete", "Patient.name.nonsense"),
        operation("replace", "Patient", resource={"resourceType": "Patient"}),
        operation("replace", "Patient.photo", valueAttachment={"title": "x"}),
        operation("replace", "Patient.telecom.value", valueString="x"),
        operation("replace", "Patient.deceased", valueString="x"),
        operation("move", "Patient.name", parts={"source": 2, "destination": 0}),
        operation("move", "Patient.name", parts={"source": 0, "destination": 2}),
        # Paths that are none, or cost more than the resource.
        operation("delete", "Patient.("),
        operation("delete", "Patient.name.where(%resource.name.exists())"),
        operation("delete", "Patient.descendants().where(exists())[0]"),
        operation("delete", "Patient.repeat(extension)[0]"),
        operation("delete", "Patient.name.where(family.matches('(a+)+$'))"),
        operation("delete", "Patient.managingOrganization.resolve()"),
        operation("delete", "'x'"),
        operation("delete", "Patient.name | Patient.telecom.where($this ~ 1)"),
        operation("delete", "Patient.name.given.where($this = 'B')"),
        operation("delete", "Patient.name[0].given[0] + 'x'"),
        operation("delete", "(" * 240 + "Patient" + ")" * 240 + ".active"),
        operation("delete", "Patient" + ".name" * 120),
        operation("delete", ""),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_which_operation_it_was(given):
    harmless = operation("replace", "Patient.active", valueBoolean=True)
    with pytest.raises(Inapplicable) as refused:
        patched(PATIENT, parameters(harmless, given), TYPE_OF)
    [issue] = refused.value.issues
    assert issue.expression == ("Parameters.parameter[1]",)
    assert issue.diagnostics.startswith("Operation 1 of the patch, '")


def test_what_a_path_compares_with_is_not_told_on():
    path = "Patient.name.where(family = 'Secret' or family.startsWith('Secret')).x"
    with pytest.raises(Inapplicable) as refused:
        patched(PATIENT, parameters(operation("replace", path, valueString="x")), TYPE_OF)
    assert "Secret" not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        "x",
        {"name": "operation"},
        {"name": "Operation", "part": []},
        operation("remove", "Patient.active"),
        operation("add", "Patient", valueString="x"),
        operation("add", "Patient", "active"),
        operation("insert", "Patient.name", valueString="x"),
        operation("insert", "Patient.name", parts={"index": -1}, valueString="x"),
        operation("insert", "Patient.name", parts={"index": True}, valueString="x"),
        operation("move", "Patient.name", parts={"source": 1}),
        operation("delete", 1),
        {"name": "operation", "part": "x"},
        {"name": "operation", "part": [{"name": "type", "valueCode": "delete"}, {"name": "path"}]},
        {"name": "operation", "part": [*operation("delete", "x")["part"], part("type", valueCode="delete")]},
        operation("add", "Patient", "active", valueBoolean=True, valueString="x"),
        operation("add", "Patient", "active", part=["x"]),
        operation("add", "Patient", "active", nonsense="x"),
    ],
)
def test_what_is_no_patch_is_refused_before_anything_is_done(given):
    failing = operation("delete", "Patient")
    with pytest.raises(Malformed):
        patched(PATIENT, parameters(failing, given), TYPE_OF)


def test_a_resource_is_patched_as_a_copy():
    before = repr(PATIENT)
    patched(
        PATIENT,
        parameters(
            operation("add", "Patient.name[0]", "given", valueString="x"),
            operation("delete", "Patient.telecom[0]"),
            operation("delete", "Patient.birthDate.extension[0]"),
        ),
        TYPE_OF,
    )
    assert repr(PATIENT) == before


def test_what_was_added_can_be_changed_by_the_next_operation():
    value = {"system": "urn:s", "value": "1"}
    given = parameters(
        operation("add", "Patient", "identifier", valueIdentifier=value),
        operation("replace", "Patient.identifier[0].value", valueString="2"),
    )
    assert patched(PATIENT, given, TYPE_OF)["identifier"] == [{"system": "urn:s", "value": "2"}]
    assert value["value"] == "1"


@pytest.mark.parametrize(
    ("invalid", "path"),
    [
        ({"given": "B"}, "Patient.name[2].given[0]"),
        ({"given": ["B"], "_given": {"id": "x"}}, "Patient.name[2].given[0]"),
        ({"extension": ["x"]}, "Patient.name[2].extension('urn:x')"),
        ({"period": "x"}, "Patient.name.where(period.start = '2020')"),
        ({"period": ["x"]}, "Patient.name.where(period.start > '2020')"),
        ({"period": 1}, "Patient.name[2].period.start"),
    ],
)
def test_what_an_operation_left_invalid_fails_at_the_next_or_does_nothing(invalid, path):
    """That the outcome is not valid is said when all is done."""
    first = operation("add", "Patient", "name", valueHumanName=invalid)
    with suppress(Inapplicable):
        found = patched(PATIENT, parameters(first, operation("delete", path)), TYPE_OF)
        assert found["name"][2] == invalid


NAMES = [
    "Patient",
    "name",
    "given",
    "birthDate",
    "extension",
    "contact",
    "deceased",
    "value",
    "contained",
    "id",
]
STEPS = st.sampled_from(
    [
        *NAMES,
        "first()",
        "last()",
        "where(use = 'old')",
        "where($this.exists())",
        "extension('urn:x')",
        "skip(1)",
    ]
)
PATHS = st.lists(STEPS, min_size=1, max_size=5).map(".".join) | st.text("Patient.name()[0]'|$", max_size=30)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from([*NAMES, "url", "_given", "resourceType"]), inside, max_size=3)
    ),
    max_leaves=6,
)
VALUES = st.dictionaries(
    st.sampled_from(
        ["valueString", "valueDate", "_valueDate", "valueHumanName", "valueExtension", "part", "resource"]
    ),
    ANYTHING,
    max_size=2,
)


@given(
    st.lists(
        st.builds(
            lambda type_, path, name, numbers, value: operation(type_, path, name, numbers, **value),
            st.sampled_from(["add", "insert", "delete", "replace", "move"]),
            PATHS,
            st.sampled_from(NAMES),
            st.fixed_dictionaries({key: st.integers(0, 3) for key in ("index", "source", "destination")}),
            VALUES,
        ),
        max_size=4,
    )
)
def test_whatever_is_sent_is_carried_out_or_refused(operations):
    before = repr(PATIENT)
    with suppress(Inapplicable, Malformed):
        assert patched(PATIENT, parameters(*operations), TYPE_OF)["resourceType"]
    assert repr(PATIENT) == before
