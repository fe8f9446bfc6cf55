import pytest

from server.validation.context import Context
from server.validation.document import examine

_JSON = """{
  "resourceType": "Observation",
  "status": "finished",
  "code": {"text": "a"},
  "component": [
    {"code": {"text": "a"}},
    {"code": {"text": "b"},
     "valueQuantity": {"value": "high"}}
  ],
  "_issued": {"id": 5}
}
"""
_XML = """<Observation xmlns="http://hl7.org/fhir">
  <!-- nothing is kept -->
  <status value="finished"/>
  <code><text value="a"/></code>
  <component><code><text value="a"/></code></component>
  <component>
    <code><coding><system value="words"/></coding></code>
  </component>
</Observation>
"""


def _found(text: str) -> dict[str, tuple[int, int] | None]:
    located = examine(text.encode(), lambda _: ((), Context()))
    return {(each.issue.expression or ("",))[0]: each.place for each in located}


def test_an_issue_in_json_has_its_line_and_column() -> None:
    found = _found(_JSON)
    assert found["Observation.status"] == (3, 3)
    assert found["Observation.component[1].value.ofType(Quantity).value"] == (8, 24)
    assert found["Observation.issued.id"] == (10, 15)


def test_an_issue_in_xml_has_its_line_and_column() -> None:
    found = _found(_XML)
    assert found["Observation.status"] == (3, 3)
    assert found["Observation.component[1].code.coding[0].system"] == (7, 19)


def test_what_is_missing_is_told_where_it_is_missing_from() -> None:
    assert _found(
        '{"resourceType": "Observation",\n "status": "final",\n "component": [\n {"valueBoolean": true}]}'
    )["Observation.component[0].code"] == (4, 2)


@pytest.mark.parametrize(
    ("text", "place", "path"),
    [
        ('{"resourceType": "Patient",\n  "active": tru}', (2, 13), ""),
        ('{"resourceType": "Patient",\n  "active": true, "active": false}', (2, 19), ""),
        ("<Patient xmlns='http://hl7.org/fhir'>\n <active value='true'></Patient>", (2, 25), ""),
        (
            "<Patient xmlns='http://hl7.org/fhir'>\n <name><given value=''/></name></Patient>",
            (2, 8),
            "Patient.name.given",
        ),
        (
            "<Patient xmlns='http://hl7.org/fhir'>\n <name/><name><nick value='a'/></name></Patient>",
            (2, 15),
            "Patient.name[1].nick",
        ),
        (
            "<Bundle xmlns='http://hl7.org/fhir'><type value='batch'/><entry/><entry><resource>\n"
            "<Patient><gender value='other'/><gender value='male'/></Patient></resource></entry></Bundle>",
            (2, 33),
            "Bundle.entry[1].resource.gender[1]",
        ),
    ],
)
def test_what_cannot_be_read_has_its_line_and_column(text: str, place: tuple[int, int], path: str) -> None:
    assert _found(text) == {path: place}
