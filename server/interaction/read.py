"""The read and vread interactions.

https://hl7.org/fhir/R4/http.html#read
"""

from server.fhir.exchange import FhirRequest, FhirResponse
from server.interaction import answer, bundle, subset
from server.record import precondition
from server.record.auditevent import search as auditevent
from server.record.auditevent.resource import TYPE as AUDIT_EVENT
from server.record.record import Record


def read(request: FhirRequest, record: Record, type_: str, id_: str) -> FhirResponse:
    """GET [base]/[type]/[id]"""
    part = subset.of_request(request, type_)
    bundle.only(request, subset.PARAMETERS)
    stored = auditevent.read(record, id_) if type_ == AUDIT_EVENT else None
    stored = stored or record.read(type_, id_)
    if precondition.is_known(request.headers, stored.version, stored.last_updated):
        return FhirResponse(304, None, answer.described(stored))
    return answer.of(part.of(stored), 200)


def vread(request: FhirRequest, record: Record, type_: str, id_: str, vid: str) -> FhirResponse:
    """GET [base]/[type]/[id]/_history/[vid]"""
    part = subset.of_request(request, type_)
    bundle.only(request, subset.PARAMETERS)
    stored = auditevent.read(record, id_) if type_ == AUDIT_EVENT and vid == "1" else None
    return answer.of(part.of(stored or record.vread(type_, id_, vid)), 200)
