"""A resource taken out for good, or all of a type that was deleted: by who is entitled, for a reason."""

from typing import Any

from server import clock
from server.child.retention.survey import Survey
from server.fhir.exchange import FhirResponse
from server.fhir.issue import Conflict, Invalid
from server.fhir.json import shown
from server.fhir.period import interval
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import expunge as work
from server.record.expunge import Plan
from server.record.record import WRITTEN_ONCE, Record
from server.store.expunge.find import Place
from server.store.holds import Hold

AT_ONCE = 100
"""Resources of a type that one call takes out."""


@implements("Resource-expunge", but=WRITTEN_ONCE)
def expunge(call: Call, record: Record) -> Result | FhirResponse:
    """It cannot be undone; `preview` says what would go."""
    assert call.type is not None
    reason, preview = _reason(call), bool(call.one("preview"))
    places, more = _places(call, record)
    planned = work.plan(record, places, _referring(call))
    holding = _holding(record, planned)
    if not preview:
        _hold(holding)
        if planned.referring and _referring(call) == work.REFUSE:
            raise work.refuse(record, planned)
        child = places[0].child if call.id and places else 0
        work.carry_out(record, planned, reason, f"{call.request.path}", child=child)
    return Result({**_told(record, planned), **_of_preview(holding), **({} if call.id else {"more": more})})


def _reason(call: Call) -> str:
    reason = str(call.one("reason")).strip()
    if not reason:
        raise Invalid("'reason' says why it goes.")
    return reason


def _referring(call: Call) -> str:
    given = call.one("referring") or work.REFUSE
    if given not in work.REFERRING:
        raise Invalid(f"'referring' is one of {', '.join(work.REFERRING)}; '{shown(given)}' is not.")
    return str(given)


def _places(call: Call, record: Record) -> tuple[list[Place], bool]:
    assert call.type is not None
    before = call.one("before")
    if call.id is not None:
        if before is not None:
            raise Invalid("'before' is for a type: of a resource everything goes.")
        return [work.target(record, call.type, call.id)], False
    until = interval(before)[0] if before is not None else clock.now()
    return work.deleted(record, call.type, until, AT_ONCE)


def _holding(record: Record, planned: Plan) -> list[Hold]:
    survey = Survey(record.door)
    children = sorted({each.child for each in planned.rows})
    surveyed = survey.of(record.connection, children)
    gone = set(planned.rids)
    kept = [each for of_child in surveyed for each in of_child.kept if each.held.rid in gone]
    classes = {rid: names for of_child in surveyed for rid, names in of_child.classes.items()}
    return work.in_the_way(record, planned, {each.authority for each in kept}, classes)


def _hold(holding: list[Hold]) -> None:
    if holding:
        raise Conflict(
            f"A legal hold lies on it ({', '.join(each.id for each in holding)}): nothing goes before that "
            "is lifted."
        )


def _of_preview(holding: list[Hold]) -> dict[str, Any]:
    return {"hold": [each.id for each in holding]}


def _told(record: Record, planned: Plan) -> dict[str, Any]:
    gone = [
        {
            "type": record.door.library.type_name(each.type),
            "resources": each.resources,
            "versions": each.versions,
        }
        for each in planned.counts
    ]
    pointing = [{"reference": each} for each in work.visible(record, planned)]
    return {"count": len(planned.named), "gone": gone, "referring": pointing}
