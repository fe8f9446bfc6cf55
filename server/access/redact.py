"""Elements that a caller may not see: taken out on the way out, kept on the way in, never searched by.

What is taken out is data, `profiles/redaction.json`: by degree of sight ("existence" lists what stays,
"withheld" what goes where the child is restricted).
"""

import re
from collections.abc import Iterable, Set
from dataclasses import replace
from functools import cache, lru_cache

import msgspec

from server.access import element_path
from server.access.mask import masks
from server.definition.added import added
from server.definition.folder import profiles
from server.definition.library import library
from server.definition.searchparameter import SearchParameter
from server.fhir import Json, json
from server.fhir.issue import Forbidden
from server.fhir.meta import REDACTED
from server.search import hidden
from server.search.element import properties
from server.search.read import read
from server.store.row import Stored

_ALWAYS = ("resourceType", "id")
_ROOT = re.compile(r"[A-Za-z]+\.(\w+)")
"""The element of a resource that a FHIRPath begins with."""

_CONFIRMING = ("active", "name", "gender", "birthDate", "deceasedBoolean", "deceasedDateTime")


class _Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    existence: dict[str, list[str]]
    withheld: dict[str, list[str]]


def shown(row: Stored) -> Stored:
    """The version as the caller may see it."""
    if row.deleted or (row.whole and not row.withheld):
        return row
    resource = json.decode(row.body.encode())
    kept = visible(resource, row)
    return _with_body(row, _marked({**kept, **masks(row.type, resource.keys() - kept.keys())}))


def visible(resource: Json, row: Stored) -> Json:
    """Without what the caller may not see of a row."""
    kept = {name: value for name, value in resource.items() if not _is_hidden(row, name)}
    return element_path.without(kept, hidden.paths(row.withheld))


def tells_all_of(row: Stored, name: str) -> bool:
    """Whether nothing of a property of a resource is kept from the caller."""
    roots = {hidden.root(path) for path in hidden.paths(row.withheld)}
    return not _is_hidden(row, name) and not any(hidden.is_named(root, (name,)) for root in roots)


def restored(resource: Json, held: Stored) -> Json:
    """What a PUT leaves of the elements that its sender was not shown: as they were, and the labels too.

    Raises:
        Forbidden: it changes an element of which its sender was shown a part.
    """
    before = json.decode(held.body.encode())
    gone = {name: value for name, value in before.items() if _is_hidden(held, name)}
    given = {name: value for name, value in resource.items() if not _is_hidden(held, name)}
    for path in hidden.paths(held.withheld):
        given, gone = _put_back(given, gone, before, path)
    meta = {name: value for name, value in given.get("meta", {}).items() if name != "security"}
    labels = before.get("meta", {}).get("security")
    if held.withheld & hidden.WITHHELD == 0:
        # To who is named, or where there is no label, labels are like any other element.
        labels = [each for each in given.get("meta", {}).get("security", ()) if not _is_mark(each)]
    return {**given, "meta": {**meta, **({"security": labels} if labels else {})}, **gone}


def _put_back(given: Json, gone: Json, before: Json, path: str) -> tuple[Json, Json]:
    names = element_path.properties(before["resourceType"], hidden.root(path))
    (first, *rest) = element_path.steps(path)
    if rest:
        shown, sent = (element_path.without(each, [path]) for each in (before, given))
        if any(shown.get(name) != sent.get(name) for name in names):
            raise Forbidden(f"A part of '{first.name}' is withheld from this caller, who cannot change it.")
    kept = {name: value for name, value in given.items() if name not in names}
    if rest or first.url is None:
        return kept, {**gone, **{name: before[name] for name in names if name in before}}
    others = [each for each in given.get(first.name, ()) if each.get("url") != first.url]
    hidden_ones = [each for each in before.get(first.name, ()) if each.get("url") == first.url]
    both = [*others, *hidden_ones]
    return ({**kept, first.name: both} if both else kept), gone


def unchanged(resource: Json, held: Stored) -> None:
    """Raises Forbidden where a write changes an element that its sender may only read."""
    fixed = tuple(hidden.paths(held.fixed))
    before = json.decode(held.body.encode()) if fixed else {}
    changed = [path for path in fixed if element_path.at(before, path) != element_path.at(resource, path)]
    if changed:
        named = ", ".join(f"'{path}'" for path in changed)
        raise Forbidden(f"The rights of this caller do not let it change {named} of this {held.type}.")


def unseen(resource: Json, before: Stored, held: Stored) -> None:
    """Raises Forbidden where a patch of what was shown `before` speaks of an element that was not."""
    shown_before = json.decode(before.body.encode()) if held.withheld else {}
    for path in hidden.paths(held.withheld):
        if element_path.at(resource, path) != element_path.at(shown_before, path):
            raise Forbidden(f"The rights of this caller do not show it '{path}' of this {held.type}.")


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


def tells_of(type_: str, asked: Set[str], path: str) -> bool:
    """Whether one of the search parameters looks at an element, or may."""
    more = added().of(type_)
    return any(
        hidden.looks_at(type_, more[code], path) if code in more else hidden.tells_of(type_, code, path)
        for code in asked
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
    if unknown or (row.withheld & hidden.WITHHELD and bare in _withheld(row.type)):
        return True
    # A narrative, or what is contained, may say what an element says.
    return row.withheld > hidden.WITHHELD and bare in ("text", "contained")


def is_of_hidden(expressions: Iterable[str], row: Stored) -> bool:
    """Whether what these FHIRPaths lead to is, or is a part of, an element that the caller is not shown."""
    names = {hidden.root(path) for path in hidden.paths(row.withheld)}
    names |= {"text", "contained"} if names else set()
    if row.withheld & hidden.WITHHELD:
        names |= _withheld(row.type)
    roots = {found[1] for each in expressions if (found := _ROOT.match(each))}
    return any(hidden.is_named(root, names) for root in roots)


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
