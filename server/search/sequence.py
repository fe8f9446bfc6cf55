"""The order of a result without its database: which of two places in it comes first.

Texts are compared by code point, as the database compares them (`order.Key.value`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property, cmp_to_key
from typing import Any

from server.search import order
from server.search.order import Position
from server.search.query import SortKey

_MEASURED = ("number", "quantity")


@dataclass(frozen=True)
class Order:
    """`keys`: of each key whether it falls, and the type of its parameter."""

    keys: tuple[tuple[bool, str], ...]

    @classmethod
    def of(cls, sort: Sequence[SortKey], place: Position) -> "Order":
        """That of a search, one place of which is at hand: it says the order of one that names none."""
        if sort:
            return cls(tuple((key.descending, key.parameter.type) for key in sort))
        # Only names that begin alike come in an order of their own.
        return cls(((True, "date"),) if order.named(place) else ((False, "string"),))

    def precedes(self, one: Position, other: Position) -> bool:
        """Whether a place comes before another."""
        return self._compared(one, other) < 0

    @cached_property
    def key(self) -> Callable[[Position], Any]:
        """To sort by."""
        return cmp_to_key(self._compared)

    def just_before(self, place: Position) -> Position:
        """Where a page begins whose first row is this one: nothing can stand between."""
        falls, _ = self.keys[0]
        return order.forwards([*place[:-1], place[-1] + (1 if falls else -1)])

    def just_after(self, place: Position) -> Position:
        """Where a page ends, read backwards, whose last row is this one."""
        falls, _ = self.keys[0]
        return order.backwards([*place[:-1], place[-1] + (-1 if falls else 1)])

    def _compared(self, one: Position, other: Position) -> int:
        for (falls, type_), left, right in zip(self.keys, one[1:-1], other[1:-1], strict=True):
            if left != right and (found := _differing(_value(type_, left), _value(type_, right), falls)):
                return found
        return _signed(one[-1] > other[-1], one[-1] == other[-1], self.keys[0][0])


def _differing(left: Any, right: Any, falls: bool) -> int:
    """What is missing comes last, either way."""
    if left is None or right is None:
        return 1 if left is None else -1
    return _signed(left > right, left == right, falls)


def _signed(above: bool, same: bool, falls: bool) -> int:
    return 0 if same else 1 if above != falls else -1


def _value(type_: str, told: Any) -> Any:
    """The value of a key as it is compared."""
    if told is None:
        return None
    if type_ == "date":
        return datetime.fromisoformat(told)
    return Decimal(told) if type_ in _MEASURED else told
