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
        provenance = answer.resource_of(json.decode(text.encode()), "Provenance")
    except Malformed as error:
        # What it says is of a body or a URL, and here neither is meant.
        raise Malformed("X-Provenance has to hold a Provenance, as JSON.") from error
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
