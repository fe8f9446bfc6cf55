"""A record in memory that keeps the promises of the real one: claims, whole transactions, sight by involvement."""

import copy
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.child.intake.door import Change
from server.fhir import Json
from server.fhir.identifier import LA_CHILD_ID, NHS_NUMBER, ULN, UPN
from server.fhir.issue import Duplicate, FhirError, Unprocessable
from server.fhir.reference import references


class FakeDoor:
    """`refuses` may name what is wrong with a resource. Ids in `hidden` exist and are not seen."""

    def __init__(self, refuses: Callable[[Json], str | None] = lambda resource: None) -> None:
        self.resources: dict[str, Json] = {}
        self.hidden: set[str] = set()
        self.transactions = 0
        self._refuses = refuses
        self._ids = itertools.count(1)

    def find_all(self, type: str, system: str, values: Sequence[str]) -> Mapping[str, Sequence[Json]]:
        found: dict[str, list[Json]] = {}
        for url, resource in self.resources.items():
            if url.startswith(f"{type}/") and url not in self.hidden:
                for one in resource.get("identifier", ()):
                    if one["system"] == system and one["value"] in values:
                        found.setdefault(one["value"], []).append(copy.deepcopy(resource))
        return found

    def trace(self, system: str, value: str, birth_date: str) -> str | None:
        for url, resource in self.resources.items():
            known = {(one["system"], one["value"]) for one in resource.get("identifier", ())}
            if url.startswith("Patient/") and (system, value) in known:
                return str(resource["id"]) if resource.get("birthDate") == birth_date else None
        return None

    def transact(self, changes: Sequence[Change]) -> None:
        before = copy.deepcopy(self.resources)
        try:
            self._write(changes)
        except FhirError:
            self.resources = before
            raise
        self.transactions += 1

    def of_type(self, type: str) -> list[Json]:
        return [resource for url, resource in self.resources.items() if url.startswith(f"{type}/")]

    def _write(self, changes: Sequence[Change]) -> None:
        urls = {change.full_url: self._url(change) for change in changes}
        for place, change in enumerate(changes):
            resource = _resolved(change.resource, urls)
            at = f"Bundle.entry[{place}]"
            if why := self._refuses(resource):
                raise Unprocessable(why, expression=f"{at}.resource")
            self._check_claims(resource, urls[change.full_url], at)
            self._store(resource, urls[change.full_url])
        for change in changes:
            self._check_references(self.resources[urls[change.full_url]])

    def _url(self, change: Change) -> str:
        type = change.resource["resourceType"]
        if change.interaction == "create":
            return f"{type}/{next(self._ids)}"
        url = f"{type}/{change.resource['id']}"
        assert url in self.resources, "an update of what is not there"
        assert url not in self.hidden, "an update of what is not seen"
        return url

    def _check_claims(self, resource: Json, url: str, at: str) -> None:
        for number, one in enumerate(resource.get("identifier", ())):
            if resource["resourceType"] == "Patient" and _claims(one["system"]):
                for other, stored in self.resources.items():
                    if other != url and other.startswith("Patient/") and _carries(stored, one):
                        where = f"{at}.resource.identifier[{number}]"
                        raise Duplicate("The identifier is taken.", expression=where)

    def _store(self, resource: Json, url: str) -> None:
        version = int(self.resources.get(url, {}).get("meta", {}).get("versionId", 0)) + 1
        meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": f"2026-01-01T00:00:{version:02}Z"}
        self.resources[url] = {**resource, "id": url.partition("/")[2], "meta": meta}
        for _, text in references(resource):
            self.hidden.discard(text)  # to write about a child brings the agency in

    def _check_references(self, resource: Json) -> None:
        for _, text in references(resource):
            if text != "Organization/social-care":
                assert text in self.resources, f"dangling {text}"


def _resolved(value: Any, urls: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _resolved(member, urls) for key, member in value.items()}
    if isinstance(value, list):
        return [_resolved(member, urls) for member in value]
    if isinstance(value, str) and re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", value):
        return urls[value]
    assert not (isinstance(value, str) and value.startswith("draft:")), value
    return value


def _claims(system: str) -> bool:
    return system in (NHS_NUMBER, UPN, ULN) or system.startswith(LA_CHILD_ID)


def _carries(stored: Json, identifier: Json) -> bool:
    return any(
        (one["system"], one["value"]) == (identifier["system"], identifier["value"])
        for one in stored.get("identifier", ())
    )
