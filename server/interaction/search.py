"""The search interaction: on a type, on several or all, in a compartment; GET and POST.

https://hl7.org/fhir/R4/http.html#search
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from server.definition.compartment import COMPARTMENTS
from server.fhir.exchange import FhirRequest, FhirResponse
from server.fhir.issue import Forbidden, Invalid, NotSupported, TooLarge
from server.fhir.primitive import id as is_id
from server.interaction import answer, bundle
from server.record import contained
from server.record import search as searching
from server.record.auditevent import search as auditevent
from server.record.auditevent.resource import TYPE as AUDIT_EVENT
from server.record.record import Record
from server.record.search import Asked, Found, Rest
from server.search import cursor, order, system
from server.search.compartment import Compartment
from server.search.order import Position
from server.search.query import Query, parse
from server.search.score import CODE as SCORE

DEFAULT_COUNT = 50
PAGE, TYPE, EXPLAIN = "_page", "_type", "_explain"
LINK = 8000
"""Characters of a link: what every proxy on the way lets through."""

_LEGIBLE = "|,:/$*"
"""What a link shows as it was asked."""

_MORE, _NUMBERED = "+", "#"
"""Begin a position from which only what is brought along goes on, and one that tells how many matches were on
the pages before."""
_EVERYWHERE = ("_include", "_revinclude")
"""Parameters that may speak of one of several types."""

_ANY = ("Basic",)
"""A type that has no parameters but those of all."""

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Place:
    """What a request asks for, and from where on: the parameters, a position, `before`: how many matches
    stand before it, where they are counted; `rest`: what of a page is left to be brought along."""

    pairs: Sequence[Pair]
    token: str | None = None
    after: Position | None = None
    before: int = 0
    rest: Rest | None = None
    explain: bool = False

    @property
    def back(self) -> bool:
        return self.after is not None and order.goes_back(self.after)


def search(request: FhirRequest, record: Record, type_: str) -> FhirResponse:
    """GET [base]/[type]?… or POST [base]/[type]/_search"""
    place = _opened(request, record, type_)
    query = parse(type_, place.pairs, record.door.registry, _is_strict(request))
    record.flush()
    found = _way(query)(record, query, _asked(query, place))
    return _answer(record, type_, type_, query, found, place)


def _way(query: Query) -> Callable[[Record, Query, Asked], Found]:
    if query.contained:
        return contained.of_type
    return auditevent.of_type if query.type == AUDIT_EVENT else searching.of_type


def system_search(request: FhirRequest, record: Record) -> FhirResponse:
    """GET [base]?_type=…&… or POST [base]/_search"""
    return _of_several(request, record, "", None)


def compartment_search(request: FhirRequest, record: Record, kind: str, id_: str, type_: str) -> FhirResponse:
    """GET [base]/Patient/[id]/[type]?…, /*?…, or POST …/_search"""
    within, path = Compartment(kind, id_), f"{kind}/{id_}/{type_}"
    if type_ == "*":
        return _of_several(request, record, path, within)
    if not within.has(type_):
        raise Invalid(f"No {type_} stands in the compartment of a {kind}.")
    place = _opened(request, record, path)
    _check_contained(place.pairs)
    query = parse(type_, place.pairs, record.door.registry, _is_strict(request))
    record.flush()
    found = _way(query)(record, query, replace(_asked(query, place), within=within))
    return _answer(record, path, type_, query, found, place)


def is_compartment(record: Record, parts: Sequence[str]) -> bool:
    """Whether a path names the resources of a type, or of all (`*`), in a compartment."""
    return (
        len(parts) == 3
        and parts[0] in COMPARTMENTS
        and is_id(parts[1])
        and (parts[2] == "*" or parts[2] in record.door.types)
    )


def _of_several(request: FhirRequest, record: Record, path: str, within: Compartment | None) -> FhirResponse:
    place = _opened(request, record, path)
    types = _types(record, place.pairs, within)
    queries, query = _parsed(types, place.pairs, record, _is_strict(request))
    record.flush()
    found = searching.of_types(record, queries, replace(_asked(query, place), within=within))
    return _answer(record, path, None, query, found, place)


def _types(record: Record, pairs: Sequence[Pair], within: Compartment | None) -> list[str]:
    """The types that are searched: those that `_type` names, or all that the caller may search."""
    named = [type_ for name, value in pairs if name == TYPE for type_ in value.split(",") if type_]
    if unknown := [type_ for type_ in named if type_ not in record.door.types]:
        raise Invalid(f"'_type' names '{unknown[0][:60]}', which is no resource type.")
    record.flush()
    types = list(dict.fromkeys(named)) or [
        type_ for type_ in system.present(record.connection) if record.access.may(type_, "s")
    ]
    return [type_ for type_ in types if within is None or within.has(type_)]


def _parsed(
    types: Sequence[str], pairs: Sequence[Pair], record: Record, strict: bool
) -> tuple[dict[str, Query], Query]:
    """The query of each type, and what all have in common: only what every type knows is a criterion.

    Raises:
        Invalid: there is another, and the client is strict. NotSupported: the order is no common one.
    """
    registry = record.door.registry
    rest = [pair for pair in pairs if pair[0] != TYPE]
    asked = [pair for pair in pairs if pair[0] == TYPE]
    _check_contained(rest)
    _check_common(types, rest, record)
    # No type may be there: what is asked has to make sense all the same.
    first = {type_: parse(type_, rest, registry, strict=False) for type_ in types or _ANY}
    known = [query.self_parameters for query in first.values()]
    understood = [
        pair
        for pair in dict.fromkeys(pair for each in known for pair in each)
        if pair[0].partition(":")[0] in _EVERYWHERE or all(pair in each for each in known)
    ]
    unknown = {name for query in first.values() for name in query.ignored} - dict(understood).keys()
    if strict and unknown:
        raise Invalid(f"'{min(unknown)[:60]}' is not a search parameter of every type that is searched.")
    queries = {type_: parse(type_, understood, registry, strict=False) for type_ in types}
    some = next(iter((queries or first).values()))
    return queries, replace(some, self_parameters=(*asked, *understood))


def _check_contained(pairs: Sequence[Pair]) -> None:
    """
    Raises:
        NotSupported: what is contained is asked for.
    """
    for name, value in pairs:
        if name == "_contained" and value in ("true", "both"):
            raise NotSupported(
                f"'_contained={value}': contained resources are searched for at [base]/[type]."
            )


def _check_common(types: Sequence[str], pairs: Sequence[Pair], record: Record) -> None:
    """
    Raises:
        NotSupported: the order is not one that every type has.
    """
    for name, value in pairs:
        for text in value.split(",") if name == "_sort" else ():
            code = text.removeprefix("-")
            found = [record.door.registry.parameter(type_, code) for type_ in types]
            kinds = {each.type if each else None for each in found}
            if code != SCORE and (None in kinds or len(kinds) > 1):
                raise NotSupported(
                    f"'_sort': '{code[:60]}' is not a search parameter of every type that is searched, "
                    "or not of the same kind, so that there is no order by it."
                )


def _is_strict(request: FhirRequest) -> bool:
    return answer.preference(request.headers.get("prefer", ""), "handling") == "strict"


def _opened(request: FhirRequest, record: Record, path: str) -> _Place:
    """The request, or the page that its link stands for."""
    token = dict(request.query).get(PAGE)
    if token is None:
        return _explaining(_Place(request.query), record)
    pairs, position = cursor.opened(token, record.door.page_key, f"{record.access.owner} {path}")
    match position:
        case [marker, start, end, [step, way, rid]] if marker == _MORE:
            return _Place(pairs, token, rest=Rest(start, end, (step, tuple(way), rid)))
        case [marker, before, after] if marker == _NUMBERED:
            return _Place(pairs, token, after, before)
    return _Place(pairs, token, position)


def _explaining(place: _Place, record: Record) -> _Place:
    """Whether it is to be told how the search is carried out.

    Raises:
        Forbidden: it is not for this client to know.
    """
    rest = tuple(pair for pair in place.pairs if pair[0] != EXPLAIN)
    wanted = {value for name, value in place.pairs if name == EXPLAIN}
    if wanted - {"true", "false"}:
        raise Invalid(f"'_explain' is true or false, and was given '{min(wanted)[:60]}'.")
    if "true" not in wanted:
        return replace(place, pairs=rest)
    if record.access.client not in record.door.explain:
        raise Forbidden("This client is not told how a search is carried out (CHILDRECORD_EXPLAIN).")
    return replace(place, pairs=rest, explain=True)


def _asked(query: Query, place: _Place) -> Asked:
    count = DEFAULT_COUNT if query.count is None else query.count
    said = urlencode(query.self_parameters)
    if query.most is not None and place.rest is None:
        count = min(count, place.before if place.back else query.most - place.before)
    return Asked(count, place.after, query.total, said=said, rest=place.rest, explain=place.explain)


def _answer(
    record: Record, path: str, type_: str | None, query: Query, found: Found, place: _Place
) -> FhirResponse:
    # What follows the first answer of a page is only the rest of what it brings along.
    shown = replace(found, rows=(), total=None) if place.rest else found
    links = _links(record, path, query, found, place)
    return bundle.searchset(record, path, type_, query, shown, links)


def _links(record: Record, path: str, query: Query, found: Found, place: _Place) -> Iterator[Pair]:
    explain = [(EXPLAIN, "true")] if place.explain else []
    first = urlencode([*query.self_parameters, *explain], safe=_LEGIBLE)
    yield "self", urlencode([(PAGE, place.token)], safe=_LEGIBLE) if place.token else first
    if place.back and not found.rows and place.rest is None:
        # What stood before that page is gone: the search begins with what came after it.
        yield "next", first
    for relation, position in _ways(query, found, place).items():
        if position is not None:
            caller = f"{record.access.owner} {path}"
            sealed = cursor.sealed(query.self_parameters, position, record.door.page_key, caller)
            link = f"{PAGE}={sealed}"
            if len(f"{record.door.base_url}/{path}?{link}") > LINK:
                raise TooLarge(
                    f"There is more than one answer holds, and a link to the rest would be longer than {LINK}"
                    " characters: ask for fewer values at once, or for more on a page (_count)."
                )
            yield relation, link


def _ways(query: Query, found: Found, place: _Place) -> Mapping[str, Position | None]:
    """Where one may go from here."""
    rest = found.rest
    related = None if rest is None else [_MORE, rest.start, rest.end, list(rest.mark)]
    if place.rest is not None:
        return {"related": related}
    following, before = found.next, found.previous
    if query.most is not None:
        first = place.before - len(found.rows) if place.back else place.before
        last = first + len(found.rows)
        following = [_NUMBERED, last, following] if following and last < query.most else None
        before = [_NUMBERED, first, before] if before and first > 0 else None
    return {"next": following, "previous": before, "related": related}
