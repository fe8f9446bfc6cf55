"""Legal holds on a resource, or on all that is known of a child: placed, lifted, listed.

docs/operation/hold.md
"""

from typing import Any

from server import clock
from server.fhir.issue import Invalid, NotFound
from server.fhir.meta import instant
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import hold as work
from server.record.record import WRITTEN_ONCE, Record
from server.store.holds import Hold


@implements("Resource-hold", but=WRITTEN_ONCE)
def hold(call: Call, record: Record) -> Result:
    """On a Patient: on everything of the child."""
    assert call.type is not None
    assert call.id is not None
    placed = work.place(record, call.type, call.id, clock.new_id(), _reason(call))
    return Result({"hold": [_told(placed)]})


@implements("Resource-hold-lift", but=WRITTEN_ONCE)
def lift(call: Call, record: Record) -> Result:
    """The others that lie on it stay."""
    assert call.type is not None
    assert call.id is not None
    lifted = work.lift(record, call.type, call.id, str(call.one("hold")), _reason(call))
    if lifted is None:
        raise NotFound("No such hold lies on it.")
    return Result({"hold": [_told(lifted)]})


@implements("Resource-hold-list", but=WRITTEN_ONCE)
def list_(call: Call, record: Record) -> Result:
    """Those on the whole child are among them."""
    assert call.type is not None
    assert call.id is not None
    found = work.listed(record, call.type, call.id, lifted=bool(call.one("lifted")))
    return Result({"hold": [_told(each) for each in found]})


def _reason(call: Call) -> str:
    reason = str(call.one("reason")).strip()
    if not reason:
        raise Invalid("'reason' says why.")
    return reason


def _told(each: Hold) -> dict[str, Any]:
    told: dict[str, Any] = {"id": each.id, "reason": each.reason, "placed": instant(each.placed)}
    if each.resource:
        told["on"] = {"reference": each.resource}
    if each.lifted:
        told |= {"lifted": instant(each.lifted), "why": each.lifted_reason}
    return told
