"""From the tree of an expression to closures, typed by the definitions as far as they tell."""

from dataclasses import dataclass
from functools import reduce

from server.fhir.expression import (
    At,
    Binary,
    Call,
    Constant,
    Index,
    Literal,
    Name,
    Node,
    Sign,
    Typed,
    Union,
    Unread,
    Variable,
)
from server.fhir.fhirpath import criterion, kind, operator, variable
from server.fhir.fhirpath.children import EMPTY, Children, Take, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.function import FUNCTIONS, Function
from server.fhir.fhirpath.quick import child, extended, matched, shortened, valued
from server.fhir.fhirpath.step import (
    THIS,
    Step,
    Types,
    constant,
    counted,
    test_of,
    there_of,
    this,
    truth,
)
from server.fhir.fhirpath.substitute import mentions, substituted
from server.fhir.property import ABSTRACT, Property, TypeOf, Unknown

_LOGIC = frozenset({"and", "or", "xor", "implies"})
_ROOTS = ABSTRACT | {"Element", "BackboneElement"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """`resource` is the type of %resource, where it is known. `counted`: what is done is counted."""

    type_of: TypeOf
    children: Children
    resource: Types
    counted: bool = False

    def step(self, node: Node, focus: Types) -> Step:
        """The node as a step from an element, `$this`, of one of the types."""
        made = self._made(node, focus)
        return counted(made) if self.counted else made

    def _made(self, node: Node, focus: Types) -> Step:
        match node:
            case Literal(value):
                return constant([system(value)])
            case Constant(value, type):
                return constant([(value, type, None)])
            case Variable(name):
                return this(focus) if name == THIS else variable.step(name, self.resource)
            case Binary(name, left, right):
                return self._binary(name, left, right, focus)
            case Union(parts):
                return self._union(parts, focus)
            case Call():
                return self._call(node, focus)
        return self._path(node, focus)

    def _path(self, node: Name | Index | At | Typed | Sign, focus: Types) -> Step:
        match node:
            case Name(None, name) if name[0].isupper() and not self._has_child(focus, name):
                return self._root(name, focus)
            case Name(source, name):
                return self._child(self._source(source, focus), name)
            case Index(source, at):
                return self._index(self._source(source, focus), constant([system(at)]))
            case At(source, index):
                return self._index(self._source(source, focus), self.step(index, focus))
            case Typed(name, source, type, namespace):
                return self._typed(name, self._source(source, focus), type, namespace)
            case Sign(name, source):
                return operator.signed(name, self._source(source, focus))

    def _source(self, node: Node | None, focus: Types) -> Step:
        return this(focus) if node is None else self.step(node, focus)

    def _has_child(self, focus: Types, name: str) -> bool:
        return focus is not None and any(self.type_of(type, name) for type in focus)

    def _root(self, name: str, focus: Types) -> Step:
        """A path that begins with the name of a type: the element itself, if it is one."""
        if focus is None or name in _ROOTS:
            return Step(lambda this, _: [this] if kind.is_of(this, name) else EMPTY, focus, single=True)
        if name not in focus:
            raise Unknown(f"The path begins with '{name}', and stands on a '{min(focus)}'.")
        return this(frozenset({name}))

    def _child(self, source: Step, name: str) -> Step:
        if source.types is None:
            children = self.children
            return child(source, lambda item: children.named(item, name), None, single=False)
        properties = [each for type in sorted(source.types) for each in self._properties(type, name)]
        if not properties:
            if source.types:
                raise Unknown(f"'{min(source.types)}' has no element '{name}'.")
            return constant([])
        types = frozenset(each.type for each in properties)
        single = source.single and not any(each.repeated for each in properties)
        take = self._take(source.types, name)
        known = properties[0] if len(source.types) == 1 == len(properties) else None
        return child(source, take, None if types & ABSTRACT else types, single=single, known=known)

    def _properties(self, type: str, name: str) -> tuple[Property, ...]:
        if type.startswith("System."):
            return ()
        if type[0].islower() and name == "value":
            return (Property("", f"System.{_OF_PRIMITIVES.get(type, 'String')}", repeated=False),)
        return self.type_of(type, name)

    def _take(self, types: frozenset[str], name: str) -> Take:
        if len(types) == 1:
            take = self.children.take(min(types), name)
            assert take is not None
            return take
        children = self.children
        return lambda item: children.named(item, name)

    def _index(self, source: Step, at: Step) -> Step:
        inner, index = source.find, at.find

        def find(this: Item, environment: Environment) -> list[Item]:
            where = index(this, environment)
            if not where:
                return EMPTY
            number = where[0][0]
            if len(where) > 1 or type(number) is not int:
                raise Misused("An index is one integer.")
            return inner(this, environment)[number : number + 1] if number >= 0 else EMPTY

        return Step(find, source.types, single=True)

    def _typed(self, name: str, source: Step, type: str, namespace: str) -> Step:
        kind.check(type, namespace, self.type_of)
        inner = source.find
        if name == "as":
            is_it = kind.is_exactly
            types = source.types and frozenset(
                each
                for each in source.types
                if kind.names(type, each) or type in _ROOTS or each.startswith("System.")
            )
            return Step(
                lambda this, environment: [
                    item for item in inner(this, environment) if is_it(item, type, namespace)
                ],
                types if types else frozenset({type}) if type not in ABSTRACT else None,
                single=source.single,
            )

        def test(this: Item, environment: Environment) -> bool | None:
            found = inner(this, environment)
            if not found:
                return None
            if len(found) > 1:
                raise Misused(f"'is' asks about one item, and not about {len(found)}.")
            return kind.is_of(found[0], type, namespace)

        return truth(test)

    def _binary(self, name: str, left: Node, right: Node, focus: Types) -> Step:
        one, other = self.step(left, focus), self.step(right, focus)
        if name in _LOGIC:
            return truth(operator.logic(name, test_of(one), test_of(other)))
        if quick := shortened(name, one, other):
            return truth(quick)
        return operator.step(name, one, other)

    def _union(self, parts: tuple[Node, ...], focus: Types) -> Step:
        if all(isinstance(part, Literal) for part in parts):
            values = dict.fromkeys(system(part.value) for part in parts if isinstance(part, Literal))
            return constant(list(values))
        return reduce(operator.union, (self.step(part, focus) for part in parts))

    def _call(self, node: Call, focus: Types) -> Step:
        name, arguments = node.name, node.arguments
        source = self._source(node.source, focus)
        if name == "sort":
            return criterion.sort(
                source, [self._key(each, source.types) for each in arguments or (Variable(THIS),)]
            )
        if name in criterion.FUNCTIONS and (arguments or name not in FUNCTIONS):
            return self._with_criteria(node, source, focus)
        function = FUNCTIONS.get(name)
        if function is None:
            raise Unread(f"There is no function '{name}'.")
        if not function.least <= len(arguments) <= function.most:
            raise Unread(f"The function '{name}' does not take {len(arguments)} arguments.")
        return self._short(name, arguments, source) or self._plain(
            function, source, [self.step(each, focus) for each in arguments]
        )

    def _short(self, name: str, arguments: tuple[Node, ...], source: Step) -> Step | None:
        """The function in a shorter way, where there is one."""
        match name, arguments:
            case "exists", ():
                return truth(there_of(source))
            case "empty", ():
                there = there_of(source)
                return truth(lambda this, environment: not there(this, environment))
            case "not", ():
                return truth(operator.negated(test_of(source)))
            case "hasValue", () if (quick := valued(source)) is not None:
                return truth(quick)
            case "extension", (Literal(str(url)),):
                return extended(source, url, FUNCTIONS[name].types)
            case (("matches" | "startsWith" | "endsWith" | "contains"), (Literal(str(text)),)) if source.hold:
                return truth(matched(name, source, text))
        return None

    def _plain(self, function: Function, source: Step, arguments: list[Step]) -> Step:
        inner, call = source.find, function.bound(self.children)
        finds = [each.find for each in arguments]
        if not finds:
            return function.step(
                lambda this, environment: call(inner(this, environment), environment), source
            )
        if len(finds) == 1:
            (first,) = finds
            return function.step(
                lambda this, environment: call(
                    inner(this, environment), environment, first(this, environment)
                ),
                source,
            )
        return function.step(
            lambda this, environment: call(
                inner(this, environment), environment, *(find(this, environment) for find in finds)
            ),
            source,
        )

    def _key(self, node: Node, focus: Types) -> tuple[Step, bool]:
        """By what is sorted: a minus sign, be it before a text, says downwards."""
        if isinstance(node, Sign):
            return self.step(node.source, focus), node.operator == "-"
        return self.step(node, focus), False

    def _with_criteria(self, node: Call, source: Step, focus: Types) -> Step:
        """A function whose arguments are evaluated on each item of its source, or not at all."""
        make, least, most, on_outside = criterion.FUNCTIONS[node.name]
        if not least <= len(node.arguments) <= most:
            raise Unread(f"The function '{node.name}' does not take {len(node.arguments)} arguments.")
        arguments = list(node.arguments)
        if node.name == "iif":
            # On a source that is empty `empty()` has to be true, and so it is that source that they ask.
            whole = node.source
            if whole is not None:
                arguments = [substituted(each, whole) for each in arguments]
            return make(source, [self.step(each, focus) for each in arguments])
        inside = None if node.name in ("repeat", "repeatAll") else source.types
        steps = [self.step(each, focus if at in on_outside else inside) for at, each in enumerate(arguments)]
        moving = any(mentions(each, "$index", "$total") for each in arguments)
        return make(source, steps, moving) if moving else make(source, steps)


_OF_PRIMITIVES = {
    "boolean": "Boolean",
    "integer": "Integer",
    "positiveInt": "Integer",
    "unsignedInt": "Integer",
    "decimal": "Decimal",
}
