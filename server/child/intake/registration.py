"""Rows of the school census as what they say of a pupil at a school."""

import re
from dataclasses import dataclass

from server.child.intake.children import Child, Intake
from server.child.intake.code import CodeList, code, code_list, required_code
from server.child.intake.draft import (
    BASE,
    Draft,
    complex_extension,
    component,
    concept,
    extension,
    own_concept,
    period,
    profile,
    reference,
)
from server.child.intake.report import origin
from server.child.intake.school_census_rows import Term
from server.child.intake.source import Refused, Row, in_order
from server.fhir import Json

ATTENDANCE = code_list("attendance-code", "attendance-code-pre2024")
ATTENDANCE_PRE2024 = code_list("attendance-code-pre2024", "attendance-code")
EXCLUSION_CATEGORY = code_list("exclusion-category")
EXCLUSION_REASON = code_list("exclusion-reason")
SEN_PROVISION = code_list("sen-provision")
SEN_TYPE = code_list("sen-type")
COUNTRY = code_list("uk-country")
EYPP_BASIS = code_list("eypp-basis")
FUNDING_BASIS = code_list("early-years-funding-basis")

_CODES_CHANGED = "2024-08-19"
_CODED: dict[str, tuple[str, CodeList]] = {
    "enrolstatus": ("enrolment-status", code_list("enrolment-status")),
    "ncyearactual": ("nc-year", code_list("nc-year")),
    "senprovision": ("sen-provision", SEN_PROVISION),
    "boarder": ("boarder", code_list("boarder")),
    "classtype": ("class-type", code_list("class-type")),
    "servicechild": ("service-child", code_list("service-child")),
    "youngcarer": ("young-carer", code_list("young-carer")),
    "plaa": ("post-looked-after-arrangement", code_list("post-looked-after-arrangement")),
}
_FLAGS = {
    "parttime": "part-time",
    "senunitindicator": "sen-unit",
    "resourcedprovisionindicator": "resourced-provision",
    "schoollunchtaken": "school-lunch-taken",
    "topupfunding": "top-up-funding",
}
_HOURS = {
    "hoursatsetting": "hoursAtSetting",
    "fundedhours": "fundedHours",
    "extendedhours": "extendedHours",
    "expandedhours": "expandedHours",
    "unitcontacttime": "unitContactTime",
}
_URN, _LAESTAB = re.compile(r"\d{6}"), re.compile(r"(\d{3})/?(\d{4})")


@dataclass(frozen=True, slots=True)
class School:
    """A school by the code of the export, and the reference to it."""

    code: str
    reference: Json


@dataclass(frozen=True, slots=True)
class Stay:
    """A pupil's last stay at a school; its first day is not known if its row was refused for it."""

    school: School
    entry: str | None

    def registered(self, child: Child) -> Draft | None:
        """The registration of the stay, if its row was taken."""
        return child.drafts.get("/".join(_registration(self.school, self.entry or "")))


def school(intake: Intake, code: str, row: Row) -> Json:
    """The reference to a school, which is introduced to the record if that does not know it."""
    key = f"organization/{code}"
    if key not in intake.shared:
        content = {
            "resourceType": "Organization",
            "meta": profile("Agency"),
            "identifier": [_school_identifier(code, intake.importer.authority)],
            "active": True,
            "type": [own_concept("agency-type", "school")],
            "name": f"School {code}",
        }
        intake.shared[key] = Draft(key, "Agency", content, [origin(row)])
    return reference(key)


def registered(child: Child, row: Row, at: School, term: Term) -> None:
    """A stay on the roll of a school, until today or until leaving it."""
    start, end = in_order(row, "entrydate", "leavingdate")
    coded = [
        extension(name, valueCodeableConcept=concept(code(row, column, known)))
        for column, (name, known) in _CODED.items()
        if column in row.cells
    ]
    flags = [
        extension(name, valueBoolean=row.flag(column))
        for column, name in _FLAGS.items()
        if column in row.cells
    ]
    agreement = {"text": text} if (text := row.text("yssa")) else None
    draft = child.episode(
        "Registration",
        "registration",
        _registration(at, start),
        row,
        managingOrganization=at.reference,
        period=period(start, end),
        extension=[
            *coded,
            *flags,
            extension("youth-support-agreement", valueCodeableConcept=agreement),
            _early_years(row),
        ],
    )
    possible = row.whole("termlysessionspossible")
    total = _total(child, row, Stay(at, start), term, possible)
    child.add(draft, *([total] if possible is not None else []))


