"""Puts what was read through the door: child by child, and only what the record does not say yet."""

from collections.abc import Callable, Mapping, Sequence

from server import clock
from server.child.intake.door import Change, Door
from server.child.intake.draft import ChildDrafts, Draft
from server.child.intake.merge import created
from server.child.intake.report import Extent, Fate, Report
from server.child.intake.stock import Stock
from server.child.intake.submission import Submission
from server.fhir import Json
from server.fhir.issue import FhirError

_BATCH = 50


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
            Submission(child, stock, known, door, report).run()
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
        door.transact([Change("create", created(draft), f"urn:uuid:{clock.new_id()}")])
    except FhirError as error:
        report.refuse_origins(draft.origins, Extent.CELL, f"{draft.kind}: {error}")
        return Fate.REFUSED
    return Fate.CREATED


def _logical(draft: Draft) -> Json:
    system, value = draft.identifiers[0]
    display = {"display": name} if (name := draft.content.get("name")) else {}
    return {"type": draft.type, "identifier": {"system": system, "value": value}, **display}
