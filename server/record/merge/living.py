"""Of Patients that are one child, the one in use: a condition that finds another leads to it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from server.record.resembling import shown
from server.store.row import Stored

if TYPE_CHECKING:
    from server.record.record import Record


def is_merged(row: Stored) -> bool:
    """Whether it is a Patient that was merged into another."""
    return row.type == "Patient" and row.child != row.rid


def living(record: "Record", rows: Sequence[Stored]) -> list[Stored]:
    """The same resources, and in the place of Patients that are merged those that they are merged into: each
    once."""
    instead = _instead(record, {row.child for row in rows if is_merged(row)})
    found = (instead.get(row.child, row) if is_merged(row) else row for row in rows)
    return list({(row.type, row.rid): row for row in found}.values())


def _instead(record: "Record", children: Iterable[int]) -> dict[int, Stored]:
    # Where the one in use is not shown, the other is what there is to the caller.
    return {row.child: row for row in shown(record, children, "s")} if children else {}
