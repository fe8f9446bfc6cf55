"""The read, vread and history interactions of one resource.

https://hl7.org/fhir/R4/http.html#read
"""

from server.fhir.exchange import FhirRequest, FhirResponse
from server.interaction import answer, bundle
from server.record.record import Record


def read(request: FhirRequest, record: Record, type_: str, id_: str) -> FhirResponse:
    """GET [base]/[type]/[id]"""
    bundle.only(request, ())
    stored = record.read(type_, id_)
    if request.headers.get("if-none-match", "").strip() == answer.described(stored)["ETag"]:
        return FhirResponse(304, None, answer.described(stored))
    return answer.of(stored, 200)


def vread(request: FhirRequest, record: Record, type_: str, id_: str, vid: str) -> FhirResponse:
    """GET [base]/[type]/[id]/_history/[vid]"""
    bundle.only(request, ())
    return answer.of(record.vread(type_, id_, vid), 200)


def history(request: FhirRequest, record: Record, type_: str, id_: str) -> FhirResponse:
    """GET [base]/[type]/[id]/_history"""
    count, before = bundle.history_page(request, record.door)
    versions = record.history(type_, id_, count + 1, before)
    return bundle.history(request, record, versions, count, f"{type_}/{id_}")
