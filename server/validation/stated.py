"""The rules of FHIR that no definition states, by the type that each is about.

A rule takes a value of the type (a resource, a datatype), once its structure is known to be good, and the
visit; it returns the faults, with paths from the value on, or None.
"""

from collections.abc import Callable, Mapping

from server.fhir import Json
from server.validation import attachment, bundle, coding, element_id, narrative, system, wary
from server.validation.fault import Faults
from server.validation.visit import Visit

Rule = Callable[[Json, Visit], Faults]

RULES: Mapping[str, tuple[Rule, ...]] = {
    "Resource": (element_id.check, narrative.links, wary.check),
    "Attachment": (attachment.check,),
    "Bundle": (bundle.check,),
    "Coding": (system.of_coding, coding.check),
    "Identifier": (system.of_identifier,),
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), (coding.of_unit,)),
}
"""Those of `Resource` are for a resource of any type, beside the ones of its own."""
