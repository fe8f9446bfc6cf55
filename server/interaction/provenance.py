"""`X-Provenance`: who says what is written, and why, stored with it.

https://hl7.org/fhir/R4/http.html#provenance
"""

from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Malformed
from server.interaction import answer
from server.record.record import Record

HEADER = "x-provenance"


def sent(request: FhirRequest) -> Json | None:
    """The Provenance that a write carries in its header.

    Raises:
        Malformed: it is none, or names its target itself.
    """
    text = request.headers.get(HEADER)
    if text is None or request.method in ("GET", "HEAD"):
        return None
    try:
        # A header comes as Latin-1, and JSON is UTF-8.
        content = json.decode(text.encode("latin-1"))
    except UnicodeEncodeError:
        content = json.decode(text.encode())
    provenance = answer.resource_of(content, "Provenance")
    if "target" in provenance:
        raise Malformed(
            "The target of the Provenance in X-Provenance is what the request writes, and is put in here.",
            expression="Provenance.target",
        )
    return provenance


def attach(provenance: Json, record: Record) -> None:
    """Store it, with every version that the transaction made as its target; of nothing there is none."""
    made = dict.fromkeys(f"{each.type}/{each.id}/_history/{each.version}" for each in record.written)
    if made:
        record.create({**provenance, "target": [{"reference": text} for text in made]})
