"""How the codes of the project's own lists read.

A resource that shows a code as its list does needs no text kept beside it: it is found through the list.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import cache

from server.definition.codes import concepts
from server.definition.library import library
from server.fhir.name import fold

Code = tuple[str, str]
"""System and code."""


def reads(system: str, code: str, text: str) -> bool:
    """Whether the code reads so in its list."""
    known = _displays().get((system, code))
    return known is not None and known == fold(text)


def beginning(text: str) -> Iterator[Code]:
    """The codes that read so from the beginning; `text` is folded."""
    ordered = _ordered()
    for display, code in ordered[bisect_left(ordered, (text, ("", ""))) :]:
        if not display.startswith(text):
            return
        yield code


@cache
def _displays() -> Mapping[Code, str]:
    systems = (each for each in library().ours() if each["resourceType"] == "CodeSystem")
    return {
        (each["url"], concept["code"]): fold(concept["display"])
        for each in systems
        for concept in concepts(each)
        if "display" in concept
    }


@cache
def _ordered() -> list[tuple[str, Code]]:
    return sorted((display, code) for code, display in _displays().items())
