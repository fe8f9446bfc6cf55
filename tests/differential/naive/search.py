"""Search as the specification tells it: every resource is looked at, and nothing is indexed.

https://hl7.org/fhir/R4/search.html, with the choices of docs/search.md. This is what the server is held
against, and is written to be read rather than to be quick.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from tests.differential.naive import match
from tests.differential.naive.filter import Either, Every, Not, Test, read
from tests.differential.naive.match import NEGATIVE, Place, Resource, matches, target
from tests.differential.naive.order import Falling, sortable
from tests.differential.naive.path import Node, find
from tests.differential.naive.rights import Caller, Scope, World
from tests.differential.naive.value import split

Pair = tuple[str, str]

RESULT = (
    "_sort",
    "_count",
    "_total",
    "_include",
    "_revinclude",
    "_summary",
    "_elements",
    "_type",
    "_contained",
)
"""Parameters that say how the result is to be, and not what is in it."""

_QUERIES = Path(__file__).parents[3] / "profiles" / "query.json"

_PART_OF = {"Location": "partof", "Organization": "partof", "Encounter": "part-of"}


class Include(NamedTuple):
    """`Observation:subject:Patient`; `*` in place of a part means all."""

    source: str
    code: str
    target: str
    reverse: bool
    iterate: bool


@dataclass
class Search:
    """The resources of a server by `Type/id`, and one caller who asks."""

    world: World
    caller: Caller
    _elements: dict[tuple[str, str], list[Node]] = field(default_factory=dict)

    # ---- the interactions ----------------------------------------------------------------------------------

    def of_type(self, type_: str, query: list[Pair], within: str | None = None) -> list[Resource]:
        """What matches of one type; `within`: the resource whose compartment is searched."""
        query = meant(type_, query)
        criteria = [pair for pair in query if pair[0].partition(":")[0] not in RESULT]
        codes = {code for name, text in criteria for code in self._asked(type_, name, text)}
        codes |= {key.removeprefix("-") for key in _values(query, "_sort")}
        if within:
            codes |= set(_in_compartment(within, type_))
        return [
            resource
            for resource in self._all(type_)
            if self.caller.finds(resource, codes)
            and all(self.meets(resource, name, text) for name, text in criteria)
            and (within is None or self._is_within(resource, within))
        ]

    def of_types(self, query: list[Pair], within: str | None = None) -> list[Resource]:
        """What matches of several types, or of all."""
        types = _values(query, "_type") or [
            type_ for type_ in library().resource_types if self.caller.may(type_, "s")
        ]
        return [
            resource
            for type_ in dict.fromkeys(types)
            if within is None or _has_compartment(within, type_)
            for resource in self.of_type(type_, query, within)
        ]

    def sorted_as(self, found: list[Resource], query: list[Pair]) -> list[tuple[Any, ...]]:
        """By what each of the resources is sorted: of an order, each is no less than the one before."""
        return [tuple(self._key(resource, key) for key in _values(query, "_sort")) for resource in found]

    def brought(self, matched: list[Resource], query: list[Pair]) -> set[str]:
        """`Type/id` of what `_include` and `_revinclude` bring along beside the matches."""
        includes = [
            _include(name, text) for name, text in query if name.startswith(("_include", "_revinclude"))
        ]
        known = {_name(each) for each in matched}
        fresh, result = matched, set[str]()
        for step in range(1000):
            asked = [each for each in includes if step == 0 or each.iterate]
            found = {_name(each): each for each in self._step(fresh, asked)}
            fresh = [each for name, each in found.items() if name not in known]
            if not fresh:
                break
            known |= found.keys()
            result |= {_name(each) for each in fresh}
        return result

    # ---- criteria ------------------------------------------------------------------------------------------

    def meets(self, resource: Resource, name: str, text: str) -> bool:
        """Whether a resource meets one criterion of a query."""
        type_ = resource["resourceType"]
        head, _, rest = name.partition(".")
        if name.startswith("_has:"):
            return self._has(resource, name, text)
        if name == "_list":
            return self._has(resource, "_has:List:item:_id", text)
        if name == "_filter":
            return self._passes(resource, read(text))
        if rest:
            return self._leads(resource, head, rest, text)
        code, _, modifier = name.partition(":")
        parameter = library().search_parameters(type_).get(code)
        if parameter is None:
            return False
        if parameter.type == "reference" and modifier in ("above", "below"):
            return self._reaches(resource, parameter, modifier, text)
        elements = self.elements(resource, parameter)
        if modifier == "missing":
            return self._is_missing(parameter, elements) == (text == "true")
        place = Place(type_, parameter, self.world.base)
        texts = [each for each in split(text, ",") if each]
        found = any(matches(place, modifier, each, resource, elements) for each in texts)
        return found != (modifier in NEGATIVE)

    def _is_missing(self, parameter: SearchParameter, elements: list[Node]) -> bool:
        """Whether the resource has no value: a quantity of nothing but a unit is none, nor an empty name."""
        match parameter.type:
            case "quantity":
                return not any(True for node in elements for _ in match.quantities(node))
            case "string":
                return not any(match.strings(node) for node in elements)
            case "number":
                return all(match.numbers(node) is None for node in elements)
        return not elements

    def elements(self, resource: Resource, parameter: SearchParameter) -> list[Node]:
        """What the parameter looks at."""
        if not parameter.expression:
            return []
        key = (_name(resource), parameter.url)
        if key not in self._elements:
            self._elements[key] = find(parameter.expression, resource)
        return self._elements[key]

    def _leads(self, resource: Resource, head: str, rest: str, text: str) -> bool:
        """A chain: a reference leads to what the caller may find, and that meets the rest."""
        code, _, wanted = head.partition(":")
        return any(
            self._finds(far, rest, text)
            for far in self._pointed_at(resource, code)
            if wanted in ("", far["resourceType"])
        )

    def _has(self, resource: Resource, name: str, text: str) -> bool:
        """Something that the caller may find refers to the resource, and meets the rest."""
        _, source, code, rest = name.split(":", 3)
        return any(
            any(each is resource for each in self._pointed_at(far, code))
            and self._finds(far, rest, text, code)
            for far in self._all(source)
        )

    def _finds(self, far: Resource, name: str, text: str, *codes: str) -> bool:
        type_ = far["resourceType"]
        head = name.partition(".")[0].partition(":")[0]
        if head != "_has" and head not in library().search_parameters(type_):
            return False
        asked = {*self._asked(type_, name, text), *codes}
        return self.caller.may(type_, "s") and self.caller.finds(far, asked) and self.meets(far, name, text)

    def _reaches(self, resource: Resource, parameter: SearchParameter, way: str, text: str) -> bool:
        """A reference leads to one of these, or to a part of it: step by step through what may be seen."""
        plain = Place(resource["resourceType"], parameter, self.world.base)
        texts = split(text, ",")
        if any(matches(plain, "", each, resource, self.elements(resource, parameter)) for each in texts):
            return True
        named = {match.known_as(each, self.world.base) for each in texts}
        for node in self.elements(resource, parameter):
            found = target(node, self.world.base)
            if found and found[0] in _PART_OF and self._hierarchy(found, way, named):
                return True
        return False

    def _hierarchy(self, start: tuple[str, str], way: str, named: set[str]) -> bool:
        """Whether one of the named is what this is a part of (`below`), or a part of it (`above`)."""
        type_, _ = start
        link = _PART_OF[type_]
        up: dict[str, set[str]] = {}
        for each in self._all(type_):
            if self.caller.may(type_, "s") and self.caller.finds(
                each, {link} | ({"_id"} if way == "above" else set())
            ):
                parameter = library().search_parameters(type_)[link]
                found = (target(node, self.world.base) for node in self.elements(each, parameter))
                up[each["id"]] = {id_ for other, id_ in filter(None, found) if other == type_}
        wanted = {each.removeprefix(f"{type_}/") for each in named}
        reached, new = set(wanted), set(wanted)
        while new:
            if way == "below":
                new = {id_ for id_, above in up.items() if above & new} - reached
            else:
                new = {id_ for each in new for id_ in up.get(each, ())} - reached
            reached |= new
        return start[1] in reached

    def _pointed_at(self, resource: Resource, code: str) -> Iterator[Resource]:
        """What a reference of a resource leads to on this server."""
        parameter = library().search_parameters(resource["resourceType"]).get(code)
        for node in self.elements(resource, parameter) if parameter else ():
            found = target(node, self.world.base)
            if found and "/".join(found) in self.world.resources:
                yield self.world.resources["/".join(found)]

    # ---- _filter -------------------------------------------------------------------------------------------

    def _passes(self, resource: Resource, tree: Any) -> bool:
        match tree:
            case Not(part):
                return not self._passes(resource, part)
            case Either(parts):
                return any(self._passes(resource, part) for part in parts)
            case Every(parts):
                return all(self._passes(resource, part) for part in parts)
        return self._tested(resource, tree)

    def _tested(self, resource: Resource, test: Test) -> bool:
        head, chained, rest = test.path.partition(".")
        if chained:
            return any(
                self.caller.may(far["resourceType"], "s")
                and rest.partition(".")[0] in library().search_parameters(far["resourceType"])
                and self.caller.finds(far, {rest.partition(".")[0]})
                and self._tested(far, replace(test, path=rest))
                for far in self._pointed_at(resource, head)
            )
        name, text = test.criterion(_kind(resource["resourceType"], test.path))
        code, _, modifier = name.partition(":")
        parameter = library().search_parameters(resource["resourceType"]).get(code)
        if modifier in ("equal", "ending") and parameter:
            place = Place(resource["resourceType"], parameter, self.world.base)
            found = matches(place, modifier, text, resource, self.elements(resource, parameter))
        else:
            found = self.meets(resource, name, text)
        return found != test.is_opposite(_kind(resource["resourceType"], test.path))

    # ---- rights, compartments, includes --------------------------------------------------------------------

    def _all(self, type_: str) -> list[Resource]:
        return [each for each in self.world.resources.values() if each["resourceType"] == type_]

    def _asked(self, type_: str, name: str, text: str) -> set[str]:
        """The parameters by which resources of the type itself are asked about."""
        if name.startswith("_has:") or name == "_list":
            return set()
        if name == "_filter":
            return {test.path.partition(".")[0] for test in read(text).tests()}
        return {name.partition(".")[0].partition(":")[0]}

    def _is_within(self, resource: Resource, within: str) -> bool:
        if _name(resource) == within:
            return True
        known = library().search_parameters(resource["resourceType"])
        return any(
            target(node, self.world.base) == tuple(within.split("/"))
            for code in _in_compartment(within, resource["resourceType"])
            for node in self.elements(resource, known[code])
        )

    def _step(self, some: list[Resource], includes: list[Include]) -> Iterator[Resource]:
        for include in includes:
            yield from self._pointing(some, include) if include.reverse else self._included(some, include)

    def _included(self, some: list[Resource], include: Include) -> Iterator[Resource]:
        """What the resources refer to: as far as the caller is shown the whole of them."""
        for resource in some:
            type_ = resource["resourceType"]
            if include.source in ("*", type_) and self._is_shown_whole(resource):
                for code in _references(type_, include.code):
                    for far in self._pointed_at(resource, code):
                        if include.target in ("", "*", far["resourceType"]) and self._may_read(far):
                            yield far

    def _is_shown_whole(self, resource: Resource) -> bool:
        return any(self.caller.sees_whole(resource, letter) for letter in "rs")

    def _may_read(self, resource: Resource) -> bool:
        return self.caller.may(resource["resourceType"], "r") and self.caller.sees(resource, "r")

    def _pointing(self, some: list[Resource], include: Include) -> Iterator[Resource]:
        """What refers to the resources: as far as the caller could find it by that."""
        for far in self.world.resources.values():
            type_ = far["resourceType"]
            if include.source not in ("*", type_) or not self.caller.may(type_, "s"):
                continue
            for code in _references(type_, include.code):
                leads = list(self._pointed_at(far, code))
                wanted = [each for each in some if include.target in ("", "*", each["resourceType"])]
                if any(each is near for each in leads for near in wanted) and self.caller.finds(far, {code}):
                    yield far

    # ---- order ---------------------------------------------------------------------------------------------

    def _key(self, resource: Resource, key: str) -> Any:
        """(whether it has none, the value): the lowest of several, the highest where the order descends."""
        code, down = key.removeprefix("-"), key.startswith("-")
        parameter = library().search_parameters(resource["resourceType"])[code]
        values = [
            each
            for node in self.elements(resource, parameter)
            for each in sortable(parameter, node, self.world.base)
        ]
        if not values:
            return (True, None)
        if parameter.type in ("number", "quantity"):
            ends = max(high for _, high in values) if down else min(low for low, _ in values)
        elif parameter.type == "date":
            ends = (max if down else min)(values)[0]
        else:
            ends = (max if down else min)(values)
        return (False, Falling(ends) if down else ends)


def search(world: World, agency: str, rights: list[dict[str, Any]], scopes: str) -> Search:
    """The store as the holder of a token sees it."""
    caller = Caller(agency, rights, [Scope.read(each) for each in scopes.split()], world, lambda *_: True)
    found = Search(world, caller)
    caller.meets = lambda resource, query: all(
        found.meets(resource, name, text) for name, text in parse_qsl(query)
    )
    return found


def meant(type_: str, query: list[Pair]) -> list[Pair]:
    """The query with what its `_query` stands for in the place of that and of what that takes."""
    said = dict(query)
    if "_query" not in said:
        return query
    named = json.loads(_QUERIES.read_bytes())[type_][said["_query"]]
    rest = [pair for pair in query if pair[0] not in ("_query", *named["takes"])]
    return rest + [(name, text.format(**said)) for name, text in parse_qsl(named["search"])]


def _name(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _values(query: list[Pair], name: str) -> list[str]:
    return [each for known, text in query if known == name for each in text.split(",")]


def _include(name: str, text: str) -> Include:
    code, _, modifier = name.partition(":")
    source, code_of, target_of = (*text.split(":"), "*", "")[:3] if text != "*" else ("*", "*", "")
    return Include(source, code_of, target_of, code == "_revinclude", modifier in ("iterate", "recurse"))


def _references(type_: str, code: str) -> list[str]:
    known = library().search_parameters(type_)
    return [each for each, one in known.items() if one.type == "reference" and code in ("*", each)]


def _kind(type_: str, path: str) -> str:
    parameter = library().search_parameters(type_).get(path)
    return parameter.type if parameter else ""


def _has_compartment(within: str, type_: str) -> bool:
    return within.startswith(f"{type_}/") or bool(_in_compartment(within, type_))


def _in_compartment(within: str, type_: str) -> list[str]:
    """The parameters by any of which a resource of the type stands in the compartment."""
    kind = within.partition("/")[0]
    url = f"http://hl7.org/fhir/CompartmentDefinition/{kind[0].lower()}{kind[1:]}"
    listed = (library().resource("CompartmentDefinition", url) or {})["resource"]
    codes = next((each.get("param", []) for each in listed if each["code"] == type_), [])
    return [code for code in codes if code in library().search_parameters(type_)]
