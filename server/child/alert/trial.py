"""An alert tried on what is known: what it would have raised over the past year, how often, and for whom.

Each child is looked at as its record stands now, evening by evening of the year, without what was still to
come. What was written late is taken as if it had been known in time, and what was corrected as if it had
been right. Nothing is written.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from server.child.alert.definition import Compiled
from server.child.alert.evaluate import Occasion, verdict
from server.child.alert.facts import Facts, spell
from server.child.alert.load import Loader
from server.child.attendance import term
from server.fhir import Json
from server.fhir.period import HOME, interval
from server.record.door import Door
from server.store import alerts as store

YEAR = 365
_AT_ONCE = 100
_DAY = timedelta(days=1)

_ENDS_BEFOREHAND = frozenset({"SchoolExclusion"})
"""Profiles of which the end is known when they begin."""


@dataclass(frozen=True, slots=True)
class Would:
    """Would have been raised: of a child (the id of its Patient), on a day, for how many days (None: it still
    is), asking one of these Organizations if it may know of it."""

    child: str
    on: date
    lasted: int | None
    owners: tuple[str, ...]


def trial(door: Door, alert: Compiled, now: datetime, days: int = YEAR) -> Iterator[Would]:
    """Child by child, in the order of their numbers."""
    after = 0
    while True:
        with door.database.begin() as connection:
            children = store.children_after(connection, after, _AT_ONCE)
            found = list(_of(door, connection, alert, children, now, days)) if children else []
        if not children:
            return
        yield from found
        after = children[-1]


def by_month(found: Collection[Would]) -> Mapping[str, int]:
    """How many would have been raised in each month, the earliest first."""
    return dict(sorted(Counter(f"{each.on:%Y-%m}" for each in found).items()))


def _of(
    door: Door, connection: Any, alert: Compiled, children: Collection[int], now: datetime, days: int
) -> Iterator[Would]:
    loader, since = Loader(door, connection, now), now - timedelta(days=days)
    registers = loader.registers(children, (alert,), since) if alert.reads_marks else {}
    correcting = alert.alert.each == "corrections"
    corrections = loader.corrections(children, since) if correcting else {}
    moving = since if alert.alert.each == "moves" else None
    for facts in loader.facts(children, alert.needs, registers, corrections, moving=moving).values():
        yield from walked(alert, facts, since)


def walked(alert: Compiled, facts: Facts, since: datetime) -> Iterator[Would]:
    """What becomes so, and how long it is so. What was so before `since` would have been raised before it."""
    running: dict[str, tuple[date | None, Occasion]] = {}
    day, ends = since.astimezone(HOME).date(), _turns(facts)
    begun = False
    while day <= facts.today:
        seen = _as_of(facts, day)
        said = verdict(alert, seen)
        found = {each.key if alert.alert.each else "": each for each in said.occasions}
        for key in [key for key in running if key not in found]:
            started, occasion = running.pop(key)
            if started is not None:
                yield _would(facts, occasion, started, day)
        for key, occasion in found.items():
            if key not in running and occasion.fresh:
                running[key] = (day if begun else None, occasion)
        begun = True
        day = _next(alert, day, ends, said.again)
    for started, occasion in running.values():
        if started is not None:
            yield _would(facts, occasion, started, None)


def _next(alert: Compiled, day: date, ends: Sequence[date], again: datetime | None) -> date:
    """The next evening on which it could be otherwise."""
    if alert.reads_marks:
        return day + _DAY
    coming = [each for each in ends if each > day]
    if again is not None:
        coming.append(max(again.astimezone(HOME).date(), day + _DAY))
    return min(coming, default=date.max)


def _turns(facts: Facts) -> Sequence[date]:
    """The days on which something begins, ends or is written down."""
    resources = [each for some in facts.resources.values() for each in some]
    instants = [at for each in resources for at in _moments(each)]
    instants += [each.at for each in facts.corrections]
    instants += facts.moves
    return sorted({at.astimezone(HOME).date() for at in instants if at <= facts.now})


def _moments(resource: Json) -> Iterator[datetime]:
    yield from spell(resource)
    yield from _starts(resource)


# ---- as it was ---------------------------------------------------------------------------------------------


def _as_of(facts: Facts, day: date) -> Facts:
    """What was known at the end of a day."""
    evening = datetime.combine(day + _DAY, datetime.min.time(), HOME).astimezone(UTC) - timedelta(seconds=1)
    at = min(evening, facts.now)
    return replace(
        facts,
        now=at,
        resources={
            name: [known for each in some if (known := _known(name, each, at)) is not None]
            for name, some in facts.resources.items()
        },
        register=facts.register.until(day),
        term=term.of(day).start,
        corrections=tuple(each for each in facts.corrections if each.at <= at),
        moves=tuple(each for each in facts.moves if each <= at),
    )


def _known(profile: str, resource: Json, at: datetime) -> Json | None:
    """A resource without what was still to come; None: it was itself."""
    low, high = spell(resource)
    if low > at or any(each > at for each in _starts(resource)):
        return None
    name = "period" if "period" in resource else "effectivePeriod"
    if high <= at or "end" not in resource.get(name, {}) or profile in _ENDS_BEFOREHAND:
        return resource
    open_ = {key: value for key, value in resource[name].items() if key != "end"}
    status = "active" if resource.get("status") in ("finished", "completed") else resource.get("status")
    is_observed = resource["resourceType"] == "Observation"
    return {**resource, name: open_, **({} if is_observed else {"status": status})}


def _starts(resource: Json) -> Iterator[datetime]:
    for name in ("authoredOn", "effectiveDateTime"):
        if name in resource:
            yield interval(resource[name])[0]


def _would(facts: Facts, occasion: Occasion, started: date, until: date | None) -> Would:
    owners = tuple(dict.fromkeys(each for some in occasion.owners for each in some))
    lasted = (until - started).days if until else None
    return Would(facts.patient["id"], started, lasted, owners)
