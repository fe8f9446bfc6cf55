"""`$status`: how subscriptions stand.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html
"""

from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.operation.call import Call
from server.operation.registry import implements
from server.record.record import Record
from server.store.subscriptions import STATES
from server.subscription import owner
from server.subscription.delivery import status as told
from server.subscription.notification import statuses


@implements("backport-subscription-status")
def status(call: Call, record: Record) -> FhirResponse:
    """Of one, or of all that the caller made, or of some of these."""
    wanted = frozenset(call.every("status")) if call.id is None else frozenset()
    for each in wanted - frozenset(STATES):
        raise Invalid(f"'{shown(each)}' is no status of a Subscription: {', '.join(STATES)}.")
    found = [owner.readable(record, call.id)] if call.id else owner.available(record, call.every("id"))
    chosen = (each for each in found if not wanted or each.state in wanted)
    return FhirResponse(200, statuses(record.door.base_url, map(told, chosen)))
