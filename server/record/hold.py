"""Legal holds placed and lifted by who is entitled to it, and the account of that."""

from typing import TYPE_CHECKING

from server.record.entitled import found
from server.record.event import act, entry
from server.store import audit, holds
from server.store.expunge.find import Place
from server.store.holds import EVERYTHING, Hold

if TYPE_CHECKING:
    from server.record.record import Record

OPERATION = "hold"

_PATIENT = "Patient"


def place(record: "Record", type_: str, id_: str, name: str, reason: str) -> Hold:
    """A hold on a resource, or on all that is known of a child; `name`: its id."""
    record.begin()
    # Whoever takes something out at this moment ends first: what is held is there.
    holds.alone(record.connection)
    at = _found(record, type_, id_)
    access = record.access
    made = Hold(
        id=name, child=at.child, rid=_rid(type_, at), resource=f"{type_}/{id_}", reason=reason,
        placed=record.at, agency=access.agency.number, client=access.client,
        account=access.user.id if access.user else None,
    )  # fmt: skip
    holds.place(record.connection, made)
    _account(record, at, f"{type_}/{id_}/$hold {name}", reason)
    return made


def lift(record: "Record", type_: str, id_: str, name: str, reason: str) -> Hold | None:
    """The hold that was lifted; None: none of this name was placed on it, or it is lifted already."""
    record.begin()
    holds.alone(record.connection)
    at = _found(record, type_, id_)
    known = holds.find(record.connection, name)
    if known is None or (known.child, known.rid) != (at.child, _rid(type_, at)):
        return None
    lifted = holds.lift(record.connection, name, record.at, reason)
    if lifted is not None:
        _account(record, at, f"{type_}/{id_}/$hold-lift {name}", reason)
    return lifted


def listed(record: "Record", type_: str, id_: str, *, lifted: bool) -> list[Hold]:
    """Those that lie on a resource, and on the child that it is about."""
    at = _found(record, type_, id_)
    said = f"{id_}/$hold-list"
    line = entry(record.access, record.at, "operation", at.type, query=said, child=at.child, hits=(at.rid,))
    audit.record(record.connection, line)
    return holds.of_resource(record.connection, at.child, at.rid, lifted=lifted)


def _found(record: "Record", type_: str, id_: str) -> Place:
    return found(record, OPERATION, "r", type_, id_)[0]


def _rid(type_: str, at: Place) -> int:
    return EVERYTHING if type_ == _PATIENT else at.rid


def _account(record: "Record", at: Place, said: str, reason: str) -> None:
    line = act(record.access, record.at, "hold", reason=reason, query=said, child=at.child, hits=(at.rid,))
    audit.record(record.connection, line)
