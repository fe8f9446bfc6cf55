"""The retention schedules: for each authority, classes of records, how long each is kept, and by what law.

They are data, `profiles/retention`: `england.json` holds for every authority, and the file of an authority
puts its own classes in the place of those of the same name. docs/retention.md tells what each part means.
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from server.definition.folder import profiles
from server.definition.own import Unusable
from server.fhir.issue import FhirError
from server.search.hash import Hasher
from server.search.query import parse
from server.search.registry import Registry
from server.search.retention import Selection
from server.search.types import Context

EVERYWHERE = "*"

_BEGINNINGS = ("birth", "end", "last")


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where it is said. `checked`: whether the wording was read there; else it is to be, before it counts."""

    title: str
    provision: str
    checked: bool
    url: str = ""


class Died(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds instead where the child died `before` a birthday: so many `years` from the death."""

    before: int
    years: int


class RecordClass(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A class of records.

    `covers`: the searches by which its resources are found. `agencies`: the kinds of agencies of whose
    writing alone it speaks. One with neither is for what no other class covers. `when`: searches of which one
    must find something of the child for the class to be about it at all. `years` are counted from the
    `birth`, the `end` of the resource, or the `last` end of all that the class covers of the child.
    """

    name: str
    title: str
    since: str = msgspec.field(name="from")
    years: int
    sources: tuple[Source, ...]
    covers: tuple[str, ...] = ()
    agencies: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    died: Died | None = None
    note: str = ""

    @property
    def is_rest(self) -> bool:
        """Whether it is for what no other class covers."""
        return not (self.covers or self.agencies)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    authority: str
    title: str
    classes: tuple[RecordClass, ...]


class Schedule:
    """What holds for each authority, and the searches that all classes ask."""

    def __init__(self, by_authority: Mapping[str, tuple[RecordClass, ...]]) -> None:
        self._by_authority = by_authority
        asked = (
            search for some in by_authority.values() for each in some for search in (*each.covers, *each.when)
        )
        self.searches: tuple[str, ...] = tuple(dict.fromkeys(asked))
        """Each by its place in `Held.selected`."""
        self.at = {search: place for place, search in enumerate(self.searches)}

    def classes(self, authority: str | None) -> tuple[RecordClass, ...]:
        """Those that hold for an authority."""
        return self._by_authority.get(authority or EVERYWHERE, self._by_authority[EVERYWHERE])

    @property
    def authorities(self) -> list[str]:
        """Those that have a schedule of their own, and `*`, which is for the others."""
        return sorted(self._by_authority)

    @property
    def names(self) -> set[str]:
        """Of every class."""
        return {each.name for some in self._by_authority.values() for each in some}

    def selections(self, registry: Registry, hasher: Hasher, base_url: str) -> list[Selection]:
        """The searches, as conditions on rows.

        Raises:
            Unusable: one that a row's own tokens do not decide.
        """
        return [_selection(search, registry, hasher, base_url) for search in self.searches]


def read(folder: Path | None = None) -> Schedule:
    """The schedules of a folder, or those that ship.

    Raises:
        Unusable: a file that cannot be read, a class twice, or nothing for what no class covers.
    """
    files = sorted((folder or profiles() / "retention").glob("*.json"))
    found = {file.authority: _named(file) for file in map(_file, files)}
    common = found.get(EVERYWHERE)
    if common is None:
        raise Unusable("No retention schedule holds for every authority ('*').")
    merged = {authority: tuple({**common, **own}.values()) for authority, own in found.items()}
    for authority, classes in merged.items():
        if sum(each.is_rest for each in classes) != 1:
            raise Unusable(
                f"The retention schedule of '{authority}' needs one class for what no other covers."
            )
    return Schedule(merged)


def _file(path: Path) -> _File:
    try:
        found = msgspec.json.decode(path.read_bytes(), type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unusable(f"{path.name} is no retention schedule: {error}.") from error
    for each in found.classes:
        if each.since not in _BEGINNINGS or each.years < 0 or not each.sources:
            raise Unusable(f"{path.name}: '{each.name}' counts from birth, end or last, and has its sources.")
    return found


def _named(file: _File) -> dict[str, RecordClass]:
    named = {each.name: each for each in file.classes}
    if len(named) != len(file.classes):
        raise Unusable(f"The retention schedule of '{file.authority}' has a class twice.")
    return named


def _selection(search: str, registry: Registry, hasher: Hasher, base_url: str) -> Selection:
    type_, _, criteria = search.partition("?")
    try:
        pairs = parse_qsl(criteria, keep_blank_values=True, strict_parsing=bool(criteria))
        query = parse(type_, pairs, registry, strict=True)
        number = registry.library.type_number(type_)
    except (FhirError, KeyError, ValueError) as error:
        raise Unusable(f"A retention schedule asks '{search}': {error}") from error
    asked = ((each.parameter.type, each.modifier) for each in query.conditions)
    if query.joins or not all(each in (("token", None), ("reference", None)) for each in asked):
        raise Unusable(f"A retention schedule asks '{search}': codes and references alone, unmodified.")
    return Selection(number, query.conditions, Context(type_, hasher, base_url))
