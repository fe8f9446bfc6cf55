"""What an element is once a differential has said more of it.

https://hl7.org/fhir/R4/elementdefinition.html#interpretation
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.fhir import Json

_CONTINUES = "..."
_OF_THE_PUBLICATION = tuple(
    f"http://hl7.org/fhir/StructureDefinition/structuredefinition-{name}"
    for name in ("fmm", "normative-version", "standards-status", "wg")
)
_STANDS = frozenset({"id", "path", "base"})


def constrained(element: Json, change: Json, source: str | None = None) -> Json:
    """The element with what the definition at `source` says of it."""
    made = dict(element)
    for key, value in change.items():
        if key not in _STANDS:
            join = _JOINS.get(key)
            made[key] = join(made[key], value) if join and key in made else value
    if source and "constraint" in change:
        own = {each["key"] for each in change["constraint"]}
        made["constraint"] = [
            {"source": source, **each} if each["key"] in own else each for each in made["constraint"]
        ]
    return made


def inherited(element: Json) -> Json:
    """What of an element holds for what derives from it: not how far its own publication has come."""
    if "extension" not in element:
        return element
    kept = [each for each in element["extension"] if not each["url"].startswith(_OF_THE_PUBLICATION)]
    rest = {key: value for key, value in element.items() if key != "extension"}
    return {**rest, "extension": kept} if kept else rest


def _more(before: Sequence[Any], change: Sequence[Any]) -> Sequence[Any]:
    return [*before, *(each for each in change if each not in before)]


def _by(*keys: str) -> Callable[[Sequence[Json], Sequence[Json]], Sequence[Json]]:
    """What is known by a key is said anew under the same key."""

    def join(before: Sequence[Json], change: Sequence[Json]) -> Sequence[Json]:
        named = {tuple(each.get(key) for key in keys): each for each in (*before, *change)}
        return list(named.values())

    return join


def _over(before: Json, change: Json) -> Json:
    return {**before, **change}


def _text(before: str, change: str) -> str:
    """Text that begins with three dots goes on where the base's ends."""
    return f"{before}\r\n{change.removeprefix(_CONTINUES)}" if change.startswith(_CONTINUES) else change


def _types(before: Sequence[Json], change: Sequence[Json]) -> Sequence[Json]:
    """Those of the change; of a type that says no more than its name what the base said of it."""
    known = {each["code"]: each for each in before}
    return [known.get(each["code"], each) if each.keys() == {"code"} else each for each in change]


_JOINS: Mapping[str, Callable[[Any, Any], Any]] = {
    "alias": _more,
    "binding": _over,
    "code": _more,
    "comment": _text,
    "condition": _more,
    "constraint": _by("key"),
    "definition": _text,
    "example": _by("label"),
    "extension": _by("url"),
    "mapping": _by("identity", "map"),
    "requirements": _text,
    "slicing": _over,
    "type": _types,
}
