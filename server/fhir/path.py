"""The paths of search parameters as functions on a resource, statically typed.

http://hl7.org/fhirpath/N1/ with the additions of https://hl7.org/fhir/R4/fhirpath.html

An expression becomes a chain of closures, each of which takes an element, finds the next ones and hands them
on; types are known beforehand from the definitions, so that nothing is looked up while a resource is read.
What is beyond that goes to `fhirpath`, which knows all of the language.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from server.fhir import Json, closure, fhirpath
from server.fhir.closure import Emit, Found, Test, Then
from server.fhir.expression import (
    Binary,
    Call,
    Index,
    Literal,
    Name,
    Node,
    Typed,
    Union,
    Unread,
    parse,
    roots,
)
from server.fhir.fhirpath import Environment
from server.fhir.property import ABSTRACT, Property, TypeOf, Unknown, is_a

__all__ = ["Path", "Property", "TypeOf", "Unknown", "applicable", "compile", "criterion", "is_closure"]


Path = Callable[[Json], list[tuple[Any, str]]]
"""What an expression finds in a resource: elements, each with its FHIR type."""


def applicable(expression: str, type: str) -> bool:
    """Whether a resource of the type can have anything that the expression names."""
    try:
        return any(_concerns(part, type) for part in parse(expression).parts)
    except Unread:
        return True


def compile(expression: str, type: str, type_of: TypeOf) -> Path:
    """The function that finds what the expression names in resources of one type.

    Of a union over many types only the parts about this one are compiled.
    """
    if not expression:
        return lambda _: []
    try:
        union = parse(expression)
    except Unread:
        return _in_full(expression, type, type_of)
    compiler = _Compiler(type, type_of)
    chains: list[Emit] = []
    others: list[Path] = []
    for part, text in zip(union.parts, union.text, strict=True):
        if not _concerns(part, type):
            continue
        try:
            chains.append(compiler.walk(part, type, closure.keep))
        except Unread:
            others.append(_in_full(text, type, type_of))
    return _path(closure.every(chains), others)


def criterion(node: Node, type: str, type_of: TypeOf) -> Callable[[Any, Json], bool]:
    """Whether a criterion holds of an element of a type, in a resource.

    Raises:
        Unread: it is beyond the closures. Unknown: it names what there is not.
    """
    test = _Compiler(type, type_of).test(node, type)

    def holds(element: Any, resource: Json) -> bool:
        found = Found()
        found.resource = resource
        return bool(test(element, found))

    return holds


def is_closure(expression: str, type: str, type_of: TypeOf) -> bool:
    """Whether the expression compiles without the whole of FHIRPath."""
    try:
        compiler = _Compiler(type, type_of)
        for part in parse(expression).parts:
            if _concerns(part, type):
                compiler.walk(part, type, closure.keep)
    except Unread:
        return False
    return True


def _concerns(part: Node, type: str) -> bool:
    starts = roots(part)
    return not starts or type in starts or not starts.isdisjoint(ABSTRACT)


def _path(chain: Emit, others: list[Path]) -> Path:
    def path(resource: Json) -> list[tuple[Any, str]]:
        found = Found()
        found.resource = resource
        chain(resource, found)
        return found

    if others:
        return lambda resource: [each for one in (path, *others) for each in one(resource)]
    return path


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Turns nodes into closures from the last step to the first: each is made knowing what follows it.

    `then(type)` makes what follows for an element of that type; `closure.nothing` says that nothing can.
    """

    root: str
    type_of: TypeOf

    def walk(self, node: Node, type: str, then: Then) -> Emit:
        """What takes an element of `type` and hands on whatever the node finds from there."""
        match node:
            case Name(None, name) if name[0].isupper():
                return then(type) if name == type or self._is_above(name, type) else closure.nothing
            case Name(None, name):
                return self._child(type, name, then)
            case Name(source, name):
                assert source is not None
                return self.walk(source, type, lambda t: self._child(t, name, then))
            case Typed("as", source, wanted):
                return self.walk(source, type, lambda t: then(t) if is_a(t, wanted) else closure.nothing)
            case Index(source, at):
                return self._nth(source, at, type, then)
            case Literal(value):
                return closure.constant(value, then(_system_type(value)))
            case Union(parts):
                return closure.every([self.walk(part, type, then) for part in parts])
            case Call():
                return self._call(node, type, then)
        return closure.truth(self.test(node, type), then("boolean"))

    def _child(self, type: str, name: str, then: Then) -> Emit:
        properties = self.type_of(type, name)
        if not properties:
            if type in ABSTRACT:
                raise Unread(f"Which children a {type} has is seen only in the resource itself.")
            raise Unknown(f"'{type}' has no element '{name}'.")
        afters = _possible([each.type for each in properties], then)
        steps = [(each.key, each.repeated, afters[each.type]) for each in properties if each.type in afters]
        if not steps:
            return closure.nothing
        if len(steps) == 1:
            key, repeated, after = steps[0]
            return closure.each(key, after) if repeated else closure.only(key, after)
        return closure.choice({key: closure.spread(it) if repeated else it for key, repeated, it in steps})

    def _is_above(self, name: str, type: str) -> bool:
        return name in ABSTRACT and type == self.root

    def _call(self, call: Call, type: str, then: Then) -> Emit:
        source = call.source
        match call.name, call.arguments:
            case "where", (criteria,):
                return self._from(source, type, lambda t: closure.where(self.test(criteria, t), then(t)))
            case "extension", (Literal(str(url)),):
                return self._from(source, type, lambda t: self._extension(t, url, then))
            case "first", () if source is not None:
                return self._nth(source, 0, type, then)
            case (("exists" | "hasExtension"), _):
                return closure.truth(self.test(call, type), then("boolean"))
            case "resolve", _:
                raise Unknown("What a reference leads to is not known to a path.")
        raise Unread(f"The function '{call.name}' is not one of these.")

    def _from(self, source: Node | None, type: str, then: Then) -> Emit:
        return then(type) if source is None else self.walk(source, type, then)

    def _extension(self, type: str, url: str, then: Then) -> Emit:
        if type[0].islower():
            raise Unread("The extensions of a primitive stand beside it.")
        is_it: Test = lambda element, _: element.get("url") == url  # noqa: E731
        return closure.each("extension", closure.where(is_it, then("Extension")))

    def _nth(self, source: Node, at: int, type: str, then: Then) -> Emit:
        following: dict[str, Emit] = {}

        def gather(found: str) -> Emit:
            following[found] = then(found)
            return closure.keep_as(found)

        inner = self.walk(source, type, gather)

        def emit(element: Any, found: Found) -> None:
            inside = closure.within(found, inner, element)
            if at < len(inside):
                value, its = inside[at]
                following[its](value, found)

        return emit

    def test(self, node: Node, type: str) -> Test:
        """Whether the node holds of an element of `type`."""
        match node:
            case Binary("and" | "or" as operator, left, right):
                return closure.logic(operator, self.test(left, type), self.test(right, type))
            case Binary(operator, left, right):
                equal = closure.equal(self._values(left, type), self._values(right, type))
                return equal if operator == "=" else closure.negated(equal)
            case Typed("is", Call(None, "resolve", ()), wanted):
                return closure.refers(wanted)
            case Typed("is", Call(source, "resolve", ()), wanted):
                refers = closure.refers(wanted)
                return closure.exists(
                    self._from(source, type, lambda t: closure.where(refers, closure.keep_as(t)))
                )
            case Typed("is", source, wanted):
                answer = closure.keep_as("boolean")
                return closure.single(
                    self.walk(source, type, lambda t: closure.constant(is_a(t, wanted), answer))
                )
            case Call(source, "exists", ()):
                return closure.exists(self._from(source, type, closure.keep_as))
            case Call(source, "exists", (criteria,)):
                return closure.exists(self._call(Call(source, "where", (criteria,)), type, closure.keep_as))
            case Call(source, "hasExtension", arguments):
                return closure.exists(self._call(Call(source, "extension", arguments), type, closure.keep_as))
        return closure.single(self.walk(node, type, closure.keep_as))

    def _values(self, node: Node, type: str) -> Callable[[Any, Found], list[Any]]:
        inner = self.walk(node, type, closure.keep_as)
        return lambda element, found: [value for value, _ in closure.within(found, inner, element)]


def _possible(types: Iterable[str], then: Then) -> dict[str, Emit]:
    """What follows for each type that something can follow for: not every type of a choice has each child."""
    afters: dict[str, Emit] = {}
    unknown: Unknown | None = None
    for type in types:
        try:
            afters[type] = then(type)
        except Unknown as error:
            unknown = error
    if unknown and not afters:
        raise unknown
    return {type: after for type, after in afters.items() if after is not closure.nothing}


def _in_full(expression: str, type: str, type_of: TypeOf) -> Path:
    """By the whole of FHIRPath: a few times slower, as it does not know beforehand what follows a step."""
    compiled = fhirpath.compile(expression, type, type_of)
    return lambda resource: [
        (value, _short(its))
        for value, its, _ in compiled.evaluate(resource, Environment(resource=resource))
        if value is not None
    ]


def _short(type: str) -> str:
    """The FHIR type that one of FHIRPath's own is, and an element defined in place has no type of its own."""
    if type.startswith("System."):
        return type[7].lower() + type[8:]
    return "BackboneElement" if "." in type else type


def _system_type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
    return "string"
