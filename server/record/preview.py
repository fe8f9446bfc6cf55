"""Other rights tried on the real traffic of late: what would change, for whom.

What was shown or written is asked for again, under the rights as they are and as they would be, in the SQL
that decides every read. A scope of a token may have narrowed what was seen then: both are asked without it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from server.access.access import Access
from server.access.agency import Agency
from server.access.scope import parse
from server.access.user import User
from server.record import principals
from server.record.door import Door
from server.record.person import user_of
from server.store import accounts, recordset, resources, traffic
from server.store.expunge import find
from server.store.expunge.find import Place
from server.store.traffic import Caller

NONE, EXISTENCE, CONTENT = "none", "existence", "content"

REFUSED, ALLOWED = "refused", "allowed"

_LETTERS = {
    "read": "r", "vread": "r", "history": "r", "search": "s", "create": "c", "update": "u", "patch": "u",
    "delete": "d",
}  # fmt: skip
"""Of each interaction, what it takes."""

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """`count` resources of a type that would be shown otherwise: `before` and `after` are degrees of sight.
    Or `count` requests for an interaction, `before` allowed and `after` refused, or the other way round."""

    client: str
    account: str
    roles: tuple[str, ...]
    type: str
    what: str
    before: str
    after: str
    count: int


def changes(door: Door, connection: Any, agency: Agency, since: datetime) -> list[Change]:
    """What `agency`, with its rights as they would be, sees otherwise than with those that hold now."""
    now = door.agencies[agency.code]
    used = traffic.asked(connection, now.number, since)
    shown: dict[Caller, set[tuple[int, int]]] = defaultdict(set)
    for each in traffic.seen(connection, now.number, since):
        shown[each.caller].add((each.child, each.rid))
    places = _places(connection, {pair for some in shown.values() for pair in some})
    found: list[Change] = []
    for caller in sorted({*shown, *(each.caller for each in used)}, key=str):
        pair = _Pair.of(door, connection, caller, now, agency)
        found += pair.requests([each for each in used if each.caller == caller])
        found += pair.resources(connection, [places[at] for at in shown[caller] if at in places])
    return sorted(found)


def _places(connection: Any, wanted: Collection[tuple[int, int]]) -> dict[tuple[int, int], Place]:
    """What is still there, by (child, rid)."""
    pairs, found = sorted(wanted), dict[tuple[int, int], Place]()
    for at in range(0, len(pairs), _AT_ONCE):
        some = find.of_places(connection, pairs[at : at + _AT_ONCE])
        found |= {(each.child, each.rid): each for each in some}
    return found


@dataclass(frozen=True, slots=True)
class _Pair:
    """One caller by the rights as they are, and as they would be."""

    door: Door
    caller: Caller
    user: User | None
    before: Access
    after: Access

    @classmethod
    def of(cls, door: Door, connection: Any, caller: Caller, now: Agency, then: Agency) -> "_Pair":
        """Who asked then, as whom it is known now."""
        account = accounts.find(connection, caller.account) if caller.account else None
        user = user_of(account) if account else None
        scope = parse("user/*.cruds" if user else "system/*.cruds")
        assert scope is not None
        made = Access(
            caller.client, now, (scope,), door.registry, door.hasher, door.base_url, user, caller.purpose
        )
        principals.look_up(door, connection, made)
        # Nothing that was worked out of the one is true of the other.
        return cls(door, caller, user, made, replace(made, agency=then, memo={}, _views={}))

    def requests(self, used: Iterable[traffic.Asked]) -> Iterator[Change]:
        """Those that would be refused, and those that were and would not be."""
        for each in used:
            letter = _LETTERS.get(each.interaction)
            if letter is None:
                continue
            type_ = self.door.library.type_name(each.type)
            may = self.before.may(type_, letter), self.after.may(type_, letter)
            if may == (True, False) and not each.refused:
                yield self._change(type_, each.interaction, ALLOWED, REFUSED, each.times)
            if may == (False, True) and each.refused:
                yield self._change(type_, each.interaction, REFUSED, ALLOWED, each.times)

    def resources(self, connection: Any, places: Iterable[Place]) -> Iterator[Change]:
        """Those that would be shown to another degree, or without other elements."""
        by_type: dict[int, list[Place]] = defaultdict(list)
        for each in places:
            by_type[each.type].append(each)
        for number, some in by_type.items():
            type_ = self.door.library.type_name(number)
            degrees = [_degrees(connection, one, type_, number, some) for one in (self.before, self.after)]
            counts: dict[tuple[str, str], int] = defaultdict(int)
            for each in some:
                before, after = (of.get(each.rid, NONE) for of in degrees)
                counts[before, after] += before != after
            for (before, after), count in counts.items():
                if count:
                    yield self._change(type_, "resources", before, after, count)

    def _change(self, type_: str, what: str, before: str, after: str, count: int) -> Change:
        roles = self.user.roles if self.user else ()
        return Change(self.caller.client, self.caller.account or "", roles, type_, what, before, after, count)


def _degrees(
    connection: Any, access: Access, type_: str, number: int, places: Collection[Place]
) -> Mapping[int, str]:
    """How much of each, by rid; with the elements that some right hides, where it is not all."""
    if not access.may(type_, "r"):
        return {}
    view = access.view(type_, "r")
    rows = recordset.text({"child": each.child, "rid": each.rid} for each in places)

    def those(of: resources.View) -> set[int]:
        return {rid for (rid,) in resources.allowed(of)(connection, places=rows, type=number)}

    whole = those(view.only_whole())
    full = those(view.only_whole().showing(view.hidden)) if view.hidden else whole
    less = f"{CONTENT} without {', '.join(sorted(view.hidden))}"
    return {rid: CONTENT if rid in full else less if rid in whole else EXISTENCE for rid in those(view)}
