"""Puts what was read through the door: a transaction for each child, of what the record does not say yet."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server import clock
from server.child.intake.door import Change, Door
from server.child.intake.draft import PATIENT, ChildDrafts, Draft, referred
from server.child.intake.identity import claimed, dispute, match, unique
from server.child.intake.merge import alike, created, merged
from server.child.intake.report import Extent, Fate, Report
from server.child.intake.stock import Stock
from server.fhir import Json
from server.fhir.issue import Duplicate, FhirError

_BATCH = 50
_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](?:\.resource\.identifier\[(\d+)\])?")


def write(
    children: Sequence[ChildDrafts],
    shared: Mapping[str, Draft],
    door: Door,
    report: Report,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Every child, and before them the resources that children share. `progress` hears of children done."""
    known = _shared(shared, door, report)
    for first in range(0, len(children), _BATCH):
        batch = children[first : first + _BATCH]
        stock = Stock(door)
        stock.fetch(draft for child in batch for draft in (child.patient, *child.drafts.values()))
        for child in batch:
            _Writing(child, stock, known, door, report).run()
            progress(1)


def _shared(drafts: Mapping[str, Draft], door: Door, report: Report) -> dict[str, Json]:
    """The references to the shared resources; by identifier alone where the record refuses to have one."""
    stock = Stock(door)
    stock.fetch(drafts.values())
    references = {}
    for key, draft in drafts.items():
        existing = stock.existing(draft, set())
        report.count(draft.kind, fate := Fate.UNCHANGED if existing else _introduced(draft, door, report))
        if fate is Fate.CREATED:
            stock.fetch([draft])
            existing = stock.existing(draft, set())
        references[key] = {"reference": f"{draft.type}/{existing['id']}"} if existing else _logical(draft)
    return references


def _introduced(draft: Draft, door: Door, report: Report) -> Fate:
    try:
        door.transact([Change("create", created(draft), _urn())])
    except FhirError as error:
        report.refuse_origins(draft.origins, Extent.CELL, f"{draft.kind}: {error}")
        return Fate.REFUSED
    return Fate.CREATED


def _logical(draft: Draft) -> Json:
    system, value = draft.identifiers[0]
    display = {"display": name} if (name := draft.content.get("name")) else {}
    return {"type": draft.type, "identifier": {"system": system, "value": value}, **display}


@dataclass(slots=True)
class _Step:
    """One draft on its way: what the record has of it and what it is to become."""

    draft: Draft
    existing: Json | None
    resource: Json
    full_url: str

    @property
    def fate(self) -> Fate:
        if self.existing is None:
            return Fate.CREATED
        return Fate.UNCHANGED if alike(self.existing, self.resource) else Fate.UPDATED

    def change(self) -> Change:
        return Change("create" if self.existing is None else "update", self.resource, self.full_url)


