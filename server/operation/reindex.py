"""Resources indexed anew, for one search parameter or for all, and how far that is.

Who may write search parameters may do so; how much there is of anything is not told.
"""

from typing import Any

from server.definition.added import added
from server.fhir import Json, json
from server.fhir.meta import instant
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import reindex as work
from server.record.event import entry
from server.record.record import Record
from server.search import admit
from server.store import audit, reindex
from server.store.reindex import Job

_TYPE = "SearchParameter"


@implements("SearchParameter-reindex")
def start(call: Call, record: Record) -> Result:
    """What is under way already goes on."""
    record.access.view(_TYPE, "u")
    definition = _definition(call, record)
    _account(call, record)
    record.alone(_TYPE)
    if all(job.status == reindex.DONE for job in _jobs(call, record)):
        _leave(call, record, definition)
        record.afterwards(record.door.woken.set)
    return _told(call, record)


@implements("SearchParameter-reindex-status")
def status(call: Call, record: Record) -> Result:
    """Of what was never asked for, that it is done."""
    record.access.view(_TYPE, "r")
    _definition(call, record)
    _account(call, record)
    return _told(call, record)


def _definition(call: Call, record: Record) -> Json | None:
    if call.id is None:
        return None
    found: Json = json.decode(record.read(_TYPE, call.id).body.encode())
    return found


def _leave(call: Call, record: Record, definition: Json | None) -> None:
    if definition is None:
        work.leave_everything(record.door, record.connection)
    else:
        numbers = map(record.door.library.type_number, admit.types(definition))
        reindex.leave(record.connection, str(call.id), numbers)


def _jobs(call: Call, record: Record) -> list[Job]:
    of = call.id or reindex.EVERYTHING
    return [job for job in reindex.every(record.connection) if job.work.of == of]


def _told(call: Call, record: Record) -> Result:
    values: dict[str, Any] = {"status": reindex.DONE, "percent": 100}
    for job in _jobs(call, record)[-1:]:
        values = {"status": job.status, "percent": job.percent}
        values |= {"started": instant(job.created), "updated": instant(job.updated)}
    return Result({**values, "incomplete": sorted(added().incomplete)})


def _account(call: Call, record: Record) -> None:
    number = record.door.library.type_number(_TYPE)
    said = f"{f'{call.id}/' if call.id else ''}${call.operation.code}"
    audit.record(record.connection, entry(record.access, record.at, "operation", number, query=said))
