"""What is wrong in a resource, and the words for it.

A sentence is for the client's developer: it names the element, what was found and what belongs there. It
quotes codes, numbers, dates and the names of unknown properties, for they are the error; never prose, names
or identifiers, for they are somebody's.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from server.fhir import Json
from server.fhir.issue import Issue
from server.fhir.primitive import Primitive

T = TypeVar("T")
V = TypeVar("V")

LIMIT = 100
"""More errors than this in one resource have one cause."""

_QUOTE_LIMIT = 60
_PROPERTY = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_CODE = re.compile(r"[\w.:+|/#$\-]+")
_FIGURES = re.compile(r"[0-9TWZ:.,+\-/ ]+")
# Nine digits in a row are a number of somebody's, whatever the element was meant for.
_NUMBER_OF_SOMEBODY = re.compile(r"[0-9]{9}")


@dataclass(slots=True)
class Fault:
    """`text` completes the sentence that `path` begins; the path grows to the left on the way up.

    `misshapen`: the value has not the JSON of its type, so that nothing more can be asked of it. `source` is
    the definition and the element that ask for it, `rule` the key of an invariant, `profile` the profile that
    the resource was held against. `unless` says of the path within a resource, once it is known, and of the
    resource, that there is no fault after all.
    """

    code: str
    text: str
    path: str = ""
    severity: str = "error"
    source: str = ""
    rule: str = ""
    profile: str = ""
    misshapen: bool = False
    unless: Callable[[str, Json], bool] | None = None

    def issue(self, type: str) -> Issue:
        """The fault in a resource of that type."""
        where = f"{type}{self.path}"
        said = f"{where} {self.text}"
        return Issue(self.code, said, (where,), self.severity, self.source, self.rule, self.profile)


Faults = list[Fault] | None
"""None where all is well, so that a valid resource allocates nothing."""


def every(checks: Iterable[Callable[[T, V], Faults]]) -> Callable[[T, V], Faults]:
    """One check of several, each asked whatever the others find."""
    those = tuple(checks)

    def check(found: T, visit: V) -> Faults:
        faults: Faults = None
        for each in those:
            more = each(found, visit)
            if more is not None:
                faults = joined(faults, more)
        return faults

    return check


def joined(faults: Faults, more: list[Fault], step: str = "") -> list[Fault]:
    """The faults so far, and those found inside the element that `step` leads to."""
    if step:
        for fault in more:
            fault.path = step + fault.path
    if faults is None:
        return more
    faults += more[: LIMIT - len(faults)]
    return faults


def sound(faults: Faults) -> bool:
    """Whether what was checked has the shape that its definition gives it, and rules can be asked of it."""
    return faults is None or not (len(faults) >= LIMIT or any(each.misshapen for each in faults))


def erroneous(faults: Faults) -> bool:
    return faults is not None and any(each.severity == "error" for each in faults)


def wrong_value(type: Primitive, value: Any) -> Fault:
    """A value that the primitive type does not take."""
    if isinstance(value, type.json) and value.__class__ is not bool:
        return Fault("value", f"has to be {type.expected}; {_quote(type, value)} is not.")
    return misshapen(f"has to be {type.expected}; {kind(value)} is not.")


def misshapen(text: str) -> Fault:
    """A value that is not of the kind of JSON that its type has."""
    return Fault("structure", text, misshapen=True)


def kind(value: Any) -> str:
    """What a message calls a value of the wrong kind."""
    return _KINDS.get(type(value), "this value")


_KINDS: Mapping[type, str] = {
    type(None): "null",
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    Decimal: "a number",
    float: "a binary floating-point number",
}


def shown(code: str) -> str:
    """A code in quotes, cut to size; "this value" if it is none, or might be a number of somebody's."""
    return _quoted(code, _CODE)


def _quote(type: Primitive, value: Any) -> str:
    if value == "":
        return "an empty string"
    if not type.quotable:
        return "this value"
    return _quoted(str(value), _CODE if type.name == "code" else _FIGURES)


def _quoted(text: str, shape: re.Pattern[str]) -> str:
    if shape.fullmatch(text) is None or _NUMBER_OF_SOMEBODY.search(text):
        return "this value"
    return f"'{text}'" if len(text) <= _QUOTE_LIMIT else f"'{text[: _QUOTE_LIMIT - 1]}…'"


def is_name(key: str) -> bool:
    """Whether a key could be the name of an element, so that it may be quoted and stand in a path."""
    return len(key) <= _QUOTE_LIMIT and _PROPERTY.fullmatch(key) is not None
