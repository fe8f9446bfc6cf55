"""Concept maps: what a code is in another code system, in either direction.

https://hl7.org/fhir/R4/conceptmap.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from server.definition.library import library
from server.fhir import Json
from server.terminology import systems
from server.terminology.provider import CannotTell

_DEEPEST = 5
"""Maps that name another for what they do not map."""

_INVERSE: Mapping[str, str] = {
    "wider": "narrower",
    "narrower": "wider",
    "subsumes": "specializes",
    "specializes": "subsumes",
}
NO_TRANSLATION = frozenset({"unmatched", "disjoint"})


@dataclass(frozen=True, slots=True)
class Match:
    """`concept` is a Coding, None where a map says that nothing corresponds; `products` as in the map."""

    equivalence: str
    concept: Json | None
    source: str | None
    products: tuple[Json, ...] = ()

    @property
    def is_translation(self) -> bool:
        return self.concept is not None and self.equivalence not in NO_TRANSLATION


@dataclass(frozen=True, slots=True)
class Asked:
    """`target` and `source` are value sets, `target_system` a code system; `dependencies` are by element.

    `reverse`: the code is one of a target, and what is wanted are the codes that are mapped to it.
    """

    system: str
    code: str
    source: str | None = None
    target: str | None = None
    target_system: str | None = None
    reverse: bool = False
    dependencies: Mapping[str, Sequence[Json]] | None = None


def concept_map(url: str) -> Json:
    """A definition by its canonical.

    Raises:
        CannotTell: it is not held.
    """
    found = library().resource("ConceptMap", url)
    if found is None:
        raise CannotTell(f"The concept map '{url}' is not held by this server.", "not-found")
    return found


def fitting(asked: Asked) -> list[Json]:
    """The maps from the code system to what is asked for."""
    return [concept_map(url) for url in _from(asked) if _fits(concept_map(url), asked)]


def _from(asked: Asked) -> Sequence[str]:
    """The canonicals of the maps that have the code system on the side of the code."""
    memo = library().memo
    if "concept maps" not in memo:
        memo["concept maps"] = _by_system()
    found: Mapping[tuple[bool, str], Sequence[str]] = memo["concept maps"]
    return found.get((asked.reverse, asked.system), ())


def _by_system() -> Mapping[tuple[bool, str], Sequence[str]]:
    found: dict[tuple[bool, str], dict[str, None]] = {}
    for url in library().canonicals("ConceptMap"):
        definition = library().resource("ConceptMap", url)
        for group in definition.get("group", ()) if definition else ():
            for reverse, side in ((False, "source"), (True, "target")):
                if side in group:
                    found.setdefault((reverse, group[side]), {})[url] = None
    return {key: tuple(urls) for key, urls in found.items()}


def _fits(definition: Json, asked: Asked) -> bool:
    source, target = _sides(definition)
    if asked.reverse:
        source, target = target, source
    return (asked.source in (None, source)) and (asked.target in (None, target))


def _sides(definition: Json) -> tuple[str | None, str | None]:
    return tuple(
        definition.get(f"{side}Uri") or definition.get(f"{side}Canonical") for side in ("source", "target")
    )  # type: ignore[return-value]


def translate(maps: Iterable[Json], asked: Asked) -> list[Match]:
    """What the maps say of the code, each once."""
    found = (match for each in maps for match in _of_map(each, asked, 0))
    once = {(match.equivalence, _key(match.concept), match.source): match for match in found}
    return list(once.values())


def _key(concept: Json | None) -> tuple[object, ...]:
    return () if concept is None else (concept.get("system"), concept.get("code"))


def _of_map(definition: Json, asked: Asked, depth: int) -> Iterator[Match]:
    groups = [group for group in definition.get("group", ()) if _is_about(group, asked)]
    url = definition.get("url")
    if asked.reverse:
        for group in groups:
            yield from _backwards(group, asked, url)
        return
    for group in groups:
        mapped = [each for each in group.get("element", ()) if each.get("code") == asked.code]
        for element in mapped:
            yield from _forwards(element, group, asked, url)
        if not mapped:
            yield from _unmapped(group, asked, url, depth)


def _is_about(group: Json, asked: Asked) -> bool:
    """Whether a group maps the code's system, and to the one that is asked for."""
    sides = ("target", "source") if asked.reverse else ("source", "target")
    here, there = (group.get(side) for side in sides)
    return here in (None, asked.system) and (asked.target_system in (None, there))


def _forwards(element: Json, group: Json, asked: Asked, url: str | None) -> Iterator[Match]:
    for target in element.get("target", ()):
        if _depends(target, asked):
            products = tuple(target.get("product", ()))
            yield Match(target["equivalence"], _coding(group, "target", target), url, products)


def _backwards(group: Json, asked: Asked, url: str | None) -> Iterator[Match]:
    for element in group.get("element", ()):
        for target in element.get("target", ()):
            if target.get("code") == asked.code:
                equivalence = _INVERSE.get(target["equivalence"], target["equivalence"])
                yield Match(equivalence, _coding(group, "source", element), url)


def _depends(target: Json, asked: Asked) -> bool:
    """Whether all that a mapping depends on was given with the value that it names."""
    given = asked.dependencies or {}
    return all(
        any(_is(each, concept) for concept in given.get(each["property"], ()))
        for each in target.get("dependsOn", ())
    )


def _is(dependency: Json, concept: Json) -> bool:
    return (
        any(
            coding.get("code") == dependency["value"]
            and dependency.get("system") in (None, coding.get("system"))
            for coding in concept.get("coding", ())
        )
        or concept.get("text") == dependency["value"]
    )


def _unmapped(group: Json, asked: Asked, url: str | None, depth: int) -> Iterator[Match]:
    """What a group says of codes that it does not name: https://hl7.org/fhir/R4/conceptmap.html#unmapped."""
    rule = group.get("unmapped", {})
    match rule.get("mode"):
        case "provided":
            yield Match("equal", _coding(group, "target", {"code": asked.code}), url)
        case "fixed" if "code" in rule:
            yield Match("inexact", _coding(group, "target", rule), url)
        case "other-map" if "url" in rule and depth < _DEEPEST:
            yield from _of_map(concept_map(rule["url"]), asked, depth + 1)


def _coding(group: Json, side: str, said: Json) -> Json | None:
    if "code" not in said:
        return None
    system = group.get(side)
    coding = {"system": system, "version": group.get(f"{side}Version"), "code": said["code"]}
    coding["display"] = said.get("display") or _display(system, said["code"])
    return {name: value for name, value in coding.items() if value is not None}


def _display(system: str | None, code: str) -> str | None:
    """How a code reads that the map shows without a display."""
    try:
        concept = systems.known(system).find(code) if system else None
    except CannotTell:
        return None
    return concept.display if concept else None
