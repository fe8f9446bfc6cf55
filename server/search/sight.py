"""Which children are in whose sight, as SQL: by numbers that stand for agencies and for people.

An agency's number is written into a statement, for there are few agencies. A user's are given when it is run,
so that all users share their statements (`Who`).
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Interval,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from server.definition.library import library
from server.store import tables as t

TRACED, INVOLVED, NAMED, BROKEN = 1, 2, 3, 4
"""Degrees of `store.sight`: knows that the child exists; works with the child; named for a restricted
child; and as if named, and whatever was decided not to be shared, by breaking the glass."""

WORKER, FAMILY = "worker", "family"


def broken_by_way_of(agency: int) -> int:
    """The degree to which a person sees whose glass they broke: by way of that agency, and for no other."""
    return BROKEN + agency


OWN, TEAM, SELF = "own", "team", "self"
"""Whose a user's children are: the user's own; those of the user's teams too; the child is the user."""

_Lines = Callable[[FromClause, int], ColumnElement[bool]]
"""Of `sight`, those that count, at least of a degree."""

_MONTH = timedelta(days=30.4375)
_OWN = cast(bindparam("me_own"), ARRAY(BigInteger))
_TEAM = cast(bindparam("me_team"), ARRAY(BigInteger))
_PATIENT = cast(bindparam("me_patient"), BigInteger)


@dataclass(slots=True)
class Who:
    """The numbers by which `sight` knows a user, and the child that an app was opened for: they are looked up
    when the record is opened (`record.principals`). Until then, nobody."""

    own: tuple[int, ...] = ()
    team: tuple[int, ...] = ()
    patient: int | None = None
    looked_up: float | None = None
    """When, on the clock that never turns back."""

    @property
    def values(self) -> Mapping[str, Any]:
        """What statements are given."""
        return {"me_own": list(self.own), "me_team": [*self.own, *self.team], "me_patient": self.patient}

    @property
    def key(self) -> Hashable:
        """The same for who sees the same."""
        return self.own, self.team, self.patient


NOBODY: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Children:
    """Which children: every part must hold.

    `involved`: the agency works with them, or did until `months_after` months ago; `caseload`: so does the
    user. `one`: the one that the app was opened for. `ages`: from the first, before the second birthday.
    """

    involved: bool = True
    months_after: int = 0
    caseload: str = ""
    one: bool = False
    ages: tuple[int, int] | None = None

    @property
    def all(self) -> bool:
        """Whether it asks nothing."""
        return not (self.involved or self.caseload or self.one or self.ages)

    def beyond(self, asked: "Children") -> "Children":
        """What is left to ask after that."""
        alike = self.months_after == asked.months_after
        return Children(
            self.involved and not (alike and asked.involved),
            self.months_after,
            "" if alike and asked.caseload == self.caseload else self.caseload,
            self.one and not asked.one,
            self.ages,
        )


def common(alternatives: Iterable[Children]) -> Children:
    """What each of them asks at least: it may be asked first."""
    some = list(alternatives)
    caseloads = {each.caseload for each in some}
    return Children(
        involved=all(each.involved for each in some),
        months_after=max((each.months_after for each in some), default=0),
        caseload=caseloads.pop() if len(caseloads) == 1 else "",
        one=all(each.one for each in some),
    )


