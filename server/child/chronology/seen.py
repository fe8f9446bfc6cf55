"""The rows that a chronology may be made of, for one caller: each type by the view of a search."""

from collections.abc import Iterable
from dataclasses import dataclass

from server.access import redact
from server.access.access import Access
from server.child.chronology import rule as ruling
from server.child.kind import kinds
from server.child.kind import rules as classes
from server.definition.compartment import child_parameter
from server.record.record import Record
from server.search.everything import Views, is_of_children
from server.search.hidden import root
from server.search.types.date import MAIN


@dataclass(frozen=True, slots=True)
class Seen:
    """The rows that may be shown; those of which the date may be asked; the marks of which it may."""

    all: Views
    dated: Views
    marks: Views


def told_of(access: Access) -> tuple[str, ...]:
    """The types that a chronology tells of, as far as the caller may search them."""
    searched, left_out = access.searched, set(ruling.rules().left_out)
    memo, key = access.memo, (told_of,)
    found: tuple[str, ...] | None = memo.get(key)
    if found is None:
        some = (each for each in searched if each not in left_out and is_of_children(each))
        found = memo[key] = tuple(some)
    return found


def seen(record: Record, access: Access, types: tuple[str, ...]) -> Seen:
    access.searched  # noqa: B018 - lets what is remembered of other days go
    memo, key = access.memo, (seen, types)
    found: Seen | None = memo.get(key)
    if found is None:
        found = memo[key] = Seen(
            _views(record, types, dated=False),
            _views(record, types, dated=True),
            _views(record, tuple(each for each in types if each == "Observation"), dated=True),
        )
    return found


def _views(record: Record, types: Iterable[str], *, dated: bool) -> Views:
    return Views(tuple(record.searchable(each, _parameters(each, dated=dated)) for each in types))


def _parameters(type_: str, *, dated: bool) -> frozenset[str]:
    """The search parameters that would find the same."""
    child = child_parameter(type_)
    return frozenset((*([child.code] if child else []), *([MAIN] if dated else [])))


def _classing(type_: str) -> frozenset[str]:
    """The search parameters that tell which class a resource is of."""
    return frozenset(
        each.search.partition("=")[0] for each in classes() if each.type == type_ and each.search
    )


def ends(type_: str, kind: int) -> bool:
    named = {
        each.number: url.removeprefix(ruling.OURS) for url, each in kinds().items() if each.type == type_
    }
    wanted = named.get(kind, type_) if kind else type_
    return any(each.end for each in ruling.rules().rules if each.of == wanted)


def is_classed(record: Record, type_: str) -> bool:
    """Whether a row is kept as what its reader would take it for: nothing that tells is hidden."""
    view, _ = record.searchable(type_, frozenset())
    if any(root(path) in ruling.classed_by(type_) for path in view.hidden):
        return False
    return all(a.whole for a in view.alternatives) or _classing(type_) <= redact.by_existence(type_)
