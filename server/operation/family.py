"""A child's family and household: as data, as a page, and drawn as a genogram."""

from collections.abc import Sequence

from server.child.chronology import document, html, wording
from server.child.family import genogram
from server.child.family.people import Person
from server.child.family.people import family as found
from server.fhir.exchange import FhirResponse
from server.operation import readable, table
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.record import Record

_HEADINGS = ("Who", "What they are to the child", "Born", "Parental responsibility", "Household", "When")
_TITLE = "Family and household"


@implements("Patient-family")
def family(call: Call, record: Record) -> Result | FhirResponse:
    """As far as the caller may see; of other children no more than of any child."""
    assert call.id is not None
    people = found(record, call.id, f"{call.id}/$family")
    drawn = genogram.as_svg(people)
    match readable.of(call):
        case readable.SVG:
            return readable.answer(drawn.encode(), readable.SVG, "genogram", genogram.POLICY)
        case readable.HTML:
            return readable.answer(_page(record, people, drawn), readable.HTML, "family", genogram.POLICY)
    return Result({"person": list(map(_told, people)), "genogram": drawn})


def _page(record: Record, people: Sequence[Person], drawn: str) -> bytes:
    rows = [_row(each) for each in people]
    made = document.made_for(record)
    return html.page(_TITLE, table.body(_TITLE, made, _HEADINGS, [("Family", rows)], drawn))


def _row(person: Person) -> tuple[str, ...]:
    yes = {True: "yes", False: "no", None: "not known"}
    contact = "; may have no contact" if person.no_contact else ""
    born = wording.when(person.born) if person.born else ""
    return (
        person.name or ("not shown" if person.withheld else "no name here"),
        f"{'the child' if person.stands == 'child' else person.relationship}{contact}",
        f"expected {born}" if person.expected else born,
        "" if person.child and person.responsible is None else yes[person.responsible],
        yes[person.household],
        wording.span(person.since, person.until),
    )


def _told(person: Person) -> dict[str, object]:
    said = {
        "relationship": person.relationship or None,
        "name": person.name or None,
        "sex": person.sex or None,
        "born": person.born or None,
        "child": {"reference": person.child} if person.child else None,
        "parentalResponsibility": person.responsible,
        "household": person.household,
        "contactOrder": person.order,
        "since": person.since,
        "until": person.until,
    }
    return {
        "stands": person.stands,
        **{name: value for name, value in said.items() if value is not None},
        "expected": person.expected,
        "died": person.died,
        "noContact": person.no_contact,
        "current": person.current,
        "withheld": person.withheld,
        "telecom": list(person.telecom),
        "because": {"reference": person.because},
    }
