"""PATCH: changes to a resource instead of the resource, in every format and on every way to it."""

import json
from base64 import b64encode
from decimal import Decimal

import pytest
from sqlalchemy import select

from server.store import tables as t
from tests import make

JSON_PATCH = "application/json-patch+json"
XML_PATCH = "application/xml-patch+xml"
MERGE_PATCH = "application/merge-patch+json"

REPLACE = [{"op": "replace", "path": "/gender", "value": "male"}]


def fhirpath(type_, path, **parts):
    """The Parameters of one operation."""
    given = [{"name": "type", "valueCode": type_}, {"name": "path", "valueString": path}]
    given += [{"name": name, **value} for name, value in parts.items()]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": given}]}


FHIRPATH = fhirpath("replace", "Patient.gender", value={"valueCode": "male"})
XML = '<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:gender/@value">male</replace></diff>'

SAME = {
    "JSON Patch": (JSON_PATCH, REPLACE),
    "JSON Patch in a Binary": (
        "application/fhir+json",
        {
            "resourceType": "Binary",
            "contentType": JSON_PATCH,
            "data": b64encode(b'[{"op":"replace","path":"/gender","value":"male"}]').decode(),
        },
    ),
    "FHIRPath Patch": ("application/fhir+json", FHIRPATH),
    "FHIRPath Patch in XML": (
        "application/fhir+xml",
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        '<part><name value="type"/><valueCode value="replace"/></part>'
        '<part><name value="path"/><valueString value="Patient.gender"/></part>'
        '<part><name value="value"/><valueCode value="male"/></part></parameter></Parameters>',
    ),
    "XML Patch": (XML_PATCH, XML),
    "Merge Patch": (MERGE_PATCH, {"gender": "male"}),
    "Merge Patch, sent as JSON": ("application/json", {"gender": "male"}),
    "JSON Patch, sent as JSON": ("application/json; charset=utf-8", REPLACE),
    "FHIRPath Patch, sent as JSON": ("application/json", FHIRPATH),
}


@pytest.fixture
def held(suite):
    """A Patient at version 1."""
    return suite.post(make.patient(gender="female", birthDate="2014-03-14")).json


def patch(caller, resource, body, format_=JSON_PATCH, **headers):
    path = resource if isinstance(resource, str) else f"{resource['resourceType']}/{resource['id']}"
    return caller.ask("PATCH", path, body, Content_Type=format_, **headers)


@pytest.mark.parametrize("name", SAME)
def test_each_format_makes_the_next_version(suite, held, name):
    format_, body = SAME[name]
    changed = patch(suite, held, body, format_)
    assert (changed.status, changed.version) == (200, "2"), changed
    assert changed.json == {**held, "gender": "male", "meta": changed.json["meta"]}
    assert suite.get(f"Patient/{held['id']}").text == changed.text
    assert suite.get(f"Patient/{held['id']}/_history/1").json == held
    assert len(suite.search(f"Patient?_id={held['id']}&gender=male").ids) == 1


@pytest.mark.parametrize("name", ["JSON Patch", "FHIRPath Patch", "XML Patch", "Merge Patch"])
def test_each_format_is_an_entry_of_a_bundle(suite, held, name):
    format_, body = SAME[name]
    if not isinstance(body, dict) or "resourceType" not in body:
        text = body if isinstance(body, str) else json.dumps(body)
        data = b64encode(text.encode()).decode()
        body = {"resourceType": "Binary", "contentType": format_, "data": data}
    entry = make.entry("PATCH", f"Patient/{held['id']}", body, ifMatch='W/"1"')
    for kind, version in (("transaction", "2"), ("batch", None)):
        [answer] = suite.post(make.bundle(kind, entry)).entries
        assert answer["response"]["status"].startswith("200" if version else "412"), answer
    assert suite.get(f"Patient/{held['id']}").json["gender"] == "male"


def test_a_patch_that_changes_nothing_makes_no_version(suite, held):
    same = patch(suite, held, [{"op": "replace", "path": "/gender", "value": "female"}])
    assert (same.status, same.version, same.json) == (200, "1", held)
    assert patch(suite, held, []).version == "1"
    assert len(suite.get(f"Patient/{held['id']}/_history").entries) == 1


def test_what_a_patch_does_not_touch_stays_to_the_digit(suite):
    body = (
        '{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}'
    )
    made = suite.ask("POST", "Observation", body)
    final = {"op": "replace", "path": "/status", "value": "amended"}
    assert '"value":1.50' in patch(suite, made.json, [final]).text
    xml = '<diff><replace sel="Observation/status/@value">corrected</replace></diff>'
    assert '"value":1.50' in patch(suite, made.json, xml, XML_PATCH).text
    path = fhirpath("replace", "Observation.value.value", value={"valueDecimal": Decimal("2.25")})
    assert patch(suite, made.json, path, "application/fhir+json").json["valueQuantity"]["value"] == Decimal(
        "2.25"
    )


