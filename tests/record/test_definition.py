"""Profiles, code systems and value sets that are added while the server runs.

All tests share one database; each uses canonicals of its own.
"""

from types import SimpleNamespace

import pytest

from server import clock
from tests import make
from tests.caller import Caller, token
from tests.definition.test_snapshot import MADE

HL7 = "http://hl7.org/fhir"
BASE = "https://example.org"


@pytest.fixture(scope="module")
def opened(serve, database_url):
    """Makes one process more over the same database."""
    apps = []

    def application():
        apps.append(serve(database_url))
        return apps[-1]

    yield application
    for app in apps:
        app.extensions["database"].close()


@pytest.fixture(scope="module")
def app(opened):
    return opened()


@pytest.fixture(scope="module")
def admin(app):
    return administrator(app)


def administrator(app):
    return Caller(app, token(app, "suite", "system/*.cruds"))


@pytest.fixture
def flat():
    """The name of a profile that no other test uses."""
    return make.word("flat-")


def canonical(name, kind="StructureDefinition"):
    return f"{BASE}/{kind}/{name}"


def profile(name, *elements, **more):
    return {
        "resourceType": "StructureDefinition", "id": name, "url": canonical(name), "name": "Flat",
        "status": "active", "fhirVersion": "4.0.1", "kind": "resource", "abstract": False, "type": "Basic",
        "baseDefinition": f"{HL7}/StructureDefinition/Basic", "derivation": "constraint",
        "differential": {"element": [{"id": "Basic", "path": "Basic"}, *elements]}, **more,
    }  # fmt: skip


def said(path, **more):
    return {"id": path, "path": path, **more}


NEEDS_A_DAY = said("Basic.created", min=1)


def basic(*names, **more):
    meta = {"profile": [canonical(each) for each in names]}
    return {"resourceType": "Basic", "meta": meta, "code": {"text": "x"}, **more}


def refuses(caller, resource):
    answer = caller.post(resource)
    assert answer.status in (201, 400, 422), answer.text
    return answer.status != 201


def code_system(name, *codes, **more):
    return {
        "resourceType": "CodeSystem", "id": name, "url": canonical(name, "CodeSystem"), "status": "active",
        "content": "complete", "concept": [{"code": each} for each in codes], **more,
    }  # fmt: skip


def value_set(name, **more):
    compose = {"include": [{"system": canonical(name, "CodeSystem")}]}
    url = canonical(name, "ValueSet")
    return {
        "resourceType": "ValueSet", "id": name, "url": url, "status": "active", "compose": compose, **more
    }  # fmt: skip


# ---- taking effect -----------------------------------------------------------------------------------------


def test_a_profile_takes_effect_when_it_is_written_and_none_when_it_is_deleted(admin, flat):
    assert admin.put(profile(flat, NEEDS_A_DAY)).status == 201
    assert refuses(admin, basic(flat))
    assert not refuses(admin, basic(flat, created="2026-01-01"))
    assert admin.put(profile(flat)).status == 200
    assert not refuses(admin, basic(flat))
    assert admin.put(profile(flat, NEEDS_A_DAY)).status == 200
    assert admin.delete(f"StructureDefinition/{flat}").status == 204
    assert not refuses(admin, basic(flat))


def test_another_process_knows_it_a_second_later(admin, opened, flat, monkeypatch):
    now = [clock.monotonic()]
    monkeypatch.setattr("server.record.added.clock", SimpleNamespace(monotonic=lambda: now[0]))
    other = administrator(opened())
    assert not refuses(other, basic(flat))
    assert admin.put(profile(flat, NEEDS_A_DAY)).status == 201
    assert not refuses(other, basic(flat))
    now[0] += 1.0
    assert refuses(other, basic(flat))


def test_a_process_that_starts_later_knows_it(admin, opened, flat):
    assert admin.put(profile(flat, NEEDS_A_DAY)).status == 201
    assert refuses(administrator(opened()), basic(flat))


def test_what_one_bundle_brings_may_build_on_each_other_in_any_order(admin, flat):
    below = profile(f"{flat}-below", baseDefinition=canonical(flat))
    sent = make.bundle("transaction", make.put(below), make.put(profile(flat, NEEDS_A_DAY)))
    assert admin.post(sent).status == 200
    assert refuses(admin, basic(f"{flat}-below"))


def test_what_sushi_makes_is_taken_as_it_is(admin):
    assert admin.post(make.bundle("transaction", *map(make.put, MADE.values()))).status == 200
    measures = "https://example.org/reading/CodeSystem/reading-measures"
    age = {"code": make.concept(measures, "age"), "valueQuantity": {"value": 80, "code": "mo"}}
    pupil = admin.post(make.patient()).id
    resource = {
        "resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "meta": {"profile": ["https://example.org/reading/StructureDefinition/reading-test"]},
        "category": [make.concept("http://terminology.hl7.org/CodeSystem/observation-category", "survey")],
        "subject": make.reference(f"Patient/{pupil}"), "effectiveDateTime": "2026-01-01",
        "component": [age],
    }  # fmt: skip
    refused = admin.post(resource)
    assert refused.status == 422
    assert "Observation.component[0].value" in refused.text
    age["valueQuantity"]["system"] = "http://unitsofmeasure.org"
    assert admin.post(resource).status == 201


