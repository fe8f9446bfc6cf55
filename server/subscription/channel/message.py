"""A notification as a message of FHIR: the Bundle of a MessageHeader, and of the notification whole.

https://hl7.org/fhir/R4/messaging.html and
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#fhir-messaging
"""

from dataclasses import dataclass

from server import clock
from server.fhir import Json, json
from server.fhir.meta import instant
from server.subscription.channel.check import JSON
from server.subscription.channel.parcel import Parcel
from server.subscription.channel.rest_hook import RestHook

EVENT: Json = {
    "system": "https://w3id.org/single-child-record/CodeSystem/message-event",
    "code": "subscription-notification",
}


@dataclass(frozen=True, slots=True)
class Message:
    """Messages go as posts do; `base` is whom they come from."""

    hook: RestHook
    base: str

    async def deliver(self, parcel: Parcel) -> None:
        """Have the other server process the message; raises NotDelivered."""
        endpoint = parcel.endpoint.rstrip("/")
        body = message(self.base, endpoint, parcel)
        await self.hook.send("POST", f"{endpoint}/$process-message", parcel, parcel.mime or JSON, body)


def message(base: str, endpoint: str, parcel: Parcel) -> bytes:
    """The message that a notification (or of a subscription by criteria, a resource) is sent in."""
    inside = parcel.bundle if parcel.resource is None else parcel.resource[1]
    focus = f"urn:uuid:{clock.new_id()}"
    header: Json = {
        "resourceType": "MessageHeader",
        "id": clock.new_id(),
        "eventCoding": EVENT,
        "destination": [{"endpoint": endpoint}],
        "source": {"endpoint": base},
        "focus": [{"reference": focus}],
    }
    if parcel.plain and parcel.resource is None:
        del header["focus"]
        inside = b""
    entries = [json.encode({"fullUrl": f"urn:uuid:{header['id']}", "resource": header})]
    if inside:
        entries.append(b'{"fullUrl":' + json.encode(focus) + b',"resource":' + inside + b"}")
    head = {
        "resourceType": "Bundle",
        "id": clock.new_id(),
        "type": "message",
        "timestamp": instant(clock.now()),
    }
    return json.encode(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"
