"""Whether a code is one of its system's, or of a value set's, and could be used on the day that it is about.

https://hl7.org/fhir/R4/valueset-operation-validate-code.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from server.fhir.json import shown
from server.fhir.name import fold
from server.terminology import systems
from server.terminology.provider import CannotTell, Concept, System, Verdict
from server.terminology.valueset import ValueSet, value_set


@dataclass(frozen=True, slots=True)
class Coded:
    """What is asked about. Without a system any of the value set's will do: a `code` element has none."""

    code: str
    system: str | None = None
    version: str | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """`at`: the day that the code is about. `abstract`: whether a code that only groups others will do.

    `language`: in which a display is wanted.
    """

    at: date | None = None
    abstract: bool = True
    language: str | None = None


ANY = Wanted()


def validate_code(
    of: str | ValueSet, system: str | None, code: str, display: str | None = None, at: date | None = None
) -> Verdict:
    """Of a value set, by its canonical."""
    return in_value_set(of, Coded(code, system, display=display), Wanted(at=at) if at else ANY)


def in_value_set(of: str | ValueSet, coded: Coded, wanted: Wanted = ANY) -> Verdict:
    """Whether the code is in the value set; None where it cannot be told."""
    try:
        among = value_set(of) if isinstance(of, str) else of
        if coded.system is not None:
            return _in(among, coded, coded.system, wanted)
        return _anywhere(among, coded, wanted)
    except CannotTell as why:
        return Verdict(None, str(why), why.code, system=coded.system)


def _anywhere(among: ValueSet, coded: Coded, wanted: Wanted) -> Verdict:
    """In the first system that has it; one in which it is good before one in which it is not."""
    verdicts = [
        verdict for system in among.systems() if (verdict := _tried(among, coded, system, wanted)) is not None
    ]
    for result in (True, False, None):
        for verdict in verdicts:
            if verdict.result is result:
                return verdict
    return Verdict(
        False, f"The code '{shown(coded.code)}' is not one of the value set{_named(among)}.", "code-invalid"
    )


def _tried(among: ValueSet, coded: Coded, system: str, wanted: Wanted) -> Verdict | None:
    """None: the set has no such code of this system."""
    try:
        if not among.contains(system, coded.code):
            return None
    except CannotTell as why:
        return Verdict(None, str(why), why.code, system=system)
    return _in(among, coded, system, wanted)


def _in(among: ValueSet, coded: Coded, system: str, wanted: Wanted) -> Verdict:
    if not among.contains(system, coded.code):
        return Verdict(
            False,
            f"The code '{shown(coded.code)}' of '{system}' is not one of the value set{_named(among)}.",
            "code-invalid",
            system=system,
        )
    written = among.written(system, coded.code) or {}
    try:
        found = systems.known(system, coded.version or among.version_of(system))
        concept = found.find(coded.code)
    except CannotTell:
        # The set lists the code itself: that it is one was never in doubt.
        found, concept = None, None
    listed = concept or Concept(coded.code)
    more = [written["display"]] if "display" in written else []
    more += [each["value"] for each in written.get("designation", ())]
    verdict = _judged(listed, coded, replace(wanted, abstract=wanted.abstract or not concept), more)
    return replace(
        verdict,
        system=system,
        version=found.version if found else coded.version,
        display=written.get("display") or verdict.display,
    )


def in_system(of: str | System, coded: Coded, wanted: Wanted = ANY) -> Verdict:
    """Whether the code is one of the code system's; None where it cannot be told."""
    try:
        system = systems.known(of, coded.version) if isinstance(of, str) else of
        concept = system.find(coded.code)
    except CannotTell as why:
        return Verdict(None, str(why), why.code, system=coded.system)
    where = replace(Verdict(None), system=system.url, version=system.version)
    if concept is not None:
        return replace(_judged(concept, coded, wanted), system=where.system, version=where.version)
    if system.complete:
        message = f"The code '{shown(coded.code)}' does not exist in the code system '{system.url}'."
        return replace(where, result=False, message=message, code="code-invalid")
    message = f"Of the code system '{system.url}' only a part is held, without '{shown(coded.code)}'."
    return replace(where, message=message, code="not-found")


def _judged(concept: Concept, coded: Coded, wanted: Wanted, more: Iterable[str] = ()) -> Verdict:
    """What is to be said of a code that exists."""
    display = reads(concept, wanted.language)
    verdict = Verdict(True, display=display, inactive=concept.inactive)
    if concept.abstract and not wanted.abstract:
        message = f"The code '{shown(coded.code)}' only groups others, and is not chosen itself."
        return replace(verdict, result=False, message=message, code="code-invalid")
    if wanted.at is not None and not in_use(concept, wanted.at):
        return replace(
            verdict,
            result=False,
            message=f"The code '{shown(coded.code)}' could be used {_span(concept)}, and this is about "
            f"{wanted.at}.",
            code="code-invalid",
            since=concept.valid_from,
            until=concept.valid_to,
        )
    if coded.display is not None and not _is_called(concept, coded.display, more):
        message = (
            f"The display '{shown(coded.display)}' is not one of the code '{shown(coded.code)}': "
            f"'{display or ''}' is."
        )
        return replace(verdict, message=message, code="invalid", display_fits=False)
    if concept.inactive and wanted.at is None:
        return replace(verdict, message=f"The code '{shown(coded.code)}' is not in use any more.")
    return verdict


def in_use(concept: Concept, at: date) -> bool:
    """Whether the code could be used on the day. Dates that say less than a day hold for all of it."""
    day, since, until = at.isoformat(), concept.valid_from, concept.valid_to
    return not (
        (since is not None and day[: len(since)] < since[:10])
        or (until is not None and day[: len(until)] > until[:10])
    )


def reads(concept: Concept, language: str | None) -> str | None:
    """How a code is shown in a language; in the code system's own where there is no such designation."""
    if language is not None:
        for each in concept.designations:
            if each.language is not None and speaks(each.language, language):
                return each.value
    return concept.display


def speaks(has: str, wanted: str) -> bool:
    """`en-GB` will do for who wants `en`."""
    one, other = has.lower(), wanted.lower()
    return one == other or one.startswith(other + "-")


def _is_called(concept: Concept, display: str, more: Iterable[str]) -> bool:
    """Case, accents and spacing make no difference. Where it is not known how it reads, anything will do."""
    known = [each for each in (concept.display, *(one.value for one in concept.designations), *more) if each]
    return not known or fold(display) in map(fold, known)


def _span(concept: Concept) -> str:
    said = (("since", concept.valid_from), ("until", concept.valid_to))
    return " ".join(f"{word} {day}" for word, day in said if day)


def _named(among: ValueSet) -> str:
    return f" '{among.url}'" if among.url else ""