@pytest.mark.parametrize(
    ("format_", "body", "status", "told"),
    [
        (JSON_PATCH, [*REPLACE, {"op": "test", "path": "/gender", "value": "female"}], 422, "Operation 1"),
        (JSON_PATCH, [{"op": "remove", "path": "/photo"}], 422, "Operation 0"),
        (JSON_PATCH, [{"op": "replace", "path": "/id", "value": "x"}], 422, "'id'"),
        (JSON_PATCH, [{"op": "replace", "path": "/resourceType", "value": "Basic"}], 422, "'resourceType'"),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": {}}], 422, "'resourceType'"),
        (JSON_PATCH, [{"op": "replace", "path": "/gender", "value": "unheard-of"}], 400, "gender"),
        (JSON_PATCH, [{"op": "add", "path": "/nonsense", "value": 1}], 400, "nonsense"),
        (JSON_PATCH, [{"op": "add", "path": "/meta", "value": 1}], 400, "meta"),
        (JSON_PATCH, [{"op": "add", "path": "/birthDate", "value": None}], 400, "birthDate"),
        (JSON_PATCH, {"op": "remove"}, 400, "array"),
        (JSON_PATCH, '[{"op":"remove","op":"add","path":"/gender"}]', 400, "twice"),
        (JSON_PATCH, "[", 400, "JSON"),
        (JSON_PATCH, "", 400, "carry"),
        (JSON_PATCH, [{"op": "delete", "path": "/gender"}], 400, "Operation 0"),
        ("application/fhir+json", fhirpath("delete", "Patient"), 422, "Operation 0"),
        ("application/fhir+json", fhirpath("remove", "Patient.gender"), 400, "type"),
        ("application/fhir+json", {"resourceType": "Basic"}, 400, "Parameters"),
        (XML_PATCH, "<diff><remove sel='Patient/photo'/></diff>", 422, "Operation 0"),
        (XML_PATCH, "<diff><add sel='Patient'><f/></add></diff>", 422, "XML"),
        (XML_PATCH, '<diff xmlns="http://hl7.org/fhir"><add sel="Patient"><f/></add></diff>', 422, "XML"),
        (XML_PATCH, "<diff", 400, "XML"),
        (MERGE_PATCH, {"gender": "unheard-of"}, 400, "gender"),
        (MERGE_PATCH, {"id": None}, 422, "'id'"),
        (MERGE_PATCH, [], 400, "object"),
        ("text/plain", "x", 415, "json-patch"),
    ],
)
def test_a_patch_that_fails_says_where_and_changes_nothing(suite, held, format_, body, status, told):
    refused = patch(suite, held, body, format_)
    assert refused.status == status, refused
    assert told in refused.text
    assert suite.get(f"Patient/{held['id']}").json == held
    assert len(suite.get(f"Patient/{held['id']}/_history").entries) == 1


def test_a_patch_that_leaves_more_than_can_be_read_is_refused(suite, held):
    extension = [{"url": "urn:x"}]
    for _ in range(30):
        extension = [{"url": "urn:x", "extension": extension}]
    deeper = [{"op": "add", "path": "/extension", "value": extension}]
    deeper += [
        {"op": "add", "path": "/extension" + "/0/extension" * (30 * at), "value": extension} for at in (1, 2)
    ]
    refused = patch(suite, held, deeper)
    assert (refused.status, refused.code) == (400, "structure")
    assert suite.get(f"Patient/{held['id']}").json == held


@pytest.mark.parametrize(("tag", "status"), [('W/"1"', 200), ("*", 200), ('W/"2"', 412), ('W/"', 400)])
def test_if_match_holds_for_a_patch(suite, held, tag, status):
    assert patch(suite, held, REPLACE, If_Match=tag).status == status


@pytest.mark.parametrize(
    ("prefer", "type_"), [("minimal", None), ("representation", "Patient"), ("OperationOutcome", None)]
)
def test_a_client_is_answered_with_as_much_as_it_prefers(suite, held, prefer, type_):
    answer = patch(suite, held, REPLACE, Prefer=f"return={prefer}")
    assert (answer.status, answer.version) == (200, "2")
    found = answer.json["resourceType"] if answer.text else None
    assert found == (type_ or ("OperationOutcome" if prefer == "OperationOutcome" else None))


