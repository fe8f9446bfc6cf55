"""How a function is told: what it takes, what it gives, and what it may rely on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from server.fhir.fhirpath.children import EMPTY, Children, system
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.step import Find, Step, Types, truth
from server.fhir.regex import Regex, Unreadable, regex

Call = Callable[..., Any]
"""`(items, environment, *arguments)`, where each argument is a list of items too."""


@dataclass(frozen=True, slots=True)
class Function:
    """`gives`: "truth" (a boolean or None), "value" (JSON or None), "items", or "same" (items of the source).

    `walks`: it is handed the ways to children as a first argument.
    """

    call: Call
    gives: str
    least: int = 0
    most: int = 0
    types: Types = None
    single: bool = False
    walks: bool = False

    def bound(self, children: Children) -> Call:
        return partial(self.call, children) if self.walks else self.call

    def step(self, find: Callable[[Item, Environment], Any], source: Step) -> Step:
        match self.gives:
            case "truth":
                return truth(find)
            case "value":
                return Step(_valued(find), self.types, single=True)
            case "same":
                return Step(find, source.types, source.single or self.single)
        return Step(find, self.types, self.single)


def _valued(call: Callable[[Item, Environment], Any]) -> Find:
    def find(this: Item, environment: Environment) -> list[Item]:
        value = call(this, environment)
        return EMPTY if value is None else [system(value)]

    return find


def one(items: list[Item]) -> Item | None:
    """The only item; None if there is none."""
    if len(items) > 1:
        raise Misused(f"{len(items)} items were found where one is expected.")
    return items[0] if items else None


def value_of(items: list[Item]) -> Any:
    found = one(items)
    return found[0] if found else None


def text_of(items: list[Item]) -> str | None:
    value = value_of(items)
    if value is None or type(value) is str:
        return value
    raise Misused("A text is expected.")


def integer_of(items: list[Item]) -> int | None:
    value = value_of(items)
    if value is None or type(value) is int:
        return value
    raise Misused("An integer is expected.")


def on_text(call: Callable[..., Any], *readers: Callable[[list[Item]], Any]) -> Call:
    """A function of a text and further arguments, each read by its reader; nothing comes of nothing."""

    def function(items: list[Item], environment: Environment, *arguments: list[Item]) -> Any:
        text = text_of(items)
        values = [read(argument) for read, argument in zip(readers, arguments, strict=False)]
        if text is None or None in values:
            return None
        return call(text, *values)

    return function


def pattern(text: str) -> Regex:
    """A regular expression of FHIRPath: `.` stands for every character.

    http://hl7.org/fhirpath/N1/#matchesregex-string-boolean
    """
    try:
        return regex(text)
    except Unreadable as error:
        raise Misused(str(error)) from None
