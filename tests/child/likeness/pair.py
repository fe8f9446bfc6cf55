"""Two records of a child, of which a test says only what differs."""

from typing import Any

from server.child.likeness.feature import Features, features

NHS = "https://fhir.nhs.uk/Id/nhs-number"
SID = "https://w3id.org/single-child-record/sid"


def patient(given: str = "Robin Jo", family: str = "Sample", **other: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "name": [{"use": "official", "given": given.split(), "family": family}],
        "birthDate": "2014-03-14",
        "gender": "female",
        "address": [address("12 Example Road", "ZZ1 1AA")],
        **other,
    }


def address(line: str, postcode: str = "", **other: str) -> dict[str, Any]:
    return {"line": line.split(", "), "postalCode": postcode, **other}


def related(given: str, family: str = "", code: str = "PRN", **other: Any) -> dict[str, Any]:
    return {
        "resourceType": "RelatedPerson",
        "name": [{"given": given.split(), "family": family}],
        "relationship": [{"coding": [{"code": code}]}],
        **other,
    }


def registration(school: str) -> dict[str, Any]:
    return {
        "resourceType": "EpisodeOfCare",
        "type": [{"coding": [{"code": "registration"}]}],
        "managingOrganization": {"reference": f"Organization/{school}"},
    }


def child(given: str = "Robin Jo", family: str = "Sample", **other: Any) -> Features:
    return features(patient(given, family, **other))
