"""How two codes of one system stand to each other.

https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from server.fhir.json import shown
from server.terminology.provider import CannotTell, System

EQUIVALENT, SUMS, UNDER, APART = "equivalent", "subsumes", "subsumed-by", "not-subsumed"


def subsumes(system: System, one: str, other: str) -> str:
    """A code of https://hl7.org/fhir/R4/valueset-concept-subsumption-outcome.html.

    Raises:
        CannotTell: one of them does not exist, or the system cannot tell.
    """
    first, second = _code(system, one), _code(system, other)
    if first == second:
        return EQUIVALENT
    if system.subsumes(first, second):
        return SUMS
    return UNDER if system.subsumes(second, first) else APART


def _code(system: System, code: str) -> str:
    found = system.find(code)
    if found is None:
        raise CannotTell(
            f"The code '{shown(code)}' does not exist in the code system '{system.url}'.", "not-found"
        )
    return found.code
