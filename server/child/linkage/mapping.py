"""A mapping: which columns of a legacy extract say what of a child. The row becomes FHIR, and is compared
as such."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

Json = dict[str, Any]
Row = dict[str, str]

BASE = "https://w3id.org/single-child-record"
_YEAR_OR_MONTH = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2]))?")
_SYSTEMS = {"nhs-number": "https://fhir.nhs.uk/Id/nhs-number"}
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"


class MappingError(Exception):
    """The mapping cannot be read, or names a column that the file has not."""


class Dated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`format`: as Python's strptime has it; without one, the column holds ISO dates, whole or partial."""

    column: str
    format: str | None = None


class Coded(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`codes`: what the file has → FHIR's administrative gender. What is not listed is not known."""

    column: str
    codes: dict[str, str]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    line: tuple[str, ...] = ()
    postcode: str | None = None


class Parent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    given: str
    family: str | None = None


class Sibling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    given: str
    born: Dated | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`given` and `family` are joined in order; `former` and `usual` are other names; `address` begins
    with the
    present one; `identifier`: the system's name (`upn`, `nhs-number`, …) → column."""

    source: str
    id: str
    born: Dated
    given: tuple[str, ...]
    family: tuple[str, ...]
    former: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    sex: Coded | None = None
    address: tuple[Place, ...] = ()
    parent: tuple[Parent, ...] = ()
    sibling: tuple[Sibling, ...] = ()
    school: tuple[str, ...] = ()
    identifier: dict[str, str] = {}

    @classmethod
    def read(cls, path: Path) -> "Mapping":
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (msgspec.MsgspecError, OSError) as error:
            raise MappingError(f"The mapping {path} cannot be read: {error}") from error

    def check(self, columns: Iterable[str]) -> None:
        """Every column that is named is there: a slip in a mapping must not make a file of nameless
        children."""
        missing = sorted({name for name in _named(msgspec.to_builtins(self)) if name} - set(columns))
        if missing:
            raise MappingError(f"The file of '{self.source}' has no column {', '.join(missing)}.")

    def check_dates(self, path: Path, rows: Iterable[Row]) -> None:
        """Of the birth dates that there are some are dates: a slip in the format must not leave all out."""
        born = [row for row in rows if (row[self.born.column] or "").strip()]
        if born and not any(_day(row, self.born) for row in born):
            how = f"by the format '{self.born.format}'" if self.born.format else "as ISO has it (2014-03-14)"
            raise MappingError(f"{path} has no date in '{self.born.column}' that can be read {how}.")


def child(mapping: Mapping, row: Row) -> tuple[Json, list[Json], list[Json]]:
    """(Patient, its RelatedPersons, its registrations) of a row."""
    patient: Json = {"resourceType": "Patient", "id": row[mapping.id].strip()}
    patient["identifier"] = [
        {"system": _SYSTEMS.get(system, f"{BASE}/sid/{system}"), "value": value}
        for system, column in mapping.identifier.items()
        if (value := row[column].strip())
    ]
    patient["name"] = list(_names(mapping, row))
    if mapping.sex and (code := mapping.sex.codes.get(row[mapping.sex.column].strip())):
        patient["gender"] = code
    if born := _day(row, mapping.born):
        patient["birthDate"] = born
    patient["address"] = list(_addresses(mapping, row))
    schools = [value for column in mapping.school if (value := row[column].strip())]
    return (
        {key: value for key, value in patient.items() if value},
        [*_parents(mapping, row), *_siblings(mapping, row)],
        list(map(_registration, schools)),
    )


def _registration(school: str) -> Json:
    return {
        "resourceType": "EpisodeOfCare",
        "type": [{"coding": [{"system": f"{BASE}/CodeSystem/episode-type", "code": "registration"}]}],
        "managingOrganization": {"identifier": {"value": school}},
    }


def _names(mapping: Mapping, row: Row) -> Iterator[Json]:
    name: Json = {"use": "official"}
    if given := _joined(row, mapping.given).split():
        name["given"] = given
    if family := _joined(row, mapping.family):
        name["family"] = family
    if len(name) > 1:
        yield name
    for column in mapping.former:
        if value := row[column].strip():
            yield {"use": "old", "family": value}
    for column in mapping.usual:
        if value := row[column].strip():
            yield {"use": "usual", "given": value.split()}


def _addresses(mapping: Mapping, row: Row) -> Iterator[Json]:
    for at, place in enumerate(mapping.address):
        lines = [value for column in place.line if (value := row[column].strip())]
        postcode = row[place.postcode].strip() if place.postcode else ""
        if lines or postcode:
            known = {"line": lines, "postalCode": postcode}
            yield {"use": "old" if at else "home"} | {key: value for key, value in known.items() if value}


def _parents(mapping: Mapping, row: Row) -> Iterator[Json]:
    for parent in mapping.parent:
        if given := row[parent.given].split():
            family = row[parent.family].strip() if parent.family else ""
            yield _related("PRN", {"given": given} | ({"family": family} if family else {}))


def _siblings(mapping: Mapping, row: Row) -> Iterator[Json]:
    for sibling in mapping.sibling:
        if given := row[sibling.given].split():
            born = _day(row, sibling.born) if sibling.born else None
            yield _related("SIB", {"given": given}) | ({"birthDate": born} if born else {})


def _related(role: str, name: Json) -> Json:
    return {
        "resourceType": "RelatedPerson",
        "relationship": [{"coding": [{"system": _ROLE, "code": role}]}],
        "name": [name],
    }


def _day(row: Row, dated: Dated) -> str | None:
    """An ISO date; nothing for what is no date."""
    text = row[dated.column].strip()
    try:
        if dated.format:
            return datetime.strptime(text, dated.format).date().isoformat()  # noqa: DTZ007
        return date.fromisoformat(text).isoformat() if len(text) == 10 else _part(text)
    except ValueError:
        return None


def _part(text: str) -> str | None:
    """A year, or a month of one, is as much of a date as is known."""
    return text if _YEAR_OR_MONTH.fullmatch(text) else None


def _joined(row: Row, columns: tuple[str, ...]) -> str:
    return " ".join(value for column in columns if (value := row[column].strip()))


def _named(told: Any) -> Iterator[str]:
    """The columns that a mapping names."""
    plain = {"source", "codes", "format"}
    match told:
        case dict():
            for key, value in told.items():
                if key not in plain:
                    yield from _named(value)
        case list() | tuple():
            for value in told:
                yield from _named(value)
        case str():
            yield told
