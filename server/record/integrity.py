"""References lead somewhere: what is written refers to what is there, and what is referred to stays.

https://hl7.org/fhir/R4/http.html#delete

That holds for agencies whose rights say so. It is asked at the end of a transaction, so that resources that
refer to one another come and go together.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from server.definition.library import library
from server.fhir import Json
from server.fhir.issue import Conflict
from server.fhir.reference import parse, references
from server.search.complete import require_index
from server.search.element import targets
from server.search.facet import facet
from server.search.hash import Hasher
from server.search.types import Index
from server.store import recordset, referrers, resources
from server.store.referrers import Hash, Referrer
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

OUTLIVING = ("AuditEvent", "Provenance")
"""Tell what happened, and outlive what they tell of."""

OWN = ("Flag", "Task")
"""Those that the server itself keeps about others are in nobody's way."""

_ANYWHERE = ("", ":reference")
"""The type and parameter by which references are hashed that no search parameter covers."""

_PLACEHOLDERS = ("urn:uuid:", "urn:oid:")
_REFERENCE = re.compile(r'"reference":"(?:([A-Z][A-Za-z]+)/[A-Za-z0-9.\-]{1,64}["/#]|(https?://))?')
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

_AT_ONCE = 50
_NAMED = 5


def listed(index: Index, type_: str, local: Iterable[tuple[str, str]], hasher: Hasher) -> None:
    """Make the references findable that no search parameter lists."""
    known = {text for code, text in index.listed if _points_at(type_, code, text.partition("/")[0])}
    for target, id_ in local:
        text = f"{target}/{id_}"
        if target != "Patient" and text not in known:
            hash_ = hasher.token(*_ANYWHERE, text)
            index.tokens.append(hash_)
            index.facets.append(hash_)


def unresolved(resource: Json, body: str, shown: Json) -> Iterator[str]:
    """The references that can lead to nothing, whatever there is: conditions and names of entries, which a
    transaction has resolved by now, fragments that are not contained, and what is neither a URL nor Type/id.

    Within a stored Bundle they lead to another of its entries. `shown`: what of the resource its writer sees.
    """
    if resource["resourceType"] != "Bundle" and _is_doubtful(body):
        for text in dict.fromkeys(text for _, text in references(shown)):
            if _is_lost(text, resource):
                # What a condition asks for may be a child's number: it is not said again.
                where, asks, _ = text.partition("?")
                yield f"{where}{asks and '?…'}"


def _is_doubtful(body: str) -> bool:
    """Whether a resource, as it is kept, has a reference that is not plainly Type/id or an address."""
    types = _types()
    return any(not found[2] and found[1] not in types for found in _REFERENCE.finditer(body))


@cache
def _types() -> frozenset[str]:
    return frozenset(library().resource_types)


def _is_lost(text: str, within: Json) -> bool:
    if text.startswith("#"):
        return text != "#" and all(each.get("id") != text[1:] for each in within.get("contained", ()))
    if _ABSOLUTE.match(text):
        return text.lower().startswith(_PLACEHOLDERS)
    target = parse(text)
    return not (target.local and target.id and target.type in _types())


def settle(record: "Record") -> None:
    """See to it that nothing refers to what this transaction deleted.

    Raises:
        Conflict: something does, and was not to go with it. Incomplete: that is not known yet.
    """
    while buried := record.take_buried():
        require_index()
        for at in range(0, len(buried), _AT_ONCE):
            _settle(record, buried[at : at + _AT_ONCE])


def _settle(record: "Record", buried: Sequence[tuple[Stored, bool]]) -> None:
    found = _referring(record, [gone for gone, _ in buried])
    # A resource that refers to itself, or to another that went with it, is gone already.
    for referrer in found:
        gone, cascading = buried[referrer.of]
        if not cascading:
            raise _refusal(record, gone, [each for each in found if each.of == referrer.of])
    for type_, id_ in dict.fromkeys((library().type_name(each.type), each.id) for each in found):
        if record.delete(type_, id_, cascading=True) is None:
            # It is there, and the caller may not see it: what it refers to has to stay.
            raise _refusal(record, buried[0][0], [])


def _refusal(record: "Record", gone: Stored, found: Sequence[Referrer]) -> Conflict:
    named = ", ".join(list(visible(record, found))[:_NAMED])
    such = f", among them {named}" if named else ""
    return Conflict(
        f"Other resources refer to {gone.type}/{gone.id}{such}: they must be deleted or changed first, or "
        "with it (_cascade=delete)."
    )


def visible(record: "Record", found: Sequence[Referrer]) -> Iterator[str]:
    """Those that the caller may see: a refusal must not tell more than a read."""
    for number in dict.fromkeys(each.type for each in found):
        type_ = library().type_name(number)
        if not record.access.may(type_, "r"):
            continue
        some = [each for each in found if each.type == number]
        places = recordset.text({"child": each.child, "rid": each.rid} for each in some)
        view = resources.allowed(record.access.view(type_, "r"))
        seen = {rid for (rid,) in view(record.connection, places=places, type=number)}
        yield from (f"{type_}/{each.id}" for each in some if each.rid in seen)


def _referring(record: "Record", gone: Sequence[Stored]) -> list[Referrer]:
    never, own = ([library().type_number(type_) for type_ in types] for types in (OUTLIVING, OWN))
    children = [(of, each.rid) for of, each in enumerate(gone) if each.type == "Patient"]
    hashes = [
        Hash(of, hash_, number)
        for of, each in enumerate(gone)
        if each.type != "Patient"
        for number, hash_ in hashes_of(each.type, each.id, record.door.hasher)
    ]
    return [
        *(referrers.about(record.connection, children, never, own) if children else ()),
        *(referrers.referring(record.connection, hashes, never, own) if hashes else ()),
    ]


def hashes_of(type_: str, id_: str, hasher: Hasher) -> Iterator[tuple[int, int]]:
    """(type of the referrer, hash) of every reference to a resource; type 0: any."""
    text = f"{type_}/{id_}"
    yield 0, hasher.token(*_ANYWHERE, text)
    for referring, code in _pointing_at(type_):
        yield library().type_number(referring), hasher.token(referring, code, text)


@cache
def _pointing_at(target: str) -> tuple[tuple[str, str], ...]:
    """(type, parameter) of every reference parameter whose references may lead to a resource of this type."""
    return tuple(
        (type_, code)
        for type_ in library().resource_types
        if type_ not in OUTLIVING
        for code, parameter in library().shipped(type_).items()
        if parameter.type == "reference"
        and facet(type_, parameter).kept
        and target in targets(type_, parameter)
    )


@cache
def _points_at(type_: str, code: str, target: str) -> bool:
    # One that was added may be taken away again: what it lists is listed here besides.
    parameter = library().shipped(type_).get(code)
    return parameter is not None and target in targets(type_, parameter)
