"""Why a mark was corrected, when and by whom: a Provenance of the version that says it now.

The mark that was stays in the history of the resource. The regulations ask for both entries, the reason, the
day, and the name and title of who made the change.

https://www.legislation.gov.uk/uksi/2024/208
https://hl7.org/fhir/R4/provenance.html
"""

from collections.abc import Iterable
from typing import NamedTuple

from server import clock
from server.fhir import Json
from server.fhir.meta import instant, stamped
from server.record.added import OURSELVES
from server.record.record import Record
from server.record.staging import Slot
from server.store.row import Stored

_OPERATION = "http://terminology.hl7.org/CodeSystem/v3-DataOperation"
_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


class Correction(NamedTuple):
    """`made`: the version that is right; `who`: the name and title of who says so, if it was told."""

    made: Stored
    reason: str
    who: str | None


def explained(record: Record, corrections: Iterable[Correction]) -> None:
    """Say it of each. The server writes it, whatever the caller may write: nothing is corrected without."""
    for each in corrections:
        slot = Slot(clock.new_id(), record.door.rids.take(record.connection), 1, OURSELVES)
        record.stage_ours("create", stamped(_provenance(record, each), slot.id, 1, record.at), slot)


def _provenance(record: Record, each: Correction) -> Json:
    made, organization = each.made, {"reference": record.access.agency.organization}
    user = record.access.user
    person: Json = {"reference": user.reference} if user and user.reference else {}
    if each.who:
        person["display"] = each.who
    return {
        "resourceType": "Provenance",
        "target": [{"reference": f"{made.type}/{made.id}/_history/{made.version}"}],
        "recorded": instant(record.at),
        "reason": [{"text": each.reason}],
        "activity": {"coding": [{"system": _OPERATION, "code": "UPDATE"}]},
        "agent": [
            {
                "type": {"coding": [{"system": _AGENT, "code": "author"}]},
                "who": person or organization,
                **({"onBehalfOf": organization} if person else {}),
            }
        ],
    }