@dataclass(frozen=True, slots=True)
class Eyes:
    """Who looks: an agency, and maybe for it a worker; or, by way of an agency, one of a family."""

    agency: int
    person: str = ""
    """`WORKER`, `FAMILY`, or nobody."""

    def sees(self, child: ColumnElement[int], of: Children) -> ColumnElement[bool]:
        """The child is one of these."""
        parts: list[ColumnElement[bool]] = []
        if of.one:
            parts.append(child == _PATIENT)
        if of.caseload == SELF:
            parts.append(-child == any_(_OWN))
        elif of.caseload:
            parts.append(_has_line(child, self._of_user(of.caseload), INVOLVED, of.months_after))
        if of.involved:
            parts.append(self.knows(child, INVOLVED, of.months_after))
        if of.ages:
            parts.append(aged(child, *of.ages))
        return and_(true(), *parts)

    def knows(self, child: ColumnElement[int], degree: int, months: int = 0) -> ColumnElement[bool]:
        """The child is in the agency's sight now, or was until so many months ago; or the user broke the
        glass."""
        return _has_line(child, self._lines, degree, months)

    @property
    def numbers(self) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """Those of the user, and those with the user's teams."""
        nobody = cast(null(), ARRAY(BigInteger))
        return (_OWN, _TEAM) if self.person else (nobody, nobody)

    def are(self, principal: ColumnElement[int]) -> ColumnElement[bool]:
        """The number stands for who looks: for the agency, the user, or one of the user's teams."""
        agency = principal == literal(self.agency)
        return or_(agency, principal == any_(_TEAM)) if self.person else agency

    def children(self, of: Children) -> Select[Any]:
        """Those children, as far as that can be told before any row of theirs is read: without their ages."""
        if of.one:
            one = select(_PATIENT.label("child")).subquery("one")
            return select(one.c.child).where(self.sees(one.c.child, of.beyond(Children(False, one=True))))
        if of.caseload == SELF:
            me = select((-func.unnest(_OWN)).label("child")).subquery("me")
            return select(me.c.child).where(self.sees(me.c.child, of))
        # By another name than that of what is asked of each of them.
        s = t.sight.alias("mine")
        lines = self._of_user(of.caseload) if of.caseload else self._lines
        found = select(s.c.child).where(lines(s, INVOLVED), current(s, of.months_after)).distinct()
        rest = of.beyond(Children(not of.caseload, of.months_after, of.caseload))
        return found.where(self.sees(s.c.child, rest)) if not rest.all else found

    def _lines(self, s: FromClause, degree: int) -> ColumnElement[bool]:
        mine = and_(s.c.principal == literal(self.agency), s.c.degree >= literal(degree))
        if not self.person:
            return mine
        # The glass is broken by one, and not for all who work there.
        return or_(mine, and_(s.c.principal == any_(_OWN), s.c.degree == literal(self._broken)))

    def _of_user(self, caseload: str) -> _Lines:
        principals = {OWN: _OWN, TEAM: _TEAM}[caseload]

        def lines(s: FromClause, degree: int) -> ColumnElement[bool]:
            held = or_(s.c.degree < literal(BROKEN), s.c.degree == literal(self._broken))
            return and_(s.c.principal == any_(principals), s.c.degree >= literal(degree), held)

        return lines

    @property
    def _broken(self) -> int:
        return broken_by_way_of(self.agency)


def in_sight(child: ColumnElement[int], agency: int, degree: int, months: int) -> ColumnElement[bool]:
    """The child is in the agency's sight now, or was until so many months ago."""
    return Eyes(agency).knows(child, degree, months)


def current(s: FromClause, months: int) -> ColumnElement[bool]:
    """A line of `sight` that holds at this moment (or did until so many months ago)."""
    begun, lasts = s.c.valid_from <= func.now(), s.c.valid_until > func.now()
    if not months:
        return and_(begun, lasts)
    lasted = s.c.valid_until > func.now() - cast(literal(_MONTH * months, Interval), Interval)
    # Who broke the glass sees through it for as long as was said, whatever a right adds to involvement.
    return and_(begun, lasted, or_(s.c.degree < literal(BROKEN), lasts))


def aged(child: ColumnElement[int], since: int, until: int) -> ColumnElement[bool]:
    """The child is certainly of these ages: of an age that is not known nothing is said."""
    d, birth = t.date_index.alias("born"), library().shipped("Patient")["birthdate"].number
    own = (d.c.child == child, d.c.rid == child, d.c.param == literal(birth))
    old_enough = d.c.high <= func.now() - func.make_interval(literal(since))
    young_enough = d.c.low > func.now() - func.make_interval(literal(until))
    return select(literal(1)).where(*own, old_enough, young_enough).offset(literal(0)).exists()


def _has_line(child: ColumnElement[int], lines: _Lines, degree: int, months: int) -> ColumnElement[bool]:
    s = t.sight.alias("s")
    # OFFSET 0 keeps it a question asked of each row found, never a join that the planner may turn round.
    return (
        select(literal(1))
        .where(s.c.child == child, lines(s, degree), current(s, months))
        .offset(literal(0))
        .correlate_except(s)
        .exists()
    )
