"""A session's register, as a school sends it: every line held against the record, and written with the rest.

All lines are asked for together: who the children are, whether they are on roll that day, and which marks
there are already. A line that says what is said already changes nothing; one that says something else is a
correction, keeps the mark that was, and says why. Whoever is refused is told everything at once.

https://www.legislation.gov.uk/uksi/2024/208
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from server.child.attendance import code, mark
from server.child.attendance.code import Code
from server.child.attendance.correction import Correction, explained
from server.child.attendance.entry import Entry, Session, corrected, faults, observation, says_the_same
from server.fhir import Json, json
from server.fhir.issue import Issue, Unprocessable
from server.fhir.period import interval
from server.record import places
from server.record.event import entry as accounted
from server.record.record import Record
from server.search import register as held_against
from server.search.hash import form
from server.search.types.reference import localised
from server.search.types.token import system_form, value_form
from server.store import audit, locator, recordset, resources, writing
from server.store.row import Stored

CREATED, UNCHANGED, CORRECTED, REFUSED = OUTCOMES = ("created", "unchanged", "corrected", "refused")

_PATIENT, _OBSERVATION, _EPISODE = "Patient", "Observation", "EpisodeOfCare"
_REGISTRATION = "https://w3id.org/single-child-record/StructureDefinition/Registration"
_ON_ROLL = ("active", "onhold", "finished")
_NOT_ON_ROLL_YET = "Z"
"""The code of who is in the register before the first day at the school."""


@dataclass(slots=True)
class Line:
    """What becomes of an entry. `child`: the id of its Patient; `root`: the number of the child; `held`: the
    mark that there is; `made`: the version that says it now."""

    entry: Entry
    code: Code | None
    child: str | None = None
    root: int = 0
    held: Stored | None = None
    made: Stored | None = None
    outcome: str = CREATED
    problems: list[str] = field(default_factory=list)


def take(
    record: Record, of: Session, entries: Sequence[Entry], *, partial: bool, who: str | None
) -> list[Line]:
    """Write a register; what became of each line.

    `partial`: what is wrong with a line refuses that line alone. `who`: the name and title of who corrects.

    Raises:
        Unprocessable: a line is wrong, and not `partial`; with everything that is wrong with any.
    """
    record.begin()
    lines = [Line(each, code.on(of.day, each.code)) for each in entries]
    for line in lines:
        line.problems += faults(line.entry, line.code, of)
    _identify(record, lines)
    _place(record, lines)
    _on_roll(record, of, lines)
    _held(record, of, lines)
    wrong = [line for line in lines if line.problems]
    if wrong and not partial:
        raise Unprocessable(issues=tuple(_issue(line, text) for line in wrong for text in line.problems))
    for line in wrong:
        line.outcome = REFUSED
    _write(record, of, [line for line in lines if not line.problems], who)
    return lines


def _issue(line: Line, text: str) -> Issue:
    return Issue("business-rule", text, (f"Parameters.parameter[{line.entry.at}]",))


# ---- who they are ------------------------------------------------------------------------------------------


def _identify(record: Record, lines: Iterable[Line]) -> None:
    """The Patient of each line."""
    asked = {at: line for at, line in enumerate(lines) if line.entry.identifier is not None}
    found = _identified(record, asked) if asked else {}
    for at, line in enumerate(lines):
        line.child = line.entry.child
        if at in asked:
            ids = found.get(at, set())
            if len(ids) != 1 or line.child not in (None, *ids):
                several = "several children" if len(ids) > 1 else "another child" if ids else "no child"
                line.problems.append(f"The identifier is that of {several} known to this caller.")
                line.child = None
            else:
                [line.child] = ids


def _identified(record: Record, asked: Mapping[int, Line]) -> dict[int, set[str]]:
    """By place, the ids of the Patients that have the identifier."""
    view, withheld = record.searchable(_PATIENT, {"identifier"})
    hasher = record.door.hasher

    def hashed(text: str) -> int:
        return hasher.token(_PATIENT, "identifier", text)

    rows = [
        {"at": at, "system": hashed(system_form(system)), "value": hashed(value_form(value))}
        for at, line in asked.items()
        for system, value in [line.entry.identifier or ("", "")]
    ]
    statement = held_against.identified(view, withheld=withheld)
    number = record.door.library.type_number(_PATIENT)
    found: dict[int, set[str]] = {}
    for at, id_ in statement(record.connection, asked=recordset.text(rows), type=number):
        found.setdefault(at, set()).add(id_)
    return found


def _place(record: Record, lines: Iterable[Line]) -> None:
    """The number of each child, if the caller may know of it; a child is there once."""
    number = record.door.library.type_number(_PATIENT)
    keys = {(number, line.child) for line in lines if line.child is not None}
    at = locator.places(record.connection, keys) if keys else {}
    seen = places.seen(record.door, record.connection, record.access, keys, at)
    for line in lines:
        key = (number, line.child or "")
        if key in seen:
            line.root = at[key][0]
        elif line.child is not None:
            line.problems.append("The reference of the child leads to nothing on this server.")
    often = Counter(line.root for line in lines if line.root)
    for line in lines:
        if often[line.root] > 1:
            line.problems.append("The child is in this register more than once.")


# ---- what they are held against ----------------------------------------------------------------------------


def _on_roll(record: Record, of: Session, lines: Iterable[Line]) -> None:
    """Who is marked is registered at the school that day."""
    asked = [line for line in lines if line.root and line.entry.code != _NOT_ON_ROLL_YET]
    if not asked:
        return
    view, withheld = record.searchable(_EPISODE, {"patient", "organization", "type", "date", "status"})
    hasher, library = record.door.hasher, record.door.library
    low, high = interval(of.day.isoformat())
    found = held_against.on_roll(view, withheld=withheld)(
        record.connection,
        children=sorted({line.root for line in asked}),
        type=library.type_number(_EPISODE),
        kind=record.door.hooks.kinds[_REGISTRATION].number,
        school=[hasher.token(_EPISODE, "organization", of.school)],
        statuses=[hasher.token(_EPISODE, "status", form(None, each)) for each in _ON_ROLL],
        low=low,
        high=high,
    )
    on_roll = {row[0] for row in found}
    for line in asked:
        if line.root not in on_roll:
            day = of.day.isoformat()
            line.problems.append(f"The child is not registered at {of.school} on {day}.")


def _held(record: Record, of: Session, lines: Iterable[Line]) -> None:
    """The mark that there is already, and whether what takes its place says why."""
    asked = [line for line in lines if line.root]
    if not asked:
        return
    claim = writing.claimed(*mark.claim(of.school, of.day.isoformat(), of.session))
    view = record.access.view(_OBSERVATION, "r" if record.access.may(_OBSERVATION, "r") else "u")
    wanted = recordset.text(
        {"child": child, "claim": claim} for child in sorted({line.root for line in asked})
    )
    number = record.door.library.type_number(_OBSERVATION)
    rows = held_against.claimed(view)(record.connection, wanted=wanted, type=number)
    assert all(UUID(str(row[1])).hex == claim for row in rows)
    found = {row[0]: (row[2], resources.stored(_OBSERVATION, row[3:])) for row in rows}
    for line in asked:
        seen, held = found.get(line.root, (True, None))
        line.held = held
        if held is None or line.problems or line.code is None:
            continue
        if not (seen and held.whole and not held.withheld):
            line.problems.append(
                "There is a mark for this session which the rights of this caller do not cover."
            )
        elif says_the_same(json.decode(held.body.encode()), line.entry, line.code):
            line.outcome, line.made = UNCHANGED, held
        elif not (line.entry.reason or "").strip():
            line.problems.append("There is another mark for this session: a correction says why ('reason').")
        else:
            line.outcome = CORRECTED


# ---- written -----------------------------------------------------------------------------------------------


def _write(record: Record, of: Session, lines: Sequence[Line], who: str | None) -> None:
    new = [line for line in lines if line.outcome == CREATED]
    made = record.create_alike(
        observation(line.entry, line.child, line.code, of) for line in new if line.child and line.code
    )
    for line, stored in zip(new, made, strict=True):
        line.made = stored
    _correct(record, [line for line in lines if line.outcome == CORRECTED], who)
    _account(record, of, [line for line in lines if line.outcome == UNCHANGED])


def _correct(record: Record, lines: Iterable[Line], who: str | None) -> None:
    """Each a version of its own, as any update: under the same locks, rights and rules."""
    corrections = []
    for line in lines:
        assert line.held is not None
        assert line.code is not None
        held: Json = json.decode(line.held.body.encode())
        line.made, _ = record.update(
            _OBSERVATION,
            line.held.id,
            corrected(held, line.entry, line.code),
            if_match=f'W/"{line.held.version}"',
        )
        corrections.append(Correction(line.made, line.entry.reason or "", who))
    explained(record, corrections)


def _account(record: Record, of: Session, lines: Sequence[Line]) -> None:
    """That the caller learned what was there already."""
    if lines:
        number = record.door.library.type_number(_OBSERVATION)
        said = f"$register?school={of.school}&date={of.day.isoformat()}&session={of.session}"
        line = accounted(record.access, record.at, "operation", number, query=said)
        hits = tuple(each.held.rid for each in lines if each.held)
        audit.record_of_several(record.connection, replace(line, hits=hits), {each.root for each in lines})


def session(record: Record, school: str | None, day: date, session: str) -> Session:
    """Of which school, day and session a register is; of the caller's own school, if it names none."""
    known = localised(school, record.door.base_url) if school else record.access.agency.organization
    return Session(known or "", day, session)
