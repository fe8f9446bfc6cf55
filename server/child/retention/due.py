"""Until when each resource of a child is kept: the longest of what its classes say; arithmetic of dates."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime

from server.child.retention.schedule import RecordClass, Schedule
from server.fhir import Json
from server.fhir.period import HOME, interval
from server.search.retention import Held


@dataclass(frozen=True, slots=True)
class Life:
    """When a child was born and died, as late as what is known allows; None: not known, or did not."""

    birth: date | None = None
    death: date | None = None


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a resource: an authority's agency of a kind; None: nobody who has a rights file now."""

    authority: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Until:
    """How long a resource is kept: to the end of `day`, None: for now without end, because of `by`."""

    held: Held
    authority: str | None
    classes: tuple[RecordClass, ...]
    day: date | None
    by: RecordClass

    def is_due(self, today: date) -> bool:
        """Whether its time is over."""
        return self.day is not None and self.day < today


def life(patient: Json) -> Life:
    """What a Patient says. A date that is not known to the day is as late as it can be."""
    return Life(_latest(patient.get("birthDate")), _latest(patient.get("deceasedDateTime")))


def _latest(text: object) -> date | None:
    if not isinstance(text, str):
        return None
    try:
        last = interval(text)[1]
    except ValueError:
        return None
    return _day(last)


def _day(end: datetime) -> date:
    """The last day before an instant that is no longer in it."""
    local = end.astimezone(HOME)
    midnight = local.hour == local.minute == local.second == local.microsecond == 0
    return date.fromordinal(local.date().toordinal() - midnight)


def until(
    of_child: Sequence[Held], life: Life, writers: Mapping[int, Writer], schedule: Schedule
) -> list[Until]:
    """Of every resource of a child, how long it is kept by itself."""
    found = {search for search, at in schedule.at.items() if any(each.selected[at] for each in of_child)}
    classes = {each.rid: _classes(each, found, writers, schedule) for each in of_child}
    ends: dict[RecordClass, list[datetime | None]] = {}
    for held in of_child:
        for each in classes[held.rid]:
            ends.setdefault(each, []).append(held.end)
    lasts = {each: _last(some) for each, some in ends.items()}
    return [_until(each, classes[each.rid], lasts, life, writers) for each in of_child]


def _classes(
    held: Held, found: Set[str], writers: Mapping[int, Writer], schedule: Schedule
) -> tuple[RecordClass, ...]:
    """Those that a resource is of; `found`: the searches that find something of the child."""
    writer = writers.get(held.author, Writer())
    every = schedule.classes(writer.authority)
    own = tuple(
        each
        for each in every
        if not each.is_rest
        and (not each.when or not found.isdisjoint(each.when))
        and (not each.agencies or writer.kind in each.agencies)
        and (not each.covers or any(held.selected[schedule.at[search]] for search in each.covers))
    )
    return own or tuple(each for each in every if each.is_rest)


def _until(
    held: Held,
    own: tuple[RecordClass, ...],
    lasts: Mapping[RecordClass, date | None],
    life: Life,
    writers: Mapping[int, Writer],
) -> Until:
    days = [(_ends(each, held, lasts, life), each) for each in own]
    # What one of its classes keeps without end is kept without end.
    day, by = max(days, key=lambda pair: (pair[0] is None, pair[0] or date.min))
    return Until(held, writers.get(held.author, Writer()).authority, own, day, by)


def _ends(each: RecordClass, held: Held, lasts: Mapping[RecordClass, date | None], life: Life) -> date | None:
    died = each.died
    if died and life.death and life.birth and life.death < later(life.birth, died.before):
        return later(life.death, died.years)
    match each.since:
        case "birth":
            start = life.birth
        case "end":
            start = None if held.end is None else _day(held.end)
        case _:
            start = lasts[each]
    return None if start is None else later(start, each.years)


def _last(ends: Sequence[datetime | None]) -> date | None:
    """The latest of them; None: one of them is open."""
    known = [each for each in ends if each is not None]
    return _day(max(known)) if len(known) == len(ends) else None


def later(day: date, years: int) -> date:
    """The same day so many years later; the 29th of February is followed by the 1st of March."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)
