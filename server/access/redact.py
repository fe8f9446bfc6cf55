"""Elements that a caller may not see: taken out on the way out, kept on the way in, never searched by.

What is taken out is data, `profiles/redaction.json`: by degree of sight ("existence" lists what stays,
"withheld" what goes where the child is restricted).
"""

from collections.abc import Set
from dataclasses import replace
from functools import cache, lru_cache

import msgspec

from server.access.mask import masks
from server.definition.added import added
from server.definition.folder import profiles
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json, json
from server.fhir.meta import REDACTED
from server.search.element import properties
from server.search.read import read
from server.store.row import Stored

_ALWAYS = ("resourceType", "id")
_CONFIRMING = ("active", "name", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime")


class _Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    existence: dict[str, list[str]]
    withheld: dict[str, list[str]]


def shown(row: Stored) -> Stored:
    """The version as the caller may see it."""
    if row.deleted or (row.whole and not row.withheld):
        return row
    resource = json.decode(row.body.encode())
    kept = {name: value for name, value in resource.items() if not _is_hidden(row, name)}
    return _with_body(row, _marked({**kept, **masks(row.type, resource.keys() - kept.keys())}))


def restored(resource: Json, held: Stored) -> Json:
    """What a PUT leaves of the elements that its sender was not shown: as they were, and the labels too."""
    before = json.decode(held.body.encode())
    hidden = {name: value for name, value in before.items() if _is_hidden(held, name)}
    given = {name: value for name, value in resource.items() if not _is_hidden(held, name)}
    meta = {name: value for name, value in given.get("meta", {}).items() if name != "security"}
    labels = before.get("meta", {}).get("security")
    return {**given, "meta": {**meta, **({"security": labels} if labels else {})}, **hidden}


def is_part(resource: Json, *, shown_whole: bool) -> bool:
    """Whether it is marked as only a part of a resource, and not because its sender was shown no more."""
    meta = resource.get("meta", {})
    marks = {tag.get("code") for tag in meta.get("tag", ())}
    if shown_whole:
        marks |= {label.get("code") for label in meta.get("security", ()) if _is_mark(label)}
    return not marks.isdisjoint(("SUBSETTED", REDACTED["code"]))


def _is_mark(label: Json) -> bool:
    return label.get("system") == REDACTED["system"]


def traced(row: Stored, system: str, value: str) -> Stored:
    """A Patient reduced to what confirms that it is the child who was asked for."""
    resource = json.decode(row.body.encode())
    kept = {name: resource[name] for name in (*_ALWAYS, "meta", *_CONFIRMING) if name in resource}
    # Not the labels: that a child is restricted is more than who it is.
    kept["meta"] = {name: kept["meta"][name] for name in ("versionId", "lastUpdated")}
    kept["identifier"] = [{"system": system, "value": value}]
    return _with_body(row, _marked(kept))


def born(row: Stored) -> str | None:
    """The birth date of a Patient."""
    date = json.decode(row.body.encode()).get("birthDate")
    return str(date) if date else None


@cache
def by_existence(type_: str) -> frozenset[str]:
    """The search parameters that ask about nothing but what existence shows."""
    stays = _existence(type_) - {"meta"}
    return frozenset(
        code
        for code, parameter in library().shipped(type_).items()
        if code in ("_id", "_lastUpdated")
        or ((asked := properties(type_, parameter)) and {_bare(name) for name in asked} <= stays)
    )


@cache
def withheld_parameters(type_: str) -> frozenset[str]:
    """The search parameters that would tell of what is withheld."""
    gone = _withheld(type_)
    return frozenset(
        code
        for code, parameter in library().shipped(type_).items()
        if code not in ("_id", "_lastUpdated")
        and ((asked := properties(type_, parameter)) is None or gone & {_bare(name) for name in asked})
    )


def tells_of_withheld(type_: str, asked: Set[str]) -> bool:
    """Whether one of the search parameters would tell of what is withheld."""
    if not withheld_parameters(type_).isdisjoint(asked):
        return True
    those = (each for code, each in added().of(type_).items() if code in asked)
    return any(_reads_withheld(type_, each) for each in those)


@lru_cache(maxsize=1024)
def _reads_withheld(type_: str, parameter: SearchParameter) -> bool:
    """Whether a parameter that was added looks at anything that is withheld, or may."""
    names = read(type_, parameter.expression)
    return names is None or not _withheld(type_).isdisjoint(map(_bare, names))


def _is_hidden(row: Stored, name: str) -> bool:
    """Whether a property of a resource is one that the caller is not shown."""
    bare = _bare(name)
    unknown = not row.whole and bare not in _existence(row.type) and bare not in _ALWAYS
    return unknown or (row.withheld and bare in _withheld(row.type))


def _existence(type_: str) -> frozenset[str]:
    lists = _lists().existence
    return frozenset(lists.get(type_, lists["*"]))


def _withheld(type_: str) -> frozenset[str]:
    lists = _lists().withheld
    return frozenset(lists.get(type_, lists["*"]))


def _bare(name: str) -> str:
    """A primitive's extensions (`_birthDate`) go where the primitive goes."""
    return name.removeprefix("_")


def _marked(resource: Json) -> Json:
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "security": [*meta.get("security", ()), REDACTED]}}


def _with_body(row: Stored, resource: Json) -> Stored:
    return replace(row, body=json.encode(resource).decode())


@cache
def _lists() -> _Lists:
    return msgspec.json.decode((profiles() / "redaction.json").read_bytes(), type=_Lists)
