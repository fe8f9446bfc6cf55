"""A chronology as a document: of whom it is, who had it made, when, by which right, as of when; its lines.

It is the same for the page and for print. It says what it leaves out, and marks what is not shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from server.access.user import CHILD, FAMILY
from server.child.chronology import wording
from server.child.chronology.asked import MARK, NONE, RECORDED, TERM, Asked
from server.child.chronology.entry import END, EXISTENCE, GAP, PART, Entry
from server.child.chronology.page import Page
from server.child.chronology.rule import OURS
from server.fhir import Json, json
from server.fhir.period import HIGHEST, HOME, LOWEST, interval
from server.record.record import Record

_KINDS = OURS.replace("StructureDefinition/", "CodeSystem/") + "chronology-kind"
_TICK = interval("2000-01-01T00:00:00.000001Z")[0] - interval("2000-01-01T00:00:00Z")[0]

_WITHHELD = {
    EXISTENCE: "WITHHELD: only that there is something of this kind may be shown to this reader.",
    PART: "WITHHELD IN PART: some of this record may not be shown to this reader.",
}

_REGISTER = "The marks of the register are one line a {}; those of absence that was not authorised are named."

UNDATED = "Without a date"


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words. `marks`: short words that stand before it; `notes`: what was recorded before it was
    corrected, and the like."""

    when: str
    kind: str
    words: str
    details: tuple[str, ...]
    who: tuple[str, ...]
    recorded: tuple[str, ...]
    notes: tuple[str, ...]
    significance: str
    gap: bool = False
    withheld: bool = False
    in_error: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of a year."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """`child` and `made`: headings with what stands under them. `notes`: what a reader has to know."""

    title: str
    child: tuple[tuple[str, str], ...]
    made: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    running: str
    """What stands on every page."""


def document(record: Record, asked: Asked, page: Page) -> Document:
    """Of what was found."""
    patient = json.decode(page.patient.body.encode())
    name = wording.name_of((patient.get("name") and patient) or {}) or "name not shown"
    made = tuple(_made(record, asked))
    made_at = wording.moment(record.at)
    return Document(
        title=f"Chronology: {name}",
        child=tuple(_child(patient, page)),
        made=made,
        notes=tuple(_notes(asked, page)),
        sections=tuple(_sections(asked, page)),
        running=f"{name} · made {made_at} for {record.access.agency.name}",
    )


def _child(patient: Json, page: Page) -> Iterator[tuple[str, str]]:
    yield "Child", wording.name_of(patient) or "The name is not shown to this reader."
    if birth := patient.get("birthDate"):
        yield "Born", wording.when(str(birth))
    for each in patient.get("extension", ()):
        if each.get("url") == f"{OURS}expected-birth-date" and not birth:
            yield "Expected to be born", wording.when(str(each.get("valueDate")))
    if isinstance(patient.get("deceasedDateTime"), str):
        yield "Died", wording.when(patient["deceasedDateTime"])
    for each in patient.get("identifier", ()):
        system, value = str(each.get("system", "")), str(each.get("value", ""))
        if value and (title := _IDENTIFIERS.get(system.rpartition("/")[2])):
            yield title, value
    yield "Record", f"Patient/{page.patient.id}"
    labels = {each.get("code") for each in patient.get("meta", {}).get("security", ())}
    if labels & {"R", "V"}:
        yield (
            "Restricted",
            "Where this child lives, learns or is placed is told to those alone who are named.",
        )


_IDENTIFIERS = {"nhs-number": "NHS number", "upn": "UPN"}


def _made(record: Record, asked: Asked) -> Iterator[tuple[str, str]]:
    access = record.access
    yield "Made for", _for_whom(record)
    yield "Made on", wording.moment(record.at)
    yield "Known as of", wording.moment(asked.as_of) if asked.as_of else f"{wording.moment(record.at)} (now)"
    clauses = _clauses(record)
    yield (
        "By right",
        (
            f"rights of {access.agency.name}, version {access.agency.version}, "
            f"clause{'s' if len(clauses) > 1 else ''} {', '.join(clauses)}"
        ),
    )
    if lawful := tuple(_lawful(record)):
        yield "Lawful basis", "; ".join(lawful)
    if access.purpose:
        yield "Purpose of use", access.purpose
    yield "In order of", "when it was recorded" if asked.clock == RECORDED else "when it happened"
    yield "Period", _period(asked)
    chosen = [
        *(wording.term(_KINDS, each) or each for each in sorted(asked.kinds)),
        *sorted(asked.significances),
        *(f"said by {each}" for each in sorted(asked.agencies)),
    ]
    if chosen:
        yield "Only", "; ".join(chosen)


def made_for(record: Record) -> list[tuple[str, str]]:
    """Who had something made, when, and by which right."""
    return [pair for pair in _made(record, Asked()) if pair[0] not in ("In order of", "Period")]


def _for_whom(record: Record) -> str:
    user, agency = record.access.user, record.access.agency.name
    if user is None:
        return f"{agency} (its system {record.access.client})"
    as_whom = {FAMILY: "of the child's family", CHILD: "the child"}.get(user.kind, "")
    return f"{user.name or user.reference}, {as_whom or ', '.join(user.roles)}, {agency}"


def _clauses(record: Record) -> list[str]:
    """The rights by which the caller searches what a chronology tells of."""
    access = record.access
    types = [each for each in access.searched if each in _TOLD]
    return list(dict.fromkeys(right.name for each in types for right, _ in access.clauses(each, "s"))) or [
        "none"
    ]


_TOLD = frozenset(
    {"Patient", "EpisodeOfCare", "Encounter", "Observation", "Condition", "ServiceRequest", "CarePlan"}
)


def _lawful(record: Record) -> Iterator[str]:
    found = {
        text: None
        for each in record.access.searched
        if each in _TOLD
        for right, _ in record.access.clauses(each, "s")
        for text in (right.gateway, right.basis)
        if text
    }
    yield from found


def _period(asked: Asked) -> str:
    low = None if asked.low == LOWEST else asked.low.astimezone(HOME).date()
    high = None if asked.high == HIGHEST else (asked.high - _TICK).astimezone(HOME).date()
    if low and high:
        return f"{wording.written(low)} to {wording.written(high)}"
    return (
        f"from {wording.written(low)}"
        if low
        else f"to {wording.written(high)}"
        if high
        else "all that is known"
    )


def _notes(asked: Asked, page: Page) -> Iterator[str]:
    yield (
        "It holds what the agencies recorded and this reader may see. What this reader may not see is left "
        "out without a mark, or, where only its existence or a part of it may be shown, is marked WITHHELD."
    )
    if asked.as_of:
        yield (
            "It shows what was known at that time and could be seen by this reader then, so far as this "
            "reader may see it now. What was recorded, corrected or opened since is not in it."
        )
    if asked.attendance == TERM:
        yield _REGISTER.format("term")
    elif asked.attendance == NONE:
        yield "The marks of the register are left out."
    elif asked.attendance != MARK:
        yield _REGISTER.format("week")
    yield "Dates are given as precisely as they are known. Times are those of London."
    if page.next is not None:
        yield "THIS DOCUMENT IS NOT COMPLETE: there are more entries than it holds. Ask for a shorter period."


# ---- lines -------------------------------------------------------------------------------------------------


def _sections(asked: Asked, page: Page) -> Iterator[Section]:
    lines: list[Line] = []
    heading = None
    for each in page.entries:
        year = _year(each, asked)
        if year != heading and lines:
            yield Section(str(heading), tuple(lines))
            lines = []
        heading = year
        lines.append(line(each, asked))
    if lines:
        yield Section(str(heading), tuple(lines))


def _year(made: Entry, asked: Asked) -> str:
    if asked.clock != RECORDED and not made.dated:
        return UNDATED
    at = made.key[0]
    return str(at.astimezone(HOME).year) if LOWEST < at < HIGHEST else UNDATED


def line(made: Entry, asked: Asked) -> Line:
    """One entry in words."""
    who = tuple(dict.fromkeys((*([made.agency] if made.agency else []), *made.said_by)))
    hidden = made.withheld and not who
    return Line(
        when=_when(made),
        kind=wording.term(_KINDS, made.kind) or made.kind,
        words=made.words,
        details=made.details,
        who=who or (("not shown",) if hidden else ()),
        recorded=tuple(_recorded(made)),
        notes=tuple(_remarks(made)),
        significance=made.significance,
        gap=made.point == GAP,
        withheld=bool(made.withheld),
        in_error=made.in_error,
    )


def _when(made: Entry) -> str:
    if made.point == END:
        return wording.when(made.ended) if made.ended else ""
    if made.point == GAP:
        return wording.span(made.began, made.ended)
    if made.began is None:
        return wording.span(None, made.ended) or "Date not known"
    if made.rule is not None and made.rule.end:
        return wording.when(made.began)
    return wording.span(made.began, made.ended) if made.ended else wording.when(made.began)


def _recorded(made: Entry) -> Iterator[str]:
    if made.first is not None:
        yield wording.moment(made.first)
        if made.earlier and made.recorded:
            yield f"as it stands: {wording.moment(made.recorded)}"
    elif made.recorded is not None:
        yield wording.moment(made.recorded)


def _remarks(made: Entry) -> Iterator[str]:
    if made.in_error:
        yield "ENTERED IN ERROR: it was withdrawn by who recorded it, and is shown because it was known."
    if made.withheld:
        yield _WITHHELD[made.withheld]
    for each in made.earlier:
        yield f"CORRECTED. As it was recorded on {wording.moment(each.recorded)}: {each.words}"
