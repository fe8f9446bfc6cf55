"""The transaction interaction: all entries or none, each by the same route as a request of its own.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from server import clock
from server.fhir import Json
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import FhirError, Malformed, PreconditionFailed
from server.fhir.primitive import id as is_id
from server.fhir.reference import parse, references
from server.interaction import answer, entry, write
from server.record.record import Record

Route = Callable[[FhirRequest, Record], FhirResponse]

_ORDER = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}


_TEXTS = frozenset({"value", "valueString", "display", "text", "id"})
"""Properties that hold words, and are no references whatever they look like."""


@dataclass(slots=True)
class Part:
    """One entry: its request, what other entries call it, and what it turned out to be."""

    request: FhirRequest
    full_url: str | None
    at: int
    id: str | None = None
    done: FhirResponse | None = None


def transaction(request: FhirRequest, record: Record, route: Route) -> FhirResponse:
    """POST [base] with a Bundle of type transaction.

    The order is R4's: DELETE, POST, PUT, GET; the answers stand in the order of the request.
    """
    content = answer.resource_of(request.content, "Bundle")
    if content.get("type") != "transaction":
        raise Malformed(
            "Only Bundles of type batch or transaction are carried out.", expression="Bundle.type"
        )
    prefer = request.headers.get("prefer", "")
    parts = [
        Part(entry.request(each, at, prefer), _full_url(each), at)
        for at, each in enumerate(entry.entries(request, record.door))
    ]
    _distinct(parts)
    names = _names(parts, record) | _conditional(parts, record)
    for part in sorted(parts, key=_turn):
        if part.done is None:
            part.done = _carried_out(part, names, record, route)
    minimal = answer.preference(prefer, "return") != "representation"
    answers = [
        entry.text(part.done, minimal=minimal and part.request.method not in ("GET", "HEAD"))
        for part in parts
        if part.done
    ]
    return FhirResponse(200, entry.bundle("transaction-response", answers))


def _turn(part: Part) -> tuple[int, str]:
    """When an entry is carried out: what locks a resource does so in the order that all transactions have."""
    method = part.request.method
    return _ORDER[method], part.request.path if method in ("PUT", "DELETE") else ""


def has_conditions(request: FhirRequest) -> bool:
    """Whether a transaction holds an entry that is carried out on condition."""
    found = request.content.get("entry") if request.content and request.path == "" else None
    return isinstance(found, list) and any(
        isinstance(each, dict) and isinstance(each.get("request"), dict) and "ifNoneExist" in each["request"]
        for each in found
    )


def _full_url(each: Json) -> str | None:
    url = each.get("fullUrl")
    return url if isinstance(url, str) else None


def _distinct(parts: list[Part]) -> None:
    """Two entries that touch one resource have no order between them."""
    seen: set[str] = set()
    for part in parts:
        if part.request.method in ("PUT", "DELETE", "PATCH"):
            if part.request.path in seen:
                raise Malformed(
                    f"Two entries touch '{part.request.path[:80]}'.",
                    expression=f"Bundle.entry[{part.at}].request.url",
                )
            seen.add(part.request.path)
    conditions: set[tuple[str, str]] = set()
    for part in parts:
        condition = part.request.headers.get("if-none-exist")
        if part.request.method == "POST" and condition is not None:
            if (part.request.path, condition) in conditions:
                raise Malformed(
                    "Two entries create on the same condition.", expression=f"Bundle.entry[{part.at}].request"
                )
            conditions.add((part.request.path, condition))
    urls = [part.full_url for part in parts if part.full_url and part.request.method in ("POST", "PUT")]
    if len(urls) != len(set(urls)):
        raise Malformed("Two entries have the same fullUrl.", expression="Bundle.entry.fullUrl")


def _names(parts: list[Part], record: Record) -> dict[str, str]:
    """What every fullUrl will be: ids are given out before anything is written."""
    names: dict[str, str] = {}
    for part in parts:
        type_, _, id_ = part.request.path.partition("/")
        if type_ not in record.door.types:
            continue
        if part.request.method == "POST" and not id_:
            part.id = _existing(part, type_, record) or clock.new_id()
        elif part.request.method == "PUT" and is_id(id_):
            part.id = id_
        if part.id and part.full_url:
            names[part.full_url] = f"{type_}/{part.id}"
            told = parse(part.full_url)
            if told.type == type_ and told.id and part.request.method == "POST":
                names[f"{type_}/{told.id}"] = f"{type_}/{part.id}"
    return names


def _existing(part: Part, type_: str, record: Record) -> str | None:
    """The id of what a conditional create finds, which then is the answer."""
    condition = part.request.headers.get("if-none-exist")
    if condition is None:
        return None
    with _at(part):
        record.access.view(type_, "c")
        found = write.matching(record, type_, condition)
    if found is None:
        return None
    part.done = answer.written(found, 200, record.door.base_url, part.request.headers.get("prefer", ""))
    return found.id


def _carried_out(part: Part, names: dict[str, str], record: Record, route: Route) -> FhirResponse:
    with _at(part):
        content = part.request.content
        if content is not None:
            content = _renamed(content, names)
        headers = {name: value for name, value in part.request.headers.items() if name != "if-none-exist"}
        single = replace(part.request, content=content, headers=headers)
        if single.method == "POST" and "/" not in single.path and single.path in record.door.types:
            return write.create(single, record, single.path, part.id)
        if single.path == "":
            raise Malformed("A Bundle cannot hold another batch or transaction.")
        return route(single, record)


class _at:  # noqa: N801  (reads as a phrase: with _at(part))
    """Says in which entry something went wrong."""

    def __init__(self, part: Part) -> None:
        self._at = part.at

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if isinstance(error, FhirError):
            prefix = f"Bundle.entry[{self._at}]"
            error.issues = tuple(
                replace(
                    issue, expression=tuple(f"{prefix}.resource.{e}" for e in issue.expression) or (prefix,)
                )
                for issue in error.issues
            )


def _renamed(node: Any, names: dict[str, str]) -> Any:
    """A copy in which every reference or uri that is one entry's fullUrl is that entry's `Type/id`; itself if
    there is none."""
    if not names:
        return node
    if type(node) is str:
        return names.get(node, node)
    if type(node) is dict:
        return {key: _renamed_property(key, value, names) for key, value in node.items()}
    if type(node) is list:
        return [_renamed(value, names) for value in node]
    return node


def _renamed_property(key: str, value: Any, names: dict[str, str]) -> Any:
    if key == "div":
        return _in_text(value, names)
    # An identifier may have the same URN as its entry, and keeps it.
    return value if key in _TEXTS and type(value) is str else _renamed(value, names)


def _in_text(text: Any, names: dict[str, str]) -> Any:
    """Links in a narrative."""
    if type(text) is str and "urn:" in text:
        for url, name in names.items():
            text = text.replace(f'"{url}"', f'"{name}"')
    return text


def _conditional(parts: list[Part], record: Record) -> dict[str, str]:
    """References of the form `Patient?identifier=…`, each with the one resource it finds before anything
    is written.

    Raises:
        PreconditionFailed: it finds none. MultipleMatches: it finds several.
    """
    names: dict[str, str] = {}
    for part in parts:
        for _, text in references(part.request.content or {}):
            type_, mark, _ = text.partition("?")
            if mark and text not in names and type_ in record.door.types:
                with _at(part):
                    found = write.matching(record, type_, text)
                    if found is None:
                        raise PreconditionFailed(f"The conditional reference to a {type_} matches nothing.")
                names[text] = f"{type_}/{found.id}"
    return names
