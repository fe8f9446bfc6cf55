"""One request in one transaction, with what its headers ask for beside it: once only, and with its reason."""

from collections.abc import Callable

from server.fhir.exchange import FhirRequest, FhirResponse
from server.interaction import confirmed, provenance, repeat
from server.record import repeat as keys
from server.record.record import Record

Route = Callable[[FhirRequest, Record], FhirResponse]


def act(request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    """Carry a request out, or answer as before if its key says that it was."""
    key = keys.key(request)
    if key is None:
        return _act(request, record, route)
    before = keys.claimed(record, request, key)
    if before is not None:
        return repeat.again(before, request, record, route)
    response = _act(request, record, route)
    keys.answered(record, key, repeat.kept(response))
    return response


def _act(request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    reason = provenance.sent(request)
    record.confirmed = confirmed.sent(request)
    response = route(request, record)
    if reason is not None:
        provenance.attach(reason, record)
    record.settle()
    return response
