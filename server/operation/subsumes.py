"""Whether one code stands above another.

https://hl7.org/fhir/R4/codesystem-operation-subsumes.html
"""

from server.fhir.issue import Invalid
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.operation.terminology import answered, code_system, coded_as
from server.record.record import Record
from server.terminology.subsumes import subsumes as relation
from server.terminology.validate_code import Coded


@implements("CodeSystem-subsumes")
def subsumes(call: Call, record: Record) -> Result:
    """Whichever way round."""
    one, other = _coded(call, "A"), _coded(call, "B")
    systems = {each.system for each in (one, other) if each.system is not None}
    if len(systems) > 1:
        raise Invalid("$subsumes compares codes of one system, and was given codes of two.")
    with answered():
        system = code_system(call, record, next(iter(systems), None))
        return Result({"outcome": relation(system, one.code, other.code)})


def _coded(call: Call, which: str) -> Coded:
    code, coding = call.one(f"code{which}"), call.one(f"coding{which}")
    if (code is None) == (coding is None):
        raise Invalid(f"$subsumes needs 'code{which}' or 'coding{which}', and not both.")
    return Coded(code, call.one("system")) if code is not None else coded_as(coding, f"coding{which}")