def free_school_meals(child: Child, row: Row, at: Stay) -> None:
    """A time of free school meals, noted on the registration."""
    start, end = in_order(row, "fsmstartdate", "fsmenddate")
    country = code(row, "ukcountry", COUNTRY)
    meals = complex_extension(
        "free-school-meals",
        period=("Period", period(start, end)),
        country=("Code", country["code"] if country else None),
    )
    registration = at.registered(child)
    if registration is None:
        raise Refused("The pupil's registration at the school, of which it is a part, was refused.")
    if meals not in registration.content["extension"]:
        registration.content["extension"].append(meals)
    registration.origins.append(origin(row))


def sen_need(child: Child, row: Row, at: Stay) -> None:
    """A special educational need and its rank. A type that is in no list is kept as it was sent."""
    sent = row.required("sentype")
    coding = SEN_TYPE.find(sent)
    if coding is None:
        child.person.report.note_text(row, "sentype")
    registration = at.registered(child)
    draft = child.need(
        "sen-need",
        ("sen-need", sent),
        row,
        code=concept(coding) or {"text": sent},
        extension=[
            extension("rank", valuePositiveInt=row.positive("sentyperank")),
            extension("part-of", valueReference=reference(registration.key) if registration else None),
        ],
    )
    child.add(draft, several=True)


def exclusion(child: Child, row: Row, at: Stay) -> None:
    """A suspension or permanent exclusion, with its sessions and up to three reasons."""
    start = row.required_day("startdate")
    category = required_code(row, "category", EXCLUSION_CATEGORY)
    reasons = [
        component(
            f"reason-{number}", valueCodeableConcept=concept(code(row, f"reason{number}", EXCLUSION_REASON))
        )
        for number in (1, 2, 3)
    ]
    provision = concept(code(row, "senprovision", SEN_PROVISION))
    draft = child.observation(
        "SchoolExclusion",
        "exclusion",
        ("exclusion", at.school.code, start, category["code"]),
        row,
        performer=[at.school.reference],
        code=concept(category),
        effectivePeriod=period(start, None),
        component=[
            component("sessions", valueInteger=row.whole("sessions")),
            *reasons,
            component("sen-provision", valueCodeableConcept=provision),
        ],
    )
    child.add(draft, several=True)


def sessions(child: Child, row: Row, at: Stay, term: Term) -> None:
    """The sessions of one attendance code: a component of the term's total."""
    known = ATTENDANCE if term.end >= _CODES_CHANGED else ATTENDANCE_PRE2024
    count = row.whole("sessions")
    if count is None:
        raise Refused("The cell must not be empty.", "sessions")
    part = {"code": concept(required_code(row, "attendancereason", known)), "valueInteger": count}
    total = _total(child, row, at, term, None)
    total = child.drafts.setdefault(total.key, total)
    for other in total.content["component"]:
        if other["code"] == part["code"] and other != part:
            raise Refused("The code has another number of sessions in another row.", "sessions")
    if part not in total.content["component"]:
        total.content["component"].append(part)
    if (at_row := origin(row)) not in total.origins:
        total.origins.append(at_row)


def _total(child: Child, row: Row, at: Stay, term: Term, possible: int | None) -> Draft:
    registration = _registration(at.school, at.entry or "")
    draft = child.observation(
        "AttendanceTotal",
        "attendance-total",
        ("attendance-total", *registration[1:], term.start),
        row,
        performer=[at.school.reference],
        code=own_concept("observation-code", "session-total"),
        effectivePeriod=period(term.start, term.end),
        component=[],
    )
    return (
        draft
        if possible is None
        else Draft(draft.key, draft.kind, {**draft.content, "valueInteger": possible}, draft.origins)
    )


def _registration(at: School, entry: str) -> tuple[str, ...]:
    return ("registration", at.code, entry)


def _early_years(row: Row) -> Json:
    hours = {name: ("Decimal", row.quantity(column)) for column, name in _HOURS.items()}
    return complex_extension(
        "early-years-funding",
        **hours,
        eligibilityCode=("String", row.text("eligibilitycode")),
        pupilPremiumReceived=("Code", row.text("eyppr")),
        pupilPremiumBasis=("CodeableConcept", concept(code(row, "eyppbf", EYPP_BASIS))),
        fundingBasis=("CodeableConcept", concept(code(row, "fundingbasis", FUNDING_BASIS))),
        disabilityAccessFund=("Boolean", row.flag("dafindicator")),
    )


def _school_identifier(code: str, authority: str) -> Json:
    """The national number that the code is, or, if it is none, the authority's own code."""
    if _URN.fullmatch(code):
        return {"system": f"{BASE}/sid/urn", "value": code}
    if number := _LAESTAB.fullmatch(code):
        return {"system": f"{BASE}/sid/laestab", "value": "".join(number.groups())}
    return {"system": f"{BASE}/sid/school-code/{authority}", "value": code}
