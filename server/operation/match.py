"""A child looked for by what is known of it.

https://hl7.org/fhir/R4/patient-operation-match.html
"""

from typing import Any

from server.fhir import Json, json
from server.fhir.issue import Invalid, Malformed
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.match import Match, matches
from server.record.record import Record
from server.validation.validate import validate

GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
CERTAIN = "certain"

MOST = 20
"""Candidates that are told of where the caller does not say how many it wants."""


@implements("Patient-match")
def match(call: Call, record: Record) -> Result:
    """The candidates, graded; with `onlyCertainMatches` the one that is certain, or none."""
    count = call.one("count")
    if count is not None and count < 1:
        raise Invalid("'count' is a number from 1 up.")
    found = matches(record, _patient(call))
    if call.one("onlyCertainMatches"):
        certain = [each for each in found if each.grade == CERTAIN]
        # Where several are, none is.
        found = certain if len(certain) == 1 else []
    entries = [_entry(each, record.door.base_url) for each in found[: count or MOST]]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    return Result({"return": bundle | ({"entry": entries} if entries else {})})


def _patient(call: Call) -> Json:
    resource: Json = call.one("resource")
    if resource.get("resourceType") != "Patient":
        raise Invalid("'resource' is the Patient that is looked for.")
    # What is missing is missing; what is there has to be as FHIR has it.
    faults = [each for each in validate(resource) if each.code in ("structure", "value", "invalid")]
    if faults:
        raise Malformed(issues=tuple(faults))
    return resource


def _entry(each: Match, base_url: str) -> Json:
    grade = {"url": GRADE, "valueCode": each.grade}
    return {
        "fullUrl": f"{base_url}/Patient/{each.row.id}",
        "resource": json.decode(each.row.body.encode()),
        "search": {"extension": [grade], "mode": "match", "score": round(each.score, 6)},
    }
