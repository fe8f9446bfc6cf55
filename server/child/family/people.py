"""Who belongs to a child's family and household, other children only as far as a reader may see them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from server.child.around import found, readable
from server.child.chronology import wording
from server.child.involvement import NO_CONTACT, RESPONSIBLE
from server.fhir import Json, json
from server.fhir.period import period
from server.record.event import entry
from server.record.record import Record
from server.store import audit
from server.store.row import Stored

_OURS = "https://w3id.org/single-child-record/StructureDefinition/"
SIBLING, ORDER, EXPECTED = f"{_OURS}sibling", f"{_OURS}contact-order", f"{_OURS}expected-birth-date"

CHILD, PARENT, GRANDPARENT, BROTHER_OR_SISTER, CARER, OTHER = (
    "child", "parent", "grandparent", "sibling", "carer", "other",
)  # fmt: skip
"""Where somebody stands to the child."""

_STANDS = {
    **dict.fromkeys(("PRN", "FTH", "MTH", "NFTH", "NMTH", "NPRN", "GESTM", "NFTHF", "ADOPTP", "ADOPTF",
                     "ADOPTM"), PARENT),
    **dict.fromkeys(("STPPRN", "STPFTH", "STPMTH"), PARENT),
    **dict.fromkeys(("GRPRN", "GRFTH", "GRMTH", "MGRFTH", "MGRMTH", "PGRFTH", "PGRMTH", "MGRPRN", "PGRPRN",
                     "GGRPRN"), GRANDPARENT),
    **dict.fromkeys(("SIB", "BRO", "SIS", "NSIB", "NBRO", "NSIS", "HSIB", "HBRO", "HSIS", "STPSIB", "STPBRO",
                     "STPSIS", "TWIN", "TWINBRO", "TWINSIS", "FTWIN", "ITWIN"), BROTHER_OR_SISTER),
    **dict.fromkeys(("PRNFOST", "FTHFOST", "MTHFOST", "GUARD", "POWATT", "Guardian", "Carer"), CARER),
}  # fmt: skip
_SEXES = {
    **dict.fromkeys(("FTH", "NFTH", "STPFTH", "GRFTH", "MGRFTH", "PGRFTH", "BRO", "NBRO", "HBRO", "STPBRO",
                     "TWINBRO", "FTHFOST", "ADOPTF", "UNCLE", "HUSB"), "male"),
    **dict.fromkeys(("MTH", "NMTH", "STPMTH", "GRMTH", "MGRMTH", "PGRMTH", "SIS", "NSIS", "HSIS", "STPSIS",
                     "TWINSIS", "MTHFOST", "ADOPTM", "AUNT", "WIFE", "GESTM"), "female"),
}  # fmt: skip
_STEP, _HALF, _FOSTER = ("STP", "step"), ("H", "half"), ("FOST", "foster")

ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


@dataclass(frozen=True, slots=True)
class Person:
    """`because`: the resource that says so. `child`: the Patient that it is, where the reader may see that.
    `household`: lives at the child's address, None: that is not known, or not shown. `born`: as a FHIR date;
    `expected`: not born yet."""

    because: str
    stands: str
    relationship: str = ""
    name: str = ""
    sex: str = ""
    born: str = ""
    expected: bool = False
    died: bool = False
    child: str = ""
    responsible: bool | None = None
    no_contact: bool = False
    household: bool | None = None
    order: int | None = None
    since: str | None = None
    until: str | None = None
    current: bool = True
    withheld: bool = False
    telecom: tuple[Json, ...] = ()


def family(record: Record, id_: str, said: str) -> list[Person]:
    """The child first, then who belongs to it.

    Raises:
        NotFound, Gone: the Patient, as a read says it.
    """
    row = record.read("Patient", id_)
    patient = json.decode(row.body.encode())
    me = replace(
        _of_patient(patient, f"Patient/{row.id}"), stands=CHILD, household=_at_home(patient, patient)
    )
    shown: dict[int, Stored] = {row.rid: row}
    people = list(_related(record, row, patient, shown))
    known = {each.child for each in people if each.child}
    people += (each for each in _naming(record, row, shown) if each.child not in known)
    children = {each.child for each in shown.values()}
    number = record.door.library.type_number("Patient")
    line = entry(
        record.access, record.at, "operation", number, query=said, child=row.child, hits=tuple(sorted(shown))
    )
    audit.record_of_several(record.connection, line, children)
    return [me, *sorted(people, key=_place)]


def _place(person: Person) -> tuple[Any, ...]:
    stands = (GRANDPARENT, PARENT, CARER, BROTHER_OR_SISTER, OTHER).index(person.stands)
    return (
        not person.current,
        stands,
        person.order or 99,
        person.born or "9999",
        person.name,
        person.because,
    )


def _related(record: Record, row: Stored, patient: Json, shown: dict[int, Stored]) -> Iterator[Person]:
    """Those whom the child's own RelatedPersons stand for."""
    for each, person in found(record, "RelatedPerson", "patient", f"Patient/{row.id}"):
        shown[each.rid] = each
        said = {one.get("url"): one for one in person.get("extension", ())}
        codes = [
            str(coding.get("code"))
            for one in person.get("relationship", ())
            for coding in one.get("coding", ())
        ]
        low, high = period(person.get("period") or {})
        sibling = (said.get(SIBLING) or {}).get("valueReference") or {}
        made = Person(
            because=f"RelatedPerson/{each.id}",
            stands=next((_STANDS[code] for code in codes if code in _STANDS), OTHER),
            relationship=", ".join(filter(None, map(wording.concept, person.get("relationship", ())))),
            name=wording.name_of(person),
            sex=str(person.get("gender") or next((_SEXES[code] for code in codes if code in _SEXES), "")),
            born=str(person.get("birthDate", "")),
            responsible=(said.get(RESPONSIBLE) or {}).get("valueBoolean"),
            no_contact=(said.get(NO_CONTACT) or {}).get("valueBoolean") is True,
            household=_at_home(person, patient),
            order=(said.get(ORDER) or {}).get("valuePositiveInt"),
            since=(person.get("period") or {}).get("start"),
            until=(person.get("period") or {}).get("end"),
            current=low <= record.at < high and person.get("active") is not False,
            withheld=not each.whole or bool(each.withheld),
            telecom=tuple(person.get("telecom", ())),
        )
        yield _with_record(record, made, str(sibling.get("reference", "")), patient)


