"""What becomes of an alert: said by whom it asks."""

from server.child.alert import answer as given
from server.fhir import json
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import Record


@implements("Task-answer")
def answer(call: Call, record: Record) -> Result:
    """Of the alert that the Task tells of."""
    assert call.id is not None
    status, note = call.one("status"), str(call.one("note") or "").strip()
    if status not in given.STATES:
        raise Invalid(f"'status' is one of {', '.join(given.STATES)}; '{shown(status)}' is not.")
    return Result({"return": json.decode(given.answer(record, call.id, status, note).body.encode())})
