"""The header by which a client says that a new child is another than those it resembles, and why.

`docs/identity.md` tells when it is asked for.
"""

from server.fhir.exchange import FhirRequest
from server.fhir.issue import Invalid

HEADER = "x-confirm-new"

_SHORTEST, _LONGEST = 10, 500
"""Characters of a reason; who decides later has to understand it."""


def sent(request: FhirRequest) -> str | None:
    """The reason; None: nothing is confirmed.

    Raises:
        Invalid: it is too short to be one.
    """
    found = request.headers.get(HEADER)
    if found is None:
        return None
    reason = found.strip()
    if not _SHORTEST <= len(reason) <= _LONGEST or not reason.isprintable():
        raise Invalid(
            f"X-Confirm-New says why the child is another than those it resembles, in {_SHORTEST} to "
            f"{_LONGEST} characters."
        )
    return reason
