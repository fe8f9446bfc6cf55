"""Brings a release into the tables: all of it, or, as far as anybody sees, nothing."""

import itertools
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from server.fhir import Json
from server.fhir.name import fold
from server.store import concept_load as into
from server.store.concepts import Line
from server.store.database import Database
from server.terminology.intake.ancestry import Ancestry, Numbers
from server.terminology.intake.release import (
    ANCESTOR,
    INACTIVE,
    MEMBER,
    PARENT,
    Declared,
    Group,
    Progress,
    Release,
)
from server.terminology.provider import Concept, Property

T = TypeVar("T")

_PIECE = 10_000
_GROUPS = 2_000
_LONGEST = 500
"""Characters of a value that a filter may ask for: longer ones would not fit the index."""

_ENCODER = msgspec.json.Encoder(decimal_format="number")


def bring(database: Database, release: Release, progress: Progress) -> int:
    """Load it; how many concepts it has.

    Raises:
        Unreadable: its hierarchy cannot be. CannotStart: somebody else loads at this moment.
    """
    progress("Hierarchy", 0, None)
    ancestry = Ancestry(release.parents)
    count = len(ancestry.codes)
    progress("Hierarchy", count, count)
    with into.alone(database):
        number = into.draft(database, release.url, release.version, count, _head(release))
        groups = _Groups(release.properties)
        done = 0
        for piece in _pieces(_concepts(release, ancestry, groups), _PIECE):
            into.concepts(database, number, piece)
            done += len(piece)
            progress("Concepts", done, count)
        _bring_groups(database, number, _together(release, ancestry, groups), progress)
        progress("Indexes", 0, None)
        into.finish(database, number)
        progress("Indexes", 1, 1)
    return count


def _bring_groups(
    database: Database, number: int, groups: Mapping[Group, Iterable[int]], progress: Progress
) -> None:
    done = 0
    for piece in _pieces(groups.items(), _GROUPS):
        into.groups(database, number, ((property, value, numbers) for (property, value), numbers in piece))
        done += len(piece)
        progress("Groups", done, len(groups))


class _Groups:
    """The concepts by what their properties say, as they come by."""

    def __init__(self, properties: Iterable[Declared]) -> None:
        self._grouped = {each.code for each in properties if each.grouped}
        self.found: defaultdict[Group, Numbers] = defaultdict(lambda: array("i"))

    def note(self, number: int, concept: Concept) -> None:
        if concept.inactive:
            self.found[INACTIVE, "true"].append(number)
        # A property may say the same twice, in two of its groups.
        said = {(each.code, written(each)) for each in concept.properties if each.code in self._grouped}
        for property, value in said:
            if len(value) <= _LONGEST:
                self.found[property, value].append(number)


def written(property: Property) -> str:
    """A value as a filter writes it."""
    match property.value:
        case bool() as flag:
            return "true" if flag else "false"
        case {"code": code}:
            return str(code)
        case value:
            return str(value)


def _concepts(release: Release, ancestry: Ancestry, groups: _Groups) -> Iterator[tuple[Line, Iterable[str]]]:
    for number, code in enumerate(ancestry.codes, 1):
        concept = release.concept(code)
        groups.note(number, concept)
        line = Line(
            number,
            code,
            concept.display or "",
            concept.inactive,
            ancestry.parents[number],
            ancestry.above[number],
            detail(concept),
        )
        yield line, _words(concept)


def _words(concept: Concept) -> Iterable[str]:
    texts = (concept.display or "", *(each.value for each in concept.designations))
    # Each once: a code is found by its number rather than by its words, but typed into the same box.
    return {word for text in (concept.code, *texts) for word in fold(text).split()}


def _together(release: Release, ancestry: Ancestry, groups: _Groups) -> Mapping[Group, Iterable[int]]:
    """Everything that is asked for as a set."""
    children: defaultdict[int, Numbers] = defaultdict(lambda: array("i"))
    for number, parents in enumerate(ancestry.parents):
        for each in parents:
            children[each].append(number)
    total: dict[Group, Iterable[int]] = dict(groups.found)
    total.update(((PARENT, ancestry.codes[number - 1]), those) for number, those in children.items())
    total.update(((ANCESTOR, ancestry.codes[number - 1]), those) for number, those in ancestry.below.items())
    for (property, value), codes in release.groups.items():
        numbers = {ancestry.number[code] for code in codes if code in ancestry.number}
        total[property, value] = sorted(numbers.union(total.get((property, value), ())))
    return total


def _head(release: Release) -> Json:
    known = {each.code for each in release.properties}
    common = tuple(each for each in _COMMON if each.code not in known)
    properties = msgspec.to_builtins((*release.properties, *common))
    return {"title": release.title, "properties": properties}


_COMMON = (
    Declared(PARENT, "code", "The concepts right above."),
    Declared(ANCESTOR, "code", "All concepts above."),
    Declared(INACTIVE, "boolean", "True of a concept that is no longer chosen."),
    Declared(MEMBER, "code", "The sets that the concept is in."),
)


def detail(concept: Concept) -> str:
    """What is kept of a concept beside its code and display, as JSON; `terminology.table` reads it again."""
    whole: Json = msgspec.to_builtins(concept, builtin_types=(Decimal,))
    kept = {key: whole[key] for key in _DETAIL}
    return _ENCODER.encode(_said({**kept, "abstract": concept.abstract or None})).decode()


_DETAIL = ("definition", "designations", "properties", "valid_from", "valid_to")


def _said(value: Json) -> Json:
    """Nothing that goes without saying."""
    return {key: _each(part) for key, part in value.items() if part is not None and part != ()}


def _each(part: Any) -> Any:
    return [_said(one) for one in part] if isinstance(part, tuple) else part


def _pieces(all_of_it: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    left = iter(all_of_it)
    while piece := tuple(itertools.islice(left, size)):
        yield piece
