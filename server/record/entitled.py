"""What a caller may do by an operation that reading and writing do not cover: by a right that names it.

A right of the agency's file lists such operations (`operations`): its types, its criteria, its children, its
roles, purposes and dates hold for them as they do for what it lets read and write.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from server.access.access import Access
from server.access.scope import CRUDS
from server.fhir.issue import Forbidden, NotFound
from server.search.view import CallerView
from server.store import resources
from server.store.expunge import find
from server.store.expunge.find import Place

if TYPE_CHECKING:
    from server.record.record import Record

_AUTHOR = 6
"""The place of the author among the columns of a version."""


def entitled(access: Access, operation: str) -> Access:
    """The same caller, by the rights alone that open the operation: its views are of what it is called on.

    Which letter of `cruds` the token's scopes must have is for the operation to say, by the view it asks for.
    """
    agency = access.agency
    rights = tuple(
        replace(right, interactions=CRUDS) for right in agency.rights if operation in right.operations
    )
    # What is kept of the rights and views of the other is not true of this one.
    return replace(access, agency=replace(agency, rights=rights, memo={}), memo={}, _views={})


def found(record: "Record", operation: str, letter: str, type_: str, id_: str) -> tuple[Place, int]:
    """A resource, present or deleted, on which the caller may call the operation; and who wrote it.

    Raises:
        NotFound: there is and was none that it may see. Forbidden: no right names the operation, or none that
        does speaks of this resource.
    """
    record.flush()
    permit = entitled(record.access, operation).view(type_, letter)
    if record.access.may(type_, "r"):
        # Which Patients it sees is a matter of all its rights.
        permit = replace(permit, patients=record.access.view(type_, "r").patients)
    number = record.door.library.type_number(type_)
    key = {"type": number, "id": id_}
    held = _rows(record, permit, key)
    if not held:
        if record.access.may(type_, "r") and _rows(record, record.access.view(type_, "r"), key):
            raise Forbidden(f"The rights of this caller do not let it call ${operation} on this {type_}.")
        raise NotFound(f"{type_}/{id_} was not found.")
    [place] = find.places(record.connection, [(number, id_)])
    return place, held[0][_AUTHOR]


def _rows(record: "Record", view: CallerView, key: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    present = resources.finder(view)(record.connection, **key)
    return present or resources.last_word(view)(record.connection, **key)
