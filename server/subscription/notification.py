"""A notification: a Bundle whose first entry tells of the subscription and of its events.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html

Resources come as the text that is stored of them, and are put into the Bundle without being read again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from server import clock
from server.fhir import Json, json
from server.fhir.meta import etag, instant
from server.store.row import Stored

EMPTY, ID_ONLY, FULL_RESOURCE = CONTENTS = ("empty", "id-only", "full-resource")
"""How much a subscriber is told of what an event is about."""

HANDSHAKE, HEARTBEAT, EVENT, QUERY_STATUS, QUERY_EVENT = (
    "handshake",
    "heartbeat",
    "event-notification",
    "query-status",
    "query-event",
)

_PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
BUNDLE_PROFILE = f"{_PROFILES}backport-subscription-notification-r4"
STATUS_PROFILE = f"{_PROFILES}backport-subscription-status-r4"
ERRORS = "http://terminology.hl7.org/CodeSystem/subscription-error"


@dataclass(frozen=True, slots=True)
class Status:
    """What is told of a subscription. `topic`: None of one by criteria. `numbered`: its events so far.
    `error`: a code of the subscription-error code system, and a sentence."""

    id: str
    status: str
    topic: str | None
    numbered: int
    error: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a subscription. `focus`: what it is about, as its subscriber may see it now: None where it
    may not. `context`: what else is seen with it."""

    number: int
    at: datetime
    interaction: str
    focus: Stored | None
    context: tuple[Stored, ...] = ()


def notification(
    base: str,
    status: Status,
    kind: str,
    at: datetime,
    content: str = EMPTY,
    events: Sequence[Event] = (),
) -> bytes:
    """A Bundle of the profile, as JSON text."""
    told = _status_of(base, status, kind, content, events)
    entries = [_status_entry(base, status, told), *_entries(base, content, events)]
    head = {
        "resourceType": "Bundle",
        "id": clock.new_id(),
        "meta": {"profile": [BUNDLE_PROFILE]},
        "type": "history",
        "timestamp": instant(at),
    }
    return json.encode(head)[:-1] + b',"entry":[' + b",".join(entries) + b"]}"


def statuses(base: str, every: Iterable[Status]) -> bytes:
    """The answer to `$status`: a searchset of one status for each subscription."""
    told = [_status_of(base, each, QUERY_STATUS, ID_ONLY, ()) for each in every]
    entries = [
        {"fullUrl": f"urn:uuid:{each['id']}", "resource": each, "search": {"mode": "match"}} for each in told
    ]
    bundle = {"resourceType": "Bundle", "id": clock.new_id(), "type": "searchset", "total": len(entries)}
    return json.encode({**bundle, **({"entry": entries} if entries else {})})


# ---- the status --------------------------------------------------------------------------------------------


def _status_of(base: str, status: Status, kind: str, content: str, events: Sequence[Event]) -> Json:
    parameters: list[Json] = [
        _parameter("subscription", "Reference", {"reference": f"{base}/Subscription/{status.id}"}),
        # "SHOULD NOT be present when using empty payloads".
        *([_parameter("topic", "Canonical", status.topic)] if status.topic and content != EMPTY else []),
        _parameter("status", "Code", status.status),
        _parameter("type", "Code", kind),
        _parameter("events-since-subscription-start", "String", str(status.numbered)),
        *({"name": "notification-event", "part": _parts(base, content, each)} for each in events),
    ]
    if status.error:
        code, text = status.error
        said = {"coding": [{"system": ERRORS, "code": code}], "text": text}
        parameters.append(_parameter("error", "CodeableConcept", said))
    return {
        "resourceType": "Parameters",
        "id": clock.new_id(),
        "meta": {"profile": [STATUS_PROFILE]},
        "parameter": parameters,
    }


def _parts(base: str, content: str, event: Event) -> list[Json]:
    parts = [
        _parameter("event-number", "String", str(event.number)),
        _parameter("timestamp", "Instant", instant(event.at)),
    ]
    if content != EMPTY and event.focus is not None:
        parts.append(_parameter("focus", "Reference", {"reference": _url(base, event.focus)}))
        parts += (
            _parameter("additional-context", "Reference", {"reference": _url(base, each)})
            for each in event.context
        )
    return parts


def _parameter(name: str, type_: str, value: object) -> Json:
    return {"name": name, f"value{type_}": value}


def _status_entry(base: str, status: Status, told: Json) -> bytes:
    """It comes as if it had been asked for by `$status`."""
    return json.encode(
        {
            "fullUrl": f"urn:uuid:{told['id']}",
            "resource": told,
            "request": {"method": "GET", "url": f"{base}/Subscription/{status.id}/$status"},
            "response": {"status": "200"},
        }
    )


# ---- what the events are about -----------------------------------------------------------------------------


def _entries(base: str, content: str, events: Sequence[Event]) -> Iterator[bytes]:
    """Each version once, however many events it comes with."""
    if content == EMPTY:
        return
    told: set[tuple[str, str, int]] = set()
    for event in events:
        of_event = () if event.focus is None else (event.focus, *event.context)
        for each in of_event:
            if (each.type, each.id, each.version) not in told:
                told.add((each.type, each.id, each.version))
                yield _entry(base, content, event, each)


def _entry(base: str, content: str, event: Event, row: Stored) -> bytes:
    url = json.encode(_url(base, row))
    whole = content == FULL_RESOURCE and not row.deleted
    body = b'"resource":' + row.body.encode() + b"," if whole else b""
    return b'{"fullUrl":' + url + b"," + body + json.encode(_how(event, row))[1:]


def _how(event: Event, row: Stored) -> Json:
    """What was done, as a request that would do it again."""
    interaction = event.interaction if row is event.focus else "read"
    if row.deleted:
        interaction = "delete"
    method, status = _METHODS[interaction]
    url = row.type if method == "POST" else f"{row.type}/{row.id}"
    response = {"status": status}
    if not row.deleted:
        response |= {"etag": etag(row.version), "lastModified": instant(row.last_updated)}
    return {"request": {"method": method, "url": url}, "response": response}


_METHODS = {
    "create": ("POST", "201"),
    "update": ("PUT", "200"),
    "delete": ("DELETE", "204"),
    "read": ("GET", "200"),
}


def _url(base: str, row: Stored) -> str:
    return f"{base}/{row.type}/{row.id}"
