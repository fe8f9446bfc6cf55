"""What is asked of a chronology."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from server.fhir.period import HIGHEST, LOWEST

HAPPENED, RECORDED = "happened", "recorded"
WEEK, TERM, MARK, NONE = "week", "term", "mark", "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """`clock`: by when it happened, or by when it was recorded as it stands; `low`, `high`: times of it.
    `kinds`, `significances`, `agencies` (codes or references of Organizations): none means all. `as_of`: what
    was known then. `attendance`: what is one line. `gap`: of so many days of which nothing is shown is
    told; 0: of none."""

    clock: Literal["happened", "recorded"] = "happened"
    newest_first: bool = False
    low: datetime = LOWEST
    high: datetime = HIGHEST
    kinds: frozenset[str] = frozenset()
    significances: frozenset[str] = frozenset()
    agencies: frozenset[str] = frozenset()
    as_of: datetime | None = None
    attendance: str = WEEK
    gap: int = 0

    @property
    def filtered(self) -> bool:
        """Whether anything is left out that could be shown."""
        return bool(self.kinds or self.significances or self.agencies)

    @property
    def bounded(self) -> bool:
        """Whether a time was named."""
        return (self.low, self.high) != (LOWEST, HIGHEST)

    def wants(self, kind: str, significance: str) -> bool:
        """Whether such an entry is asked for, whoever it is of."""
        return (not self.kinds or kind in self.kinds) and (
            not self.significances or significance in self.significances
        )
