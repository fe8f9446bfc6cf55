"""Whether two records are of one child: decided by people, and remembered."""

from server.fhir import json
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import review
from server.record.record import Record


@implements("Task-decide")
def decide(call: Call, record: Record) -> Result:
    """Of the pair that the Task asks about."""
    assert call.id is not None
    decision, reason = call.one("decision"), str(call.one("reason")).strip()
    if decision not in review.STATES:
        raise Invalid(f"'decision' is one of {', '.join(review.STATES)}; '{shown(decision)}' is not.")
    if not reason:
        raise Invalid("'reason' says why it is decided so.")
    return Result({"return": json.decode(review.decide(record, call.id, decision, reason).body.encode())})
