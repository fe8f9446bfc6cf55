"""FHIRPath as closures, statically typed by the definitions.

http://hl7.org/fhirpath/N1/ with the additions of https://hl7.org/fhir/R4/fhirpath.html
"""

from server.fhir.expression import Unread
from server.fhir.fhirpath.environment import Environment, Item, Misused
from server.fhir.fhirpath.expression import Expression, compile
from server.fhir.property import Unknown

__all__ = ["Environment", "Expression", "Item", "Misused", "Unknown", "Unread", "compile"]
