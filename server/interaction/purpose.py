"""`X-Purpose-Of-Use`: what one request is for, where its token does not say so already.

https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html
"""

from server.access.access import Access
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.record import refusal
from server.record.door import Door

HEADER = "x-purpose-of-use"


def stated(request: FhirRequest, door: Door, access: Access) -> Access:
    """The caller, for the purpose that the request names.

    Raises:
        Invalid: it is no purpose of use. Forbidden: the token is for another.
    """
    purpose = request.headers.get(HEADER)
    if purpose is None:
        return access
    try:
        return access.asking_for(purpose.strip())
    except FhirError as error:
        raise refusal.accounted(door, access, request, error) from error
