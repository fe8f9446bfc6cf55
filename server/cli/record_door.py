"""The record as an import sees it: an agency's searches and transactions, by the way of any request."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

from server.access.access import Access
from server.child.intake.door import Change
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Forbidden, Gone, NotFound
from server.interaction.opening import as_agency
from server.interaction.router import respond
from server.record.door import Door

CLIENT = "import"
"""As whom the import acts for the agency, in the account of who did what."""

_VALUES_AT_ONCE = 100
_PAGE = "1000"
_SPECIAL = re.compile(r"([\\,|$])")


class RecordDoor:
    """Everything goes by `respond`: permitted, checked and accounted for like a request of a client."""

    def __init__(self, opened: Door, agency: str) -> None:
        self._opened = opened
        access = as_agency(opened, agency, CLIENT)
        bringing = replace(access.agency, policy=access.agency.policy.of_imports())
        self._access: Access = replace(access, agency=bringing)

    def holds(self, reference: str) -> bool:
        """Whether the record has the resource and the agency may see it."""
        try:
            respond(FhirRequest("GET", reference), self._opened, self._access)
        except (NotFound, Gone, Forbidden):
            return False
        return True

    def find_all(self, type: str, system: str, values: Sequence[str]) -> Mapping[str, Sequence[Json]]:
        """See `server.child.intake.door.Door`."""
        found: dict[str, list[Json]] = {}
        for first in range(0, len(values), _VALUES_AT_ONCE):
            wanted = values[first : first + _VALUES_AT_ONCE]
            for resource in self._search(type, _identifiers(system, wanted)):
                for value in dict.fromkeys(_values(resource, system)):
                    if value in wanted:
                        found.setdefault(value, []).append(resource)
        return found

    def trace(self, system: str, value: str, birth_date: str) -> str | None:
        """See `server.child.intake.door.Door`."""
        query = (*_identifiers(system, [value]), ("birthdate", birth_date))
        answer = self._answer(FhirRequest("GET", "Patient", query))
        ids = [entry["resource"]["id"] for entry in answer.get("entry", ())]
        return ids[0] if len(ids) == 1 else None

    def transact(self, changes: Sequence[Change]) -> None:
        """See `server.child.intake.door.Door`."""
        entries = [_entry(change) for change in changes]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        respond(FhirRequest("POST", "", content=bundle), self._opened, self._access)

    def children(self) -> Iterator[str]:
        """The ids of the children whom the agency sees."""
        return (each["id"] for each in self._pages("Patient", (("_elements", "id"), ("_total", "none"))))

    def everything(self, child: str) -> Iterator[Json]:
        """What the agency may see of a child, the Patient included."""
        return self._pages(f"Patient/{child}/$everything", ())

    def _search(self, type: str, query: Sequence[tuple[str, str]]) -> Iterator[Json]:
        return self._pages(type, (*query, ("_total", "none")))

    def _pages(self, path: str, query: Sequence[tuple[str, str]]) -> Iterator[Json]:
        page: Sequence[tuple[str, str]] | None = (*query, ("_count", _PAGE))
        while page is not None:
            answer = self._answer(FhirRequest("GET", path, tuple(page)))
            yield from (entry["resource"] for entry in answer.get("entry", ()))
            page = _next(answer)

    def _answer(self, request: FhirRequest) -> Json:
        body = respond(request, self._opened, self._access).body
        assert body is not None
        answer: Json = json.decode(body)
        return answer


def _entry(change: Change) -> Json:
    resource = change.resource
    type = resource["resourceType"]
    if change.interaction == "create":
        request = {"method": "POST", "url": type}
    else:
        # Somebody may have written since it was read; then the import must look again and not overwrite.
        etag = f'W/"{resource["meta"]["versionId"]}"'
        request = {"method": "PUT", "url": f"{type}/{resource['id']}", "ifMatch": etag}
    return {"fullUrl": change.full_url, "resource": resource, "request": request}


def _identifiers(system: str, values: Sequence[str]) -> tuple[tuple[str, str]]:
    return (("identifier", ",".join(f"{_escaped(system)}|{_escaped(value)}" for value in values)),)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _values(resource: Json, system: str) -> Iterator[str]:
    for one in resource.get("identifier", ()):
        if one.get("system") == system and "value" in one:
            yield one["value"]


def _next(bundle: Json) -> Sequence[tuple[str, str]] | None:
    urls = [link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"]
    return parse_qsl(urlsplit(urls[0]).query) if urls else None
