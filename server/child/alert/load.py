"""What is known of children, read for many of them at once: whoever asks, for it is the server that asks.

What is sealed is known to those alone who unseal: to alerts it does not exist.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from server.child.alert import register
from server.child.alert.definition import Compiled
from server.child.alert.facts import Correction, Facts
from server.child.alert.register import Register
from server.child.attendance import mark, term, total
from server.child.attendance.count import asks, month_of
from server.child.involvement import sealed
from server.child.kind import profiles, rules
from server.fhir import Json, json
from server.fhir.period import HOME
from server.fhir.reference import parse
from server.record.added import OURSELVES
from server.record.door import Door
from server.store import alerts as store
from server.store import attendance, locator, resources
from server.store.attendance import Line
from server.store.row import Stored

_MARK, _CARE_TEAM, _FLAG, _PATIENT = "SchoolAttendance", "CareTeam", "Flag", "Patient"
_ATTENDANCE_SERVICE = "education-service"
LONGEST = timedelta(days=35)
"""How far back corrections and moves are looked for, at the most that a file asks for."""


@dataclass(frozen=True, slots=True)
class Loader:
    """For one round: the children as they are at one instant."""

    door: Door
    connection: Any
    now: datetime
    _read: dict[str, Json | None] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """At home."""
        return self.now.astimezone(HOME).date()

    def registers(
        self, children: Collection[int], reading: Collection[Compiled], at: datetime | None = None
    ) -> dict[int, Register]:
        """What the registers show, as far back as these alerts look now, or looked at an earlier time."""
        then = (at or self.now).astimezone(HOME).date()
        asked = [each.alert.attendance for each in reading if each.alert.attendance]
        start = register.begins(asked, term.of(then).start, then)
        found: dict[int, list[Line]] = defaultdict(list)
        for line in attendance.read(self.connection, children, month_of(start), month_of(self.today)):
            found[line.child].append(line)
        asking = [child for child, some in found.items() if any(asks(each.marks) for each in some)]
        if asking:
            # Some marks of theirs have to be asked one by one: the lines do not know them.
            series = total.series(self.door, self.connection, asking, start, self.today)
            found |= {child: register.lines(series.get(child, ())) for child in asking}
        return {child: Register.of(some).until(self.today) for child, some in found.items()}

    def corrections(
        self, children: Collection[int], since: datetime | None = None
    ) -> dict[int, tuple[Correction, ...]]:
        """By child, the marks whose code was another lately, or since a time."""
        since = since or self.now - LONGEST
        held = store.changed(self.connection, _kind(_MARK), children, since)
        number = self.door.library.type_number("Observation")
        places = [(each.child, each.rid) for each in held]
        former = store.former(self.connection, "Observation", number, places) if places else {}
        found: dict[int, list[Correction]] = defaultdict(list)
        for each in held:
            at = _corrected(former.get(each.rid, ()), each)
            if at is not None and at >= since and not sealed(_content(each)):
                found[each.child].append(Correction(_content(each), at))
        return {child: tuple(some) for child, some in found.items()}

    def facts(
        self,
        children: Collection[int],
        needs: Collection[int],
        registers: Mapping[int, Register],
        corrections: Mapping[int, tuple[Correction, ...]],
        *,
        moving: datetime | None = None,
    ) -> dict[int, Facts]:
        """All that is known of children who are there. `needs`: the classes of resource; `moving`: since when
        moves are asked for."""
        patients = {each.child: each for each in store.patients(self.connection, children)}
        known = self._resources(list(patients), needs)
        involved = store.involved(self.connection, list(patients))
        moves = self._moves(list(patients.values()), moving) if moving else {}
        now, ending = term.of(self.today), term.of(self.today).end + timedelta(days=1)
        organizations = {each.number: each for each in self.door.agencies.values()}
        found = {}
        for child, patient in patients.items():
            working = [organizations[each] for each in involved.get(child, ()) if each in organizations]
            authorities = {each.authority for each in working}
            education = (
                each.organization
                for each in self.door.agencies.values()
                if each.kind == _ATTENDANCE_SERVICE and each.authority in authorities
            )
            teams = known[child].pop("", [])
            found[child] = Facts(
                _content(patient),
                self.now,
                known[child],
                registers.get(child, Register()),
                now.start,
                datetime.combine(ending, datetime.min.time(), HOME).astimezone(UTC),
                corrections.get(child, ()),
                moves.get(child, ()),
                self.door.hooks.leads(teams, self.now, self.resource),
                tuple(education),
                tuple(each.organization for each in working),
                partial(self._marks, child),
            )
        return found

    def _resources(self, children: Sequence[int], needs: Collection[int]) -> dict[int, dict[str, list[Json]]]:
        """By child and the name of the profile; under no name the CareTeams, of whatever kind."""
        by_type: dict[str, set[int]] = defaultdict(set)
        for each in rules():
            if each.kind in needs:
                by_type[each.type].add(each.kind)
        by_type[_CARE_TEAM] = set()
        found: dict[int, dict[str, list[Json]]] = {child: defaultdict(list) for child in children}
        for type_, kinds in by_type.items():
            if type_ == _PATIENT:
                continue
            number = self.door.library.type_number(type_)
            for held in store.of_kinds(self.connection, type_, number, kinds, children):
                resource = _content(held)
                # What we say ourselves is no reason to say it.
                if sealed(resource) or (type_ == _FLAG and held.author == OURSELVES):
                    continue
                names = [each.rpartition("/")[2] for each in profiles(resource)]
                for name in (*names, *([""] if type_ == _CARE_TEAM else [])):
                    found[held.child][name].append(resource)
        return found

    def _moves(self, patients: Sequence[Stored], since: datetime) -> dict[int, tuple[datetime, ...]]:
        changed = [each for each in patients if each.version > 1 and each.last_updated >= since]
        number = self.door.library.type_number(_PATIENT)
        places = [(each.child, each.rid) for each in changed]
        former = store.former(self.connection, _PATIENT, number, places) if places else {}
        found = {}
        for each in changed:
            versions = [*former.get(each.rid, ()), each]
            found[each.child] = tuple(at for at in _moved(versions) if at >= since)
        return found

    def _marks(self, child: int, first: date, last: date) -> Sequence[Json]:
        low, high = (
            datetime.combine(day, datetime.min.time(), HOME).astimezone(UTC)
            for day in (first, last + timedelta(days=1))
        )
        held = store.marks(self.connection, _kind(_MARK), child, low, high)
        return [each for each in map(_content, held) if mark.read(each) is not None and not sealed(each)]

    def resource(self, text: str) -> Json | None:
        """What a reference leads to, whoever asks."""
        if text not in self._read:
            self._read[text] = self._found(text)
        return self._read[text]

    def _found(self, text: str) -> Json | None:
        target = parse(text)
        if not (target.local and target.id and target.type in self.door.types):
            return None
        number = self.door.library.type_number(target.type)
        place = locator.places(self.connection, [(number, target.id)]).get((number, target.id))
        held = resources.present(self.connection, target.type, number, *place[:2]) if place else None
        return _content(held) if held else None


def _content(held: Stored) -> Json:
    resource: Json = json.decode(held.body.encode())
    return resource


def _kind(profile: str) -> int:
    return next(each.kind for each in rules() if each.profile.endswith(f"/{profile}"))


def _corrected(former: Sequence[Stored], present: Stored) -> datetime | None:
    """When the code last became another; None: it is what it was at first."""
    versions = [(_code(_content(each)), each.last_updated) for each in (*former, present)]
    if versions[0][0] == versions[-1][0]:
        return None
    changes = [at for (before, _), (code, at) in pairwise(versions) if code != before]
    return changes[-1]


def _code(resource: Json) -> str:
    codings = (resource.get("valueCodeableConcept") or {}).get("coding", ())
    void = resource.get("status") == "entered-in-error"
    return "" if void else next((each["code"] for each in codings if "code" in each), "")


def _moved(versions: Sequence[Stored]) -> list[datetime]:
    """When the place where a child lives became another. That it became known is no move."""
    found, before = [], ""
    for each in versions:
        place = _place(_content(each))
        if place and before and place != before:
            found.append(each.last_updated)
        before = place or before
    return found


def _place(patient: Json) -> str:
    """Where the child lives now, folded, so that what is written otherwise is not taken for a move."""
    for address in patient.get("address", ()):
        if address.get("use", "home") in ("home", "temp") and "end" not in (address.get("period") or {}):
            code = "".join(str(address.get("postalCode", "")).split()).casefold()
            lines = " ".join(map(str, address.get("line", ())))
            house = "".join(letter for letter in lines.casefold() if letter.isalnum())
            if code or house:
                return f"{code}|{house}"
    return ""
