"""What stands above and below a code in its code system.

https://hl7.org/fhir/R4/codesystem.html#hierachy
"""

from itertools import islice

from server.terminology import systems
from server.terminology.provider import CannotTell, Filter, Query

MOST = 20_000


def below(system: str, code: str) -> frozenset[str] | None:
    """The code and all that it subsumes; None if the system is not known whole, or has no such code."""
    return _related(system, code, "is-a")


def above(system: str, code: str) -> frozenset[str] | None:
    """The code and all that subsume it; None if the system is not known whole, or has no such code."""
    return _related(system, code, "generalizes")


def _related(url: str, code: str, op: str) -> frozenset[str] | None:
    try:
        system = systems.known(url)
        if not system.complete or system.find(code) is None:
            return None
        query = Query((Filter("concept", op, code),), limit=MOST)
        return frozenset(concept.code for concept in islice(system.matching(query), MOST))
    except CannotTell:
        return None
