"""What attendance adds up to: of a school, of a group of its children, of one child."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta

from server import clock
from server.child.attendance import summary, term
from server.child.attendance.code import Code, by_letter
from server.child.attendance.count import Count, Span, total
from server.child.attendance.summary import Of
from server.definition.library import library
from server.fhir import Json, json
from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.fhir.period import HOME
from server.fhir.reference import parse
from server.operation.call import Call
from server.operation.registry import implements
from server.record.record import Record
from server.search.types.reference import localised
from server.store import locator

_WHOLE_DAY = len("2025-09-08")
_LONGEST = timedelta(days=3660)


@implements("Organization-attendance-summary")
def of_school(call: Call, record: Record) -> FhirResponse:
    """Of all children who have marks at a school, and of each."""
    assert call.id is not None
    school = record.read("Organization", call.id)
    span = _span(call)
    children = _group(call, record)
    found = summary.of_school(record, f"Organization/{school.id}", span, children)
    each = sorted(found, key=_id) if call.one("children") is not False else []
    return _answer(span, found, each, _child)


@implements("Patient-attendance-summary")
def of_child(call: Call, record: Record) -> FhirResponse:
    """Of one child, together and by school."""
    assert call.id is not None
    patient = record.read("Patient", call.id)
    span = _span(call)
    found = summary.of_child(record, patient.child, patient.id, span)
    return _answer(span, found, sorted(found, key=lambda each: each.school), _school)


# ---- what is asked -----------------------------------------------------------------------------------------


def _span(call: Call) -> Span:
    """The days: of a term or a school year by its name, or from one to another; or of this school year."""
    today = clock.now().astimezone(HOME).date()
    name = call.one("term")
    days = _day(call, "start"), _day(call, "end")
    if name is not None:
        named = term.named(name)
        if named is None or days != (None, None):
            raise Invalid(
                f"'term' is a school year or a term, such as '2025-26' or '2025-26 autumn', without days; "
                f"'{shown(name)}' is not."
            )
        return Span(named.start, named.end)
    year = term.year_named(term.year_of(days[0] or days[1] or today))
    span = Span(days[0] or year.start, days[1] or year.end)
    if not span.start <= span.end <= span.start + _LONGEST:
        raise Invalid("The days go from 'start' to 'end', and over ten years at most.")
    return span


def _day(call: Call, name: str) -> date | None:
    text = call.one(name)
    if text is None:
        return None
    if len(text) != _WHOLE_DAY:
        raise Invalid(f"'{name}' is a day.")
    return date.fromisoformat(text)


def _group(call: Call, record: Record) -> set[int] | None:
    """The children of a Group, by their numbers."""
    reference = call.one("group")
    if reference is None:
        return None
    target = parse(localised(reference.get("reference", ""), record.door.base_url) or "")
    if not (target.local and target.type == "Group" and target.id):
        raise Invalid("'group' refers to a Group of this server.")
    group: Json = json.decode(record.read("Group", target.id).body.encode())
    named = (
        parse(localised(each["entity"].get("reference", ""), record.door.base_url) or "")
        for each in group.get("member", ())
        if not each.get("inactive")
    )
    number = record.door.library.type_number("Patient")
    keys = {(number, each.id) for each in named if each.local and each.type == "Patient" and each.id}
    return {child for child, _, _ in locator.places(record.connection, keys).values()} if keys else set()


# ---- what is told ------------------------------------------------------------------------------------------


def _answer(
    span: Span, found: Collection[Of], shown: Iterable[Of], told: Callable[[Of, Count], str]
) -> FhirResponse:
    """The Parameters, written as text: of a school it has tens of thousands of parts."""
    days = (
        f'{{"name":"{name}","valueDate":"{day.isoformat()}"}}'
        for name, day in (("start", span.start), ("end", span.end))
    )
    terms = summary.by_term(found)
    whole = total(terms.values())
    by_term = (_parts("term", f'{{"name":"name","valueString":"{one.name}"}},', terms[one]) for one in terms)
    each = (told(one, one.count(whole.letters)) for one in shown)
    parts = ",".join((*days, _parts("total", "", whole), *by_term, *each))
    return FhirResponse(200, f'{{"resourceType":"Parameters","parameter":[{parts}]}}'.encode())


def _school(each: Of, count: Count) -> str:
    return _parts("school", _reference("organization", each.school), count)


def _child(each: Of, count: Count) -> str:
    return _parts("child", _reference("patient", f"Patient/{each.id}" if each.id else ""), count)


def _id(each: Of) -> str:
    return each.id or ""


def _reference(name: str, to: str) -> str:
    return f'{{"name":"{name}","valueReference":{{"reference":{_text(to)}}}}},' if to else ""


def _parts(name: str, before: str, count: Count) -> str:
    percent = count.percent
    absence = "" if percent is None else f',{{"name":"absence","valueDecimal":{percent}}}'
    codes = "".join(f"{before}{often}}}]}}" for before, often in _codes(count))
    return (
        f'{{"name":"{name}","part":[{before}{{"name":"possible","valueUnsignedInt":{count.possible}}},'
        f'{{"name":"attended","valueUnsignedInt":{count.attended}}},'
        f'{{"name":"authorised","valueUnsignedInt":{count.authorised}}},'
        f'{{"name":"unauthorised","valueUnsignedInt":{count.unauthorised}}}{absence}{codes}]}}'
    )


def _codes(count: Count) -> Iterator[tuple[str, int]]:
    """What is written before the number of each code, in the order of the code list."""
    for letter, before in _before().items():
        if letter in count.letters:
            yield before, count.letters[letter]


def _before() -> Mapping[str, str]:
    known: dict[str, str] | None = library().memo.get(_before)
    if known is None:
        known = library().memo[_before] = {
            letter: f',{{"name":"code","part":[{{"name":"code","valueCoding":{_coding(code)}}},'
            '{"name":"sessions","valueUnsignedInt":'
            for letter, code in by_letter().items()
        }
    return known


def _coding(code: Code) -> str:
    said = (
        {"system": code.system, "code": code.code} if code.system else {"display": "No code of the register"}
    )
    return _text(said)


def _text(value: object) -> str:
    return json.encode(value).decode()
