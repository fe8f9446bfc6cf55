"""What there is around a resource that is being written, as it will be when the transaction is done.

What the transaction itself writes or deletes goes before what is stored; of that, what the caller may not see
does not exist.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from server.definition.compartment import child_parameter
from server.fhir import Json, json
from server.fhir.reference import parse
from server.record.hook import Others
from server.record.judge import is_basic
from server.search.element import properties
from server.search.types.reference import localised
from server.store import locator, resources
from server.store.row import Stored
from server.validation.context import UNKNOWN, Unknown
from server.validation.validate import validate

if TYPE_CHECKING:
    from server.record.record import Record

Name = tuple[str, str]
"""(type, id)."""

_PATIENT = "Patient"


class Around:
    """For one record. What it was told by the database holds until something is sent there."""

    def __init__(self, record: "Record") -> None:
        self._record = record
        self._staged: dict[Name, Json] = {}
        self._sound: dict[Name, bool] = {}
        self._promised: dict[tuple[str, str], dict[Name, Json]] | None = None
        self._resolved: dict[Name, Json | Unknown] = {}
        self._stored: dict[tuple[str, int], dict[Name, Json]] = {}

    def add(self, name: Name, resource: Json) -> None:
        """A resource is staged."""
        if name not in self._record.promised:
            self._staged[name] = resource

    def forget(self) -> None:
        """What was staged is sent: from now on the database knows better."""
        self._staged.clear()
        self._resolved.clear()
        self._stored.clear()

    # ---- what a reference leads to -------------------------------------------------------------------------

    def resolve(self, reference: str, within: Json) -> Json | Unknown:
        """What a literal reference leads to, as far as that can be told.

        That one leads to nothing is found out for all of them together, when they are sent.
        """
        target = parse(localised(reference, self._record.door.base_url) or "")
        if not (target.local and target.id and target.type in self._record.door.types):
            return UNKNOWN
        name = (target.type or "", target.id)
        coming = self._staged.get(name) or self._record.promised.get(name)
        if coming is not None:
            return coming
        if name not in self._resolved:
            self._resolved[name] = self._found(name)
        return self._resolved[name]

    def _found(self, name: Name) -> Json | Unknown:
        type_, id_ = name
        access, number = self._record.access, self._record.door.library.type_number(type_)
        if not access.may(type_, "r"):
            return UNKNOWN
        rows = resources.finder(access.view(type_, "r"))(self._record.connection, type=number, id=id_)
        found = resources.stored(type_, rows[0]) if rows else None
        return _content(found) if found and _is_whole(found) else UNKNOWN

    # ---- what else is known of the child -------------------------------------------------------------------

    def others(self, resource: Json, profiles: Iterable[str]) -> Others:
        """The other resources of these profiles, of the child that the resource is about."""
        wanted = sorted(profiles)
        child = self.child(resource)
        if child is None:
            return dict.fromkeys(wanted, ())
        self._fetch(child, wanted)
        own = (resource["resourceType"], resource.get("id"))
        return {
            profile: [each for name, each in self._of(child, profile).items() if name != own]
            for profile in wanted
        }

    def _of(self, child: str, profile: str) -> dict[Name, Json]:
        found = dict(self._stored.get((child, self._record.door.hooks.kinds[profile].number), {}))
        for written in self._record.written:
            if written.deleted:
                found.pop((written.type, written.id), None)
        for name, resource in self._staged.items():
            found.pop(name, None)
            if self.child(resource) == child and profile in self._record.door.hooks.profiles(resource):
                found[name] = resource
        kept = {name: each for name, each in found.items() if name not in self._record.promised}
        # One that is no resource of its type is refused, whatever the rules say.
        coming = self._coming.get((child, profile), {})
        return kept | {name: each for name, each in coming.items() if self._is_sound(name, each)}

    def _is_sound(self, name: Name, resource: Json) -> bool:
        if name not in self._sound:
            self._sound[name] = not any(map(is_basic, validate(resource)))
        return self._sound[name]

    @property
    def _coming(self) -> dict[tuple[str, str], dict[Name, Json]]:
        """By child and profile, what the transaction is going to write."""
        if self._promised is None:
            self._promised = {}
            for name, resource in self._record.promised.items():
                child = self.child(resource)
                for profile in self._record.door.hooks.profiles(resource) if child else ():
                    self._promised.setdefault((child or "", profile), {})[name] = resource
        return self._promised

    def _fetch(self, child: str, profiles: Sequence[str]) -> None:
        """Look up what the database has, at once for all children of whom the transaction speaks."""
        wanted = {self._record.door.hooks.kinds[profile] for profile in profiles}
        missing = sorted(kind for kind in wanted if (child, kind.number) not in self._stored)
        if not missing:
            return
        children = sorted({child, *(each for each, _ in self._coming)})
        # Nobody else changes meanwhile what the rules are held against.
        self._record.alone(*(f"statutes of {each}" for each in children))
        patient = self._record.door.library.type_number(_PATIENT)
        keys = [(patient, each.partition("/")[2]) for each in children]
        places = locator.places(self._record.connection, keys)
        rids = {place[0]: f"{_PATIENT}/{id_}" for (_, id_), place in places.items()}
        for kind in missing:
            self._stored |= {(each, kind.number): {} for each in children}
        for type_ in sorted({kind.type for kind in missing}):
            for held in self._held(type_, [kind.number for kind in missing if kind.type == type_], rids):
                self._keep(held, rids[held.child])

    def _held(self, type_: str, kinds: Sequence[int], children: Iterable[int]) -> Iterator[Stored]:
        access, number = self._record.access, self._record.door.library.type_number(type_)
        if access.may(type_, "r"):
            search = resources.of_children(access.view(type_, "r"))
            rows = search(self._record.connection, children=list(children), type=number, kinds=list(kinds))
            yield from filter(_is_whole, (resources.stored(type_, row) for row in rows))

    def _keep(self, held: Stored, child: str) -> None:
        resource = _content(held)
        for profile in self._record.door.hooks.profiles(resource):
            known = self._stored.get((child, self._record.door.hooks.kinds[profile].number))
            if known is not None:
                known[held.type, held.id] = resource

    def child(self, resource: Json) -> str | None:
        """`Patient/id` of the child that a resource is about, however wrong it is."""
        type_ = resource["resourceType"]
        if type_ == _PATIENT:
            return f"{_PATIENT}/{resource['id']}" if "id" in resource else None
        parameter = child_parameter(type_)
        for name in (properties(type_, parameter) or ()) if parameter else ():
            element = resource.get(name)
            reference = element.get("reference") if isinstance(element, dict) else None
            known = localised(reference, self._record.door.base_url) if isinstance(reference, str) else None
            if known and known.startswith(f"{_PATIENT}/"):
                return known
        return None


def _is_whole(found: Stored) -> bool:
    return found.whole and not found.withheld


def _content(found: Stored) -> Json:
    resource: Json = json.decode(found.body.encode())
    return resource
