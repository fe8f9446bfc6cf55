"""Whether an alert is so, of a child of whom all is known: a pure function.

It asks what is there and not what has changed; so it does not matter in which order things were written, how
often they are read, or whether they came one by one or in a year's import.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from server.child.alert.definition import Compiled
from server.child.alert.facts import Facts, spell
from server.child.alert.register import Rate
from server.fhir import Json
from server.fhir.fhirpath import Environment, Expression
from server.fhir.fhirpath.environment import Misused
from server.fhir.period import HIGHEST, HOME, interval

_SHOWN = 12
"""Marks that are linked as evidence."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What there is to be told.

    `key`: the same each time; of a state, since when it is so. `owners` and `contacts`: Organizations by the
    rules of the file, in their order. `evidence`: the first is what it is about. `fresh`: it may be begun
    now, and not only be kept.
    """

    key: str
    begins: datetime
    evidence: tuple[Json, ...]
    reasons: tuple[str, ...] = ()
    owners: tuple[tuple[str, ...], ...] = ()
    contacts: tuple[str, ...] = ()
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is so now, and the next instant at which time alone may make it otherwise."""

    occasions: tuple[Occasion, ...]
    again: datetime | None = None


def verdict(alert: Compiled, facts: Facts) -> Verdict:
    """What an alert finds."""
    turns = list(facts.turns(alert.alert))
    if alert.alert.each is None:
        found = _state(alert, facts, turns)
        occasions = [found] if found else []
    else:
        occasions = list(_occasions(alert, facts, turns))
    return Verdict(tuple(occasions), min(turns, default=None))


# ---- a state -----------------------------------------------------------------------------------------------


def _state(alert: Compiled, facts: Facts, turns: list[datetime]) -> Occasion | None:
    rates: tuple[Rate, ...] = ()
    asked = alert.alert.attendance
    if asked is not None:
        rates = facts.register.shows(asked, facts.term)
        if not rates:
            return None
        if facts.next_term is not None:
            turns.append(facts.next_term)
    environment = facts.environment(alert.alert)
    if alert.when is not None and not alert.when.holds(facts.patient, environment):
        return None
    begins = _begins(alert, facts, environment)
    evidence = [*_found(alert.evidence, facts.patient, environment), *_marks(facts, rates)]
    return Occasion(
        f"since {begins.astimezone(HOME).date()}",
        begins,
        tuple(evidence),
        tuple(map(_told, rates)),
        *_whose(alert, facts.patient, environment),
        fresh=_is_fresh(alert, facts),
    )


def _begins(alert: Compiled, facts: Facts, environment: Environment) -> datetime:
    if alert.since is None:
        last = facts.register.last
        return _midnight(last) if last else facts.now
    lows = [interval(each)[0] for each in _texts(alert.since, facts.patient, environment)]
    return min(lows, default=facts.now)


def _is_fresh(alert: Compiled, facts: Facts) -> bool:
    """A register that ended long ago says nothing of today."""
    last = facts.register.last
    if alert.marks_recent is None:
        return True
    return last is not None and facts.now < alert.marks_recent.after(_midnight(last))


def _marks(facts: Facts, rates: Sequence[Rate]) -> Sequence[Json]:
    """The sessions that were missed of late."""
    if not rates:
        return ()
    since, until = min(rate.since for rate in rates), max(rate.until for rate in rates)
    last = facts.register.missed(since, until)[-_SHOWN:]
    if not last:
        return ()
    return [each for each in facts.marks(last[0][0], last[-1][0]) if _session(each) in last][-_SHOWN:]


def _session(mark: Json) -> tuple[date, str]:
    day = date.fromisoformat(mark["effectiveDateTime"][:10])
    return day, next((each["code"] for each in mark["code"].get("coding", ()) if "code" in each), "")


def _told(rate: Rate) -> str:
    return (
        f"{rate.missed} of {rate.possible} possible sessions from {rate.since} to {rate.until} were missed "
        f"({rate.percent:.1f} %)."
    )


# ---- one by one --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    key: str
    resource: Json
    low: datetime
    high: datetime


def _occasions(alert: Compiled, facts: Facts, turns: list[datetime]) -> Iterator[Occasion]:
    if alert.when is not None and not alert.when.holds(facts.patient, facts.environment(alert.alert)):
        return
    for item in _items(alert, facts):
        environment = facts.environment(alert.alert, item.resource)
        if alert.where is not None and not alert.where.holds(item.resource, environment):
            continue
        due = _due(alert, item)
        ends = alert.lasts.after(due) if alert.lasts else HIGHEST
        if facts.now < due:
            turns.append(due)
        elif facts.now < ends:
            turns.append(ends)
            evidence = [item.resource, *_found(alert.evidence, facts.patient, environment)]
            fresh = alert.recent is None or facts.now < alert.recent.after(due)
            whose = _whose(alert, facts.patient, environment)
            yield Occasion(item.key, item.low, tuple(evidence), (), *whose, fresh=fresh)


