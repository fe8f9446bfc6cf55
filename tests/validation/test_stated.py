"""What no definition states: Bundles, attachments, systems, ids, links of narratives."""

from typing import Any

import pytest

from server.fhir import Json
from server.validation.context import Context
from server.validation.validate import validate

_BASE = "http://example.com/fhir"
_OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
_PATIENT = {"resourceType": "Patient", "id": "a"}


def _errors(resource: Json) -> list[tuple[str, str]]:
    issues = validate(resource, (), Context(full=True))
    return [(issue.code, issue.expression[0]) for issue in issues if issue.severity == "error"]


def _bundle(type: str, *entries: Any, **more: Any) -> Json:
    stamped = {"timestamp": "2024-01-01T00:00:00Z"} if type in ("document", "message") else {}
    if type == "document":
        stamped["identifier"] = {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2"}
    return {"resourceType": "Bundle", "type": type, **stamped, "entry": list(entries), **more}


def _entry(resource: Json, url: str | None = "", **more: Any) -> Json:
    if url == "":
        url = f"{_BASE}/{resource['resourceType']}/{resource['id']}"
    return {**({"fullUrl": url} if url else {}), "resource": resource, **more}


def _composition(**more: Any) -> Json:
    return {
        "resourceType": "Composition",
        "id": "c",
        "status": "final",
        "type": {"text": "a"},
        "date": "2024",
        "author": [{"display": "a"}],
        "title": "a",
        **more,
    }


def _observation(**more: Any) -> Json:
    code = {"text": "a"}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": code, **more}


def _document(*entries: Any, **more: Any) -> Json:
    return _bundle("document", _entry(_composition(**more)), *entries)


_TO_PATIENT = {"subject": {"reference": "Patient/a"}}
_UUID = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"


@pytest.mark.parametrize(
    "bundle",
    [
        _bundle("collection", _entry(_PATIENT)),
        _bundle("collection", _entry(_PATIENT, _UUID)),
        _bundle("batch", _entry(_PATIENT, None, request={"method": "POST", "url": "Patient"})),
        _document(),
        _document(_entry(_PATIENT), **_TO_PATIENT),
        _document(_entry(_PATIENT, _UUID), subject={"reference": _UUID}),
        # Joined to the first entry by a reference that points the other way.
        _document(_entry(_observation(subject={"reference": "Composition/c"}, id="o"))),
        _bundle("searchset", _entry(_PATIENT), link=[{"relation": "self", "url": f"{_BASE}/Patient?name=a"}]),
        _bundle(
            "searchset",
            _entry(_PATIENT, search={"mode": "include"}),
            link=[{"relation": "self", "url": f"{_BASE}/Observation?_include=*"}],
        ),
        _bundle("searchset", link=[{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]),
    ],
)
def test_a_bundle_is_as_its_kind_asks(bundle: Json) -> None:
    bundle = {name: value for name, value in bundle.items() if value}
    assert [each for each in _errors(bundle) if not each[1].endswith("subject")] == []


@pytest.mark.parametrize(
    ("bundle", "expected"),
    [
        (_bundle("collection", _entry(_PATIENT, None)), ("invalid", "Bundle.entry[0]")),
        (_bundle("collection", _entry(_PATIENT, "Patient/a")), ("invalid", "Bundle.entry[0]")),
        (_bundle("collection", _entry(_PATIENT, f"{_BASE}/Patient/b")), ("invalid", "Bundle.entry[0]")),
        (_bundle("collection", _entry(_PATIENT, f"{_BASE}/Group/a")), ("invalid", "Bundle.entry[0]")),
        (_document(**_TO_PATIENT), ("invalid", "Bundle.entry[0].resource.subject")),
        (_document(_entry(_PATIENT, _UUID), **_TO_PATIENT), ("invalid", "Bundle.entry[0].resource.subject")),
        (
            _document(section=[{"entry": [{"reference": "Observation/none"}]}]),
            ("invalid", "Bundle.entry[0].resource.section[0].entry[0]"),
        ),
        (_document(_entry(_PATIENT)), ("informational", "Bundle.entry[1]")),
        (
            _bundle(
                "collection",
                _entry(_observation(subject={"reference": "Patient/a"})),
                _entry({**_PATIENT, "meta": {"versionId": "1"}}),
                _entry({**_PATIENT, "meta": {"versionId": "2"}}),
            ),
            ("forbidden", "Bundle.entry[0].resource.subject"),
        ),
        (
            _bundle("searchset", _entry({"resourceType": "Patient"}, _UUID)),
            ("invalid", "Bundle.entry[0].resource"),
        ),
        (
            _bundle(
                "searchset",
                _entry(_PATIENT, search={"mode": "match"}),
                link=[{"relation": "self", "url": f"{_BASE}/Observation?code=a"}],
            ),
            ("invalid", "Bundle.entry[0].resource"),
        ),
        (
            {
                **_bundle("searchset"),
                "link": [{"relation": "self", "url": "a"}, {"relation": "self", "url": "b"}],
            },
            ("invalid", "Bundle.link[1]"),
        ),
    ],
)
def test_a_bundle_that_is_not_as_its_kind_asks_is_refused_where_it_is_wrong(
    bundle: Json, expected: tuple[str, str]
) -> None:
    assert expected in _errors({name: value for name, value in bundle.items() if value})


def test_an_entry_of_a_message_that_nothing_leads_to_is_worth_a_warning() -> None:
    header = {
        "resourceType": "MessageHeader",
        "id": "m",
        "eventUri": "urn:a",
        "source": {"endpoint": "http://a.test"},
    }
    bundle = _bundle("message", _entry(header), _entry(_PATIENT))
    found = validate(bundle, (), Context(full=True))
    assert [each.severity for each in found if each.expression == ("Bundle.entry[1]",)] == ["warning"]
    assert validate(bundle) == []


@pytest.mark.parametrize(
    ("attachment", "faults"),
    [
        ({"data": "YWJj", "size": 3}, 0),
        ({"data": "YWJj", "size": 4}, 1),
        ({"data": "YWJj", "hash": "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="}, 0),
        ({"data": "YWJj", "hash": "qZk+NkcGgWq6PiVxeFDCbJzQ2J4="}, 1),
        ({"data": "YWJj", "size": 4, "hash": "YWJj"}, 2),
        ({"url": "http://a.test/a", "size": 4}, 0),
        ({"data": "%%%", "size": 4}, 1),
    ],
)
def test_what_is_said_of_an_attachment_is_true_of_its_data(attachment: Json, faults: int) -> None:
    photo = {"contentType": "image/png", **attachment}
    found = _errors({"resourceType": "Patient", "photo": [photo]})
    assert len(found) == faults
    assert all(path.startswith("Patient.photo[0]") for _, path in found)


@pytest.mark.parametrize(
    ("element", "where"),
    [
        ({"identifier": [{"system": "upn", "value": "a"}]}, ".identifier[0].system"),
        ({"identifier": [{"system": "urn:ietf:rfc:3986", "value": "a"}]}, ".identifier[0].value"),
        (
            {"maritalStatus": {"coding": [{"system": "status", "code": "M"}]}},
            ".maritalStatus.coding[0].system",
        ),
        (
            {
                "maritalStatus": {
                    "coding": [{"system": "http://hl7.org/fhir/ValueSet/marital-status", "code": "M"}]
                }
            },
            ".maritalStatus.coding[0].system",
        ),
    ],
)
def test_a_system_is_named_by_its_own_whole_uri(element: Json, where: str) -> None:
    assert ("invalid", f"Patient{where}") in _errors({"resourceType": "Patient", **element})


def test_an_id_is_one_element_s_within_a_resource() -> None:
    names = [{"id": "n", "family": "a"}, {"id": "n", "family": "b"}]
    assert _errors({**_PATIENT, "id": "n", "name": names}) == [("business-rule", "Patient.name[1]")]
    bundle = _bundle("collection", _entry({**_PATIENT, "name": names[:1]}), id="n")
    assert _errors(bundle) == []


@pytest.mark.parametrize(
    ("link", "valid"),
    [
        ("#here", True),
        ("#named", True),
        ("#contained", True),
        ("#address", True),
        ("#there", False),
        ("http://a.test#there", True),
        ("other.html", True),
        ("tel:+441632960100", True),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_link_of_a_narrative_leads_somewhere(link: str, valid: bool) -> None:
    inside = f'<a href="{link}">a</a><p id="here">b</p><a name="named">c</a>'
    patient = {
        "resourceType": "Patient",
        "text": {"status": "generated", "div": f"{_OPEN}{inside}</div>"},
        "contained": [{"resourceType": "Organization", "id": "contained", "name": "a"}],
        "managingOrganization": {"reference": "#contained"},
        "address": [{"id": "address", "city": "a"}],
    }
    assert [path for _, path in _errors(patient)] == ([] if valid else ["Patient.text.div"])


@pytest.mark.parametrize(
    ("coding", "expected"),
    [
        ({"code": "M", "display": "Married"}, []),
        ({"code": "M", "display": " married "}, []),
        ({"code": "M"}, []),
        ({"code": "M", "display": "Single"}, [("invalid", "Patient.maritalStatus.coding[0].display")]),
        ({"code": "no-such-code"}, [("code-invalid", "Patient.maritalStatus.coding[0].code")]),
    ],
)
def test_a_code_exists_and_goes_by_its_name(coding: Json, expected: list[tuple[str, str]]) -> None:
    system = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
    status = {"coding": [{"system": system, **coding}]}
    assert _errors({"resourceType": "Patient", "maritalStatus": status}) == expected


@pytest.mark.parametrize(("code", "valid"), [("kg", True), ("mm[Hg]", True), ("kilos", False)])
def test_a_unit_exists(code: str, valid: bool) -> None:
    quantity = {"value": 1, "system": "http://unitsofmeasure.org", "code": code}
    found = _errors(_observation(valueQuantity=quantity))
    assert found == ([] if valid else [("code-invalid", "Observation.value.ofType(Quantity).code")])


def test_a_vital_sign_is_held_against_the_profile_of_its_code() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "8310-5"}]}
    assert ("required", "Observation.subject") in _errors(_observation(code=code))
    assert _errors(_observation()) == []


@pytest.mark.parametrize(
    ("context", "severities"),
    [
        (Context(), []),
        (Context(full=True), ["warning"]),
        (Context(html=False), ["error"]),
    ],
)
def test_text_that_reads_like_html_is_told_of_or_refused(context: Context, severities: list[str]) -> None:
    patient = {"resourceType": "Patient", "name": [{"text": "a <script>b</script>"}]}
    found = [each for each in validate(patient, (), context) if each.expression == ("Patient.name[0].text",)]
    assert [each.severity for each in found] == severities
    assert "script" not in "".join(each.diagnostics for each in found)


def test_a_url_that_is_only_an_example_is_refused_when_asked() -> None:
    photo = {"contentType": "image/png", "url": "http://pictures.example.org/a"}
    patient = {
        "resourceType": "Patient",
        "photo": [photo],
        "identifier": [{"system": "http://example.org/a"}],
    }
    assert validate(patient) == []
    assert [each.expression for each in validate(patient, (), Context(examples=False))] == [
        ("Patient.photo[0].url",)
    ]
