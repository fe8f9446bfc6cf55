"""A code in another code system.

https://hl7.org/fhir/R4/conceptmap-operation-translate.html
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from server.fhir import Json
from server.fhir.issue import Invalid
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, coded, resource
from server.record.record import Record
from server.terminology.conceptmap import Asked, Match, concept_map, fitting
from server.terminology.conceptmap import translate as translated
from server.terminology.validate_code import Coded


@implements("ConceptMap-translate")
def translate(call: Call, record: Record) -> Result:
    """By the map that is named, or by every one that fits."""
    matches: list[Match] = []
    for each in coded(call):
        asked = _asked(call, each)
        with answered():
            matches += translated(_maps(call, record, asked), asked)
    good = any(match.is_translation for match in matches)
    told: dict[str, Any] = {"result": good, "match": [_match(each) for each in matches]}
    return Result(told if good else told | {"message": _why(matches)})


def _asked(call: Call, one: Coded) -> Asked:
    if one.system is None:
        raise Invalid("$translate needs the system of the code.")
    return Asked(
        one.system,
        one.code,
        source=call.one("source"),
        target=call.one("target"),
        target_system=call.one("targetsystem"),
        reverse=call.one("reverse") is True,
        dependencies=_dependencies(call),
    )


def _dependencies(call: Call) -> Mapping[str, Sequence[Json]]:
    found: dict[str, list[Json]] = {}
    for each in call.every("dependency"):
        for element in each.get("element", ()):
            found.setdefault(element, []).extend(each.get("concept", ()))
    return found


def _maps(call: Call, record: Record, asked: Asked) -> list[Json]:
    definition = resource(call, record, "conceptMap")
    if definition is not None:
        return [definition]
    url, version = call.one("url"), call.one("conceptMapVersion")
    if url is not None:
        return [concept_map(f"{url}|{version}" if version else url)]
    return fitting(asked)


def _match(match: Match) -> Json:
    told: Json = {"equivalence": match.equivalence}
    if match.concept is not None:
        told["concept"] = match.concept
    if match.products:
        told["product"] = [*_products(match)]
    return told | ({"source": match.source} if match.source else {})


def _products(match: Match) -> Iterator[Json]:
    for each in match.products:
        coding = {"system": each.get("system"), "code": each["value"], "display": each.get("display")}
        known = {name: value for name, value in coding.items() if value is not None}
        yield {"element": each["property"], "concept": known}


def _why(matches: Sequence[Match]) -> str:
    if matches:
        return "The map says that nothing in the target corresponds to this code."
    return "No map that is held here has a translation of this code."
