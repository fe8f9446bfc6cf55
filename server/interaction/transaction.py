"""The transaction interaction: all entries or none, each by the same route as a request of its own.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Issue, Malformed, Unprocessable
from server.interaction import answer, entry, turn, write
from server.interaction.fullurl import Names
from server.interaction.turn import Part
from server.record import judge
from server.record.record import Record

_TOLD = 1000
"""Issues of a Bundle that are looked for once it is refused."""

Route = Callable[[FhirRequest, Record], FhirResponse]

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 3, "GET": 4, "HEAD": 4}
"""R4's order. What a PATCH is applied to has to be read, which sends everything before it to the database: so
it comes after the PUTs, to which it makes no difference."""


def transaction(request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    """POST [base] with a Bundle of type transaction.

    The order is R4's: DELETE, POST, PUT and PATCH, GET; the answers stand in the order of the request.
    """
    content = answer.resource_of(request.content, "Bundle")
    if content.get("type") != "transaction":
        raise Malformed(
            "Only Bundles of type batch or transaction are carried out.", expression="Bundle.type"
        )
    prefer = request.headers.get("prefer", "")
    parts = [
        Part(entry.request(each, at, record.door.base_url, {"prefer": prefer}), _full_url(each), at)
        for at, each in enumerate(entry.entries(request, record.door))
    ]
    _carry_out(parts, record, route)
    every = answer.preference(prefer, "return") == "representation"
    answers = [
        entry.text(_answer(part, record), shown=every or part.request.method == "GET") for part in parts
    ]
    return FhirResponse(200, entry.bundle("transaction-response", answers))


def _carry_out(parts: Sequence[Part], record: Record, route: Route) -> None:
    for part in parts:
        if part.request.method == "POST" and part.request.path == "":
            with turn.at(part):
                raise Malformed("A Bundle cannot hold another batch or transaction.")
    turn.address(parts, record)
    ordered = sorted(parts, key=_turn)
    for part in ordered:
        if part.request.method == "DELETE":
            _delete(part, record, route)
    names = turn.meet(parts, record)
    for part in parts:
        with turn.at(part):
            part.request = _with_names(part, names)
    record.promised = {
        (part.type, part.id): {**(part.request.content or {}), "id": part.id}
        for part in parts
        if part.writes and part.id
    }
    for number, part in enumerate(ordered):
        # What a create found is there: that is its answer.
        if part.done is None and not (part.request.method == "POST" and (part.found or part.same)):
            try:
                with turn.at(part):
                    part.done = _carried_out(part, record, route)
            except (Malformed, Unprocessable) as error:
                # Whoever is refused is told everything at once.
                error.issues += tuple(_faults(ordered[number + 1 :], record))
                raise
    turn.agreed(parts, record)


def _faults(parts: Sequence[Part], record: Record) -> Iterator[Issue]:
    """What the entries would be refused for that have not been looked at yet, as far as they alone tell."""
    left = _TOLD
    for part in parts:
        if part.writes and part.request.content and left > 0:
            found = turn.in_bundle(part, judge.refusal(record.promised[part.type, part.id or ""], record))
            left -= len(found)
            yield from found


def _delete(part: Part, record: Record, route: Route) -> None:
    before = len(record.written)
    with turn.at(part):
        part.done = route(part.request, record)
    part.deleted = tuple(f"{each.type}/{each.id}" for each in record.written[before:])


def has_conditions(request: FhirRequest) -> bool:
    """Whether a transaction holds an entry that is carried out on condition."""
    found = request.content.get("entry") if request.content and request.path == "" else None
    asked = (
        (each.get("request") for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
    )
    return any(
        isinstance(each, dict) and ("ifNoneExist" in each or "?" in str(each.get("url", "")))
        for each in asked
    )


def _turn(part: Part) -> tuple[int, str]:
    """When an entry is carried out: what locks a resource does so in the order that all transactions have."""
    method = part.request.method
    return _ORDER[method], part.path if method in ("PUT", "PATCH", "DELETE") else ""


def _full_url(each: Json) -> str | None:
    url = each.get("fullUrl")
    return url if isinstance(url, str) else None


def _with_names(part: Part, names: Names) -> FhirRequest:
    """The entry's request, its references leading to the resources that the entries have become."""
    asked = part.request
    if asked.content is None:
        return asked
    return replace(asked, content=names.replaced(asked.content, part.full_url))


def _carried_out(part: Part, record: Record, route: Route) -> FhirResponse:
    asked = part.request
    if part.id is None or (part.condition is None and asked.method != "POST"):
        return route(asked, record)
    headers = {name: text for name, text in asked.headers.items() if name != "if-none-exist"}
    direct = replace(asked, path=part.path, query=(), headers=headers)
    match asked.method:
        case "POST":
            return write.create(direct, record, part.type, part.id)
        case "PUT":
            resource = answer.resource_of(asked.content, part.type)
            return write.update_found(direct, record, resource, part.found, part.id)
    return route(direct, record)


def _answer(part: Part, record: Record) -> FhirResponse:
    if part.done is None:
        part.done = turn.answered_as(part.same) if part.same else turn.found(part, record)
    return part.done
