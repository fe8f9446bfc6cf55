"""The children of a file in the making: what each row adds to which child."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from server.child.intake.draft import (
    PATIENT,
    ChildDrafts,
    Draft,
    own_concept,
    profile,
    pruned,
    reference,
    source_identifier,
)
from server.child.intake.merge import alike
from server.child.intake.person import Person
from server.child.intake.report import Fate, Report, origin
from server.child.intake.source import Refused, Row
from server.fhir import Json


@dataclass(frozen=True, slots=True)
class Importer:
    """The agency in whose name a file is imported: its code, its local authority's, and its Organization."""

    agency: str
    authority: str
    organization: Json


@dataclass(slots=True)
class Child:
    """One child of a file. `key` is what the file knows the child by; every natural key begins with it."""

    key: str
    format: str
    importer: Importer
    person: Person
    drafts: dict[str, Draft] = field(default_factory=dict)

    def resource(
        self, type: str, kind: str, key: tuple[str, ...], row: Row | None, /, **content: Any
    ) -> Draft:
        """A draft of this child, known by the natural key of its row; without a row it is a conclusion."""
        fixed = {"resourceType": type, "meta": profile(kind), "identifier": self.known_by(*key)}
        origins = [] if row is None else [origin(row)]
        return Draft("/".join(key), kind, {**fixed, **content}, origins)

    def known_by(self, *key: str) -> list[Json]:
        """The identifier of what has this natural key among what the file says of the child."""
        return [source_identifier(self.importer.agency, self.format, self.key, *key)]

    def episode(
        self, kind: str, type: str, key: tuple[str, ...], row: Row | None, /, **content: Any
    ) -> Draft:
        """An EpisodeOfCare, open until its period ends."""
        ended = content["period"]["end"] is not None
        fixed: Json = {
            "status": "finished" if ended else "active",
            "type": [own_concept("episode-type", type)],
            "patient": reference(PATIENT),
            "managingOrganization": self.importer.organization,
        }
        return self.resource("EpisodeOfCare", kind, key, row, **{**fixed, **content})

    def observation(
        self, kind: str, category: str, key: tuple[str, ...], row: Row | None, /, **content: Any
    ) -> Draft:
        """A final Observation of one of our categories."""
        fixed: Json = {
            "status": "final",
            "category": [own_concept("observation-category", category)],
            "subject": reference(PATIENT),
            "performer": [self.importer.organization],
        }
        return self.resource("Observation", kind, key, row, **{**fixed, **content})

    def need(self, category: str, key: tuple[str, ...], row: Row, /, **content: Any) -> Draft:
        """A Condition of one of our categories."""
        fixed: Json = {"category": [own_concept("need-category", category)], "subject": reference(PATIENT)}
        return self.resource("Condition", "Need", key, row, **{**fixed, **content})

    def contact(self, type: str, key: tuple[str, ...], row: Row, /, **content: Any) -> Draft:
        """An Encounter of the importing agency with the child."""
        fixed: Json = {
            "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "type": [own_concept("encounter-type", type)],
            "subject": reference(PATIENT),
            "serviceProvider": self.importer.organization,
        }
        return self.resource("Encounter", "AgencyContact", key, row, **{**fixed, **content})

    def add(self, *drafts: Draft, several: bool = False) -> list[Draft]:
        """Adds what one row leads to, all of it or, raising Refused, nothing; what is known by it now.

        A row given twice is one row. `several` things of the same natural key can be (a child may go missing
        twice on a day): they are numbered as the file has them; otherwise the second contradicts the first.
        """
        placed = [self._placed(draft, several) for draft in drafts]
        added = [self.drafts.setdefault(draft.key, draft) for draft in placed]
        for known, draft in zip(added, placed, strict=True):
            known.origins += [at for at in draft.origins if at not in known.origins]
        return added

    def _placed(self, draft: Draft, several: bool) -> Draft:
        key, ordinal = draft.key, 1
        while (known := self.drafts.get(draft.key)) is not None:
            if alike(_said(known), _said(draft)):
                return draft
            if not several:
                raise Refused(
                    f"The row contradicts row {known.origins[0].row}, which speaks of the same thing."
                )
            ordinal += 1
            draft = _numbered(draft, key, ordinal)
        return draft

    def finished(self) -> ChildDrafts:
        return ChildDrafts(self.person.draft(), self.drafts)


@dataclass(slots=True)
class Intake:
    """What the files of one collection lead to, and the report on how."""

    format: str
    importer: Importer
    report: Report
    children: dict[str, Child] = field(default_factory=dict)
    shared: dict[str, Draft] = field(default_factory=dict)

    def child(self, key: str) -> Child:
        """The child known by the key, new if this is the first row that names it."""
        if key not in self.children:
            self.children[key] = Child(key, self.format, self.importer, Person(self.report))
        return self.children[key]

    def take(self, rows: Iterable[Row], kind: str, take: Callable[[Row], None]) -> None:
        """Takes every row that can be taken; of those, what nobody asked for is listed as not held."""
        for row in rows:
            try:
                take(row)
            except Refused as refused:
                self.report.refuse(row, refused)
                self.report.count(kind, Fate.REFUSED)
            else:
                self.report.hold_nothing_of(row)

    def finished(self) -> list[ChildDrafts]:
        """The children in the order of the files; one whom no identifier, name or date describes is none."""
        return [child.finished() for child in self.children.values() if child.person.identifiers]


def _said(draft: Draft) -> Json:
    """The content without what numbers it."""
    return {name: value for name, value in pruned(draft.content).items() if name != "identifier"}


def _numbered(draft: Draft, key: str, ordinal: int) -> Draft:
    first = draft.content["identifier"][0]
    plain = first["value"].removesuffix(f"/{ordinal - 1}") if ordinal > 2 else first["value"]
    identifiers = [{**first, "value": f"{plain}/{ordinal}"}, *draft.content["identifier"][1:]]
    return Draft(f"{key}/{ordinal}", draft.kind, {**draft.content, "identifier": identifiers}, draft.origins)
