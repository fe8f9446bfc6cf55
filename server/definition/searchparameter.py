"""A search parameter: its name in a query, and the values it finds in a resource.

https://hl7.org/fhir/R4/searchparameter.html
"""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from server.definition.own import Unusable
from server.fhir import Json
from server.fhir.path import Path, TypeOf, applicable, compile


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a composite: the parameter that it is like, and where it stands in the composite's element.

    An expression that begins with `%resource.` stands outside of it.
    """

    definition: str
    expression: str


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """`expression` is "" for those that no element answers (`_text`, `_filter`)."""

    code: str
    type: str
    url: str
    expression: str
    base: tuple[str, ...]
    target: tuple[str, ...]
    number: int
    type_of: TypeOf = field(compare=False, repr=False)
    components: tuple[Component, ...] = ()
    _paths: dict[str, Path] = field(default_factory=dict, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        """Of what tells it from most others: it is looked up often."""
        return hash(self.url)

    def extract(self, resource: Json) -> list[tuple[Any, str]]:
        """The elements of the resource that the parameter is about, each with its FHIR type."""
        return self.path(resource["resourceType"])(resource)

    def path(self, type: str) -> Path:
        """What extracts from resources of one type."""
        path = self._paths.get(type)
        if path is None:
            path = self._paths[type] = compile(self.expression, type, self.type_of)
        return path


def number(code: str) -> int:
    """What stands for a code in the rows of an index: the same in every release, and on every machine."""
    unsigned = zlib.crc32(code.encode())
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned


def search_parameter(definition: Json, type_of: TypeOf) -> SearchParameter:
    return SearchParameter(
        code=definition["code"],
        type=definition["type"],
        url=definition["url"],
        expression=definition.get("expression", ""),
        base=tuple(definition.get("base", ())),
        target=tuple(definition.get("target", ())),
        number=number(definition["code"]),
        type_of=type_of,
        components=tuple(
            Component(each["definition"], each["expression"]) for each in definition.get("component", ())
        ),
    )


def by_code(type: str, definitions: Iterable[Json], type_of: TypeOf) -> Mapping[str, SearchParameter]:
    """The parameters of one resource type; two of one code or of one number are refused.

    A parameter of the project takes the place of HL7's if its `derivedFrom` says so.
    """
    found: dict[str, SearchParameter] = {}
    numbers: dict[int, SearchParameter] = {}
    for definition in definitions:
        parameter = search_parameter(definition, type_of)
        if not _is_of(type, parameter):
            continue
        other = found.get(parameter.code) or numbers.get(parameter.number)
        if other and definition.get("derivedFrom", "").partition("|")[0] != other.url:
            raise Unusable(
                f"The search parameters '{parameter.url}' and '{other.url}' of {type} "
                f"share the {'code' if other.code == parameter.code else 'number'} "
                f"{parameter.code if other.code == parameter.code else parameter.number}."
            )
        found[parameter.code] = numbers[parameter.number] = parameter
    return MappingProxyType(found)


def _is_of(type: str, parameter: SearchParameter) -> bool:
    """HL7 has parameters that nothing could answer (`Patient.age`); what starts with `_` the server does."""
    if not parameter.expression:
        return parameter.code.startswith("_")
    return applicable(parameter.expression, type)
