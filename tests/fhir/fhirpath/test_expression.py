"""What an expression means beyond what is published: how it is read, and what it asks of the world."""

from typing import Any

import pytest

from server.definition.library import library
from server.fhir import Json
from server.fhir.expression import Binary, Call, Name, Unread, parse, tree
from server.fhir.fhirpath import Environment, Misused, Unknown, compile

PATIENT: Json = {
    "resourceType": "Patient",
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Inside"}],
    "name": [{"given": ["A", None], "_given": [None, {"extension": [{"url": "urn:e", "valueCode": "c"}]}]}],
    "birthDate": "2015-03-04",
    "_birthDate": {"id": "b", "extension": [{"url": "urn:e", "valueString": "s"}]},
    "_gender": {"extension": [{"url": "urn:e", "valueString": "s"}]},
    "managingOrganization": {"reference": "#o"},
    "generalPractitioner": [{"reference": "Practitioner/1"}, {"reference": "Organization/2"}],
    "maritalStatus": {"coding": [{"system": "urn:s", "code": "M"}]},
}


def values(expression: str, resource: Json = PATIENT, **environment: Any) -> list[Any]:
    compiled = compile(expression, resource["resourceType"], library().children)
    return compiled.values(resource, Environment(resource=resource, **environment))


def holds(expression: str, resource: Json = PATIENT, **environment: Any) -> bool:
    compiled = compile(expression, resource["resourceType"], library().children)
    return compiled.holds(resource, Environment(resource=resource, **environment))


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("a or b and c", "a or (b and c)"),
        ("a implies b or c", "a implies (b or c)"),
        ("a | b = c", "(a | b) = c"),
        ("a = b in c", "a = b in c"),
        ("a + b * c", "a + (b * c)"),
        ("a is Patient and b", "(a is Patient) and b"),
        ("a as Quantity | b", "(a as Quantity) | b"),
        ("a < b = c", "(a < b) = c"),
        ("a /* ( */ . b // )", "a.b"),
        ("a.`b`", "a.b"),
    ],
)
def test_operators_bind_as_the_grammar_says(expression, same):
    assert repr(tree(expression)).split("text=")[0] == repr(tree(same)).split("text=")[0]


def test_words_of_the_language_are_names_after_a_point():
    assert tree("contains.code") == Name(Name(None, "contains"), "code")
    assert tree("a.is.as") == Name(Name(Name(None, "a"), "is"), "as")
    assert tree("a contains b") == Binary("contains", Name(None, "a"), Name(None, "b"))


@pytest.mark.parametrize(
    "expression", ["", "a..b", "a.", "(a", "a)", "a and", "'a", "@24", "a b", "{1}", "a[", "%"]
)
def test_what_is_no_fhirpath_is_refused(expression):
    with pytest.raises(Unread):
        tree(expression)


@pytest.mark.parametrize("call", ["frobnicate()", "substring()", "where($this, $this)", "matches('(')"])
def test_a_function_that_there_is_not_is_refused(call):
    with pytest.raises(Unread):
        compile(f"birthDate.{call}", "Patient", library().children)


def test_an_expression_without_end_is_refused():
    with pytest.raises(Unread):
        tree("(" * 5000 + "1" + ")" * 5000)


@pytest.mark.parametrize(
    "expression", ["$this", "a + b", "-a", "%resource.a", "{}", "@2024", "a[b]", "a > b"]
)
def test_a_search_parameter_has_paths_alone(expression):
    with pytest.raises(Unread):
        parse(expression)
    assert parse("a.where(b = 'c')").parts == (Call(Name(None, "a"), "where", (tree("b = 'c'"),)),)


