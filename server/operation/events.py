"""`$events`: what a subscription told, or had to tell, told again to who asks for it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.operation.call import Call
from server.operation.registry import implements
from server.record.record import Record
from server.subscription import delivery, owner
from server.subscription.channel.check import MOST
from server.subscription.notification import CONTENTS, QUERY_EVENT, notification


@implements("backport-subscription-events")
def events(call: Call, record: Record) -> FhirResponse:
    """By the rights of now: what was lost sight of keeps its number, and names nothing."""
    assert call.id is not None
    subscription = owner.own(record, call.id)
    content = _content(call.one("content"), subscription.content)
    since = _number(call, "eventsSinceNumber", 1)
    until = _number(call, "eventsUntilNumber", subscription.numbered)
    record.begin()
    numbers, codes = (since, until), delivery.codes_of(record.door, subscription)
    told = delivery.told(
        record.door, record.connection, record.access, subscription, numbers, MOST, codes=codes
    )
    delivery.account(record.connection, record.access, record.at, subscription, told)
    status = delivery.status(subscription)
    return FhirResponse(
        200, notification(record.door.base_url, status, QUERY_EVENT, record.at, content, told)
    )


def _content(asked: str | None, own: str) -> str:
    """What is asked for, if it is no more than the subscription's own."""
    if asked is None:
        return own
    if asked not in CONTENTS:
        raise Invalid(f"'content' is {', '.join(CONTENTS)}.")
    return min(asked, own, key=CONTENTS.index)


def _number(call: Call, name: str, otherwise: int) -> int:
    text = call.one(name)
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Invalid(f"'{name}' is the number of an event.")
    return int(text)
