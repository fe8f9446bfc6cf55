"""A compiled expression: what it finds, and whether it holds as an invariant."""

from typing import Any

from server.fhir import Json
from server.fhir.expression import Unread, tree
from server.fhir.fhirpath.children import Children
from server.fhir.fhirpath.compiler import Compiler
from server.fhir.fhirpath.environment import Environment, Item, Misused, Untold
from server.fhir.fhirpath.erratum import corrected
from server.fhir.fhirpath.step import Step, test_of
from server.fhir.fhirpath.substitute import mentions
from server.fhir.property import ABSTRACT, TypeOf


class Expression:
    """Made by `compile`; immutable, and right for as long as the definitions that it was typed by."""

    __slots__ = ("_find", "_is_general", "_marks", "_test", "text", "type")

    def __init__(self, text: str, type: str, step: Step, *, marks: bool) -> None:
        self.text = text
        self.type = type
        self._find = step.find
        self._test = test_of(step)
        self._is_general = type in ABSTRACT
        self._marks = marks

    def evaluate(self, node: Any, environment: Environment, beside: Json | None = None) -> list[Item]:
        """What it finds from a node: (JSON, FHIR type, what stands beside a primitive).

        Raises:
            Misused: an operator or a function met what it cannot take.
        """
        item, environment = self._begun(node, environment, beside)
        try:
            return self._find(item, environment)
        except Untold:
            return []

    def values(self, node: Any, environment: Environment, beside: Json | None = None) -> list[Any]:
        """The JSON of what it finds; a primitive that has no value is left out."""
        return [value for value, _, _ in self.evaluate(node, environment, beside) if value is not None]

    def holds(self, node: Any, environment: Environment, beside: Json | None = None) -> bool:
        """As FHIR judges an invariant: only what is true holds; to find nothing does not.

        What cannot be told from here (`resolve()` with nobody to ask) is held against no one.
        """
        if self._is_general or self._marks:
            item, environment = self._begun(node, environment, beside)
        else:
            item = (node, self.type, beside)
        try:
            return self._test(item, environment) is True
        except Untold:
            return True
        except Misused:
            return False

    def _begun(self, node: Any, environment: Environment, beside: Json | None) -> tuple[Item, Environment]:
        type = node.get("resourceType", self.type) if self._is_general else self.type
        item: Item = (node, type, beside)
        return item, environment.within(context=item) if self._marks else environment


def compile(expression: str, type: str, type_of: TypeOf, *, counted: bool = False) -> Expression:
    """The expression for nodes of a type: a type's name, or the path of an element defined in place.

    `counted`: it comes from anyone, and is given up (TooCostly) where it would take too long.

    Raises:
        Unread: it is no FHIRPath. Unknown: it names an element that there is not.
    """
    node = tree(corrected(expression))
    compiler = Compiler(type_of, Children(type_of), _resource_types(type, type_of), counted)
    try:
        step = compiler.step(node, None if type in ABSTRACT else frozenset({type}))
    except Misused as error:
        raise Unread(f"'{expression}' cannot be: {error}") from None
    except RecursionError:
        raise Unread("The expression has too many steps.") from None
    return Expression(expression, type, step, marks=mentions(node, "%context"))


def _resource_types(type: str, type_of: TypeOf) -> frozenset[str] | None:
    """The type of %resource for elements inside it."""
    root = type.partition(".")[0]
    is_resource = root not in ABSTRACT and type_of(root, "implicitRules")
    return frozenset({root}) if is_resource else None