@pytest.mark.parametrize(
    "expression",
    ["nmae", "name.gvien", "name.where(gvien = 'A')", "name.given.family", "name.exists(gvien)",
     "(name | telecom).gvien", "Encounter.status", "name is Nmae", "name.ofType(HumanNmae)"],
)  # fmt: skip
def test_an_element_that_does_not_exist_is_refused_beforehand(expression):
    with pytest.raises(Unknown):
        compile(expression, "Patient", library().children)


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("gender.exists()", [True]),
        ("gender.hasValue()", [False]),
        ("gender.extension('urn:e').value", ["s"]),
        ("gender", []),
        ("gender = 'x'", []),
        ("birthDate.extension('urn:e').value", ["s"]),
        ("birthDate.id", ["b"]),
        ("birthDate.value is System.String", [True]),
        ("name.given.count()", [2]),
        ("name.given.hasValue()", [False]),
        ("name.given.select(hasValue())", [True, False]),
        ("name.given[1].extension.value", ["c"]),
        ("birthDate.children().count()", [2]),
        ("descendants().ofType(code)", ["M", "c"]),
        ("contained.ofType(Organization).name", ["Inside"]),
        ("name.given.trace('given', $this)", ["A"]),
        ("name.select($index)", [0]),
        ("(1 | 2 | 3).select($this * $index)", [0, 2, 6]),
        ("(3 | 1 | 2).sort()", [1, 2, 3]),
        ("(3 | 1 | 2).max()", [3]),
        ("(3 | 1 | 2).sum()", [6]),
        ("birthDate + 1 month", ["2015-04-04"]),
        ("(1 | 2) in (1 | 2 | 3)", [True]),
        ("(1 | 4) in (1 | 2 | 3)", [False]),
        ("birthDate.as(Date)", ["2015-03-04"]),
        ("birthDate is Date", [False]),
        ("%ucum", ["http://unitsofmeasure.org"]),
        ("%`vs-x`", ["http://hl7.org/fhir/ValueSet/x"]),
        ("%context.birthDate", ["2015-03-04"]),
        ("%resource.birthDate", ["2015-03-04"]),
    ],
)
def test_what_stands_beside_a_primitive_is_found(expression, found):
    assert values(expression) == found


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("managingOrganization.resolve().name = 'Inside'", True),
        ("managingOrganization.resolve() is Organization", True),
        ("managingOrganization.resolve() is Patient", False),
        ("generalPractitioner[0].resolve() is Practitioner", True),
        ("generalPractitioner[0].resolve() is Organization", False),
        ("generalPractitioner.where(resolve() is Organization).count() = 1", True),
        # What the resource itself says is not known here, and held against no one.
        ("generalPractitioner[0].resolve().active", True),
        ("generalPractitioner[0].resolve().active.not()", True),
    ],
)
def test_a_reference_says_of_its_target_what_it_can(expression, answer):
    assert holds(expression) is answer


def test_a_reference_leads_to_what_is_found():
    def resolve(reference: str) -> Any:
        return {"Practitioner/1": {"resourceType": "Practitioner", "active": True}}.get(reference)

    assert holds("generalPractitioner[0].resolve().active", resolve=resolve)
    assert not holds("generalPractitioner[1].resolve().exists()", resolve=resolve)
    assert values("generalPractitioner.resolve().active", resolve=resolve) == [True]


@pytest.mark.parametrize(
    ("expression", "asked"),
    [
        ("maritalStatus.memberOf('urn:v')", "member_of"),
        ("conformsTo('urn:p')", "conforms_to"),
        ("maritalStatus.coding.subsumes(%resource.maritalStatus)", "subsumes"),
    ],
)
def test_what_is_asked_of_the_world_is_answered_by_it(expression, asked):
    assert holds(expression, **{asked: lambda *_: True})
    assert not holds(expression, **{asked: lambda *_: False})
    assert holds(expression, **{asked: lambda *_: None}), "what cannot be told is held against no one"
    assert holds(f"{expression}.not()"), "nor where there is nobody to ask"


def test_variables_stand_for_what_a_caller_gives():
    others = [{"resourceType": "Patient", "birthDate": "2015-03-04"}, {"resourceType": "Patient"}]
    assert holds(
        "%others.where(birthDate = %resource.birthDate).count() = %wanted",
        variables={"others": others, "wanted": [1]},
    )
    with pytest.raises(Misused):
        values("%nobody")


@pytest.mark.parametrize(
    "expression", ["name.given.upper()", "'a' > 1", "name + 1", "1 and (1 | 2)", "birthDate < 1"]
)
def test_a_misuse_is_told_and_does_not_hold(expression):
    patient = {"resourceType": "Patient", "name": [{"given": ["A", "B"]}], "birthDate": "2024-01-01"}
    with pytest.raises(Misused):
        values(expression, patient)
    assert holds(expression, patient) is False


def test_nothing_that_an_expression_finds_changes_the_resource():
    before = repr(PATIENT)
    values("descendants() | name.given.combine(name.given)")
    assert repr(PATIENT) == before
