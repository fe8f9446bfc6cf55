"""The children in need census, as resources.

https://www.gov.uk/government/publications/children-in-need-census-2024-to-2025-guide
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from lxml import etree

from server.child.intake import in_need
from server.child.intake.children import Child, Importer, Intake
from server.child.intake.report import Report
from server.child.intake.source import Row, Unreadable
from server.child.intake.xml import Document, children, name
from server.fhir.identifier import FORMER_UPN, LA_CHILD_ID, UPN

FORMAT = "cin"

Element = etree._Element


def read(path: Path, importer: Importer, report: Report) -> Intake:
    """The children of a census file, or of all XML files of a folder."""
    intake = Intake(FORMAT, importer, report)
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.suffix.casefold() != ".xml":
            report.note(f"{file.name} is no .xml file and was left aside.")
            continue
        try:
            _Census(intake, Document(file)).take()
        except Unreadable as unreadable:
            report.refuse_file(file.name, str(unreadable))
    return intake


class _Census:
    """One file, child by child; the rows of a child are its elements."""

    def __init__(self, intake: Intake, document: Document) -> None:
        self._intake = intake
        self._document = document
        if name(document.root) != "Message" or not list(children(document.root, "Children")):
            raise Unreadable("The file is no children in need census: it has no Message with Children.")
        intake.report.rows[document.file] += 0

    def take(self) -> None:
        self._compare_authority()
        for everyone in children(self._document.root, "Children"):
            for element in children(everyone, "Child"):
                self._child(element)
        for path in self._document.unseen():
            self._intake.report.not_held[self._document.file, path] += 1

    def _compare_authority(self) -> None:
        """The ids are those of the importing authority; a file that names another one is worth a word."""
        told = self._document.root.findtext("Header/Source/LEA")
        if told and told != self._intake.importer.authority:
            self._intake.report.note(
                f"{self._document.file} names the authority {told}; its child ids are kept as those of "
                f"{self._intake.importer.authority}, for which it is imported."
            )

    def _child(self, element: Element) -> None:
        for identifiers in children(element, "ChildIdentifiers"):
            row = self._row(identifiers)
            self._take([row], "Child", lambda row: self._identified(element, row))

    def _identified(self, element: Element, row: Row) -> None:
        child = self._intake.child(row.required("LAchildID"))
        _identify(child, row, self._intake.importer.authority)
        for characteristics in children(element, "ChildCharacteristics"):
            self._characteristics(child, characteristics)
        for details in children(element, "CINdetails"):
            self._details(child, details)

    def _characteristics(self, child: Child, element: Element) -> None:
        self._take([self._row(element)], "Child", lambda row: child.person.ethnicity(row, "Ethnicity"))
        singles = [
            self._single(leaf)
            for group in children(element, "Disabilities")
            for leaf in children(group, "Disability")
        ]
        self._take(singles, "Need", lambda row: in_need.disability(child, row))

    def _details(self, child: Child, element: Element) -> None:
        episode: list[str] = []
        self._take(
            [self._row(element)], "ChildInNeed", lambda row: episode.append(in_need.episode(child, row))
        )
        within = next(iter(episode), None)
        for assessment in children(element, "Assessments"):
            self._assessment(child, assessment, within)
        self._below(element, "CINPlanDates", "ChildPlan", lambda row: in_need.plan(child, row, within))
        self._below(element, "Section47", "AgencyContact", lambda row: in_need.enquiry(child, row, within))
        self._below(
            element,
            "PreProceedingsandFGDM",
            "PreProceedings",
            lambda row: in_need.pre_proceedings(child, row, within),
        )
        for plan in children(element, "ChildProtectionPlans"):
            self._protection_plan(child, plan, within)

    def _assessment(self, child: Child, element: Element, within: str | None) -> None:
        taken: list[in_need.Assessment] = []
        row = self._row(element)
        self._take([row], "AgencyContact", lambda row: taken.append(in_need.assessment(child, row, within)))
        factors = [
            self._single(leaf)
            for group in children(element, "FactorsIdentifiedAtAssessment")
            for leaf in children(group, "AssessmentFactors")
        ]
        assessed = next(iter(taken), None)
        self._take(factors, "Need", lambda row: in_need.factor(child, row, assessed))

    def _protection_plan(self, child: Child, element: Element, within: str | None) -> None:
        taken: list[str] = []
        row = self._row(element)
        self._take(
            [row],
            "ChildProtectionPlan",
            lambda row: taken.append(in_need.protection_plan(child, row, within)),
        )
        reviews = [
            self._single(leaf)
            for group in children(element, "Reviews")
            for leaf in children(group, "CPPreviewDate")
        ]
        plan = next(iter(taken), within)
        self._take(reviews, "AgencyContact", lambda row: in_need.protection_review(child, row, plan))

    def _below(self, element: Element, tag: str, kind: str, take: Callable[[Row], None]) -> None:
        self._take([self._row(one) for one in children(element, tag)], kind, take)

    def _take(self, rows: Iterable[Row], kind: str, take: Callable[[Row], None]) -> None:
        self._intake.take(rows, kind, take)

    def _row(self, element: Element) -> Row:
        return self._counted(self._document.row(element))

    def _single(self, leaf: Element) -> Row:
        return self._counted(self._document.single(leaf))

    def _counted(self, row: Row) -> Row:
        self._intake.report.rows[row.file] += 1
        return row


def _identify(child: Child, row: Row, authority: str) -> None:
    person = child.person
    person.identify(row, "LAchildID", f"{LA_CHILD_ID}{authority}")
    person.identify(row, "UPN", UPN)
    person.identify(row, "FormerUPN", FORMER_UPN)
    person.upn_unknown(row, "UPNunknown")
    person.birth_date(row, "PersonBirthDate")
    person.state("expected", row, "ExpectedPersonBirthDate", Row.day)
    person.state("death", row, "PersonDeathDate", Row.day)
    # The element was renamed in 2024-25.
    person.sex(row, "Sex" if row.peek("Sex") else "GenderCurrent")
