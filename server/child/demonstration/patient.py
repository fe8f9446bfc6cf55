"""The child's own resource, and the people who belong to it."""

from collections.abc import Iterator

from server.child.demonstration.child import Child
from server.child.demonstration.element import coded, coding, extension, identifier, only, profile
from server.child.demonstration.households import Parent
from server.child.demonstration.submission import Submission, found_by
from server.fhir import Json
from server.fhir.identifier import NHS_NUMBER

_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ETHNIC_CATEGORY = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"
_NHS_ETHNICITY = "https://fhir.hl7.org.uk/CodeSystem/UKCore-EthnicCategoryEngland"

_GENDER = {"M": "male", "F": "female", "U": "unknown"}

# DfE's list of ethnicities and language, in the NHS's letters and in BCP 47.
_NHS_LETTER = {
    "WBRI": "A", "WIRI": "B", "WROM": "C", "WIRT": "C", "WOTH": "C", "MWBC": "D", "MWBA": "E", "MWAS": "F",
    "MOTH": "G", "AIND": "H", "APKN": "J", "ABAN": "K", "AOTH": "L", "BCRB": "M", "BAFR": "N", "BOTH": "P",
    "CHNE": "R", "OOTH": "S", "REFU": "Z", "NOBT": "99",
}  # fmt: skip
_LANGUAGE = {
    "ENG": "en", "POL": "pl", "PNJ": "pa", "URD": "ur", "BNG": "bn", "SOM": "so", "CHI": "zh", "ARA": "ar",
}  # fmt: skip


def patient(child: Child) -> Json:
    """The Patient as the first agency to meet the child writes it."""
    name = only(use="official", family=child.family, given=[n for n in (child.given, child.middle) if n])
    return only(
        resourceType="Patient",
        meta=profile("Child") | _security(child),
        extension=list(_extensions(child)),
        identifier=list(_identifiers(child)),
        active=True,
        name=[name],
        gender=_GENDER[child.sex],
        birthDate="" if child.unborn else child.birth.isoformat(),
        address=[_address(child)],
        communication=[_communication(child)],
    )


def family(submission: Submission) -> None:
    """The parents and carers, as one agency knows them."""
    for order, parent in enumerate(submission.child.household.parents, start=1):
        submission.add(f"family/{order}", _related(submission, parent, order))


def siblings(submission: Submission, others: list[Child]) -> None:
    """The brothers and sisters, each with the way to their own record."""
    for other in others:
        submission.add(
            f"sibling/{other.key}",
            {
                "resourceType": "RelatedPerson",
                "meta": profile("Family"),
                "extension": [extension("sibling", valueReference={"reference": found_by(other)})],
                "active": True,
                "patient": submission.subject,
                "relationship": [_relationship({"M": "BRO", "F": "SIS"}[other.sex])],
                "name": [{"family": other.family, "given": [other.given]}],
                "gender": _GENDER[other.sex],
                "birthDate": other.birth.isoformat(),
            },
        )


def _security(child: Child) -> Json:
    return {"security": [{"system": _CONFIDENTIALITY, "code": child.restricted}]} if child.restricted else {}


def _extensions(child: Child) -> Iterator[Json]:
    community = child.household.community
    yield {
        "url": _ETHNIC_CATEGORY,
        "valueCodeableConcept": {
            "coding": [
                {"system": _NHS_ETHNICITY, "code": _NHS_LETTER[community.ethnicity]},
                coding("ethnicity", community.ethnicity),
            ]
        },
    }
    yield coded("recorded-sex", "sex", child.sex)
    yield coded("first-language", "language", community.language)
    if child.unborn:
        yield extension("expected-birth-date", valueDate=child.birth.isoformat())
    if not child.upn:
        yield coded("upn-unknown-reason", "upn-unknown-reason", "UN1")


def _identifiers(child: Child) -> Iterator[Json]:
    if child.nhs_number:
        yield {"use": "official", "system": NHS_NUMBER, "value": child.nhs_number}
    if child.upn:
        yield identifier("upn", child.upn)
    if child.uln:
        yield identifier("uln", child.uln)
    # The number is social care's own, and a child whom it never met has none.
    if child.known_to_social_care:
        yield identifier(f"la-child-id/{child.authority}", child.local_id)


def _address(child: Child) -> Json:
    house = child.household
    return {"use": "home", "line": [house.line], "city": house.town, "postalCode": house.postcode}


def _communication(child: Child) -> Json:
    code = _LANGUAGE[child.household.community.language]
    return {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}, "preferred": True}


def _related(submission: Submission, parent: Parent, order: int) -> Json:
    house = submission.child.household
    extensions = [
        extension("parental-responsibility", valueBoolean=parent.responsibility),
        extension("contact-order", valuePositiveInt=order),
        *([] if parent.contact else [extension("no-contact", valueBoolean=True)]),
    ]
    return only(
        resourceType="RelatedPerson",
        meta=profile("Family"),
        extension=extensions,
        active=True,
        patient=submission.subject,
        relationship=[_relationship(parent.relationship)],
        name=[{"family": parent.family, "given": [parent.given]}],
        telecom=[{"system": "phone", "value": parent.telephone, "use": "mobile"}] if parent.telephone else [],
        address=[{"line": [house.line], "city": house.town, "postalCode": house.postcode}]
        if parent.at_home
        else [],
    )


def _relationship(code: str) -> Json:
    return {"coding": [{"system": _ROLE, "code": code}]}