def test_what_is_not_there_cannot_be_patched(suite, held):
    assert patch(suite, "Patient/nobody", REPLACE).status == 404
    assert patch(suite, "Patient/nobody", REPLACE, If_Match='W/"1"').status == 404
    suite.delete(f"Patient/{held['id']}")
    assert patch(suite, held, REPLACE).status == 410


def test_a_patch_is_an_update_to_who_is_told_and_a_patch_to_who_asks(app, client_with, held):
    caller = client_with("suite", other=True)
    assert patch(caller, held, REPLACE).status == 200
    assert patch(caller, held, [{"op": "remove", "path": "/photo"}]).status == 422
    with app.extensions["database"].autocommit() as connection:
        columns = (t.audit.c.interaction, t.audit.c.outcome, t.audit.c.child)
        mine = (t.audit.c.client == caller.client, t.audit.c.type.is_not(None))
        own = select(*columns).where(*mine).order_by(t.audit.c.id)
        [done, refused] = connection.execute(own).all()
        told = select(t.outbox.c.interaction).where(t.outbox.c.child == done.child)
        assert connection.execute(told.order_by(t.outbox.c.version)).scalars().all() == ["create", "update"]
    assert (done.interaction, done.outcome) == ("patch", 200)
    assert (refused.interaction, refused.outcome) == ("patch", 422)


# ---- on condition ------------------------------------------------------------------------------------------


@pytest.fixture
def tag(suite):
    """A tag, and how to make a Patient that has it."""
    word = make.word()
    return word, lambda **more: suite.post(make.patient(meta=make.tagged(word), **more)).json


def test_a_condition_that_finds_one_patches_it(suite, tag):
    word, new = tag
    made = new(gender="female")
    changed = patch(suite, f"Patient?_tag={word}", REPLACE, If_Match='W/"1"')
    assert (changed.status, changed.id, changed.version) == (200, made["id"], "2")
    [entry] = suite.post(make.bundle("batch", make.entry("PATCH", f"Patient?_tag={word}", FHIRPATH))).entries
    assert entry["response"]["etag"] == 'W/"2"'


def test_a_condition_that_finds_none_or_several_patches_none(suite, tag):
    word, new = tag
    none = patch(suite, f"Patient?_tag={word}", REPLACE)
    assert (none.status, none.code) == (404, "not-found")
    made = [new(gender="female") for _ in range(2)]
    several = patch(suite, f"Patient?_tag={word}", REPLACE)
    assert (several.status, several.code) == (412, "multiple-matches")
    assert [suite.get(f"Patient/{each['id']}").json for each in made] == made


@pytest.mark.parametrize(("query", "status"), [("", 412), ("?_count=1", 412), ("?nonsense=1", 400)])
def test_a_condition_that_says_nothing_patches_none(suite, query, status):
    assert patch(suite, f"Patient{query}", REPLACE).status == status


# ---- access ------------------------------------------------------------------------------------------------


def test_who_may_not_read_may_not_patch(suite, client_with, held):
    """A patch tests what is there, and gives it back."""
    for scopes in ("system/Patient.cud", "system/Patient.crds"):
        refused = patch(client_with("suite", scopes), held, REPLACE)
        assert (refused.status, refused.code) == (403, "forbidden")
    assert suite.get(f"Patient/{held['id']}").json == held


def test_who_is_not_shown_all_may_not_patch(suite, school, child):
    address = {"address": [{"city": "Exampleton"}]}
    labelled = {**suite.get(f"Patient/{child}").json, **address, "meta": make.labelled("R")}
    before = suite.put(labelled)
    assert "address" not in school.get(f"Patient/{child}").json
    for body in (
        REPLACE,
        [{"op": "test", "path": "/address/0/city", "value": "Exampleton"}],
        [{"op": "test", "path": "/address/0/city", "value": "Elsewhere"}],
        [{"op": "copy", "from": "/address", "path": "/contact"}],
    ):
        refused = patch(school, f"Patient/{child}", body)
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "Exampleton" not in refused.text
    assert suite.get(f"Patient/{child}").text == before.text


def test_what_a_patch_makes_must_still_be_the_writers_to_write(school, child):
    made = school.post(make.mark(child, "school"))
    other = [{"op": "replace", "path": "/category", "value": make.observation()["category"]}]
    assert patch(school, made.json, other).status == 403
    assert school.get(f"Observation/{made.id}").text == made.text


def test_an_agency_may_not_patch_what_another_wrote_where_it_has_no_right_to(suite, school, child):
    made = suite.post(make.mark(child, "school"))
    note = [{"op": "add", "path": "/note", "value": [{"text": "changed"}]}]
    assert patch(school, made.json, note).status == 403
    assert suite.get(f"Observation/{made.id}").text == made.text