def _due(alert: Compiled, item: _Item) -> datetime:
    if alert.after is None:
        return item.low
    # Of a day that is told without a time nobody knows the hour: hours are counted from its end.
    return alert.after.after(item.high if alert.after.unit == "hour" else item.low)


def _items(alert: Compiled, facts: Facts) -> Iterator[_Item]:
    match alert.alert.each:
        case "marks":
            yield from _first_marks(alert, facts)
        case "corrections":
            for each in facts.corrections:
                yield _Item(_name(each.mark), each.mark, each.at, each.at)
        case "moves":
            for at in facts.moves:
                yield _Item(f"moved {at.isoformat()}", facts.patient, at, at)
        case "arrivals":
            yield from _arrivals(facts)
        case name:
            for resource in facts.of(alert.alert.known[name or ""]):
                found = _interval(alert, facts, resource)
                if found is not None:
                    yield _Item(_name(resource), resource, *found)


def _interval(alert: Compiled, facts: Facts, item: Json) -> tuple[datetime, datetime] | None:
    assert alert.moment is not None
    texts = _texts(alert.moment, item, facts.environment(alert.alert, item))
    return min(map(interval, texts), default=None)


def _first_marks(alert: Compiled, facts: Facts) -> Iterator[_Item]:
    """The first of each day with one of the codes."""
    assert alert.alert.marks is not None
    codes = alert.alert.marks.codes
    lapse = alert.lasts or alert.recent
    first = lapse.before(facts.now).astimezone(HOME).date() - timedelta(days=1) if lapse else date.min
    for day in facts.register.given(codes, first):
        found = [each for each in facts.marks(day, day) if _code(each) in codes]
        if found:
            mark = min(found, key=_session)
            low = _midnight(day)
            yield _Item(f"{day}", mark, low, low + timedelta(days=1))


def _code(mark: Json) -> str:
    codings = (mark.get("valueCodeableConcept") or {}).get("coding", ())
    return next((each["code"] for each in codings if "code" in each), "")


def _arrivals(facts: Facts) -> Iterator[_Item]:
    """What brought in each agency first, where another was there before it."""
    firsts: dict[str, tuple[datetime, str, Json]] = {}
    for each in _bringing_in(facts):
        element = each.get("managingOrganization") or each.get("serviceProvider") or {}
        who = element.get("reference")
        if isinstance(who, str):
            entry = (spell(each)[0], _name(each), each)
            firsts[who] = min(entry, firsts.get(who, entry), key=lambda found: found[:2])
    ordered = sorted(firsts.items(), key=lambda found: found[1][:2])
    for who, (at, _, resource) in ordered[1:]:
        if at > ordered[0][1][0]:
            yield _Item(who, resource, at, at)


def _bringing_in(facts: Facts) -> Iterator[Json]:
    for some in facts.resources.values():
        for each in some:
            if each["resourceType"] in ("EpisodeOfCare", "Encounter") and each.get("status") not in (
                "entered-in-error", "cancelled", "planned",
            ):  # fmt: skip
                yield each


# ---- what expressions find ---------------------------------------------------------------------------------


def _whose(
    alert: Compiled, patient: Json, environment: Environment
) -> tuple[tuple[tuple[str, ...], ...], tuple[str, ...]]:
    owners = tuple(tuple(dict.fromkeys(_texts(each, patient, environment))) for each in alert.owners)
    contacts = tuple(text for each in alert.contacts for text in _texts(each, patient, environment))
    return owners, contacts


def _found(expressions: Sequence[Expression], node: Json, environment: Environment) -> list[Json]:
    found = (value for each in expressions for value in _values(each, node, environment))
    return list({_name(each): each for each in found if isinstance(each, dict) and "id" in each}.values())


def _texts(expression: Expression, node: Json, environment: Environment) -> list[str]:
    return [each for each in _values(expression, node, environment) if isinstance(each, str)]


def _values(expression: Expression, node: Json, environment: Environment) -> list[Any]:
    try:
        return expression.values(node, environment)
    except Misused:
        # As an invariant that cannot be asked of such a resource: it finds nothing.
        return []


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), HOME).astimezone(UTC)
