"""Features: what of a child's record is compared with another's.

https://hl7.org/fhir/R4/patient.html · https://hl7.org/fhir/R4/relatedperson.html
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from server.child.likeness.home import Home, home
from server.child.likeness.name import family_words, given_words
from server.fhir import Json
from server.fhir.identifier import BASE, FORMER_UPN, NHS_NUMBER, ULN, UNVERIFIED, UPN

Words = tuple[str, ...]
Sibling = tuple[str, str, str]
"""Given name, birth date, id of the Patient; empty where it is not known."""

_OWN = f"{BASE}/"
_STRUCTURE = "https://w3id.org/single-child-record/StructureDefinition"
_EXPECTED = f"{_STRUCTURE}/expected-birth-date"
_RECORDED_SEX = f"{_STRUCTURE}/recorded-sex"
_SIBLING = f"{_STRUCTURE}/sibling"
_REGISTRATION = "registration"
_SEX = {"male": "m", "female": "f", "M": "m", "F": "f"}
# https://terminology.hl7.org/ValueSet-v3-PersonalRelationshipRoleType.html
_TWINS = frozenset(
    {"TWIN", "TWINBRO", "TWINSIS", "FTWIN", "FTWINBRO", "FTWINSIS", "ITWIN", "ITWINBRO", "ITWINSIS"}
)
_SIBLINGS = _TWINS | {
    "SIB",
    "BRO",
    "SIS",
    "NSIB",
    "NBRO",
    "NSIS",
    "HSIB",
    "HBRO",
    "HSIS",
    "STPSIB",
    "STPBRO",
    "STPSIS",
}
_BY_AGE = {"old": 2, "maiden": 2, "usual": 1, "nickname": 1, "temp": 1, "anonymous": 3}
_COMPARED = frozenset({NHS_NUMBER, UPN, FORMER_UPN, ULN})


class Features(msgspec.Struct, frozen=True, omit_defaults=True):
    """A child as it is compared. It is kept beside the record, as JSON; what is empty is left out."""

    given: tuple[Words, ...] = ()
    """Given names, a list for each name the child has or had, the present one first."""
    family: tuple[Words, ...] = ()
    born: str = ""
    """As much of the birth date as is known: 2014-03-14, 2014-03 or 2014."""
    expected: str = ""
    sex: str = ""
    homes: tuple[Home, ...] = ()
    parents: tuple[tuple[Words, Words], ...] = ()
    siblings: tuple[Sibling, ...] = ()
    schools: tuple[str, ...] = ()
    identifiers: tuple[tuple[str, str], ...] = ()
    """The last word of each system of ours, with the value."""
    multiple: int = 0
    """Which of those born together; -1 where it is only known that there were several."""
    id: str = ""


def features(patient: Json, related: Iterable[Json] = (), registrations: Iterable[Json] = ()) -> Features:
    """What is compared of a Patient, the RelatedPersons and the EpisodesOfCare of the child."""
    names = sorted(patient.get("name", ()), key=lambda name: _BY_AGE.get(name.get("use", ""), 0))
    family = list(related)
    siblings = tuple(_sibling(each, patient) for each in family if _is_sibling(each))
    carers = (name for each in family if not _is_sibling(each) for name in each.get("name", ())[:1])
    contacts = (each["name"] for each in patient.get("contact", ()) if "name" in each)
    born = patient.get("birthDate") or ""
    return Features(
        given=_given(names),
        family=_family(names),
        born=born,
        expected="" if born else _extension(patient, _EXPECTED).get("valueDate", ""),
        sex=_SEX.get(patient.get("gender", ""), "") or _recorded(patient),
        homes=_unique(each for each in map(home, patient.get("address", ())) if any(each)),
        parents=_unique(_parents([*carers, *contacts])),
        siblings=_unique(each for each in siblings if any(each)),
        schools=_unique(filter(None, map(_school, registrations))),
        identifiers=_unique(_identifiers(patient)),
        multiple=_multiple(patient, siblings),
        id=patient.get("id", ""),
    )


def _unique(found: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(found))


def _given(names: list[Json]) -> tuple[Words, ...]:
    found = (given_words(" ".join(filter(None, name.get("given", _from_text(name)[:-1])))) for name in names)
    return _unique(filter(None, found))


def _family(names: list[Json]) -> tuple[Words, ...]:
    return _unique(
        filter(None, (family_words(name.get("family") or "".join(_from_text(name)[-1:])) for name in names))
    )


def _from_text(name: Json) -> list[str]:
    """The words of a name that has no parts: the last is taken for the family's."""
    return [] if "family" in name or "given" in name else (name.get("text") or "").split()


def _extension(resource: Json, url: str) -> Json:
    return next((each for each in resource.get("extension", ()) if each.get("url") == url), {})


def _recorded(patient: Json) -> str:
    codings = _extension(patient, _RECORDED_SEX).get("valueCodeableConcept", {}).get("coding", ())
    return next((_SEX[each["code"]] for each in codings if each.get("code") in _SEX), "")


def _parents(names: list[Json]) -> Iterator[tuple[Words, Words]]:
    for name in names:
        given, family = _given([name]), _family([name])
        if given:
            yield given[0], family[0] if family else ()


def _codes(related: Json) -> Iterator[str]:
    for concept in related.get("relationship", ()):
        for coding in concept.get("coding", ()):
            yield coding.get("code", "")


def _is_sibling(related: Json) -> bool:
    return bool(_extension(related, _SIBLING)) or not _SIBLINGS.isdisjoint(_codes(related))


def _sibling(related: Json, patient: Json) -> Sibling:
    given = _given(related.get("name", ()))
    other = _extension(related, _SIBLING).get("valueReference", {}).get("reference", "")
    twin = not _TWINS.isdisjoint(_codes(related))
    born = related.get("birthDate") or (patient.get("birthDate", "") if twin else "")
    return (given[0][0] if given else "", born, other.rpartition("/")[2])


def _school(episode: Json) -> str:
    types = (coding.get("code") for each in episode.get("type", ()) for coding in each.get("coding", ()))
    if _REGISTRATION not in types:
        return ""
    setting = episode.get("managingOrganization", {})
    reference: str = setting.get("reference", "")
    return reference.rpartition("/")[2] or setting.get("identifier", {}).get("value", "")


def _identifiers(patient: Json) -> Iterator[tuple[str, str]]:
    for identifier in patient.get("identifier", ()):
        system, value = identifier.get("system", ""), identifier.get("value", "")
        if value and (system in _COMPARED or system.startswith((_OWN + "la-child-id/", UNVERIFIED))):
            word = system.removeprefix(_OWN) if system.startswith(_OWN) else system.rpartition("/")[2]
            yield word, "".join(value.split()).upper()


def _multiple(patient: Json, siblings: tuple[Sibling, ...]) -> int:
    order: int = patient.get("multipleBirthInteger", 0)
    born = patient.get("birthDate")
    several = patient.get("multipleBirthBoolean") or (born and any(each[1] == born for each in siblings))
    return order or (-1 if several else 0)
