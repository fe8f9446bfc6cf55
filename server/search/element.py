"""What a search parameter looks at in one resource type, as far as the definitions alone can tell."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json
from server.fhir.expression import Call, Index, Name, Node, Typed, Unread, parse, roots
from server.terminology.codes import codes

_ABSTRACT = frozenset({"Resource", "DomainResource"})
_BOOLEAN_CALLS = frozenset({"exists", "hasExtension", "not", "empty"})


@dataclass(frozen=True, slots=True)
class Step:
    """Where a path has come to: the child `name` of `parent`, of one of its types ("": not known).

    `property` is the JSON property of the resource through which it went; None: it needs none.
    """

    parent: str
    name: str
    type: str
    property: str | None
    resolved: str | None = None


@cache
def properties(type_: str, parameter: SearchParameter) -> frozenset[str] | None:
    """A resource has one of these (of `meta`: `meta.tag`), or nothing is found; None: it needs none."""
    found = {step.property for step in _ends(type_, parameter)}
    return None if None in found else frozenset(filter(None, found))


@cache
def element_types(type_: str, parameter: SearchParameter) -> frozenset[str]:
    """The FHIR types of what it finds; empty if they are not known."""
    found = {step.type for step in _ends(type_, parameter)}
    return frozenset() if "" in found else frozenset(found)


@dataclass(frozen=True, slots=True)
class Group:
    """An element that a composite looks at: its type (a path, if it is defined in place), and whether a
    resource may have several."""

    type: str
    repeats: bool


@cache
def groups(type_: str, parameter: SearchParameter) -> tuple[Group, ...]:
    """The elements in which the components of a composite stand together."""
    return tuple(_group(type_, part) for part in parse(parameter.expression).parts if _speaks_of(type_, part))


def _group(type_: str, part: Node) -> Group:
    (step,) = _walk(part, type_)
    return Group(step.type, _repeats(type_, part))


def _repeats(type_: str, node: Node | None) -> bool:
    if isinstance(node, Typed):
        return _repeats(type_, node.source)
    if not isinstance(node, Name) or node.source is None:
        return False
    parents = (step.type for step in _walk(node.source, type_))
    found = (each for parent in parents for each in library().children(parent, node.name))
    return any(each.repeated for each in found) or _repeats(type_, node.source)


@cache
def repeated(type_: str, parameter: SearchParameter) -> bool:
    """Whether it goes through an element that a resource may have several of."""
    return any(_repeats(type_, part) for part in parse(parameter.expression).parts if _speaks_of(type_, part))


@cache
def places(type_: str, parameter: SearchParameter) -> frozenset[tuple[str, str]]:
    """Where the values stand that it finds: (type of the element that holds them, name)."""
    return frozenset((step.parent, step.name) for step in _ends(type_, parameter))


@cache
def indexed_as(type_: str, parameter: SearchParameter) -> SearchParameter:
    """The one of several strings that look at the same elements by which all of them are found."""
    looks = _looks(type_, parameter)
    if parameter.type != "string" or not looks:
        return parameter
    all_of_it = (each for each in _alike(type_, parameter) if _looks(type_, each) == looks)
    return min(all_of_it, key=lambda each: each.code, default=parameter)


@cache
def combination(parameter: SearchParameter) -> tuple[SearchParameter, ...]:
    """The parameters that look, each at a part, at all that this one looks at: it needs no rows."""
    types = parameter.base if parameter.type in ("token", "quantity") and parameter.expression else ()
    if len(types) != 1 or types[0] not in library().resource_types:
        return ()
    (type_,) = types
    looks = _looks(type_, parameter)
    inside = tuple(each for each in _alike(type_, parameter) if _looks(type_, each) < looks)
    covered = frozenset().union(*(_looks(type_, each) for each in inside))
    return inside if inside and covered == looks else ()


def _alike(type_: str, parameter: SearchParameter) -> list[SearchParameter]:
    found = library().shipped(type_).values()
    return [each for each in found if each.type == parameter.type and _looks(type_, each)]


@lru_cache(maxsize=4096)
def _looks(type_: str, parameter: SearchParameter) -> frozenset[Node]:
    try:
        parts = parse(parameter.expression).parts
    except Unread:
        return frozenset()
    return frozenset(part for part in parts if _speaks_of(type_, part))


@cache
def primitive(type_: str, parameter: SearchParameter) -> bool:
    """Whether everything it finds is a primitive value: a code, a boolean, a string."""
    types = element_types(type_, parameter)
    return bool(types) and all(name[0].islower() for name in types)


@cache
def systems(type_: str, parameter: SearchParameter) -> frozenset[str]:
    """The code systems that a primitive code is from without naming them: those of its required binding."""
    found: set[str] = set()
    for step in _ends(type_, parameter):
        binding = _definition(step).get("binding", {})
        listed = codes(binding["valueSet"]) if binding.get("strength") == "required" else None
        found.update(listed.systems if listed else ())
    return frozenset(found)


@cache
def targets(type_: str, parameter: SearchParameter) -> tuple[str, ...]:
    """The resource types that its references may point at."""
    known: set[str] = set()
    for step in _ends(type_, parameter):
        known.update((step.resolved,) if step.resolved else _targets(step) or parameter.target or _ABSTRACT)
    if not known or known & _ABSTRACT:
        return library().resource_types
    # A parameter that many types share names the targets of all of them.
    return tuple(sorted(known & set(parameter.target) or known))


def _targets(step: Step) -> set[str]:
    types = [each for each in _definition(step).get("type", ()) if each["code"] in ("Reference", "canonical")]
    return {url.rpartition("/")[2] for each in types for url in each.get("targetProfile", ())}


@lru_cache(maxsize=2048)
def _ends(type_: str, parameter: SearchParameter) -> tuple[Step, ...]:
    """Where the paths of the expression lead that speak of this type."""
    try:
        parts = parse(parameter.expression).parts
    except Unread:
        return (_unknown(),)
    return tuple(step for part in parts if _speaks_of(type_, part) for step in _walk(part, type_))


def _speaks_of(type_: str, part: Node) -> bool:
    starts = roots(part)
    return not starts or type_ in starts or not starts.isdisjoint(_ABSTRACT)


def _walk(node: Node, type_: str) -> list[Step]:
    match node:
        case Name(source, name) | Call(source, "extension" as name, _):
            here = [Step("", "", type_, "")]
            if source is None and name[0].isupper():
                return here
            before = _walk(source, type_) if source else here
            return [after for step in before for after in _children(step, name)]
        case Typed("as", source, wanted):
            return [step for step in _walk(source, type_) if step.type == wanted]
        case Call(source, "where", (Typed("is", Call(_, "resolve"), target),)) if source:
            return [replace(step, resolved=target) for step in _walk(source, type_)]
        case Call(source, "where" | "first") | Index(source) if source:
            return _walk(source, type_)
    answers = not isinstance(node, Call) or node.name in _BOOLEAN_CALLS
    return [Step("", "", "boolean", None) if answers else _unknown()]


def _unknown() -> Step:
    return Step("", "", "", None)


def _children(step: Step, name: str) -> list[Step]:
    # Every resource has `meta`; it is the second step that tells whether there is anything to find.
    through = f"meta.{name}" if step.property == "meta" else step.property
    return [
        Step(step.type, name, each.type, through or each.key) for each in library().children(step.type, name)
    ]


def _definition(step: Step) -> Json:
    """The ElementDefinition of where a step has come to."""
    elements = _elements(step.parent.partition(".")[0])
    path = f"{step.parent}.{step.name}"
    return elements.get(path) or elements.get(f"{path}[x]") or {}


@lru_cache(maxsize=16)
def _elements(type_: str) -> Mapping[str, Json]:
    definition = (library().definition(type_) if type_ else None) or {}
    return {each["path"]: each for each in definition.get("snapshot", {}).get("element", ())}
