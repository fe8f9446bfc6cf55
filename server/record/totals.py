"""The totals of children, kept with what is counted: in the statement that writes it.

What a resource counts as is the domain's to say (`Hooks.counted`); of what it was and what it is, one letter
goes out of its place and another goes in. `count_again` makes the totals anew from what is stored.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.fhir import json
from server.store import attendance
from server.store.attendance import AS_IT_IS, ASK, NONE, Key, Letters, Line
from server.store.database import Transaction
from server.store.row import SEALED, Row, Stored

if TYPE_CHECKING:
    from server.record.door import Door
    from server.record.hook import Counted
    from server.record.staging import Staged

TYPE = "Observation"
"""What can be counted."""

_AT_ONCE = 500


def changes(door: "Door", pairs: Iterable[tuple["Staged", Row]]) -> dict[Key, Letters]:
    """What becomes of the totals when these are written."""
    gone: dict[Key, dict[int, str]] = defaultdict(dict)
    come: dict[Key, dict[int, str]] = defaultdict(dict)
    for one, row in pairs:
        if one.type != TYPE:
            continue
        if one.slot.was is not None:
            _out(door, one.slot.was, gone)
        found = door.hooks.counted(one.resource)
        if found is not None and row.child != row.rid:
            key = (row.child, found.school, found.month)
            come[key][found.place] = _letter(
                found, shared=bool(row.others), sealed=row.restriction & SEALED > 0
            )
    return _together(gone, come)


def gone(door: "Door", held: Stored) -> dict[Key, Letters]:
    """What becomes of the totals when this is deleted."""
    found: dict[Key, dict[int, str]] = defaultdict(dict)
    if held.type == TYPE:
        _out(door, held, found)
    return dict(found)


def _out(door: "Door", held: Stored, gone: dict[Key, dict[int, str]]) -> None:
    found = door.hooks.counted(json.decode(held.body.encode()))
    if found is not None and held.child != held.rid:
        gone[held.child, found.school, found.month][found.place] = NONE


def _letter(found: "Counted", *, shared: bool, sealed: bool) -> str:
    return found.letter if found.plain and not (shared or sealed) else ASK


def _together(gone: dict[Key, dict[int, str]], come: dict[Key, dict[int, str]]) -> dict[Key, Letters]:
    """What comes into a place goes before what leaves it: only one is there at a time."""
    return {key: {**gone.get(key, {}), **come.get(key, {})} for key in sorted({*gone, *come})}


# ---- anew --------------------------------------------------------------------------------------------------


def counted(door: "Door", connection: Any, children: Collection[int]) -> dict[Key, dict[int, str]]:
    """The totals of some children, by all that is stored of them: who asks is the server itself.

    Where two are in one place, as of two records of a child that were merged, they are to be asked.
    """
    number, token = door.library.type_number(TYPE), door.hasher.token(TYPE, *door.hooks.counted_by)
    found: dict[Key, dict[int, str]] = {}
    for held, restriction, shared in attendance.marks(connection, TYPE, number, children, token):
        one = door.hooks.counted(json.decode(held.body.encode()))
        if one is not None and held.child != held.rid:
            line = found.setdefault((held.child, one.school, one.month), {})
            letter = _letter(one, shared=shared, sealed=restriction & SEALED > 0)
            line[one.place] = ASK if one.place in line else letter
    return found


def count_again(door: "Door", transaction: Transaction, children: Collection[int]) -> list[Line]:
    """Make the totals of some children anew; the lines that were wrong, as they were.

    A line that asks where it need not is not wrong: it asks no more.
    """
    transaction.begin()
    wrong: list[Line] = []
    for some in _pieces(sorted(children)):
        held = attendance.hold(transaction.connection, some)
        found = counted(door, transaction.connection, some)
        wrong += differing(held, found)
        attendance.drop(transaction.connection, held)
        attendance.write(transaction.connection, found)
    return wrong


def next_children(door: "Door", after: int, most: int) -> list[int]:
    """The children of whom there may be totals, in the order of their numbers."""
    with door.database.autocommit() as connection:
        return attendance.children_after(connection, after, door.library.type_number(TYPE), most)


def checked(door: "Door", children: Collection[int]) -> list[Line]:
    """The lines of some children that say something else than their marks."""
    with door.database.transaction() as transaction:
        transaction.begin()
        held = attendance.hold(transaction.connection, children)
        return differing(held, counted(door, transaction.connection, children))


def put_right(door: "Door", children: Collection[int]) -> list[Line]:
    """Make the totals of some children anew; the lines that were wrong."""
    with door.database.transaction() as transaction:
        return count_again(door, transaction, children)


def all_counted(door: "Door") -> None:
    """From now on there are totals of every mark, also of those that were there before them."""
    with door.database.begin() as connection:
        attendance.all_counted(connection)


def differing(held: Iterable[Line], found: Mapping[Key, Letters]) -> list[Line]:
    """Of the lines that stand, and those that ought to, the ones that say something else than the marks."""
    lines = {each[:3]: each for each in held}
    lines |= {key: Line(*key, "") for key in found if key not in lines}
    return [each for key, each in sorted(lines.items()) if not _is_right(each.marks, found.get(key, {}))]


def _is_right(marks: str, letters: Letters) -> bool:
    padded = marks.ljust(attendance.PLACES, NONE)
    return all(
        letter == ASK or (NONE if letter == AS_IT_IS else letter) == letters.get(place, NONE)
        for place, letter in enumerate(padded)
    )


def _pieces(children: Sequence[int]) -> Iterator[Sequence[int]]:
    return (children[at : at + _AT_ONCE] for at in range(0, len(children), _AT_ONCE))
