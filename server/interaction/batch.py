"""The batch interaction: each entry alone, failing alone.

https://hl7.org/fhir/R4/http.html#transaction
"""

import logging
from collections.abc import Callable

from server import clock
from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Malformed
from server.interaction import answer, confirmed, entry, provenance
from server.record import repeat
from server.record.door import Door

_SHARED = ("prefer", confirmed.HEADER, provenance.HEADER, repeat.HEADER)
"""The headers of the Bundle's request that hold for each entry."""

_log = logging.getLogger(__name__)


def is_batch(request: FhirRequest) -> bool:
    """Whether the request is a Bundle whose entries stand for themselves."""
    content = request.content
    return (
        request.method == "POST"
        and request.path == ""
        and content is not None
        and content.get("type") == "batch"
    )


def batch(request: FhirRequest, door: Door, respond: Callable[[FhirRequest], FhirResponse]) -> FhirResponse:
    """POST [base] with a Bundle of type batch."""
    entries = entry.entries(request, door)
    answers = [entry.text(_one(each, at, request, door, respond)) for at, each in enumerate(entries)]
    return FhirResponse(200, entry.bundle("batch-response", answers))


def _one(
    each: Json, at: int, whole: FhirRequest, door: Door, respond: Callable[[FhirRequest], FhirResponse]
) -> FhirResponse:
    try:
        return respond(_single(each, at, whole, door))
    except FhirError as error:
        return answer.refused(error)
    except Exception:  # the entries before it are stored, and their answers are owed
        reference = clock.new_id()
        _log.exception("unforeseen in a batch, reference %s", reference)
        told = f"Something unforeseen went wrong; nothing of this entry was stored. Reference {reference}."
        return answer.refused(FhirError(told))


def _single(each: Json, at: int, whole: FhirRequest, door: Door) -> FhirRequest:
    headers = {name: whole.headers[name] for name in _SHARED if name in whole.headers}
    if repeat.HEADER in headers:
        # A repeat finds which entries were carried out, and carries the others out.
        headers[repeat.HEADER] = repeat.part(headers[repeat.HEADER], at)
    single = entry.request(each, at, door.base_url, headers)
    if is_batch(single) or single.path == "":
        told = "A Bundle cannot hold another batch or transaction."
        raise Malformed(told, expression=f"Bundle.entry[{at}]")
    return single
