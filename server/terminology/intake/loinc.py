"""LOINC as its published tables.

https://loinc.org/kb/users-guide/loinc-database-structure/, https://hl7.org/fhir/R4/loinc.html
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from server.terminology.implicit import LOINC
from server.terminology.intake.release import Declared, Progress, Release, Unreadable
from server.terminology.intake.source import Row, Source, comma_separated, named
from server.terminology.provider import Concept, Designation, Property

_TERMS, _HIERARCHY, _ANSWERS, _ANSWER_LINKS = (
    r"loinc\.csv",
    r"(ComponentHierarchyBySystem|MultiAxialHierarchy)\.csv",
    r"AnswerList\.csv",
    r"LoincAnswerListLink\.csv",
)
_RELEASED = re.compile(r"loinc[_-]?v?(?P<version>\d\.\d+)", re.IGNORECASE)

# https://hl7.org/fhir/R4/loinc.html#props
_GROUPED = (
    "STATUS", "COMPONENT", "PROPERTY", "TIME_ASPCT", "SYSTEM", "SCALE_TYP", "METHOD_TYP", "CLASS",
    "CLASSTYPE", "ORDER_OBS", "EXAMPLE_UCUM_UNITS", "VersionFirstReleased", "VersionLastChanged",
)  # fmt: skip
_LABELS = ("SHORTNAME", "CONSUMER_NAME", "DisplayName", "RELATEDNAMES2")


def is_release(files: Sequence[Source]) -> bool:
    """Whether the table of terms is among them."""
    return bool(named(files, _TERMS))


def read(files: Sequence[Source], progress: Progress, version: str | None = None) -> Release:
    """The release; without the hierarchy or the answer lists, if their tables are not there.

    Raises:
        Unreadable: a table is not what its name says.
    """
    concepts: dict[str, Concept] = {}
    parents: defaultdict[str, list[str]] = defaultdict(list)
    lists = _answer_lists(files)
    for row in _rows(named(files, _TERMS)[:1], ("LOINC_NUM", "COMPONENT"), "Reading terms", progress):
        concepts[row["LOINC_NUM"]] = _term(row, lists.get(row["LOINC_NUM"], ()))
    for row in _rows(named(files, _HIERARCHY)[:1], _HIERARCHY_COLUMNS, "Reading hierarchy", progress):
        code, above = row["CODE"], row["IMMEDIATE_PARENT"]
        concepts.setdefault(code, Concept(code, row["CODE_TEXT"]))
        if above:
            parents[code].append(above)
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in _rows(named(files, _ANSWERS)[:1], _ANSWER_COLUMNS, "Reading answers", progress):
        if row["AnswerStringId"]:
            concepts.setdefault(row["AnswerStringId"], Concept(row["AnswerStringId"], row["DisplayText"]))
            groups["answer-list", row["AnswerListId"]].append(row["AnswerStringId"])
    return Release(
        url=LOINC,
        version=version or _version(files),
        title="LOINC",
        parents={code: parents.get(code, ()) for code in concepts},
        concept=concepts.__getitem__,
        properties=_PROPERTIES,
        groups=groups,
    )


_HIERARCHY_COLUMNS = ("IMMEDIATE_PARENT", "CODE", "CODE_TEXT")
_ANSWER_COLUMNS = ("AnswerListId", "AnswerStringId", "DisplayText")
_PROPERTIES = (
    *(Declared(name, "string", f"The column {name} of LOINC's table.") for name in _GROUPED),
    Declared("copyright", "code", "LOINC, or 3rdParty: whose terms hold for it."),
    Declared("answers-for", "code", "The list that its answers come from."),
    Declared("answer-list", "code", "The lists that an answer is in."),
)


def _rows(files: Sequence[Source], columns: Sequence[str], what: str, progress: Progress) -> Iterator[Row]:
    for file in files:
        done = 0
        for row in comma_separated(file, columns):
            done += 1
            if done % 5000 == 0:
                progress(what, done, None)
            yield row
        progress(what, done, done)


def _answer_lists(files: Sequence[Source]) -> Mapping[str, Sequence[str]]:
    """The lists from which each term is answered."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in named(files, _ANSWER_LINKS)[:1]:
        for row in comma_separated(file, ("LoincNumber", "AnswerListId")):
            found[row["LoincNumber"]].append(row["AnswerListId"])
    return found


def _term(row: Row, lists: Sequence[str]) -> Concept:
    display = row.get("LONG_COMMON_NAME") or row["COMPONENT"]
    labels = dict.fromkeys(row.get(name, "") for name in _LABELS)
    said = ((name, row.get(name, "")) for name in _GROUPED)
    theirs = "3rdParty" if row.get("EXTERNAL_COPYRIGHT_NOTICE") else "LOINC"
    return Concept(
        code=row["LOINC_NUM"],
        display=display,
        definition=row.get("DefinitionDescription") or None,
        designations=tuple(Designation(label, "en") for label in labels if label and label != display),
        properties=(
            *(Property(name, value, "string") for name, value in said if value),
            Property("copyright", theirs, "code"),
            *(Property("answers-for", each, "code") for each in dict.fromkeys(lists)),
        ),
        inactive=row.get("STATUS") == "DEPRECATED",
    )


def _version(files: Sequence[Source]) -> str:
    """The number in the name of the archive, as `Loinc_2.78.zip`, or of a folder.

    Raises:
        Unreadable: there is none.
    """
    for file in named(files, _TERMS):
        for name in (str(file.within or ""), file.path):
            if match := _RELEASED.search(name):
                return match["version"]
    raise Unreadable("The names of the files do not tell the version of LOINC: give it with --version.")
