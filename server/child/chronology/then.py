"""What was known of a child on a past day and could be seen by the caller then: never more than now.

What was known are the versions that were the present ones. What could be seen is asked twice: in
SQL by the rights and the involvement of today, and by those of that day. Involvement then is read off what
was known then, for the lines of `sight` say what holds now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property

from server.access import redact
from server.access.access import Access
from server.fhir import json
from server.fhir.issue import NotFound
from server.fhir.period import HIGHEST, HOME, LOWEST, interval
from server.record.hook import Act, Decision
from server.record.record import Record
from server.search import chronology as rows
from server.search.chronology import Found, Walk
from server.search.everything import Views
from server.search.hidden import WITHHELD
from server.search.sight import BROKEN, INVOLVED, NAMED, OWN, SELF, TEAM, Children
from server.search.view import Alternative, CallerView
from server.store import past
from server.store.row import AGREED, DENIED, OBJECTED, RESTRICTED, VERY_RESTRICTED, Stored

PATIENT, CONSENT = "Patient", "Consent"
_TELLING = (PATIENT, "EpisodeOfCare", "Encounter", "CareTeam", "RelatedPerson", CONSENT)
"""Types that bring somebody in, or that decide who sees what."""

_MONTH = timedelta(days=30.4375)


class Then:
    """The child as it was known at a time, whoever asks; and the caller as it stood to the child."""

    def __init__(self, record: Record, now: Stored, at: datetime) -> None:
        self._record, self._now, self._at = record, now, at
        number = record.door.library.type_number
        types = [number(each) for each in _TELLING]
        self._versions = past.versions(record.connection, now.child, types, at)
        self._lines = past.sights(record.connection, now.child)
        self._agency = record.access.agency
        self._access = _of_that_day(record.access, at)
        who = record.access.who
        self._own = set(who.own) if who else set()
        self._team = self._own | (set(who.team) if who else set())
        self._untils = dict(self._known_until())
        self._decisions = list(self._decided())
        patients = [each for each in self._versions if each.type == number(PATIENT) and each.rid == now.rid]
        self.existed = bool(patients)
        self._label = patients[0].restriction if patients else 0
        birth = json.decode(patients[0].body).get("birthDate") if patients else None
        self._born = interval(birth) if isinstance(birth, str) else None

    def known(self, walk: Walk, types: Sequence[str]) -> list[Found]:
        """The versions that were the present ones then, as far as the caller could see them then and may see
        them now."""
        if self.absent or not self.existed:
            return []
        views = [view for each in types if (view := self._view(each, "s")) is not None]
        if not views:
            return []
        found = rows.past(self._record.connection, Views(tuple(views)), walk, self._at)
        return [self._held_back(each) for each in found if not self._denied(each)]

    def patient(self) -> Stored:
        """The Patient as it was known.

        Raises:
            NotFound: the child was not known then, or not to the caller.
        """
        now = self._now
        view = None if self.absent or not self.existed else self._view(PATIENT, "r")
        if view is not None:
            number = self._record.door.library.type_number(PATIENT)
            walk = Walk(now.child, [number], LOWEST, HIGHEST)
            for found in rows.past(self._record.connection, Views((view,)), walk, self._at):
                if found.row.rid == now.rid and not self._denied(found):
                    return redact.shown(self._held_back(found).row)
        raise NotFound(f"Patient/{now.id} was not known to this caller at that time.")

    @property
    def absent(self) -> bool:
        """Whether the child was very restricted then, and the caller not named."""
        return bool(self._label & VERY_RESTRICTED) and not self._named

    def _view(self, type_: str, letter: str) -> tuple[CallerView, bool] | None:
        """The rows of a type that the caller may see now, by the ways by which it could see them then."""
        if not self._access.may(type_, letter):
            return None
        held = self._access.view(type_, letter)
        ways = tuple(each for each in held.alternatives if self._open(each))
        return (replace(held, alternatives=ways), False) if ways else None

    def _held_back(self, found: Found) -> Found:
        """Without the whereabouts, where they were withheld then."""
        if not self._label & RESTRICTED or self._named:
            return found
        return found._replace(row=replace(found.row, withheld=found.row.withheld | WITHHELD))

    def _denied(self, found: Found) -> bool:
        """Whether it had been decided not to be shared with the caller then."""
        if not self._decisions or self._broke:
            return False
        own = found.row.author == self._agency.number
        number = self._record.door.library.type_number(found.row.type)
        return any(
            each.effect == DENIED and self._is_meant(each) and (not own or self._is_personal(each))
            and self._speaks(each, number, found)
            for each in self._decisions
        )  # fmt: skip

    # -- who was involved

    def _open(self, way: Alternative) -> bool:
        if way.agreed and not self._agreed:
            return False
        return self._sees(way.children)

    def _sees(self, of: Children) -> bool:
        since = self._at - _MONTH * of.months_after
        if of.involved and not self._in_sight({self._agency.number} | self._own, since):
            return False
        if of.caseload in (OWN, TEAM):
            principals = self._own if of.caseload == OWN else self._team
            if not self._in_sight(principals, since):
                return False
        return (of.caseload != SELF or self._is_self) and self._aged(of.ages)

    @property
    def _is_self(self) -> bool:
        return -self._now.child in self._own or -self._now.rid in self._own

    def _in_sight(self, principals: set[int], since: datetime) -> bool:
        return self._broke or any(self._untils[who] > since for who in principals if who in self._untils)

    @cached_property
    def _broke(self) -> bool:
        """Whether the caller had broken the glass then."""
        return any(each.degree >= BROKEN and self._is_mine(each.principal) for each in self._current)

    @cached_property
    def _current(self) -> list[past.Line]:
        """Lines of sight that held then."""
        return [each for each in self._lines if each.valid_from <= self._at < each.valid_until]

    def _is_mine(self, principal: int) -> bool:
        return principal == self._agency.number or principal in self._team

    def _known_until(self) -> Iterator[tuple[int, datetime]]:
        """By principal, until when it was to see the child, as it was known then."""
        untils: dict[int, datetime] = {}
        for version in self._versions:
            act = Act(
                agency=version.author,
                at=version.created,
                # Who began the record sees the child for a while; who is named is asked of `sight`.
                label=version.restriction or None,
                named=False,
                rid=version.rid,
                rids=self._rids,
            )
            for line in self._record.door.hooks.sightings(json.decode(version.body), act):
                if line.degree >= INVOLVED and line.valid_from <= self._at:
                    untils[line.principal] = max(
                        untils.get(line.principal, line.valid_until), line.valid_until
                    )
        yield from untils.items()

    def _rids(self, reference: str) -> int | None:
        """That of a person or a team whom a reference leads to: it never changes."""
        type_, _, id_ = reference.partition("/")
        if type_ not in self._record.door.types:
            return None
        return past.rid(self._record.connection, self._record.door.library.type_number(type_), id_)

    @cached_property
    def _named(self) -> bool:
        """Whether it is named now by what was there then."""
        then = {each.rid for each in self._versions}
        mine = (each for each in self._current if self._is_mine(each.principal))
        return any(each.degree >= NAMED and (each.degree >= BROKEN or each.basis in then) for each in mine)

    def _aged(self, ages: tuple[int, int] | None) -> bool:
        if ages is None:
            return True
        if self._born is None:
            return False
        low, high = self._born
        return high <= _years_before(self._at, ages[0]) and low > _years_before(self._at, ages[1])

    # -- what was decided

    def _decided(self) -> Iterator[Decision]:
        number = self._record.door.library.type_number(CONSENT)
        for version in self._versions:
            if version.type == number:
                for each in self._record.door.hooks.decisions(json.decode(version.body)):
                    if each.valid_from <= self._at < each.valid_until:
                        yield each

    @cached_property
    def _agreed(self) -> bool:
        meant = [each.effect for each in self._decisions if self._is_meant(each)]
        return AGREED in meant and OBJECTED not in meant

    def _is_meant(self, decision: Decision) -> bool:
        user = self._record.access.user
        me = {self._agency.organization, *(user.own if user else ()), *(user.teams if user else ())}
        if decision.purposes and self._record.access.purpose not in (None, *decision.purposes):
            return False
        if decision.actors is None:
            return self._agency.organization not in decision.deciders
        return not me.isdisjoint(decision.actors)

    def _is_personal(self, decision: Decision) -> bool:
        return decision.actors is not None and self._agency.organization not in decision.actors

    def _speaks(self, decision: Decision, number: int, found: Found) -> bool:
        if not decision.type and number == self._record.door.library.type_number(PATIENT):
            return False
        return (
            decision.type in (0, number)
            and decision.kind in (0, found.kind)
            and (not decision.tokens or not set(decision.tokens).isdisjoint(found.tokens))
        )


def _of_that_day(access: Access, at: datetime) -> Access:
    """The caller with those of its rights that it had then too."""
    on = at.astimezone(HOME).date()
    agency = access.agency
    rights = tuple(each for each in agency.rights if _held(each.since, each.until, on))
    if not _held(agency.since, agency.until, on):
        rights = ()
    if rights == agency.rights:
        return access
    return replace(access, agency=replace(agency, rights=rights, memo={}), memo={}, _views={})


def _held(since: date | None, until: date | None, on: date) -> bool:
    return (since or on) <= on <= (until or on)


def _years_before(at: datetime, years: int) -> datetime:
    try:
        return at.replace(year=at.year - years)
    except ValueError:
        return at.replace(year=at.year - years, day=28)
