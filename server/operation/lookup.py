"""What a code means.

https://hl7.org/fhir/R4/codesystem-operation-lookup.html
"""

from server.fhir.issue import Invalid
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, coded, day
from server.record.record import Record
from server.terminology import systems
from server.terminology.lookup import lookup as looked_up


@implements("CodeSystem-lookup")
def lookup(call: Call, record: Record) -> Result:
    """Its display, designations and properties, or those of them that are asked for."""
    (asked,) = coded(call)
    if asked.system is None:
        raise Invalid("$lookup needs the system of the code.")
    with answered():
        system = systems.known(asked.system, asked.version)
        wanted = call.every("property")
        return Result(looked_up(system, asked.code, wanted, day(call), call.one("displayLanguage")))
