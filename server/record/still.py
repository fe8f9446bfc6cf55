"""Whether what was shown before may be shown still: an answer that was kept is no proof of access."""

from collections.abc import Iterable, Iterator
from typing import Any

from server.fhir import Json
from server.fhir.issue import Forbidden
from server.fhir.meta import REDACTED
from server.record.event import entry
from server.record.record import Record
from server.search.everything import Views, referred
from server.search.view import CallerView

Key = tuple[str, str]
"""(type, id)."""

_LETTERS = "rscu"
"""By any of these a caller may have come to see a resource."""

_NEVER_KEPT = ("OperationOutcome", "Parameters", "CapabilityStatement")


def shown(answer: Json) -> Iterator[tuple[Key, bool]]:
    """The stored resources in an answer, each with whether the whole of it is there."""
    type_ = answer.get("resourceType")
    if type_ == "Bundle" and "versionId" not in answer.get("meta", {}):
        for each in answer.get("entry", ()):
            yield from shown(each.get("resource", {}))
    elif type_ and type_ not in _NEVER_KEPT and "id" in answer:
        labels: list[Any] = answer.get("meta", {}).get("security", [])
        yield (type_, answer["id"]), REDACTED not in labels


def still_seen(record: Record, before: Iterable[tuple[Key, bool]]) -> bool:
    """Whether the caller may see each of the resources now, as far as it was shown before.

    What was deleted meanwhile may be shown if its last version may.
    """
    asked: dict[Key, bool] = {}
    for key, whole in before:
        asked[key] = asked.get(key, False) or whole
    found = seen(record, asked)
    return all(
        found[key] or not whole if key in found else record.remembers(*key) for key, whole in asked.items()
    )


def seen(record: Record, keys: Iterable[Key]) -> dict[Key, bool]:
    """Those of the resources that the caller may see, each with whether the whole of it."""
    places = list(keys)
    views = (_view(record, type_) for type_ in {type_: None for type_, _ in places})
    chosen = Views(tuple((view, False) for view in views if view is not None))
    if not chosen.of:
        return {}
    line = entry(record.access, record.at, "operation", None, query="an answer that was kept")
    rows = referred(record.connection, chosen, places, line)
    return {(row.type, row.id): row.whole and not row.withheld for row in rows}


def _view(record: Record, type_: str) -> CallerView | None:
    for letter in _LETTERS:
        try:
            return record.access.view(type_, letter)
        except Forbidden:
            continue
    return None
