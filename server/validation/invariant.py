"""Invariants: FHIRPath that a definition wants to be true of each occurrence of an element.

https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Callable, Iterable
from typing import Any

from server.definition.library import library, shipped
from server.definition.restriction import Constraint
from server.fhir import Json
from server.fhir.fhirpath import Environment, Expression, Unknown, Unread, compile
from server.fhir.issue import TooCostly
from server.validation.compiled import Compiled
from server.validation.fault import Fault, Faults, joined
from server.validation.visit import Visit

Invariants = Callable[[Any, Json | None, str, Visit], Faults]
"""`(value, what stands beside it, its type, the visit)`."""

ELSEWHERE = frozenset({"dom-2", "dom-3", "dom-4", "dom-5", "ele-1", "ext-1", "ref-1", "txt-1", "txt-2"})
"""What the structure's own checks say, and sooner."""


def invariants(constraints: Iterable[Constraint], source: str, compiled: Compiled) -> Invariants | None:
    """All of an element's; None if there are none to ask."""
    # What ships was seen to be quick; what was added may be anything.
    counted = not shipped().ships("StructureDefinition", source.partition("#")[0])
    asked = tuple(
        _Asked(each, source, counted)
        for each in constraints
        if each.key not in ELSEWHERE and (compiled.full or each.severity == "error")
    )
    if not asked:
        return None

    def check(value: Any, beside: Json | None, type: str, visit: Visit) -> Faults:
        faults: Faults = None
        if visit.sound:
            world = visit.environment
            for each in asked:
                try:
                    if not each.holds(value, beside, type, world):
                        faults = joined(faults, [each.fault()])
                except TooCostly:
                    faults = joined(faults, [each.unasked()])
        return faults

    return check


class _Asked:
    """An invariant, compiled for each type that the element is found with."""

    __slots__ = ("_by_type", "_constraint", "_counted", "_source")

    def __init__(self, constraint: Constraint, source: str, counted: bool) -> None:
        self._constraint = constraint
        self._source = source
        self._counted = counted
        self._by_type: dict[str, Expression | None] = {}

    def holds(self, value: Any, beside: Json | None, type: str, world: Environment) -> bool:
        try:
            expression = self._by_type[type]
        except KeyError:
            expression = self._by_type[type] = _expression(
                self._constraint.expression, type, counted=self._counted
            )
        return expression is None or expression.holds(value, world, beside)

    def fault(self) -> Fault:
        asked = self._constraint
        text = f"breaks the rule {asked.key}: {asked.human.rstrip('.')}."
        return Fault(
            "invariant", text, severity=asked.severity, source=asked.source or self._source, rule=asked.key
        )

    def unasked(self) -> Fault:
        asked = self._constraint
        text = f"cannot be held against the rule {asked.key}: its expression takes too long for it."
        source = asked.source or self._source
        return Fault("too-costly", text, severity="warning", source=source, rule=asked.key)


def _expression(text: str, type: str, *, counted: bool) -> Expression | None:
    """None if it is none: nothing can be held against a value then."""
    key = "invariant", text, type, counted
    memo = library().memo
    if key not in memo:
        try:
            memo[key] = compile(text, type, library().children, counted=counted)
        except (Unread, Unknown):
            memo[key] = None
    known: Expression | None = memo[key]
    return known
