"""An entry of a chronology: one thing that happened, or the end of one, or the marks of a week, or a gap."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from server.child.chronology import rule as ruling
from server.child.chronology.rule import Rule, rules
from server.fhir import Json, json
from server.fhir.period import HIGHEST, interval
from server.search import hidden
from server.store.row import Stored

EVENT, END, ATTENDANCE, GAP = "event", "end", "attendance", "gap"
"""Codes of `CodeSystem/chronology-point`."""

ORDER = {ATTENDANCE: 0, EVENT: 1, END: 2, GAP: 3}

EXISTENCE, PART = "existence", "part"
"""What of it is not shown: all but that it exists; a part of it."""

_ERROR = "entered-in-error"

Key = tuple[datetime, int, int]
"""When on the clock that the order goes by; the rid; which of `ORDER`: nothing else has the same."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was recorded before it was corrected."""

    recorded: datetime
    words: str


@dataclass(slots=True)
class Entry:
    """`began`, `ended`: as FHIR dates, as precisely as they are known. `recorded`: as it stands; `first`:
    that it was recorded at all. `agency`: whose system said it, empty where that is not shown; `said_by`: the
    names in the resource of who did. `marks`: those of an attendance that are worth more than the rest."""

    key: Key
    point: str
    kind: str
    significance: str
    words: str = ""
    details: tuple[str, ...] = ()
    began: str | None = None
    ended: str | None = None
    recorded: datetime | None = None
    first: datetime | None = None
    agency: str = ""
    said_by: tuple[str, ...] = ()
    withheld: str = ""
    in_error: bool = False
    earlier: tuple[Earlier, ...] = ()
    marks: tuple[Stored, ...] = ()
    row: Stored | None = None
    resource: Json = field(default_factory=dict)
    rule: Rule | None = None
    until: datetime | None = None
    hits: tuple[int, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether it is known when it happened."""
        return self.point in (ATTENDANCE, GAP) or bool(self.began or self.ended)


def of(row: Stored, *, end: bool, at: datetime | None) -> Entry | None:
    """What a row, as it is shown, tells of; None: nothing, or no end. `at`: its time on the clock."""
    if end and row.type not in ruling.endings():
        return None
    resource = json.decode(row.body.encode())
    rule = ruling.of(resource)
    began, ended = dates(resource)
    if end and not (rule.end and ended):
        return None
    said = ended if end else began or ended
    if at is None:
        low, high = interval(said) if said else (HIGHEST, HIGHEST)
        at = high - _TICK if end else low
    return Entry(
        key=(at, row.rid, ORDER[END if end else EVENT]),
        point=END if end else EVENT,
        kind=rule.kind,
        significance=rule.significance,
        began=began,
        ended=ended,
        recorded=row.last_updated,
        withheld=_withheld(row),
        in_error=resource.get("status") == _ERROR
        or _ERROR in ruling._codes(resource.get("verificationStatus")),
        row=row,
        resource=resource,
        rule=rule,
        until=at,
        hits=(row.rid,),
    )


_TICK = interval("2000-01-01T00:00:00.000001Z")[0] - interval("2000-01-01T00:00:00Z")[0]


def dates(resource: Json) -> tuple[str | None, str | None]:
    """From when to when, as far as it is shown."""
    for name in rules().dates:
        given: Any = resource.get(name)
        if isinstance(given, dict):
            start, end = given.get("start"), given.get("end")
            if isinstance(start, str) or isinstance(end, str):
                return start, end
        elif isinstance(given, str):
            return given, None
    return None, None


def _withheld(row: Stored) -> str:
    return EXISTENCE if not row.whole else PART if row.withheld else ""


def shows_whose(row: Stored) -> bool:
    """Whether it may be known whose it is: where the child is restricted, that is where it is."""
    if row.withheld & hidden.WITHHELD:
        return False
    return set(_WHOSE).isdisjoint(hidden.root(path) for path in hidden.paths(row.withheld))


_WHOSE = ("managingOrganization", "serviceProvider", "performer", "author", "custodian", "organization")


def references(resource: Any) -> Iterator[str]:
    """Every reference in it."""
    match resource:
        case {"reference": str(text), **rest}:
            yield text
            yield from references(list(rest.values()))
        case dict():
            yield from references(list(resource.values()))
        case list():
            for each in resource:
                yield from references(each)
