"""Which resource is of which profile of the domain, whether it says so or not; and the class it is of.

The rules are data, `profiles/rule.json`. Rights and presence speak of the class, a number that, once given,
is never used for something else.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from server.definition.folder import profiles as folder
from server.definition.library import library
from server.fhir import Json
from server.record.hook import Kind
from server.search.element import properties
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry
from server.search.types import Context, Index
from server.search.types.token import Value

Coding = tuple[str, str | None]
"""(system, code); None: any code of the system."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Resources of `type` that match `search` are of `profile`, and of class `kind`."""

    type: str
    search: str
    profile: str
    kind: int

    @property
    def asked(self) -> tuple[str, Coding] | None:
        """The property of the resource, and what it has to say; None: every resource of the type."""
        if not self.search:
            return None
        [(code, text)] = parse_qsl(self.search)
        [name] = properties(self.type, library().shipped(self.type)[code]) or {""}
        value = Value.parse(text)
        return name, (value.system or "", value.code or None)


def rules() -> list[Rule]:
    """All of them, in their order."""
    known: list[Rule] | None = library().memo.get(rules)
    if known is None:
        known = msgspec.json.decode((folder() / "rule.json").read_bytes(), type=list[Rule])
        library().memo[rules] = known
    return known


def kinds() -> Mapping[str, Kind]:
    """The class of each profile."""
    return {rule.profile: Kind(rule.type, rule.kind) for rule in rules()}


# ---- by what a resource says -------------------------------------------------------------------------------

_Asked = Mapping[str | None, Mapping[Coding | None, str]]
"""By property and coding, the profile; both None: that of every resource of the type."""


def profiles(resource: Json) -> tuple[str, ...]:
    """Those of the domain that a resource has to keep, however wrong it is."""
    found: dict[str, None] = {}
    for name, asked in _by_type().get(str(resource.get("resourceType")), {}).items():
        if name is None:
            found |= dict.fromkeys(asked.values())
            continue
        for system, code in _codings(_at(resource, name)):
            for key in ((system, code), (system, None)):
                if key in asked:
                    found[asked[key]] = None
    return tuple(found)


def _by_type() -> Mapping[str, _Asked]:
    known: dict[str, dict[str | None, dict[Coding | None, str]]] | None = library().memo.get(_by_type)
    if known is None:
        known = library().memo[_by_type] = {}
        for rule in rules():
            name, coding = rule.asked or (None, None)
            known.setdefault(rule.type, {}).setdefault(name, {})[coding] = rule.profile
    return known


def _at(resource: Json, name: str) -> Any:
    """The value of a property, or of one of `meta`."""
    value: Any = resource
    for each in name.split("."):
        value = value.get(each) if isinstance(value, dict) else None
    return value


def _codings(value: Any) -> Iterator[Coding]:
    """Of a CodeableConcept or a Coding, or several: of anything else, none."""
    for concept in value if isinstance(value, list) else (value,):
        codings = concept.get("coding", [concept]) if isinstance(concept, dict) else None
        for coding in codings if isinstance(codings, list) else ():
            if isinstance(coding, dict):
                system, code = coding.get("system"), coding.get("code")
                if isinstance(system, str) and isinstance(code, str):
                    yield system, code


# ---- by what finds it --------------------------------------------------------------------------------------


class Kinds:
    """The rules, as hashes of which a resource of the class carries one."""

    def __init__(self, registry: Registry, hasher: Hasher, base_url: str) -> None:
        self._by_type: dict[str, list[tuple[frozenset[int] | None, int]]] = {}
        for rule in rules():
            hashes = _hashes(rule, registry, Context(rule.type, hasher, base_url))
            self._by_type.setdefault(rule.type, []).append((hashes, rule.kind))

    def kind(self, type_: str, index: Index) -> int:
        """The class of a resource; 0: none of the domain's."""
        for hashes, number in self._by_type.get(type_, ()):
            if hashes is None or not hashes.isdisjoint(index.tokens):
                return number
        return 0


def _hashes(rule: Rule, registry: Registry, context: Context) -> frozenset[int] | None:
    """The hashes of the one token that the rule asks for; None: every resource of the type."""
    query = parse(rule.type, parse_qsl(rule.search), registry, strict=True)
    if not query.conditions:
        return None
    [condition] = query.conditions
    return frozenset(context.token(condition, Value.parse(text).form) for text in condition.values)
