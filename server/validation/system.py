"""Systems: what gives a code or an identifier its meaning is named by a whole URI.

https://hl7.org/fhir/R4/datatypes.html#Coding
https://hl7.org/fhir/R4/datatypes.html#Identifier
"""

import re

from server.definition.library import library
from server.fhir import Json
from server.validation.fault import Fault, Faults, shown
from server.validation.visit import Visit

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:.|#.")
_URIS = "urn:ietf:rfc:3986"
# More systems than this in one process are somebody's mistake, and not to be remembered.
_REMEMBERED = 1000


def of_coding(coding: Json, _: Visit) -> Faults:
    """The system of a Coding, which is a code system and no value set."""
    system = coding.get("system")
    if system is None or system in (good := _good()):
        return None
    if _ABSOLUTE.match(system) is None:
        return [_relative(system)]
    if ("ValueSet", system) in library():
        text = f"has to name a code system; {shown(system)} is a value set."
        return [Fault("invalid", text, ".system")]
    if len(good) < _REMEMBERED:
        good.add(system)
    return None


def _good() -> set[str]:
    """Systems that were looked at, under the definitions in force."""
    good: set[str] = library().memo.setdefault(of_coding, set())
    return good


def of_identifier(identifier: Json, _: Visit) -> Faults:
    """The system of an Identifier, and its value where that is a URI itself."""
    system, value = identifier.get("system"), identifier.get("value")
    if system is None:
        return None
    if _ABSOLUTE.match(system) is None:
        return [_relative(system)]
    if system == _URIS and value is not None and _ABSOLUTE.match(value) is None:
        return [Fault("invalid", f"has to be a whole URI, as its system {_URIS} says.", ".value")]
    return None


def _relative(system: str) -> Fault:
    return Fault("invalid", f"has to be an absolute URI; {shown(system)} is not.", ".system")
