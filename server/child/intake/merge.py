"""A draft laid over the resource that the record has: what the file says replaces, the rest stays."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from server.child.intake.draft import Draft, pruned
from server.fhir import Json


def created(draft: Draft) -> Json:
    """The resource that a draft becomes when the record has none."""
    return {**pruned(draft.content), **draft.initial}


def merged(existing: Json, draft: Draft) -> Json:
    """The existing resource with the elements of the draft; equal to it when the file says nothing new."""
    result = dict(existing)
    for name, ours in draft.content.items():
        value = _element(name, existing.get(name), ours)
        if value in (None, [], {}):
            result.pop(name, None)
        else:
            result[name] = value
    if draft.earliest_start:
        _keep_earliest_start(existing, result)
    return result


def alike(one: Any, other: Any) -> bool:
    """Whether two pieces of JSON say the same: properties in any order, 1.0 and 1 one number, true none."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if _numeric(one) and _numeric(other):
        return Decimal(one) == Decimal(other)
    return type(one) is type(other) and bool(one == other)


def _element(name: str, existing: Any, ours: Any) -> Any:
    if name == "extension":
        return _extensions(existing or [], ours)
    new = pruned(ours)
    if name == "meta":
        profiles = [*(existing or {}).get("profile", [])]
        added = [url for url in new.get("profile", []) if url not in profiles]
        return {**(existing or {}), "profile": profiles + added} if added else existing
    if name in _KEYS:
        return _keyed(existing or [], new or [], _KEYS[name])
    return existing if alike(existing, new) else new


def _extensions(existing: list[Json], ours: list[Json]) -> list[Json]:
    """Extensions by URL: one that the draft names is replaced or, if it says nothing, dropped."""
    result = list(existing)
    for url in dict.fromkeys(one["url"] for one in ours):
        old = [one for one in existing if one["url"] == url]
        new = [one for one in ours if one["url"] == url]
        if len(old) == len(new) == 1 and "extension" in old[0] and "extension" in new[0]:
            # Of a complex extension another file may have given other parts: 903's AD1 beside PlacedAdoption.
            parts = _extensions(old[0]["extension"], new[0]["extension"])
            replacement = [{**old[0], "extension": parts}] if parts else []
        else:
            replacement = [one for one in map(pruned, new) if one]
        if not alike(old, replacement):
            result = [one for one in result if one["url"] != url] + replacement
    return result


def _keyed(existing: list[Json], ours: list[Json], key: Callable[[Json], Any]) -> list[Json]:
    """A list whose members are known by a key: ours are laid over their like, new ones come last."""
    result = list(existing)
    for one in ours:
        place = _place(result, key, key(one))
        if place is None:
            result.append(one)
        elif not alike(result[place], combined := {**result[place], **one}):
            result[place] = combined
    return result


def _place(members: Iterable[Json], key: Callable[[Json], Any], wanted: Any) -> int | None:
    return next((place for place, one in enumerate(members) if key(one) == wanted), None)


def _keep_earliest_start(existing: Json, result: Json) -> None:
    """A yearly file may begin in the middle of what an earlier one saw beginning."""
    known = existing.get("period", {}).get("start")
    if known is not None and known < result["period"]["start"]:
        period = {**result["period"], "start": known}
        result["period"] = existing["period"] if alike(existing["period"], period) else period


def _numeric(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _language(communication: Json) -> tuple[str, ...]:
    codings: list[Json] = communication.get("language", {}).get("coding", [])
    return tuple(coding.get("code", "") for coding in codings)


def _member(participant: Json) -> tuple[Any, Any]:
    member, period = participant.get("member", {}), participant.get("period", {})
    return member.get("identifier", {}).get("value"), period.get("start")


_KEYS: dict[str, Callable[[Json], Any]] = {
    "identifier": lambda identifier: (identifier.get("system"), identifier.get("value")),
    "name": lambda name: name.get("use"),
    "communication": _language,
    "participant": _member,
}
