"""What somebody would see of a resource, by which clauses of whose rights; and why not by the others.

Each right is asked by itself, in the SQL that decides every read. Where it shows nothing, it is asked again
without one of its conditions: the one without which it would show something is the reason.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from server.access.access import Access
from server.access.redact import shown
from server.access.right import ALL, PRIVATE, Right
from server.access.user import ALL as ALL_OF_THE_AGENCY
from server.fhir import json
from server.fhir.issue import Forbidden
from server.record import principals
from server.record.entitled import found
from server.record.event import entry
from server.store import audit, resources
from server.store.expunge.find import Place
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record

OPERATION = "why"

NONE, EXISTENCE, CONTENT = "none", "existence", "content"


@dataclass(frozen=True, slots=True)
class Clause:
    """One right: how much it shows by itself, which letters of `cruds` it gives for this resource, and if it
    shows nothing, what keeps it from it."""

    right: Right
    degree: str
    letters: str
    hinders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How much is seen by all clauses together. `lacking`: the elements that are there and are not shown."""

    degree: str
    lacking: tuple[str, ...]
    clauses: tuple[Clause, ...]


def why(record: "Record", type_: str, id_: str, asked: Access, said: str) -> Answer:
    """For a caller who is entitled to ask: what `asked` would see.

    Raises:
        NotFound, Forbidden: as `entitled.found` says it.
    """
    at = found(record, OPERATION, "r", type_, id_)[0]
    principals.look_up(record.door, record.connection, asked)
    line = entry(record.access, record.at, "operation", at.type, query=said, child=at.child, hits=(at.rid,))
    audit.record(record.connection, line)
    row = _row(record, asked, type_, at)
    whole = resources.present(record.connection, type_, at.type, at.child, at.rid)
    clauses = (
        _clause(record, asked, right, type_, at) for right in asked.agency.rights if right.speaks_of(type_)
    )
    return Answer(_degree(row), _lacking(row, whole) if row and whole else (), tuple(clauses))


def _clause(record: "Record", asked: Access, right: Right, type_: str, at: Place) -> Clause:
    alone = _only(asked, right)
    row = _row(record, alone, type_, at)
    letters = "".join(
        letter for letter in right.interactions if letter != "c" and _row(record, alone, type_, at, letter)
    )
    hinders = () if row else tuple(_hinders(record, asked, right, type_, at))
    return Clause(right, _degree(row), letters, hinders)


def _degree(row: Stored | None) -> str:
    if row is None:
        return NONE
    return CONTENT if row.whole else EXISTENCE


def _lacking(row: Stored, whole: Stored) -> tuple[str, ...]:
    """The elements of a resource that who sees this row of it is not shown."""
    given, there = json.decode(shown(row).body.encode()), json.decode(whole.body.encode())
    return tuple(sorted(name for name in there if given.get(name) != there[name] and name != "meta"))


def _row(record: "Record", asked: Access, type_: str, at: Place, letter: str = "r") -> Stored | None:
    """The resource, or the last of it where it was deleted, as far as it may be seen."""
    try:
        view = asked.view(type_, letter)
    except Forbidden:
        return None
    key = {"type": at.type, "id": at.id}
    rows = resources.finder(view)(record.connection, **key)
    if not rows:
        rows = [row[:-1] for row in resources.last_word(view)(record.connection, **key)]
    return resources.stored(type_, rows[0]) if rows else None


def _only(asked: Access, right: Right) -> Access:
    """The same caller, with one right."""
    alone = replace(asked.agency, rights=(right,), memo={})
    return replace(asked, agency=alone, memo={}, _views={})


# ---- why not -----------------------------------------------------------------------------------------------

_Lift = Callable[[Right, Access], tuple[Right, Access]]


def _part(**without: object) -> _Lift:
    return lambda right, asked: (replace(right, **without), asked)  # type: ignore[arg-type]


def _dates(right: Right, asked: Access) -> tuple[Right, Access]:
    agency = replace(asked.agency, since=None, until=None, memo={})
    return replace(right, since=None, until=None), replace(asked, agency=agency)


def _roles(right: Right, asked: Access) -> tuple[Right, Access]:
    user = asked.user
    return replace(right, roles=(PRIVATE[user.kind],) if user and user.is_family else ()), asked


def _caseload(right: Right, asked: Access) -> tuple[Right, Access]:
    """A worker with all children; of a family what the right says, whosever family it is."""
    user = asked.user
    if user is None:
        return right, asked
    if not user.is_family:
        return right, replace(asked, user=replace(user, caseload=ALL_OF_THE_AGENCY))
    if PRIVATE[user.kind] not in right.roles:
        return right, asked
    anybody = tuple(replace(scope, level="system") for scope in asked.scopes)
    return replace(right, roles=()), replace(asked, user=None, who=None, patient=None, scopes=anybody)


_LIFTS: Mapping[str, _Lift] = {
    "interactions": _part(interactions="r"),
    "dates": _dates,
    "roles": _roles,
    "purposes": _part(purposes=()),
    "ages": _part(ages=None),
    "criteria": _part(criteria=()),
    "children": _part(children=ALL, months_after=0),
    "requires": _part(requires=""),
    "unseals": _part(unseals=True),
    "caseload": _caseload,
}
"""The parts of a right that keep it from showing something, each with right and caller as they would be
without it; the last is the caller's own."""

SCOPES = "scopes"
RESTRICTED = "restricted"
"""What no right can do away with: a label on the child, or a decision not to share."""


def _hinders(record: "Record", asked: Access, right: Right, type_: str, at: Place) -> Iterator[str]:
    """The parts of the right without all of which it would show the resource, as few as that takes."""
    lifted = list(_LIFTS)
    if not _without(asked, right, lifted).may(type_, "r"):
        yield SCOPES
        return
    if not _row(record, _without(asked, right, lifted), type_, at):
        yield RESTRICTED
        return
    for name in list(lifted):
        fewer = [each for each in lifted if each != name]
        if _row(record, _without(asked, right, fewer), type_, at):
            lifted = fewer
    yield from lifted


def _without(asked: Access, right: Right, lifted: Sequence[str]) -> Access:
    """The same caller with this right alone, without some of its parts."""
    for name in lifted:
        right, asked = _LIFTS[name](right, asked)
    return _only(asked, right)
