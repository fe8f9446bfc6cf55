"""Codes of the statutory lists as codings; a withdrawn code is still a code, an unknown one is not."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from server.child.intake.draft import BASE
from server.child.intake.source import Refused, Row
from server.definition.library import library
from server.fhir import Json


@dataclass(frozen=True, slots=True)
class CodeList:
    """One list of codes, or several asked one after the other; of a list of several purposes, a `group`."""

    systems: tuple[str, ...]
    group: str | None = None

    def find(self, text: str) -> Json | None:
        """The coding of the code; letters in the wrong case are forgiven."""
        for code in (text, text.upper()):
            for name in self.systems:
                if (display := concepts(name).get(code)) is not None and self._of_group(name, code):
                    return {"system": f"{BASE}/CodeSystem/{name}", "code": code, "display": display}
        return None

    def _of_group(self, name: str, code: str) -> bool:
        return self.group is None or properties(name, "group").get(code) == self.group


def code_list(*systems: str, group: str | None = None) -> CodeList:
    """The list of that name in `terminology/codesystem`, or several."""
    return CodeList(systems, group)


def code(row: Row, column: str, known: CodeList) -> Json | None:
    """The cell as a coding; None when it is empty."""
    text = row.text(column)
    if text is None:
        return None
    coding = known.find(text)
    if coding is None:
        raise Refused(f"'{text}' is no code of the list {' or '.join(known.systems)}.", column)
    return coding


def required_code(row: Row, column: str, known: CodeList) -> Json:
    """The cell as a coding, which must be there."""
    row.required(column)
    coding = code(row, column, known)
    assert coding is not None
    return coding


@cache
def concepts(name: str) -> Mapping[str, str]:
    """Code to display for one of our code systems, withdrawn codes included."""
    system = library().resource("CodeSystem", f"{BASE}/CodeSystem/{name}")
    if system is None:
        raise LookupError(f"The code system '{name}' is not among the definitions.")
    return {concept["code"]: concept.get("display", concept["code"]) for concept in system["concept"]}


@cache
def properties(name: str, property: str) -> Mapping[str, str]:
    """Code to the value of one property of each concept that has it."""
    system = library().resource("CodeSystem", f"{BASE}/CodeSystem/{name}")
    return {
        concept["code"]: next(value for key, value in one.items() if key.startswith("value"))
        for concept in (system or {}).get("concept", ())
        for one in concept.get("property", ())
        if one["code"] == property
    }


@cache
def mapped(name: str) -> Mapping[str, tuple[str, str]]:
    """Code to the system and code that one of our concept maps gives for it."""
    concept_map = library().resource("ConceptMap", f"{BASE}/ConceptMap/{name}")
    return {
        element["code"]: (group["target"], target["code"])
        for group in (concept_map or {}).get("group", ())
        for element in group["element"]
        for target in element.get("target", ())[:1]
        if "code" in target
    }
