"""The record's own code lists as immutable objects: what a code says, since when, until when.

Made from the files in terminology/, each read once when it is first asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from server.definition.library import library
from server.fhir import Json

BASE = "https://w3id.org/single-child-record"


@dataclass(frozen=True, slots=True)
class Concept:
    """One code of a list. `retired`: kept for what was recorded while it was valid."""

    code: str
    display: str
    group: str | None
    retired: bool
    valid_from: str | None
    valid_to: str | None


@dataclass(frozen=True, slots=True)
class CodeList:
    """A code system of the record."""

    url: str
    concepts: Mapping[str, Concept]

    def __contains__(self, code: object) -> bool:
        return code in self.concepts

    def coding(self, code: str) -> Json:
        """The code as a Coding with its display; KeyError if the list has no such code."""
        return {"system": self.url, "code": code, "display": self.concepts[code].display}


@cache
def code_list(name: str) -> CodeList:
    """The code system by the name of its file: `code_list("attendance-code")`."""
    definition = _definition("CodeSystem", name)
    concepts = map(_concept, definition["concept"])
    return CodeList(definition["url"], {concept.code: concept for concept in concepts})


@cache
def concept_map(name: str) -> Mapping[str, Json]:
    """For each code of the source the Coding in the target: `concept_map("ethnicity-dfe-to-nhs")`."""
    codings: dict[str, Json] = {}
    for group in _definition("ConceptMap", name)["group"]:
        for element in group["element"]:
            target = element["target"][0]
            codings[element["code"]] = {"system": group["target"], **_labelled(target)}
    return codings


def _definition(kind: str, name: str) -> Json:
    definition = library().resource(kind, f"{BASE}/{kind}/{name}")
    if definition is None:
        raise LookupError(f"There is no {kind} '{name}' in terminology/.")
    return definition


def _concept(concept: Json) -> Concept:
    values = {each["code"]: each for each in concept.get("property", ())}
    return Concept(
        code=concept["code"],
        display=concept["display"],
        group=values.get("group", {}).get("valueString"),
        retired=values.get("status", {}).get("valueCode") == "retired",
        valid_from=values.get("validFrom", {}).get("valueDateTime"),
        valid_to=values.get("validTo", {}).get("valueDateTime"),
    )


def _labelled(target: Json) -> Json:
    return {key: target[key] for key in ("code", "display") if key in target}
