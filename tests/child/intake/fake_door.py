"""A record in memory with promises of the real one: claims, whole transactions, sight by involvement."""

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
    """`refuses` may say what is wrong with a resource, and, if `vague`, not which it is.

    What is in `hidden` is there and not seen.
    """

    def __init__(
        self, refuses: Callable[[Json], str | None] = lambda resource: None, *, vague: bool = False
    ) -> None:
        self.resources: dict[str, Json] = {}
        self.hidden: set[str] = set()
        self.transactions = 0
        self._refuses, self._vague = refuses, vague
        self._ids = itertools.count(1)
        # Where an identifier was ever seen; whether it still is there is asked of the resource.
        self._seen: dict[tuple[str, str, str], set[str]] = {}

    def find_all(self, type: str, system: str, values: Sequence[str]) -> Mapping[str, Sequence[Json]]:
        found = {value: self._with(type, system, value) for value in values}
        return {
            value: [copy.deepcopy(self.resources[url]) for url in urls if url not in self.hidden]
            for value, urls in found.items()
        }

    def trace(self, system: str, value: str, birth_date: str) -> str | None:
        for url in self._with("Patient", system, value):
            if self.resources[url].get("birthDate") == birth_date:
                return str(self.resources[url]["id"])
        return None

    def transact(self, changes: Sequence[Change]) -> None:
        before, hidden = dict(self.resources), set(self.hidden)
        try:
            self._write(changes)
        except FhirError:
            self.resources, self.hidden = before, hidden
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
                raise Unprocessable(why, expression=() if self._vague else f"{at}.resource")
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
                holders = self._with("Patient", one["system"], one["value"])
                if set(holders) - {url}:
                    raise Duplicate(
                        "The identifier is taken.", expression=f"{at}.resource.identifier[{number}]"
                    )

    def _store(self, resource: Json, url: str) -> None:
        version = int(self.resources.get(url, {}).get("meta", {}).get("versionId", 0)) + 1
        meta = {
            **resource.get("meta", {}),
            "versionId": str(version),
            "lastUpdated": f"2026-01-01T00:00:{version:02}Z",
        }
        self.resources[url] = {**resource, "id": url.partition("/")[2], "meta": meta}
        for one in _identifiers(resource):
            self._seen.setdefault((resource["resourceType"], *one), set()).add(url)
        for _, text in references(resource):
            if text in self.hidden:
                # To write about a child brings the agency in.
                self.hidden -= {text} | {one for one in self.hidden if self._is_about(one, text)}

    def _is_about(self, url: str, child: str) -> bool:
        return any(text == child for _, text in references(self.resources[url]))

    def _with(self, type: str, system: str, value: str) -> list[str]:
        urls = sorted(self._seen.get((type, system, value), ()))
        return [url for url in urls if (system, value) in _identifiers(self.resources.get(url, {}))]

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


def _identifiers(resource: Json) -> list[tuple[str, str]]:
    identifiers = resource.get("identifier", ())
    return [(one["system"], one["value"]) for one in identifiers] if isinstance(identifiers, list) else []
