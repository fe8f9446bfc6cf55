"""The directory that every agency may read: the agencies, where they are, who works there."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from server.child.demonstration import agencies, names
from server.child.demonstration.agencies import AGENCIES, Agency
from server.child.demonstration.child import SEED
from server.child.demonstration.element import concept, identifier, only, profile
from server.child.demonstration.submission import Batch, put, transaction
from server.fhir import Json

_ODS = "https://fhir.nhs.uk/Id/ods-organization-code"
_NMC = "https://fhir.hl7.org.uk/Id/nmc-number"
_GMC = "https://fhir.hl7.org.uk/Id/gmc-number"

_TYPE = {
    "council": "local-authority",
    "early-years": "early-years-setting",
    "health": "health-provider",
}

_TEAMS = {
    "school": ("class-teacher", "designated-teacher", "designated-safeguarding-lead", "sen-coordinator"),
    "early-years": ("class-teacher", "designated-safeguarding-lead"),
    "social-care": (*("social-worker",) * 8, *("independent-reviewing-officer",) * 2, "personal-adviser"),
    "early-help": ("family-support-worker",) * 3,
    "education-service": ("other",) * 3,
    "council": ("other", "other"),
    "youth-justice": ("youth-justice-worker",) * 2,
    "health": (*("health-visitor",) * 4, *("school-nurse",) * 2, "paediatrician"),
    "police": ("police-officer",) * 2,
}

_REGISTERS = {
    "social-worker": ("swe-number", "SW"),
    "independent-reviewing-officer": ("swe-number", "SW"),
    "class-teacher": ("trn", "19"),
    "designated-teacher": ("trn", "19"),
    "designated-safeguarding-lead": ("trn", "19"),
    "sen-coordinator": ("trn", "19"),
    "health-visitor": (_NMC, "99Z"),
    "school-nurse": (_NMC, "99Z"),
    "paediatrician": (_GMC, "99"),
}


@dataclass(frozen=True, slots=True)
class Worker:
    """A person in a role at an agency."""

    id: str
    agency: Agency
    role: str
    given: str
    family: str
    serial: int

    @property
    def reference(self) -> str:
        return f"Practitioner/{self.id}"


@cache
def workers(code: str) -> tuple[Worker, ...]:
    """Who works for an agency."""
    agency = next(agency for agency in AGENCIES if agency.code == code)
    dice = Random(f"{SEED}/workers/{code}")  # noqa: S311 - the same every time is the point
    return tuple(
        _worker(agency, role, serial, dice)
        for serial, role in enumerate(_TEAMS.get(agency.kind, ()), start=1)
    )


def worker(agency: Agency, role: str, dice: Random) -> Worker:
    """Somebody in a role at an agency."""
    return dice.choice([worker for worker in workers(agency.code) if worker.role == role])


def directory() -> Iterator[Batch]:
    """Organizations, then everything that points at them."""
    keeper = agencies.DIRECTORY
    yield keeper, transaction([put(organization(agency)) for agency in AGENCIES])
    yield keeper, transaction([put(_location(agency)) for agency in AGENCIES])
    yield keeper, transaction([put(resource) for resource in _services()])
    for agency in AGENCIES:
        if entries := [put(resource) for worker in workers(agency.code) for resource in _resources(worker)]:
            yield keeper, transaction(entries)


def organization(agency: Agency) -> Json:
    """An agency's Organization; a council's services and schools are part of it."""
    council = agencies.council(agency.authority)
    part_of = {} if agency in (council, agencies.CONFORMANCE) else {"reference": council.reference}
    return only(
        resourceType="Organization",
        id=agency.code,
        meta={} if agency is agencies.CONFORMANCE else profile("Agency"),
        identifier=list(_organization_identifiers(agency)),
        active=True,
        type=[] if agency is agencies.CONFORMANCE else [concept("agency-type", _organization_type(agency))],
        name=agency.name,
        telecom=[{"system": "phone", "value": agency.telephone, "use": "work"}],
        address=[{"use": "work", "city": agency.place, "postalCode": agency.postcode}],
        partOf=part_of,
    )


def _worker(agency: Agency, role: str, serial: int, dice: Random) -> Worker:
    community = names.community(dice)
    given = dice.choice(community.women if dice.random() < 0.7 else community.men)
    family = dice.choice(community.families)
    return Worker(f"{agency.code}-{role}-{serial}", agency, role, given, family, dice.randint(10_000, 99_999))


def _organization_type(agency: Agency) -> str:
    return "alternative-provision" if agency.code == "compass-centre" else _TYPE.get(agency.kind, agency.kind)


def _organization_identifiers(agency: Agency) -> Iterator[Json]:
    if agency.kind == "council":
        yield identifier("la-code", agency.authority)
    if agency.urn:
        yield identifier("urn", agency.urn)
    if agency.establishment:
        yield identifier("laestab", agency.authority + agency.establishment)
    if agency.ofsted:
        yield identifier("ofsted-urn", agency.ofsted)
    if agency.ods:
        yield {"system": _ODS, "value": agency.ods}


def _location(agency: Agency) -> Json:
    return {
        "resourceType": "Location",
        "id": agency.code,
        "status": "active",
        "name": agency.name,
        "address": {"city": agency.place, "postalCode": agency.postcode},
        "managingOrganization": {"reference": agency.reference},
    }


def _services() -> Iterator[Json]:
    health = agencies.HEALTH
    for id, name, line in (
        ("wexshire-health-0-19", "0 to 19 service: health visiting and school nursing", "01632 960410"),
        ("wexshire-health-emergency", "Emergency department", "01632 960420"),
    ):
        yield {
            "resourceType": "HealthcareService",
            "id": id,
            "active": True,
            "providedBy": {"reference": health.reference},
            "location": [{"reference": f"Location/{health.code}"}],
            "name": name,
            "telecom": [{"system": "phone", "value": line, "use": "work"}],
        }


def _resources(worker: Worker) -> Iterator[Json]:
    yield only(
        resourceType="Practitioner",
        id=worker.id,
        identifier=[_register(worker)] if worker.role in _REGISTERS else [],
        active=True,
        name=[{"family": worker.family, "given": [worker.given]}],
    )
    yield {
        "resourceType": "PractitionerRole",
        "id": worker.id,
        "active": True,
        "practitioner": {"reference": worker.reference},
        "organization": {"reference": worker.agency.reference},
        "code": [concept("team-role", worker.role)],
        "telecom": [{"system": "phone", "value": worker.agency.telephone, "use": "work"}],
    }


def _register(worker: Worker) -> Json:
    system, prefix = _REGISTERS[worker.role]
    value = f"{prefix}{worker.serial}"
    return {"system": system, "value": value} if system.startswith("http") else identifier(system, value)
