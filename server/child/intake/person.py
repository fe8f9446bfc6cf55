"""The child as several rows describe it: who it is, and the first of each fact about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from server.child.identity import UNVERIFIED_REASON
from server.child.intake.code import code, code_list, mapped, properties
from server.child.intake.draft import PATIENT, Draft, concept, extension, profile
from server.child.intake.report import Extent, Origin, Report, origin
from server.child.intake.source import Refused, Row
from server.fhir import Json
from server.fhir.identifier import FORMER_UPN, fault, unverified

ETHNIC_CATEGORY = "https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory"

_SEX = code_list("sex")
_ETHNICITY = code_list("ethnicity", "ethnicity-extended")
_LANGUAGE = code_list("language")
_UPN_UNKNOWN = code_list("upn-unknown-reason")
_GENDER = {"M": "male", "1": "male", "F": "female", "2": "female"}


@dataclass(slots=True)
class Person:
    """Filled row by row. A row that contradicts an earlier one loses the cell, not the row."""

    report: Report
    identifiers: dict[tuple[str, str], Json] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Origin] = field(default_factory=dict)
    origins: list[Origin] = field(default_factory=list)

    def identify(self, row: Row, column: str, system: str) -> None:
        """An identifier; one that fails its check is kept as unverified and claims nothing."""
        if (value := row.text(column)) is not None:
            self._seen(row)
            one = identifier(system, value)
            self.identifiers[one["system"], one["value"]] = one

    def known_as(self, row: Row, identifiers: list[Json]) -> None:
        """Other identifiers, for a child whom the file gives none."""
        self._seen(row)
        self.identifiers |= {(one["system"], one["value"]): one for one in identifiers}

    def state(self, element: str, row: Row, column: str, read: Callable[[Row, str], Any]) -> None:
        """One fact about the child, read from a cell that may be empty."""
        try:
            value = read(row, column)
            if value is not None:
                self._tell(element, value, row, column)
        except Refused as refused:
            self.report.refuse(row, refused, Extent.CELL)

    def birth_date(self, row: Row, column: str) -> None:
        self.state("birth", row, column, Row.day)

    def sex(self, row: Row, column: str) -> None:
        self.state("sex", row, column, lambda row, column: code(row, column, _SEX))

    def ethnicity(self, row: Row, column: str) -> None:
        self.state("ethnicity", row, column, lambda row, column: code(row, column, _ETHNICITY))

    def language(self, row: Row, column: str) -> None:
        self.state("language", row, column, lambda row, column: code(row, column, _LANGUAGE))

    def upn_unknown(self, row: Row, column: str) -> None:
        self.state("upn-unknown", row, column, lambda row, column: code(row, column, _UPN_UNKNOWN))

    def draft(self) -> Draft:
        """The child as a Patient; what no row speaks of is not mentioned."""
        content: Json = {"resourceType": "Patient", "meta": profile("Child")}
        elements = {
            "extension": self._extensions(),
            "identifier": list(self.identifiers.values()),
            "name": self._names(),
            "gender": _gender(self.facts.get("sex")),
            "birthDate": self.facts.get("birth"),
            "deceasedDateTime": self.facts.get("death"),
            "communication": _communication(self.facts.get("language")),
        }
        content |= {name: value for name, value in elements.items() if value}
        return Draft(PATIENT, "Child", content, self.origins, initial={"active": True})

    def _tell(self, element: str, value: Any, row: Row, column: str) -> None:
        if self.facts.setdefault(element, value) != value:
            first = self.told[element]
            where = f"row {first.row} of {first.file}" + (f" ({first.place})" if first.place else "")
            raise Refused(f"The value differs from that of {where}, which is kept.", column)
        self.told.setdefault(element, origin(row))
        self._seen(row)

    def _seen(self, row: Row) -> None:
        if (at := origin(row)) not in self.origins:
            self.origins.append(at)

    def _extensions(self) -> list[Json]:
        facts = self.facts
        every = (
            (
                "upn-unknown",
                lambda value: extension("upn-unknown-reason", valueCodeableConcept=concept(value)),
            ),
            ("sex", lambda value: extension("recorded-sex", valueCodeableConcept=concept(value))),
            ("ethnicity", _ethnic_category),
            ("language", lambda value: extension("first-language", valueCodeableConcept=concept(value))),
            ("expected", lambda value: extension("expected-birth-date", valueDate=value)),
        )
        return [make(facts[element]) for element, make in every if element in facts]

    def _names(self) -> list[Json]:
        uses = ("official", "usual", "old")
        return [{"use": use, **self.facts[use]} for use in uses if use in self.facts]


def identifier(system: str, value: str) -> Json:
    """The identifier, or, where the value fails its check, the unverified one with a note of the reason."""
    if (why := fault(system, value)) is not None:
        return unproved(system, value, why)
    return (
        {"use": "old", "system": system, "value": value}
        if system == FORMER_UPN
        else ({"system": system, "value": value})
    )


def unproved(system: str, value: str, why: str) -> Json:
    """The value under the unverified system beside its own, with the reason."""
    note = {"url": UNVERIFIED_REASON, "valueString": why}
    return {"extension": [note], "system": unverified(system), "value": value}


def _gender(sex: Json | None) -> str | None:
    return None if sex is None else _GENDER.get(sex["code"], "unknown")


def _ethnic_category(coding: Json) -> Json:
    main = properties("ethnicity-extended", "group").get(coding["code"], coding["code"])
    nhs = mapped("ethnicity-dfe-to-nhs").get(main)
    codings = [{"system": nhs[0], "code": nhs[1]}, coding] if nhs else [coding]
    return {"url": ETHNIC_CATEGORY, "valueCodeableConcept": {"coding": codings}}


def _communication(language: Json | None) -> list[Json]:
    tag = mapped("language-dfe-to-bcp47").get(language["code"]) if language else None
    return [{"language": {"coding": [{"system": tag[0], "code": tag[1]}]}}] if tag else []
