"""The children among whom somebody may choose: found by the record's own search, as the person."""

from dataclasses import dataclass
from typing import Any

from server.access.scope import parse
from server.fhir import Json, json
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Forbidden
from server.interaction.opening import access
from server.interaction.router import respond
from server.record.door import Door
from server.record.person import user_of
from server.store.accounts import Account

MOST = 20
"""Children on one page: who finds more has asked for too little."""

_SCOPE = "user/Patient.rs"
_OFFICIAL = ("official", "usual", None)


@dataclass(frozen=True, slots=True)
class Child:
    """What a worker tells one child from another by."""

    id: str
    name: str
    born: str
    identifiers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The first of them; `more`: there are others."""

    children: tuple[Child, ...]
    more: bool


def found(door: Door, account: Account, client: str, query: tuple[tuple[str, str], ...]) -> Found:
    """The children whom a person may see and this search finds. `client`: for which app they are looked for.

    Raises:
        FhirError: the search cannot be understood.
    """
    scope = parse(_SCOPE)
    assert scope is not None
    whose = access(door, client, account.agency, (scope,), user=user_of(account))
    asked = (*query, ("_count", str(MOST + 1)), ("_elements", "name,birthDate,identifier"))
    try:
        answer = respond(FhirRequest("GET", "Patient", asked, {"prefer": "handling=strict"}), door, whose)
    except Forbidden:
        return Found((), more=False)
    assert answer.body is not None
    matches = [
        entry["resource"]
        for entry in json.decode(answer.body).get("entry", ())
        if entry["search"]["mode"] == "match"
    ]
    return Found(tuple(map(_child, matches[:MOST])), len(matches) > MOST)


def one(door: Door, account: Account, client: str, id: str) -> Child | None:
    """The child of this id, if the person may see it."""
    return next(iter(found(door, account, client, (("_id", id),)).children), None)


def _child(patient: Json) -> Child:
    return Child(
        id=patient["id"],
        name=_name(patient.get("name", [])),
        born=patient.get("birthDate", ""),
        identifiers=tuple(each["value"] for each in patient.get("identifier", ()) if "value" in each),
    )


def _name(names: list[Any]) -> str:
    chosen: Json = min(names, key=_rank, default={})
    parts = [*chosen.get("given", ()), chosen.get("family", "")]
    return chosen.get("text") or " ".join(filter(None, parts)) or "Name not known"


def _rank(name: Json) -> int:
    use = name.get("use")
    return _OFFICIAL.index(use) if use in _OFFICIAL else len(_OFFICIAL)
