"""What alerts find, as Flags and Tasks: raised once, kept while it is so, closed when it is so no longer.

They are the server's own. The same alert for the same occasion asks an agency once: the id follows from both,
so that what becomes true again is the next version of what there was.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from server.access.agency import Agency
from server.child.alert import content
from server.child.alert.definition import FLAGS, Compiled
from server.child.alert.evaluate import Occasion
from server.child.alert.facts import Facts
from server.child.alert.knowing import Knowing
from server.child.alert.load import Loader
from server.fhir import Json, json
from server.fhir.meta import stamped
from server.record.added import OURSELVES
from server.record.record import Record
from server.record.staging import Slot
from server.store import alerts as store
from server.store import locator, resources
from server.store.alerts import Raised

if TYPE_CHECKING:
    from server.store.row import Stored

_TASK, _FLAG = "Task", "Flag"


@dataclass(frozen=True, slots=True)
class _Target:
    """What there has to be. `agency`: whom a Task asks."""

    type: str
    occasion: Occasion
    agency: Agency | None = None

    @property
    def owner(self) -> int:
        """As the store has it."""
        return self.agency.number if self.agency else 0


@dataclass(slots=True)
class Keeper:
    """For one round."""

    record: Record
    loader: Loader
    knowing: Knowing
    decided: Collection[int]
    """The children of whom it was decided that something is not to be shared."""
    raised: int = 0
    closed: int = 0
    _agencies: dict[str, Agency] = field(init=False)

    def __post_init__(self) -> None:
        self._agencies = {each.organization: each for each in self.record.door.agencies.values()}

    def settle(
        self, child: int, alert: Compiled, facts: Facts, found: Sequence[Occasion], known: Sequence[Raised]
    ) -> None:
        """Let there be what an alert finds of a child, and nothing else of it. `known`: what it has raised of
        the child, the earliest first."""
        open_ = [each for each in known if each.open]
        kept: set[int] = set()
        for target in self._targets(child, alert, facts, found):
            held = next((each for each in open_ if self._is_of(each, alert, target)), None)
            if held is not None:
                kept.add(held.rid)
                self._follow(child, alert, facts, target, held)
            elif target.occasion.fresh or self._is_handed_over(open_, target):
                self._raise(child, alert, facts, target)
        for each in open_:
            if each.rid not in kept:
                self._close(each, voided=self._is_voided(alert, found, each))

    def close(self, known: Collection[Raised]) -> None:
        """What nobody asks any more: an alert that is no more, a child that is gone."""
        for each in known:
            if each.open:
                self._close(each, voided=True)

    # ---- what there has to be --------------------------------------------------------------------------

    def _targets(
        self, child: int, alert: Compiled, facts: Facts, found: Sequence[Occasion]
    ) -> Iterator[_Target]:
        for occasion in found:
            if alert.alert.flag is not None and self._may_be_flagged(child, alert, facts, occasion):
                yield _Target(_FLAG, occasion)
            if alert.alert.task is not None:
                for agency in self._asked(alert, facts, occasion):
                    yield _Target(_TASK, occasion, agency)

    def _asked(self, alert: Compiled, facts: Facts, occasion: Occasion) -> Iterator[Agency]:
        """By the first rule that finds any who may know, or by every rule."""
        assert alert.alert.task is not None
        told: set[int] = set()
        for organizations in occasion.owners:
            if told and not alert.alert.task.every:
                return
            for text in organizations:
                agency = self._agencies.get(text)
                if agency is None or agency.number in told:
                    continue
                if self.knowing.may_be_asked(agency, facts.patient, occasion.evidence):
                    told.add(agency.number)
                    yield agency

    def _may_be_flagged(self, child: int, alert: Compiled, facts: Facts, occasion: Occasion) -> bool:
        """A flag is seen by all who work with the child: it says nothing that was decided not to be shared,
        nor what another says already."""
        assert alert.alert.flag is not None
        code = alert.alert.flag.code
        if any(content.is_active(each, FLAGS, code) for each in facts.resources.get("ChildFlag", ())):
            return False
        if child not in self.decided:
            return True
        library = self.record.door.library
        keys = [(library.type_number(each["resourceType"]), each["id"]) for each in occasion.evidence]
        found = locator.places(self.record.connection, keys)
        places = [(place[0], place[1], type_) for (type_, _), place in found.items()]
        return not places or not store.kept_back(self.record.connection, places)

    @staticmethod
    def _is_of(held: Raised, alert: Compiled, target: _Target) -> bool:
        same = held.owner == target.owner and (held.owner == 0) == (target.type == _FLAG)
        return same and (alert.alert.each is None or held.occasion == target.occasion.key)

    @staticmethod
    def _is_handed_over(open_: Sequence[Raised], target: _Target) -> bool:
        """Somebody else was asked, who is not the one to ask any more."""
        return any(each.owner and each.occasion == target.occasion.key for each in open_)

    @staticmethod
    def _is_voided(alert: Compiled, found: Sequence[Occasion], held: Raised) -> bool:
        """Whether what it was raised for turned out not to be."""
        return alert.alert.each is not None and all(each.key != held.occasion for each in found)

    # ---- writing ---------------------------------------------------------------------------------------

    def _raise(self, child: int, alert: Compiled, facts: Facts, target: _Target) -> None:
        record, occasion = self.record, target.occasion
        id_ = self._id(alert, facts.patient, target)
        made = self._made(alert, facts, target)
        slot = self._slot(target.type, id_)
        if slot is None:
            return
        record.stage_ours("update" if slot.was else "create", self._stamped(made, slot), slot)
        number = record.door.library.type_number(target.type)
        store.keep(
            record.connection,
            Raised(child, slot.rid, number, id_, alert.name, occasion.key, target.owner, True, record.at),
        )
        self.raised += 1

    def _follow(self, child: int, alert: Compiled, facts: Facts, target: _Target, held: Raised) -> None:
        """A flag tells since when it is so; if that turns out to be another day, it says so."""
        if target.type != _FLAG or alert.since is None or held.occasion == target.occasion.key:
            return
        slot = self._slot(_FLAG, held.id)
        if slot is not None and slot.was is not None:
            made = self._made(alert, facts, target)
            self.record.stage_ours("update", self._stamped(made, slot), slot)
            store.rename(self.record.connection, held, target.occasion.key)

    def _close(self, held: Raised, *, voided: bool) -> None:
        type_ = self.record.door.library.type_name(held.type)
        slot = self._slot(type_, held.id)
        if slot is not None and slot.was is not None:
            was: Json = json.decode(slot.was.body.encode())
            made = content.closed(was, self.record.at, voided=voided)
            if made is not None:
                self.record.stage_ours("update", self._stamped(made, slot), slot)
        store.close(self.record.connection, held, self.record.at)
        self.closed += 1

    def _made(self, alert: Compiled, facts: Facts, target: _Target) -> Json:
        occasion = target.occasion
        if target.type == _FLAG:
            contact = next(filter(None, map(self.loader.resource, occasion.contacts)), None)
            return content.flag(alert, facts, occasion, contact)
        assert target.agency is not None
        seen = self.knowing.seen(target.agency, occasion.evidence)
        knows = self.knowing.knows_all(target.agency, occasion.evidence)
        shown = replace(occasion, evidence=tuple(seen), reasons=occasion.reasons if knows else ())
        return content.task(alert, facts, shown, target.agency.organization, self.record.at)

    def _stamped(self, made: Json, slot: Slot) -> Json:
        return stamped(made, slot.id, slot.version, self.record.at)

    def _slot(self, type_: str, id_: str) -> Slot | None:
        """Where the next version goes; None: this round has written it already."""
        record = self.record
        if record.staged(type_, id_):
            return None
        number = record.door.library.type_number(type_)
        place = locator.lock(record.connection, number, id_)
        if place is None:
            return Slot(id_, record.door.rids.take(record.connection), 1, OURSELVES)
        held: Stored | None = resources.present(record.connection, type_, number, *place)
        if held is not None:
            record.after(held.last_updated)
            return Slot(id_, held.rid, held.version + 1, OURSELVES, home=held.child, was=held)
        latest = resources.latest_version(record.connection, place[0], number, place[1])
        if latest is not None:
            record.after(latest[2])
        version = latest[0] + 1 if latest else 1
        return Slot(id_, place[1], version, OURSELVES, home=place[0])

    def _id(self, alert: Compiled, patient: Json, target: _Target) -> str:
        """The same each time, and nobody else could have taken it."""
        owner = target.agency.code if target.agency else ""
        said = "\x1f".join((alert.name, patient["id"], target.occasion.key, owner, target.type))
        key = self.record.door.hasher.derived("alert")
        return blake2b(said.encode(), key=key, digest_size=16).hexdigest()
