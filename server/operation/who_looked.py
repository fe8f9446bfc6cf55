"""Who looked at what is known of a child, for those entitled to know, and for the family to keep."""

from datetime import datetime

from server.fhir.exchange import FhirResponse
from server.fhir.issue import Invalid
from server.fhir.json import shown
from server.fhir.meta import instant
from server.fhir.period import interval
from server.operation.call import Call, Result
from server.operation.registry import implements
from server.record.auditevent.looked import Look, looked
from server.record.auditevent.table import as_csv, as_html
from server.record.record import Record


@implements("Patient-who-looked")
def who_looked(call: Call, record: Record) -> Result | FhirResponse:
    """As the AuditEvents of the child say it that the caller may see."""
    assert call.id is not None
    output = call.one("output")
    if output not in (None, "html", "csv"):
        raise Invalid(f"'output' is html or csv; '{shown(output)}' is not.")
    looks, more = looked(record, call.id, _end(call, "start", 0), _end(call, "end", 1))
    if output == "csv":
        return _file(as_csv(looks), "text/csv; charset=utf-8", "who-looked.csv")
    if output == "html":
        return _file(as_html(looks, record.at, more=more), "text/html; charset=utf-8", "who-looked.html")
    return Result({"look": [_told(look) for look in looks], "more": more})


def _end(call: Call, name: str, end: int) -> datetime | None:
    text = call.one(name)
    return None if text is None else interval(text)[end]


def _file(content: bytes, type_: str, name: str) -> FhirResponse:
    headers = {
        "Content-Type": type_,
        "Content-Disposition": f'attachment; filename="{name}"',
        # What is opened from here by mistake runs nothing and loads nothing.
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }
    return FhirResponse(200, content, headers)


def _told(look: Look) -> dict[str, object]:
    return {
        "day": look.day.isoformat(),
        "first": instant(look.first),
        "last": instant(look.last),
        "times": look.times,
        **({"agency": look.agency} if look.agency else {}),
        **({"who": look.who} if look.who else {}),
        "did": look.did,
        "what": sorted(look.what),
        "purpose": list(look.purposes),
        "refused": look.refused,
    }
