"""Which drafts of a child stand or fall together: those of one row, and those that refer to another."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.child.intake.draft import Draft, referred

Drafts = Mapping[str, Draft]


def bound_to(refused: str, drafts: Drafts) -> list[str]:
    """The keys of the drafts that cannot be written without the refused one, itself included."""
    bound = {refused}
    while True:
        rows = {at for key in bound for at in drafts[key].origins}
        more = {
            key
            for key, draft in drafts.items()
            if key not in bound
            and (not rows.isdisjoint(draft.origins) or not bound.isdisjoint(_targets(draft)))
        }
        if not more:
            return [key for key in drafts if key in bound]
        bound |= more


def groups(drafts: Drafts) -> list[list[str]]:
    """The drafts in groups of the same rows, each after those that it refers to; what is open comes first."""
    of_draft = _of_same_rows(drafts)
    ordered: list[list[str]] = []
    for key in sorted(drafts, key=lambda key: drafts[key].content.get("status") != "active"):
        _place(of_draft[key], of_draft, drafts, ordered, set())
    return ordered


def _of_same_rows(drafts: Drafts) -> dict[str, list[str]]:
    of_draft = {key: [key] for key in drafts}
    of_row: dict[Any, list[str]] = {}
    for key, draft in drafts.items():
        for row in draft.origins:
            joined = of_row.setdefault(row, of_draft[key])
            if joined is not of_draft[key]:
                joined += of_draft[key]
                _move(of_draft[key], joined, of_draft, of_row)
    return of_draft


def _move(old: list[str], new: list[str], *tables: dict[Any, list[str]]) -> None:
    for table in tables:
        for name, group in table.items():
            if group is old:
                table[name] = new


def _place(
    group: list[str],
    of_draft: dict[str, list[str]],
    drafts: Drafts,
    ordered: list[list[str]],
    under: set[int],
) -> None:
    if any(group is placed for placed in ordered) or id(group) in under:
        return
    for key in group:
        for target in _targets(drafts[key]):
            if target in drafts:
                _place(of_draft[target], of_draft, drafts, ordered, under | {id(group)})
    ordered.append(group)


def _targets(draft: Draft) -> set[str]:
    return set(_references(draft.content))


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(text := value.get("reference"), str) and (key := referred(text)):
            yield key
        for member in value.values():
            yield from _references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _references(member)