def test_a_code_system_and_a_value_set_take_effect(admin, flat):
    bound = said("Basic.code", binding={"strength": "required", "valueSet": canonical(flat, "ValueSet")})
    for each in (code_system(flat, "red"), value_set(flat), profile(flat, bound)):
        assert admin.put(each).status == 201
    blue = basic(flat, code=make.concept(canonical(flat, "CodeSystem"), "blue"))
    assert refuses(admin, blue)
    assert admin.put(code_system(flat, "red", "blue")).status == 200
    assert not refuses(admin, blue)


def test_of_two_versions_the_one_in_use_is_taken_unless_the_other_is_named(admin, flat):
    assert admin.put(profile(flat, NEEDS_A_DAY, version="2")).status == 201
    assert admin.put(profile(flat, version="1", status="retired", id=f"{flat}-1")).status == 201
    assert refuses(admin, basic(flat))
    assert not refuses(admin, basic(f"{flat}|1"))


def test_what_is_tried_and_undone_takes_no_effect(admin, flat):
    tried = {"resourceType": "Parameters", "parameter": [
        {"name": "resource", "resource": profile(flat, NEEDS_A_DAY)}, {"name": "mode", "valueCode": "create"},
    ]}  # fmt: skip
    assert admin.ask("POST", "StructureDefinition/$validate", tried).status == 200
    assert not refuses(admin, basic(flat))


# ---- refused -----------------------------------------------------------------------------------------------

RED = {"code": "red", "property": [{"code": "parent", "valueCode": "red"}]}
ITSELF = {"include": [{"valueSet": [canonical("bad", "ValueSet")]}]}


@pytest.mark.parametrize(
    ("definition", "element", "told"),
    [
        (profile("bad", said("Basic.colour")), "differential", "'Basic.colour' is no element"),
        (profile("bad", said("Basic.code", min=0)), "element[1].min", "less than the 1"),
        (profile("bad", said("Basic.created", max="2")), "element[1].max", "more than the 1"),
        (
            profile("bad", said("Basic.created", type=[{"code": "string"}])),
            "element[1].type",
            "only of: date",
        ),
        (profile("bad", baseDefinition=canonical("nowhere")), "baseDefinition", "not known"),
        (profile("bad", baseDefinition=f"{HL7}/StructureDefinition/Patient"), ".type", "of type 'Patient'"),
        (profile("bad", derivation="specialization"), "derivation", "would be a new type"),
        (code_system("bad", concept=[RED]), "CodeSystem.concept", "'red' stands under itself"),
        (value_set("bad", compose=ITSELF), "ValueSet.compose", "of itself"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(admin, definition, element, told):
    refused = admin.put(definition)
    assert refused.status == 422, refused.text
    [issue] = [each for each in refused.json["issue"] if each["severity"] == "error"]
    assert issue["expression"][0].endswith(element)
    assert told in issue["diagnostics"]
    assert admin.get(f"{definition['resourceType']}/bad").status == 404


@pytest.mark.parametrize(
    "definition",
    [
        profile("mine", url="https://w3id.org/single-child-record/StructureDefinition/Child"),
        profile("mine", url="https://fhir.hl7.org.uk/StructureDefinition/UKCore-Patient"),
        code_system("mine", "x", url="https://w3id.org/single-child-record/CodeSystem/attendance-code"),
    ],
    ids=lambda each: each["url"],
)
def test_what_ships_cannot_be_defined_anew(admin, definition):
    refused = admin.put(definition)
    assert (refused.status, refused.code) == (422, "business-rule")
    assert "ships with the server" in refused.text


def test_what_hl7_defined_stays_what_it_is(admin, flat):
    laxer = profile(flat, url=f"{HL7}/StructureDefinition/Basic", derivation="specialization")
    assert admin.put(laxer).status == 201
    assert refuses(admin, {"resourceType": "Basic"})


def test_what_others_derive_from_is_not_taken_away_from_under_them(admin, flat):
    below = f"{flat}-below"
    admin.put(profile(flat, NEEDS_A_DAY))
    admin.put(profile(below, said("Basic.subject", min=1), baseDefinition=canonical(flat)))
    refused = admin.delete(f"StructureDefinition/{flat}")
    assert refused.status == 409
    assert canonical(below) in refused.text
    changed = admin.put(profile(flat, said("Basic.subject", max="0")))
    assert changed.status == 422
    assert canonical(below) in changed.text
    assert admin.delete(f"StructureDefinition/{below}").status == 204
    assert admin.delete(f"StructureDefinition/{flat}").status == 204


def test_who_may_not_write_definitions_adds_none(app, admin, flat):
    school = Caller(app, token(app, "school", "system/*.cruds"))
    assert school.put(profile(flat, NEEDS_A_DAY)).status == 403
    assert not refuses(admin, basic(flat))


def test_a_definition_that_is_retired_may_be_left_unfinished(admin, flat):
    assert admin.put(profile(flat, said("Basic.colour"), status="retired")).status == 201
    assert not refuses(admin, basic(flat))
