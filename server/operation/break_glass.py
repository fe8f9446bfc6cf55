"""In need, and for a limited time, a child is seen as the named see it."""

from server.fhir.issue import Invalid
from server.fhir.meta import instant
from server.fhir.period import day
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record import glass
from server.record.record import Record


@implements("Patient-break-glass")
def break_glass(call: Call, record: Record) -> Result:
    """Of the Patient that the operation is called on, or of who has an identifier and a birth date."""
    need = glass.Need(call.one("reason"), call.one("purpose"), call.one("minutes"))
    identifier, born = call.one("identifier"), call.one("birthDate")
    if call.id is not None:
        if identifier or born:
            raise Invalid("The Patient is named by the URL: 'identifier' and 'birthDate' are for [type].")
        broken = glass.by_id(record, call.id, need)
    else:
        broken = glass.by_identifier(record, *_identity(identifier, born), need)
    return Result(
        {
            "patient": {"reference": broken.patient},
            "until": instant(broken.until),
            "told": [{"reference": each} for each in broken.told],
        }
    )


def _identity(identifier: object, born: str | None) -> tuple[str, str, str]:
    """System and value of an identifier, and the day."""
    if not isinstance(identifier, dict) or not (identifier.get("system") and identifier.get("value")):
        raise Invalid("The child is named by 'identifier', with system and value, and 'birthDate'.")
    if born is None or day(born) is None:
        raise Invalid("'birthDate' is a whole day.")
    return identifier["system"], identifier["value"], born
