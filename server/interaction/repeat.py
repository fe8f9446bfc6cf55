"""The answer to a write as it is kept for a repeat, and given again.

No resource is kept: what the first answer showed is read again, under the rights that the caller has now.
"""

from collections.abc import Callable
from dataclasses import replace

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Issue
from server.fhir.outcome import outcome
from server.interaction import entry
from server.record.record import Record

Route = Callable[[FhirRequest, Record], FhirResponse]

_DONE = Issue(
    "informational",
    "This was carried out before, under the same Idempotency-Key. What it gave back is not kept.",
    severity="information",
)


def kept(response: FhirResponse) -> Json:
    """What of an answer is kept."""
    head: Json = {"status": response.status, "headers": dict(response.headers)}
    if response.body is None or "Content-Type" in response.headers:
        return head
    return head | _body(json.decode(response.body))


def _body(content: Json) -> Json:
    match content:
        case {"resourceType": "OperationOutcome"}:
            return {"outcome": content}
        case {"resourceType": "Bundle", "type": "transaction-response"}:
            head = {name: value for name, value in content.items() if name != "entry"}
            return {"bundle": head, "entries": [_entry(each) for each in content.get("entry", ())]}
        case _ if version := _version(content):
            return {"version": version}
    return {"outcome": outcome((_DONE,))}


def _entry(each: Json) -> Json:
    resource = each.get("resource")
    if resource is None:
        return {"response": each["response"]}
    version = None if resource["resourceType"] == "Bundle" else _version(resource)
    return {"response": each["response"], "version": version}


def _version(resource: Json) -> list[str] | None:
    """[type, id, vid] of a stored resource."""
    version = resource.get("meta", {}).get("versionId")
    return [resource["resourceType"], resource["id"], version] if version and "id" in resource else None


def again(kept: Json, request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    """The answer once more.

    Raises:
        NotFound: what it showed is not for this caller's eyes any more.
    """
    response = FhirResponse(kept["status"], None, kept["headers"])
    match kept:
        case {"outcome": outcome}:
            return replace(response, body=json.encode(outcome))
        case {"version": [type_, id_, vid]}:
            return replace(response, body=_shown(record, type_, id_, vid))
        case {"bundle": head, "entries": entries}:
            asked = (request.content or {}).get("entry", [])
            pairs = enumerate(zip(entries, asked, strict=True))
            texts = [_entry_again(at, before, each, record, route) for at, (before, each) in pairs]
            return replace(response, body=entry.filled(head, texts))
    return response


def _shown(record: Record, type_: str, id_: str, vid: str) -> bytes:
    """The version, or to who writes and may read nothing of the type that it was written."""
    if not record.access.may(type_, "r"):
        return json.encode(outcome((_DONE,)))
    return record.vread(type_, id_, vid).body.encode()


def _entry_again(at: int, before: Json, asked: Json, record: Record, route: Route) -> bytes:
    if "version" not in before:
        return json.encode(before)
    try:
        if before["version"]:
            shown = _shown(record, *before["version"])
        else:
            shown = route(entry.request(asked, at, record.door.base_url), record).body or b"{}"
    except FhirError as error:
        told = {**before["response"], "outcome": outcome(error.issues)}
        return json.encode({"response": told})
    return b'{"resource":' + shown + b',"response":' + json.encode(before["response"]) + b"}"
