"""The functions of FHIRPath but for those that take an expression for each item, by name.

http://hl7.org/fhirpath/N1/#functions
"""

from collections.abc import Mapping

from server.fhir.fhirpath.function.boundary import BOUNDARY
from server.fhir.fhirpath.function.collection import COLLECTION
from server.fhir.fhirpath.function.conversion import CONVERSION
from server.fhir.fhirpath.function.define import Function
from server.fhir.fhirpath.function.element import ELEMENT
from server.fhir.fhirpath.function.number import NUMBER
from server.fhir.fhirpath.function.text import TEXT

__all__ = ["FUNCTIONS", "Function"]

FUNCTIONS: Mapping[str, Function] = {**COLLECTION, **TEXT, **NUMBER, **CONVERSION, **ELEMENT, **BOUNDARY}
