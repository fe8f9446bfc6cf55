"""Slices: the occurrences of one element told apart, each group with its own number and its own rules.

https://hl7.org/fhir/R4/profiling.html#slicing
"""

from collections.abc import Callable
from dataclasses import dataclass

from server.definition.restriction import Slicing
from server.definition.structure import Element
from server.validation.discriminator import Belongs
from server.validation.fault import Fault, Faults, joined, shown
from server.validation.occurrence import Occurrence
from server.validation.visit import Visit

Sliced = Callable[[list[Occurrence], Visit], Faults]

DEFAULT = "@default"

_OPEN = Slicing((), ordered=False, rules="open")


@dataclass(frozen=True, slots=True)
class Slice:
    """`key`: the property that alone decides, with its texts; `belongs`: whatever decides.

    `rules`: what its occurrences have to obey beyond the sliced element's; `inner`: its own slices.
    """

    element: Element
    source: str
    key: tuple[str, frozenset[str]] | None
    belongs: Belongs
    rules: Callable[[Occurrence, Visit], Faults] | None
    inner: Sliced | None

    def check(self, found: list[Occurrence], visit: Visit, step: str) -> Faults:
        faults = _number(self, len(found), step)
        for each in found:
            if self.rules is not None:
                more = self.rules(each, visit)
                if more is not None:
                    faults = joined(faults, more, each.step)
        if self.inner is not None:
            more = self.inner(found, visit)
            if more is not None:
                faults = joined(faults, more)
        return faults


def sliced(element: Element, slices: tuple[Slice, ...], source: str) -> Sliced:
    """The check of all occurrences of an element together."""
    slicing = element.slicing or _OPEN
    named = tuple(each for each in slices if each.element.slice != DEFAULT)
    rest = next((each for each in slices if each.element.slice == DEFAULT), None)
    step = f".{element.name}"
    place_of = _placer(named)
    names = element.path == "Extension.extension"
    arranged = slicing.ordered or slicing.rules == "openAtEnd" or (slicing.rules == "closed" and rest is None)

    def check(found: list[Occurrence], visit: Visit) -> Faults:
        groups: list[list[Occurrence]] = [[] for _ in named]
        places = [place_of(each, visit) for each in found]
        others: list[Occurrence] = []
        for each, place in zip(found, places, strict=True):
            (others if place is None else groups[place]).append(each)
        faults: Faults = None
        for slice_, group in zip(named, groups, strict=True):
            if group or slice_.element.min > 0:
                faults = _with(faults, slice_.check(group, visit, step))
        if others and rest is not None:
            faults = _with(faults, rest.check(others, visit, step))
        if arranged:
            faults = _with(faults, _arranged(slicing, found, places, source))
        return _with(faults, _unnamed(others, source)) if names and others else faults

    return check


def _with(faults: Faults, more: Faults) -> Faults:
    return faults if more is None else joined(faults, more)


def _placer(named: tuple[Slice, ...]) -> Callable[[Occurrence, Visit], int | None]:
    """The number of the slice that an occurrence is in: looked up, where one property decides for all."""
    names = {each.key[0] if each.key else None for each in named}
    name = names.pop() if len(names) == 1 else None
    if name is None:
        return lambda found, visit: next(
            (index for index, each in enumerate(named) if each.belongs(found, visit)), None
        )
    table = {text: index for index, each in reversed([*enumerate(named)]) if each.key for text in each.key[1]}

    def place(found: Occurrence, _: Visit) -> int | None:
        text = found.value.get(name) if type(found.value) is dict else None
        return table.get(text) if type(text) is str else None

    return place


def _arranged(slicing: Slicing, found: list[Occurrence], places: list[int | None], source: str) -> Faults:
    """What belongs to no slice, and what stands before that which it should follow."""
    faults: list[Fault] = []
    if slicing.rules == "closed":
        text = "belongs to none of the slices, and no others are allowed."
        faults += [
            Fault("structure", text, each.step, source=source)
            for each, place in zip(found, places, strict=True)
            if place is None
        ]
    if slicing.rules == "openAtEnd" or slicing.ordered:
        last = 0
        ended = False
        for each, place in zip(found, places, strict=True):
            if place is None:
                ended = ended or slicing.rules == "openAtEnd"
            elif ended:
                text = "belongs to a slice, and stands after what belongs to none: that comes at the end."
                faults.append(Fault("structure", text, each.step, source=source))
            elif slicing.ordered and place < last:
                text = "stands after an occurrence of a later slice: the slices have an order."
                faults.append(Fault("structure", text, each.step, source=source))
            else:
                last = place
    return faults or None


def _unnamed(others: list[Occurrence], source: str) -> Faults:
    """Inside an extension a name that its definition does not have means nothing; a URL may."""
    return [
        Fault(
            "extension",
            f"has a name, {shown(url)}, that the extension does not define.",
            each.step,
            source=source,
        )
        for each in others
        if type(url := each.value.get("url")) is str and ":" not in url
    ] or None


def _number(slice_: Slice, number: int, step: str) -> Faults:
    element = slice_.element
    if number < element.min:
        least, found = _times(element.min), _times(number)
        text = f"has to be there at least {least} as '{element.slice}', and is there {found}."
        return [Fault("required", text, step, source=slice_.source)]
    if element.max is not None and number > element.max:
        text = f"may be there {_most(element.max)} as '{element.slice}', and is there {_times(number)}."
        return [Fault("structure", text, step, source=slice_.source)]
    return None


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _most(number: int) -> str:
    return "never" if number == 0 else f"{_times(number)} at most"


def too_few(number: int, least: int) -> str:
    """Of an element as a whole, whatever slices it has."""
    if number == 0 and least == 1:
        return "is required and missing."
    return f"has to be there at least {_times(least)}, and is there {_times(number)}."


def too_many(number: int, most: int) -> str:
    return f"may be there {_most(most)}, and is there {_times(number)}."
