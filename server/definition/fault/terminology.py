"""Whether a code system or a value set can be what it says.

https://hl7.org/fhir/R4/codesystem.html, https://hl7.org/fhir/R4/valueset.html
"""

from collections import Counter
from collections.abc import Iterator

from server.definition.codes import concepts, parents
from server.definition.library import Library
from server.fhir import Json
from server.fhir.issue import Issue


def of_code_system(definition: Json, library: Library) -> Iterator[Issue]:
    """A code is one concept, under others that there are, and under none that stands under it."""
    found = list(concepts(definition))
    codes = {each["code"] for each in found}
    for code, count in Counter(each["code"] for each in found).items():
        if count > 1:
            yield _fault("CodeSystem.concept", f"The code '{code}' is defined {count} times.")
    above = parents(definition)
    if definition.get("content") == "complete":
        for code, names in above.items():
            for name in sorted(names - codes):
                yield _fault(
                    "CodeSystem.concept", f"The code '{code}' stands under '{name}', which is no code."
                )
    if (code := _in_a_circle(above)) is not None:
        yield _fault("CodeSystem.concept", f"The code '{code}' stands under itself.")
    whole = definition.get("supplements", "").partition("|")[0]
    if whole and ("CodeSystem", whole) not in library:
        told = f"The code system '{whole}', which it supplements, is not known."
        yield _fault("CodeSystem.supplements", told, severity="warning")


def _in_a_circle(above: dict[str, set[str]]) -> str | None:
    """A code that is reached by going up from itself: what is left when the tops are taken away."""
    left = {code: set(names) for code, names in above.items()}
    while tops := {name for names in left.values() for name in names} - left.keys() | {
        code for code, names in left.items() if not names
    }:
        left = {code: names - tops for code, names in left.items() if code not in tops}
    return min(left, default=None)


def of_value_set(definition: Json, library: Library) -> Iterator[Issue]:
    """What it is made of is known, and is not itself."""
    compose = definition.get("compose", {})
    for part in ("include", "exclude"):
        for place, each in enumerate(compose.get(part, ())):
            yield from _of_part(each, f"ValueSet.compose.{part}[{place}]", library)
    if (url := definition.get("url")) and url in _reached(definition, library):
        yield _fault("ValueSet.compose", f"'{url}' is made of itself.")


def _of_part(part: Json, where: str, library: Library) -> Iterator[Issue]:
    system = part.get("system", "").partition("|")[0]
    if system and ("CodeSystem", system) not in library:
        told = f"The code system '{system}' is not among the definitions."
        yield _fault(f"{where}.system", told, severity="warning")
    for url in part.get("valueSet", ()):
        if ("ValueSet", url.partition("|")[0]) not in library:
            yield _fault(f"{where}.valueSet", f"The value set '{url}' is not known.", severity="warning")


def _reached(definition: Json, library: Library) -> set[str]:
    """The value sets that it is made of, and those that they are made of."""
    found: set[str] = set()
    todo = [definition]
    while todo:
        compose = todo.pop().get("compose", {})
        for part in (*compose.get("include", ()), *compose.get("exclude", ())):
            for url in {url.partition("|")[0] for url in part.get("valueSet", ())} - found:
                found.add(url)
                todo.extend(filter(None, [library.resource("ValueSet", url)]))
    return found


def _fault(where: str, told: str, severity: str = "error") -> Issue:
    return Issue("business-rule", told, (where,), severity=severity)
