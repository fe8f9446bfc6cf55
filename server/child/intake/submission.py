"""One child's drafts on their way through the door: one transaction, tried again without what is refused."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from server import clock
from server.child.intake import dependence
from server.child.intake.door import Change, Door
from server.child.intake.draft import PATIENT, ChildDrafts, Draft
from server.child.intake.identity import claimed, dispute, match, unique
from server.child.intake.merge import alike, created, merged
from server.child.intake.report import Extent, Fate, Report
from server.child.intake.stock import Stock
from server.fhir import Json
from server.fhir.issue import Duplicate, FhirError, Throttled, Unavailable

_ENTRY = re.compile(r"Bundle\.entry\[(\d+)\](?:\.resource\.identifier\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Step:
    """One draft, what the record has of it, and what it is to become."""

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
class Submission:
    """What the record refuses goes into the report with the rows that led to it; the rest is tried again."""

    child: ChildDrafts
    stock: Stock
    shared: Mapping[str, Json]
    door: Door
    report: Report
    patient: Json | None = None
    traced: bool = False
    refused: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Writes the child."""
        found = match(self.child.patient, self.stock.find)
        self.patient = found.existing
        self._dispute(found.disputed)
        while True:
            steps = self._steps({PATIENT, *self.child.drafts})
            try:
                self._transact(steps)
            except FhirError as error:
                if not self._yields(error, [step for step in steps if step.fate is not Fate.UNCHANGED]):
                    return
            else:
                return

    def _transact(self, steps: Sequence[Step]) -> bool:
        """Writes the steps together and counts them; whether anything changed."""
        fates = [step.fate for step in steps]
        changes = [
            step.change() for step, fate in zip(steps, fates, strict=True) if fate is not Fate.UNCHANGED
        ]
        if changes:
            self.door.transact(changes)
        for step, fate in zip(steps, fates, strict=True):
            self.report.count(step.draft.kind, fate)
        return bool(changes)

    def _steps(self, wanted: Collection[str]) -> list[Step]:
        """What is to be written of the wanted drafts: every reference is known before any content."""
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
        return [_step(draft, old, urls[draft.key], references) for draft, old in pairs if draft.key in wanted]

    def _yields(self, error: FhirError, changes: Sequence[Step]) -> bool:
        """Whether to try the whole again: as another identity, or without one draft."""
        place, identifier = _blamed(error)
        step = changes[place] if place is not None and place < len(changes) else None
        patient = changes[0] if changes[0].draft.key == PATIENT else None
        if isinstance(error, Duplicate) and patient is not None and step in (None, patient):
            return self._yields_identity(error, patient, identifier)
        if step is not None and step is not patient:
            self._refuse(step.draft, str(error))
            return True
        alone = len(changes) == 1 and patient is not None
        if step is None and not alone and not isinstance(error, Throttled | Unavailable):
            self._piecemeal()
        else:
            self._refuse_child(error)
        return False

    def _yields_identity(self, error: FhirError, patient: Step, identifier: int | None) -> bool:
        if self._looks_again():
            return True
        if self._trace():
            self._piecemeal()
            return False
        if self._yield_identifier(patient, identifier):
            return True
        self._refuse_child(error)
        return False

    def _looks_again(self) -> bool:
        """Whether the record shows by now whose the identifiers are: another child may have come first."""
        self.stock.fetch([self.child.patient])
        found = match(self.child.patient, self.stock.find)
        news = bool(found.disputed) or (found.existing is not None and self.patient is None)
        self.patient = found.existing or self.patient
        self._dispute(found.disputed)
        return news

    def _trace(self) -> bool:
        """The child may be one whom the agency meets for the first time."""
        born = self.child.patient.content.get("birthDate")
        if self.patient is not None or born is None:
            return False
        for system, value in claimed(self.child.patient):
            try:
                id = self.door.trace(system, value, born)
            except FhirError as error:
                self.report.note(f"Children could not be traced: {error}")
                return False
            if id is not None:
                self.patient, self.traced = {"resourceType": "Patient", "id": id}, True
                return True
        return False

    def _yield_identifier(self, step: Step, place: int | None) -> bool:
        """Gives up what another child has, as long as something remains by which this one is known."""
        identifiers = [(one["system"], one["value"]) for one in step.resource.get("identifier", ())]
        ours = [one for one in self.child.patient.identifiers if unique(one[0])]
        named = identifiers[place : place + 1] if place is not None else ours
        disputed = [one for one in named if one in ours]
        if not disputed or len(disputed) == len(claimed(self.child.patient)):
            return False
        self._dispute(disputed)
        return True

    def _dispute(self, disputed: Sequence[tuple[str, str]]) -> None:
        dispute(self.child.patient, disputed)
        for system, _ in disputed:
            kind = system.rpartition("/")[2]
            reason = f"The record has this {kind} for another child; it is kept as unverified."
            self.report.refuse_origins(self.child.patient.origins[:1], Extent.CELL, reason)

    def _piecemeal(self) -> None:
        """Where nothing tells what was refused, or a child must be entered first: row by row, each row whole.

        What is still open comes first, for that is what brings an agency in that only traced the child; and
        having come in it sees what it wrote before, which must not be written again.
        """
        try:
            if not self.traced and self._transact(self._steps({PATIENT})):
                self.stock.fetch([self.child.patient])
                self.patient = match(self.child.patient, self.stock.find).existing or self.patient
        except FhirError as error:
            self._refuse_child(error)
            return
        for group in dependence.groups(self.child.drafts):
            self._part(group)
        if self.traced:
            self._complete()

    def _part(self, group: Collection[str]) -> None:
        left = [key for key in group if key not in self.refused]
        try:
            if left and self._transact(self._steps(left)):
                self.stock.fetch(self.child.drafts.values())
        except FhirError as error:
            self._refuse(self.child.drafts[left[0]], str(error))

    def _complete(self) -> None:
        """Having come in, the agency sees the child, and the file's facts about it can be added."""
        self.stock.fetch([self.child.patient])
        patient = match(self.child.patient, self.stock.find).existing
        if patient is None:
            self.report.count(self.child.patient.kind, Fate.UNCHANGED)
            return
        step = _step(self.child.patient, patient, f"Patient/{patient['id']}", self.shared)
        try:
            self._transact([step])
        except FhirError as error:
            self.report.count(self.child.patient.kind, Fate.REFUSED)
            self.report.refuse_origins(self.child.patient.origins[:1], Extent.CELL, str(error))

    def _refuse(self, draft: Draft, reason: str) -> None:
        """Refuses a draft, and what stands on it or comes from the same row: no row is half stored."""
        for key in dependence.bound_to(draft.key, self.child.drafts):
            if key not in self.refused:
                self.refused.add(key)
                self.report.count(self.child.drafts[key].kind, Fate.REFUSED)
                self.report.refuse_origins(self.child.drafts[key].origins, Extent.ROW, reason)

    def _refuse_child(self, error: FhirError) -> None:
        left = [draft for key, draft in self.child.drafts.items() if key not in self.refused]
        for draft in (self.child.patient, *left):
            self.report.count(draft.kind, Fate.REFUSED)
            self.report.refuse_origins(draft.origins, Extent.CHILD, str(error))


def _step(draft: Draft, existing: Json | None, url: str, references: Mapping[str, Json]) -> Step:
    settled = draft.settled(references)
    return Step(draft, existing, merged(existing, settled) if existing else created(settled), url)


def _blamed(error: FhirError) -> tuple[int | None, int | None]:
    """The entry that the error names, and the identifier in it."""
    for issue in error.issues:
        for expression in issue.expression:
            if found := _ENTRY.match(expression):
                return int(found[1]), int(found[2]) if found[2] else None
    return None, None


def _urn() -> str:
    return f"urn:uuid:{clock.new_id()}"
