"""Which JSON properties carry a child element, and of which type: the static typing of paths."""

import msgspec

from server.fhir.path import Property

_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"


class _Extension(msgspec.Struct):
    url: str
    valueUrl: str | None = None  # noqa: N815 - FHIR's spelling


class _Type(msgspec.Struct):
    code: str
    extension: list[_Extension] = []

    @property
    def name(self) -> str:
        """`http://hl7.org/fhirpath/System.String` stands for a FHIR type that an extension names."""
        return next(
            (each.valueUrl for each in self.extension if each.url == _FHIR_TYPE and each.valueUrl), self.code
        )


class _Base(msgspec.Struct):
    path: str
    max: str


class _Element(msgspec.Struct):
    path: str
    max: str
    type: list[_Type] = []
    base: _Base | None = None
    contentReference: str | None = None  # noqa: N815 - FHIR's spelling


class _Snapshot(msgspec.Struct):
    element: list[_Element]


class _Structure(msgspec.Struct):
    snapshot: _Snapshot


_DECODER = msgspec.json.Decoder(_Structure)

Children = dict[str, dict[str, tuple[Property, ...]]]
"""Path of an element → name of a child → its properties."""


def children(text: bytes) -> Children:
    """Of one StructureDefinition of a type, for its root and for each element that is defined in place."""
    found: Children = {}
    for element in _DECODER.decode(text).snapshot.element[1:]:
        parent, _, name = element.path.rpartition(".")
        found.setdefault(parent, {})[name.removesuffix("[x]")] = _properties(element, name)
    return found


def _properties(element: _Element, name: str) -> tuple[Property, ...]:
    repeated = element.max != "1"
    if element.contentReference:
        return (Property(name, element.contentReference.partition("#")[2], repeated),)
    if name.endswith("[x]"):
        stem = name.removesuffix("[x]")
        names = [each.name for each in element.type]
        return tuple(Property(stem + each[0].upper() + each[1:], each, repeated) for each in names)
    return (Property(name, _type(element), repeated),)


def _type(element: _Element) -> str:
    if element.base and element.base.path == "Resource.id":
        return "id"  # R4 says string there; the rules of an id apply
    name = element.type[0].name if element.type else "Element"
    # Elements defined in place are known by their path: there their children are found.
    return element.path if name in ("BackboneElement", "Element") else name
