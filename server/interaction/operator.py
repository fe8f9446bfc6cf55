"""An operator's way in: imports and the demonstration go through the same door as their agency's own
system."""

from collections.abc import Sequence

from server.access.access import Access
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.interaction.router import respond
from server.record.door import Door


class Desk:
    """Does for an agency what its rights allow, in transactions of its own."""

    def __init__(self, door: Door, access: Access) -> None:
        self._door, self._access = door, access

    def transact(self, bundle: Json) -> Json:
        """Carry out a transaction Bundle; the Bundle that answers.

        Raises:
            FhirError: the refusal; nothing of it is stored.
        """
        return self._answered(FhirRequest("POST", "", content=bundle))

    def search(self, type_: str, query: Sequence[tuple[str, str]]) -> list[Json]:
        """Every match that the agency may see, page by page."""
        found: list[Json] = []
        asked: Sequence[tuple[str, str]] = query
        while asked:
            page = self._answered(FhirRequest("GET", type_, tuple(asked), {"prefer": "handling=strict"}))
            found += (
                entry["resource"] for entry in page.get("entry", ()) if entry["search"]["mode"] == "match"
            )
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            asked = [("_page", following[0].partition("_page=")[2])] if following else ()
        return found

    def _answered(self, request: FhirRequest) -> Json:
        body = respond(request, self._door, self._access).body
        answer: Json = json.decode(body or b"{}")
        return answer