@dataclass(slots=True)
class _Writing:
    """One child's transaction, tried again without what the record refuses."""

    child: ChildDrafts
    stock: Stock
    shared: Mapping[str, Json]
    door: Door
    report: Report
    patient: Json | None = None
    traced: bool = False
    refused: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        found = match(self.child.patient, self.stock.find)
        self.patient = found.existing
        self._dispute(found.disputed)
        while True:
            steps = self._steps()
            changes = [step for step in steps if step.fate is not Fate.UNCHANGED]
            try:
                if changes:
                    self.door.transact([step.change() for step in changes])
            except FhirError as error:
                if not self._yields(error, changes):
                    return self._refuse_child(error)
            else:
                return self._succeed(steps)

    def _steps(self) -> list[_Step]:
        """What is to be written now: references are known before contents, for drafts refer to each other."""
        drafts = [draft for key, draft in self.child.drafts.items() if key not in self.refused]
        used: set[str] = set()
        pairs = [] if self.traced else [(self.child.patient, self.patient)]
        for draft in drafts:
            existing = self.stock.existing(draft, used)
            pairs.append((draft, existing))
            used |= {f"{draft.type}/{existing['id']}"} if existing else set()
        urls = {draft.key: f"{draft.type}/{old['id']}" if old else _urn() for draft, old in pairs}
        if self.traced and self.patient:
            urls[PATIENT] = f"Patient/{self.patient['id']}"
        references = {**self.shared, **{key: {"reference": url} for key, url in urls.items()}}
        return [_step(draft, old, urls[draft.key], references) for draft, old in pairs]

    def _yields(self, error: FhirError, changes: Sequence[_Step]) -> bool:
        """Whether there is something to try again with: another identity, or the rest without one draft."""
        place, identifier = _blamed(error)
        step = changes[place] if place is not None and place < len(changes) else None
        if step is None and isinstance(error, Duplicate) and changes[0].draft.key == PATIENT:
            step = changes[0]
        if step is None:
            return False
        if step.draft.key != PATIENT:
            self._refuse(step.draft, str(error))
            return True
        return isinstance(error, Duplicate) and (self._trace() or self._yield_identifier(step, identifier))

    def _trace(self) -> bool:
        """The child may be one whom the agency meets for the first time."""
        born = self.child.patient.content.get("birthDate")
        if self.patient is not None or born is None:
            return False
        for system, value in claimed(self.child.patient):
            if id := self.door.trace(system, value, born):
                self.patient, self.traced = {"resourceType": "Patient", "id": id}, True
                return True
        return False

    def _yield_identifier(self, step: _Step, place: int | None) -> bool:
        """Gives up what another child has, as long as something remains by which this one is known."""
        identifiers = [(one["system"], one["value"]) for one in step.resource.get("identifier", ())]
        ours = [one for one in self.child.patient.identifiers if unique(one[0])]
        disputed = [identifiers[place]] if place is not None and place < len(identifiers) else ours
        disputed = [one for one in disputed if one in ours]
        if not disputed or len(disputed) == len(claimed(self.child.patient)):
            return False
        self._dispute(disputed)
        return True

    def _dispute(self, disputed: Sequence[tuple[str, str]]) -> None:
        dispute(self.child.patient, disputed)
        for system, _ in disputed:
            reason = (
                f"The {system.rpartition('/')[2]} belongs to another child of the record; kept as unverified."
            )
            self.report.refuse_origins(self.child.patient.origins[:1], Extent.CELL, reason)

    def _refuse(self, draft: Draft, reason: str) -> None:
        """Refuses a draft, and what stands on it or comes from the same row: no row is half stored."""
        for key in _bound_to(draft, self.child.drafts):
            if key not in self.refused:
                self.refused[key] = reason
                self.report.count(self.child.drafts[key].kind, Fate.REFUSED)
                self.report.refuse_origins(self.child.drafts[key].origins, Extent.ROW, reason)

    def _refuse_child(self, error: FhirError) -> None:
        left = [draft for key, draft in self.child.drafts.items() if key not in self.refused]
        for draft in (self.child.patient, *left):
            self.report.count(draft.kind, Fate.REFUSED)
            self.report.refuse_origins(draft.origins, Extent.CHILD, str(error))

    def _succeed(self, steps: Sequence[_Step]) -> None:
        for step in steps:
            self.report.count(step.draft.kind, step.fate)
        if self.traced:
            self._complete()

    def _complete(self) -> None:
        """Having come in, the agency sees the child, and the file's facts about it can be added."""
        self.stock.fetch([self.child.patient])
        patient = match(self.child.patient, self.stock.find).existing
        if patient is None:
            return self.report.count(self.child.patient.kind, Fate.UNCHANGED)
        step = _step(self.child.patient, patient, f"Patient/{patient['id']}", self.shared)
        fate = step.fate
        try:
            if fate is Fate.UPDATED:
                self.door.transact([step.change()])
        except FhirError as error:
            fate = Fate.REFUSED
            self.report.refuse_origins(self.child.patient.origins[:1], Extent.CELL, str(error))
        return self.report.count(self.child.patient.kind, fate)


def _step(draft: Draft, existing: Json | None, url: str, references: Mapping[str, Json]) -> _Step:
    settled = Draft(
        draft.key,
        draft.kind,
        _settled(draft.content, references),
        draft.origins,
        draft.initial,
        draft.earliest_start,
    )
    return _Step(draft, existing, merged(existing, settled) if existing else created(settled), url)


def _settled(value: Any, references: Mapping[str, Json]) -> Any:
    """The content with the references between drafts turned into those of the transaction."""
    if isinstance(value, dict):
        key = referred(value["reference"]) if isinstance(value.get("reference"), str) else None
        return references[key] if key else {name: _settled(one, references) for name, one in value.items()}
    if isinstance(value, list):
        return [_settled(one, references) for one in value]
    return value


def _bound_to(refused: Draft, drafts: Mapping[str, Draft]) -> list[str]:
    bound = {refused.key}
    while True:
        rows = {at for key in bound for at in drafts[key].origins}
        more = {
            key
            for key, draft in drafts.items()
            if key not in bound
            and (not rows.isdisjoint(draft.origins) or not bound.isdisjoint(_points(draft.content)))
        }
        if not more:
            return [key for key in drafts if key in bound]
        bound |= more


def _points(value: Any) -> Iterator[str]:
    """The keys of the drafts to which a content refers."""
    if isinstance(value, dict):
        if isinstance(text := value.get("reference"), str) and (key := referred(text)):
            yield key
        for member in value.values():
            yield from _points(member)
    elif isinstance(value, list):
        for member in value:
            yield from _points(member)


def _blamed(error: FhirError) -> tuple[int | None, int | None]:
    """The entry that the error names, and the identifier in it."""
    for issue in error.issues:
        for expression in issue.expression:
            if found := _ENTRY.match(expression):
                return int(found[1]), int(found[2]) if found[2] else None
    return None, None


def _urn() -> str:
    return f"urn:uuid:{clock.new_id()}"
