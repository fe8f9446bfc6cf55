"""OperationDefinitions: what an operation is called on, what it takes, and what it gives back.

https://hl7.org/fhir/R4/operationdefinition.html
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from server.definition.library import library
from server.definition.own import Unusable
from server.definition.reach import OWN
from server.fhir import Json
from server.fhir.primitive import PRIMITIVES

_HL7 = "http://hl7.org/fhir/"
_BACKPORT = f"{_HL7}uv/subscriptions-backport/"
_RESOURCE = "Resource"

ANY = "Element"
"""The type of a parameter that takes a value of any type."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """`max` is None where there is no limit; `codes`: the value set whose codes alone it takes.

    `type` is `Element` where it takes a value of any type, and empty where it is made of `parts`.
    """

    name: str
    min: int
    max: int | None
    type: str
    codes: str | None
    parts: tuple["Parameter", ...] = ()

    @property
    def is_primitive(self) -> bool:
        """Whether its value is one that a URL can hold."""
        return self.type in PRIMITIVES

    @property
    def is_resource(self) -> bool:
        """Whether its value is a resource."""
        return self.type == _RESOURCE or self.type in library().resource_types

    def takes(self, type_: str) -> bool:
        """Whether a resource of the type may be its value."""
        return self.type in (_RESOURCE, type_)


@dataclass(frozen=True, slots=True)
class Operation:
    """`levels`: of system, type, instance, where it is called; `types`: of which types, none: of all."""

    name: str
    url: str
    code: str
    levels: frozenset[str]
    types: frozenset[str]
    affects_state: bool
    taken: tuple[Parameter, ...]
    given: tuple[Parameter, ...]

    @property
    def gives_bundle(self) -> bool:
        """Whether a Bundle comes back, of whose resources a part may be wanted."""
        return any(each.type == "Bundle" for each in self.given)

    @property
    def by_get(self) -> bool:
        """Whether a URL can say what it needs, and nothing changes.

        https://hl7.org/fhir/R4/operationdefinition-definitions.html#OperationDefinition.affectsState
        """
        return not self.affects_state and all(each.is_primitive or not each.min for each in self.taken)

    def on(self, type_: str) -> bool:
        """Whether it is one of the type's operations."""
        return not self.types or type_ in self.types

    @property
    def body(self) -> Parameter | None:
        """The parameter that a body which is no Parameters stands for: the only one that is a resource."""
        resources = [each for each in self.taken if each.is_resource]
        others_fit_a_url = all(each.is_primitive or each.is_resource for each in self.taken)
        return resources[0] if len(resources) == 1 and others_fit_a_url else None


@cache
def operation(name: str) -> Operation:
    """The definition of this id: the project's own or else HL7's, or that of its guide to subscriptions.

    Raises:
        Unusable: there is none.
    """
    for origin in (OWN, _HL7, _BACKPORT):
        definition = library().resource("OperationDefinition", f"{origin}OperationDefinition/{name}")
        if definition is not None:
            return _operation(definition)
    raise Unusable(f"There is no OperationDefinition '{name}'.")


def _operation(definition: Json) -> Operation:
    types = frozenset(definition.get("resource", ()))
    return Operation(
        name=definition["id"],
        url=definition["url"],
        code=definition["code"],
        levels=frozenset(level for level in ("system", "type", "instance") if definition[level]),
        types=frozenset() if _RESOURCE in types else types,
        # Where HL7 does not say it, the careful reading holds: a GET must not change anything.
        affects_state=definition.get("affectsState", True),
        taken=tuple(_parameters(definition.get("parameter", ()), "in")),
        given=tuple(_parameters(definition.get("parameter", ()), "out")),
    )


def _parameters(listed: Iterable[Json], use: str) -> Iterator[Parameter]:
    for each in listed:
        if each["use"] != use:
            continue
        most, binding = each["max"], each.get("binding", {})
        codes = binding["valueSet"] if binding.get("strength") == "required" else None
        limit = None if most == "*" else int(most)
        parts = tuple(_parameters(each.get("part", ()), use))
        yield Parameter(each["name"], each["min"], limit, each.get("type", ""), codes, parts)
