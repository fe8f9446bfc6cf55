"""The concepts of a CodeSystem, and which stands under which.

https://hl7.org/fhir/R4/codesystem.html#hierachy
"""

from collections.abc import Iterator

from server.fhir import Json

_PARENTS = frozenset({"parent", "subsumedBy"})


def concepts(definition: Json) -> Iterator[Json]:
    """Every concept in its order, those inside others after these."""
    todo = [*reversed(definition.get("concept", ()))]
    while todo:
        concept = todo.pop()
        yield concept
        todo += reversed(concept.get("concept", ()))


def steps(definition: Json) -> Iterator[tuple[str, str]]:
    """Each code with one right above it: by nesting, or by a property of either that names the other."""
    for concept in concepts(definition):
        code = concept["code"]
        yield from ((below["code"], code) for below in concept.get("concept", ()))
        for each in concept.get("property", ()):
            if each["code"] in _PARENTS and "valueCode" in each:
                yield code, each["valueCode"]
            elif each["code"] == "child" and "valueCode" in each:
                yield each["valueCode"], code


def parents(definition: Json) -> dict[str, set[str]]:
    """For each code that stands under others those right above it."""
    found: dict[str, set[str]] = {}
    for code, above in steps(definition):
        found.setdefault(code, set()).add(above)
    return found
