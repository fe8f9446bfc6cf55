"""Everything that is known of a code.

https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date
from typing import Any

from server.fhir import Json
from server.fhir.json import shown
from server.terminology.provider import CannotTell, Concept, Property, System
from server.terminology.validate_code import in_use, reads

_LANGUAGE = "lang."


def lookup(
    system: System,
    code: str,
    wanted: Collection[str] = (),
    at: date | None = None,
    language: str | None = None,
) -> Mapping[str, Any]:
    """By the names of what $lookup gives back; `wanted`: only these properties, without any all of them.

    Raises:
        CannotTell: there is no such code.
    """
    concept = system.find(code)
    if concept is None:
        raise CannotTell(
            f"The code '{shown(code)}' does not exist in the code system '{system.url}'.", "not-found"
        )
    found: dict[str, Any] = {
        "name": system.name,
        "display": reads(concept, language) or concept.code,
        "designation": [*_designations(concept, wanted)],
        "property": [*_properties(system, concept, wanted, at)],
    }
    return found | ({"version": system.version} if system.version else {})


def _designations(concept: Concept, wanted: Collection[str]) -> Iterator[Json]:
    languages = {each.removeprefix(_LANGUAGE) for each in wanted if each.startswith(_LANGUAGE)}
    for each in concept.designations:
        if _is_wanted("designation", wanted) or each.language in languages:
            said = {"language": each.language, "use": each.use, "value": each.value}
            yield {name: value for name, value in said.items() if value is not None}


def _is_wanted(name: str, wanted: Collection[str]) -> bool:
    return not wanted or name in wanted or "*" in wanted


def _properties(system: System, concept: Concept, wanted: Collection[str], at: date | None) -> Iterator[Json]:
    for name, values in _OF_EVERY_CODE.items():
        if _is_wanted(name, wanted):
            yield from values(system, concept, at)
    for each in concept.properties:
        if each.code not in _OF_EVERY_CODE and _is_wanted(each.code, wanted):
            yield _property(each)


def _property(said: Property) -> Json:
    key = f"value{said.type[0].upper()}{said.type[1:]}"
    found: Json = {"code": said.code, "value": {key: said.value}}
    return found | ({"description": said.description} if said.description else {})


def _related(name: str, codes: Callable[[System, str], Collection[str]]) -> "_Values":
    def related(system: System, concept: Concept, _: date | None) -> Iterator[Json]:
        for code in codes(system, concept.code):
            other = system.find(code)
            display = {"description": other.display} if other is not None and other.display else {}
            yield {"code": name, "value": {"valueCode": code}, **display}

    return related


def _definition(_: System, concept: Concept, __: date | None) -> Iterator[Json]:
    if concept.definition:
        yield {"code": "definition", "value": {"valueString": concept.definition}}


def _inactive(_: System, concept: Concept, at: date | None) -> Iterator[Json]:
    """Of a day only that counts: what is withdrawn was in use before."""
    inactive = concept.inactive if at is None else not in_use(concept, at)
    yield {"code": "inactive", "value": {"valueBoolean": inactive}}


_Values = Callable[[System, Concept, date | None], Iterator[Json]]

_OF_EVERY_CODE: Mapping[str, _Values] = {
    "definition": _definition,
    "inactive": _inactive,
    "parent": _related("parent", lambda system, code: system.parents(code)),
    "child": _related("child", lambda system, code: system.children(code)),
}
