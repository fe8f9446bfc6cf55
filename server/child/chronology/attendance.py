"""The marks of a register as a line a week or a term: how many of each sort, and which are worth more."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache

from server.child.chronology import wording
from server.child.chronology.asked import TERM
from server.child.chronology.entry import ATTENDANCE, EXISTENCE, ORDER, PART, Entry
from server.child.chronology.rule import OURS, rules
from server.child.intake.date import easter
from server.definition.codes import concepts
from server.definition.library import library
from server.fhir import Json, json
from server.fhir.period import HOME
from server.store.row import Stored

_BASE = OURS.removesuffix("StructureDefinition/")
CODE, SESSION = f"{_BASE}CodeSystem/attendance-code", f"{_BASE}CodeSystem/session"
_OLD = f"{_BASE}CodeSystem/attendance-code-pre2024"
_GROUP = f"{_BASE}CodeSystem/attendance-group"

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_AUTUMN, _SPRING = 8, 1
"""The months in which the terms begin; summer begins after Easter."""


@dataclass(slots=True)
class Span:
    """The marks of a week, or of a term."""

    begins: date
    marks: list[tuple[datetime, Stored, Json]] = field(default_factory=list)


def begins(at: datetime, by: str) -> date:
    """The first day of the week, or the term, that an instant is in, at home."""
    on = at.astimezone(HOME).date()
    if by != TERM:
        return on - on.weekday() * _DAY
    if on.month >= _AUTUMN:
        return date(on.year, _AUTUMN, 1)
    sunday = easter(on.year)
    return sunday if on >= sunday else date(on.year, _SPRING, 1)


def instant(on: date) -> datetime:
    """Its first instant at home."""
    return datetime(on.year, on.month, on.day, tzinfo=HOME)


def spans(found: Iterable[tuple[datetime, Stored]], by: str) -> Iterator[Span]:
    """Those that follow one another, in the order in which they come."""
    span: Span | None = None
    for at, row in found:
        begun = begins(at, by)
        if span is None or span.begins != begun:
            if span is not None:
                yield span
            span = Span(begun)
        span.marks.append((at, row, json.decode(row.body.encode())))
    if span is not None:
        yield span


def entry(span: Span, by: str) -> Entry:
    """A line."""
    days = [at.astimezone(HOME).date() for at, *_ in span.marks]
    first, last = min(days), max(days)
    counted = Counter(filter(None, (_code(resource) for _, _, resource in span.marks)))
    single = [(at, row, resource) for at, row, resource in span.marks if weight(resource) != "routine"]
    heaviest = min((weight(resource) for *_, resource in single), key=_WEIGHTS.index, default="routine")
    what = "Attendance, term" if by == TERM else "Attendance, week"
    begun = instant(span.begins)
    return Entry(
        key=(begun, 0, ORDER[ATTENDANCE]),
        point=ATTENDANCE,
        kind="attendance",
        significance=heaviest,
        words=f"{what} from {wording.written(first)} to {wording.written(last)}",
        details=tuple(_told(span, counted, single)),
        began=first.isoformat(),
        ended=last.isoformat(),
        recorded=max(row.last_updated for _, row, _ in span.marks),
        withheld=_withheld(row for _, row, _ in span.marks),
        marks=tuple(row for _, row, _ in sorted(single, key=lambda each: each[0])),
        row=span.marks[0][1],
        resource={"performer": _schools(resource for *_, resource in span.marks)},
        until=max(at for at, *_ in span.marks),
        hits=tuple(row.rid for _, row, _ in span.marks),
    )


_WEIGHTS = ("major", "notable", "routine")
_SINGLED = 60
"""Marks that are named one by one in a line of a document."""


def weight(resource: Json) -> str:
    """What a mark weighs by itself."""
    return rules().marks.get(_groups().get(_code(resource) or "", ""), "routine")


def _told(
    span: Span, counted: Mapping[str, int], single: list[tuple[datetime, Stored, Json]]
) -> Iterator[str]:
    groups: Counter[str] = Counter()
    for code, count in counted.items():
        groups[_groups().get(code, "")] += count
    unknown = len(span.marks) - sum(counted.values())
    named = (f"{wording.term(_GROUP, group) or 'Other'}: {count}" for group, count in groups.most_common())
    yield f"{len(span.marks)} sessions. " + "; ".join(
        (*named, *([f"mark not shown: {unknown}"] if unknown else []))
    )
    listed = sorted(single, key=lambda each: each[0])
    if listed:
        said = "; ".join(_mark(at, resource) for at, _, resource in listed[:_SINGLED])
        more = f"; and {len(listed) - _SINGLED} more" if len(listed) > _SINGLED else ""
        yield f"Not authorised: {said}{more}"
    if corrected := sum(row.version > 1 for _, row, _ in span.marks):
        yield f"Corrected since first recorded: {corrected}"


def _mark(at: datetime, resource: Json) -> str:
    session = wording.concept(resource.get("code")).split(" ")[0].lower()
    code = _code(resource) or ""
    return f"{wording.day(at)} {session} {code} ({wording.concept(resource.get('valueCodeableConcept'))})"


def _code(resource: Json) -> str | None:
    value = resource.get("valueCodeableConcept")
    codings = value.get("coding", ()) if isinstance(value, dict) else ()
    return next((str(each["code"]) for each in codings if each.get("system") in (CODE, _OLD)), None)


def _schools(resources: Iterable[Json]) -> list[Json]:
    found = {str(each.get("reference")): each for one in resources for each in one.get("performer", ())}
    return list(found.values())


def _withheld(rows: Iterable[Stored]) -> str:
    found = {EXISTENCE if not row.whole else PART if row.withheld else "" for row in rows}
    return EXISTENCE if found == {EXISTENCE} else PART if found - {""} else ""


@cache
def _groups() -> Mapping[str, str]:
    """The group of each code of the lists."""
    found: dict[str, str] = {}
    for system in (_OLD, CODE):
        for each in concepts(library().resource("CodeSystem", system) or {}):
            for said in each.get("property", ()):
                if said["code"] == "group":
                    found[each["code"]] = said["valueString"]
    return found
