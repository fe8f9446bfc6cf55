"""What a subscriber may see at this moment, whatever it was allowed when it subscribed.

Its access is made anew from what is kept of who it is: the client, the agency, the person and the grant have
to be live, and of the scopes that it had then, those hold that it has still. What it may see is decided by
the view of that access, in SQL. By what it may not see of a resource it is not told of it either, as it could
not search for it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server import clock
from server.access import redact
from server.access.access import Access
from server.access.scope import Scope, granted, parse
from server.definition.library import library
from server.fhir.issue import Forbidden
from server.record import principals
from server.record.door import Door
from server.record.person import user_of
from server.search.hidden import WITHHELD
from server.search.view import CallerView
from server.store import accounts, changes, clients, grants
from server.store.changes import Key
from server.store.liveness import Liveness
from server.store.row import Stored
from server.store.subscriptions import Event, Subscription

_TRUSTED = 10.0
"""Seconds for which an access is taken as it is, unless somebody's access ends meanwhile."""

Identity = tuple[str, str, str | None, tuple[str, ...], str | None, str | None]


def identity(subscription: Subscription) -> Identity:
    """Whose subscriptions are seen alike."""
    return (
        subscription.agency, subscription.client, subscription.account, subscription.scopes,
        subscription.patient, subscription.purpose,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    mark: tuple[bytes, int]
    access: Access | None


@dataclass
class Rights:
    """Who subscribers are, remembered for a moment."""

    door: Door
    _liveness: Liveness = field(init=False)
    _known: dict[tuple[Identity, Any], _Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._liveness = Liveness(self.door.database)

    def access(self, connection: Any, subscription: Subscription) -> Access | None:
        """What the subscriber may do now; None: it is not admitted any more."""
        mark, at = self._liveness.mark(), clock.monotonic()
        key = (identity(subscription), subscription.granted)
        known = self._known.get(key)
        agency = self.door.agencies.get(subscription.agency)
        held = known.access if known else None
        if known and known.mark == mark and known.until > at and (held is None or held.agency is agency):
            found = held
        else:
            if len(self._known) > _MOST:
                self._known.clear()
            found = _access(self.door, connection, subscription, held)
            self._known[key] = _Known(at + _TRUSTED, mark, found)
        if found is not None:
            principals.look_up(self.door, connection, found)
        return found


_MOST = 20_000
_rights: dict[int, Rights] = {}


def access(door: Door, connection: Any, subscription: Subscription) -> Access | None:
    """What the subscriber may do now; None: it is not admitted any more."""
    found = _rights.get(id(door))
    if found is None or found.door is not door:
        found = _rights[id(door)] = Rights(door)
    return found.access(connection, subscription)


def _access(door: Door, connection: Any, of: Subscription, before: Access | None) -> Access | None:
    client = clients.find(connection, of.client)
    if client is None or not client.is_live or client.agency not in ("", of.agency):
        return None
    if of.agency not in door.agencies or not client.holds(of.granted.timestamp()):
        return None
    scopes = _common(of.scopes, client.scope.split())
    person = None
    if of.account is not None:
        person = accounts.find(connection, of.account)
        if person is None or person.suspended is not None or person.agency != of.agency:
            return None
        scopes = _still_granted(connection, of, scopes)
    if not scopes:
        return None
    made = Access(
        of.client,
        door.agencies[of.agency],
        scopes,
        door.registry,
        door.hasher,
        door.base_url,
        user_of(person) if person else None,
        of.purpose,
        of.patient,
    )
    # Equal ones share the views that were worked out.
    return before if before == made and before is not None and before.agency is made.agency else made


def _common(kept: Iterable[str], held: Iterable[str]) -> tuple[Scope, ...]:
    return granted(_parsed(kept), _parsed(held))


def _parsed(texts: Iterable[str]) -> tuple[Scope, ...]:
    return tuple(scope for text in texts if (scope := parse(text)) is not None)


def _still_granted(connection: Any, of: Subscription, scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """What the person lets the app do now: by a grant that is live, for the same child."""
    assert of.account is not None
    held: list[Scope] = []
    for each in grants.of_account(connection, of.account):
        same = each.client == of.client and each.agency == of.agency and each.patient == of.patient
        if same and grants.live(connection, each.id) is not None:
            held += _parsed(each.scope.split())
    return granted(scopes, held)


# ---- what is seen ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a resource a subscriber has to see to be told of it.

    `codes`: search parameters that it was found by. `whole`: everything of it, for an expression may look at
    anything.
    """

    type: str
    codes: frozenset[str] = frozenset()
    whole: bool = False


def views(access: Access, sight: Sight) -> list[tuple[CallerView, int]]:
    """The views by all of which a version has to be seen, each with what of it must not be withheld.

    Raises:
        Forbidden: the subscriber may see nothing of the type so.
    """
    plain = access.view(sight.type, "r")
    if sight.whole:
        return [(plain.only_whole(), -1)]
    if not sight.codes:
        return [(plain, 0)]
    asking = access.view(sight.type, "s")
    if not redact.by_existence(sight.type).issuperset(sight.codes):
        asking = asking.only_whole()
    told_of = (path for path in asking.hidden if redact.tells_of(sight.type, sight.codes, path))
    asking = asking.showing(told_of)
    bits = WITHHELD if redact.tells_of_withheld(sight.type, sight.codes) else 0
    if not asking.alternatives:
        raise Forbidden(f"This caller may not search {sight.type} by what this asks for.")
    return [(asking, bits)] if asking == plain else [(plain, 0), (asking, bits)]


class Eyes:
    """Who sees which versions of a batch: each view is asked once for all that it is asked of."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._wanted: dict[tuple[CallerView, int], set[Key]] = defaultdict(set)
        self._views: dict[tuple[CallerView, int], CallerView] = {}
        self._seen: dict[tuple[CallerView, int], Mapping[Key, tuple[bool, bool, int]]] = {}
        self.missing: set[Key] = set()
        """What is not where it was any more."""

    def want(self, view: CallerView, keys: Iterable[Key]) -> None:
        """It will be asked whether this view shows these versions."""
        one = self._one(view)
        self._views[one] = view
        self._wanted[one].update(keys)

    def look(self) -> None:
        """Ask it all."""
        for one, keys in self._wanted.items():
            view = self._views[one]
            number = library().type_number(view.type)
            found = changes.sights(self._connection, view, number, keys)
            self._seen[one] = found
            self.missing |= keys - found.keys()
        self._wanted.clear()

    def sees(self, view: CallerView, bits: int, keys: Collection[Key]) -> bool:
        """Whether the view shows all of these versions, and nothing of these bits is withheld."""
        found = self._seen[self._one(view)]
        return all(
            key in found and found[key][0] and (found[key][1] or bits != -1) and not found[key][2] & bits
            for key in keys
        )

    @staticmethod
    def _one(view: CallerView) -> tuple[CallerView, int]:
        """Views of different people are equal, and are not the same."""
        return view, id(view.who) if view.who else 0


def foci(
    door: Door,
    connection: Any,
    access: Access,
    subscription: Subscription,
    events: Iterable[Event],
    codes: Mapping[str, frozenset[str]] | None = None,
) -> dict[int, Stored]:
    """By number of the event, the version that it tells of, as the subscriber may see it now.

    What is missing it may not see (any more), or it is gone. `codes`: the search parameters that it was told
    of a type by.
    """
    by_type: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    for each in events:
        if each.id is not None:
            by_type[each.type].append((each.number, each.id, each.version))
    found: dict[int, Stored] = {}
    for number, asked in by_type.items():
        type_ = library().type_name(number)
        try:
            shown = _shown(connection, access, Sight(type_, (codes or {}).get(type_, frozenset())), asked)
        except Forbidden:
            continue
        found |= {each: redact.shown(row) for each, row in shown.items()}
    return found


def _shown(
    connection: Any, access: Access, sight: Sight, asked: Collection[tuple[int, str, int]]
) -> dict[int, Stored]:
    number = library().type_number(sight.type)
    (plain, _), *others = views(access, sight)
    found = changes.seen(connection, plain, number, asked)
    for view, bits in others:
        also = changes.seen(connection, view, number, asked)
        found = {each: row for each, row in found.items() if each in also and not also[each].withheld & bits}
    return found