def _naming(record: Record, row: Stored, shown: dict[int, Stored]) -> Iterator[Person]:
    """Children in whose own family this one is a sibling."""
    for each, person in found(record, "RelatedPerson", "sibling", f"Patient/{row.id}"):
        shown[each.rid] = each
        low, high = period(person.get("period") or {})
        other = str((person.get("patient") or {}).get("reference", ""))
        made = Person(
            because=f"RelatedPerson/{each.id}",
            stands=BROTHER_OR_SISTER,
            relationship="sibling, as the other child's record says",
            since=(person.get("period") or {}).get("start"),
            until=(person.get("period") or {}).get("end"),
            current=low <= record.at < high and person.get("active") is not False,
            withheld=not each.whole or bool(each.withheld),
        )
        yield _with_record(record, made, other, None)


def _with_record(record: Record, made: Person, reference: str, patient: Json | None) -> Person:
    """With what the record of the child whom it stands for says, as far as the reader may see that record."""
    type_, _, id_ = reference.partition("/")
    other = readable(record, type_, id_) if type_ == "Patient" and id_ else None
    if other is None:
        return made
    theirs = _of_patient(other, reference)
    return replace(
        made,
        child=reference,
        name=theirs.name or made.name,
        sex=theirs.sex or made.sex,
        born=theirs.born or made.born,
        expected=theirs.expected,
        died=theirs.died,
        household=_at_home(other, patient) if patient else None,
    )


def _of_patient(patient: Json, reference: str) -> Person:
    given = (each for each in patient.get("extension", ()) if each.get("url") == EXPECTED)
    expected = next((str(each.get("valueDate", "")) for each in given), "")
    born = str(patient.get("birthDate", ""))
    return Person(
        because=reference,
        stands=BROTHER_OR_SISTER,
        name=wording.name_of(patient),
        sex=str(patient.get("gender", "")),
        born=born or expected,
        expected=bool(expected) and not born,
        died=patient.get("deceasedBoolean") is True or "deceasedDateTime" in patient,
        child=reference,
    )


def _at_home(person: Json, patient: Json | None) -> bool | None:
    """Whether they live at one address; None where one of the two is not known, or not shown."""
    theirs, childs = (_addresses(each) for each in (person, patient or {}))
    return not theirs.isdisjoint(childs) if theirs and childs else None


def _addresses(resource: Json) -> set[tuple[str, str]]:
    """Where somebody lives now: a house is its first line and the postcode."""
    current = (
        each for each in resource.get("address", ())
        if each.get("use") not in ("old", "billing") and "end" not in each.get("period", {})
    )  # fmt: skip
    return {
        (next(iter(each.get("line", ())), "").casefold().strip(), each["postalCode"].replace(" ", "").upper())
        for each in current
        if each.get("postalCode")
    }
