"""The two forms of the SSDA903 return, a folder of tables or an XML file, as rows by table."""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from server.child.intake.report import Report
from server.child.intake.source import Row, Table, Unreadable, table
from server.child.intake.xml import Document, children, name

# By columns and not by name: every system names its files in its own way. The first that fits counts.
_TABLES = {
    "episodes": {"CHILD", "DECOM", "LS", "PLACE"},
    "reviews": {"CHILD", "REVIEW"},
    "uasc": {"CHILD", "DUC"},
    "oc2": {"CHILD", "SDQ_SCORE"},
    "oc3": {"CHILD", "IN_TOUCH"},
    "ad1": {"CHILD", "DATE_INT"},
    "placed-for-adoption": {"CHILD", "DATE_PLACED"},
    "previous-permanence": {"CHILD", "PREV_PERM"},
    "missing": {"CHILD", "MIS_START"},
    "social-workers": {"CHILD", "SW_ID", "SW_DECOM"},
    "deprivation-of-liberty": {"CHILD", "DOLO_START"},
    "header": {"CHILD", "DOB", "ETHNIC"},
}

_ROOT = "EXPSSDA903"
# Leaves of the XML's HEADER that are a table of their own in the other form.
_WITHIN_HEADER = {
    "uasc": ("UASC", "DUC"),
    "ad1": ("DATE_INT", "DATE_MATCH", "FOSTER_CARE", "NB_ADOPTR", "SEX_ADOPTR", "LS_ADOPTR"),
    "oc3": ("IN_TOUCH", "ACTIV", "ACCOM"),
}
_BELOW_HEADER = {
    "AREVIEW": "reviews",
    "AMISSING": "missing",
    "PERMANENCE": "previous-permanence",
    "OC2": "oc2",
    "AD_PLACED": "placed-for-adoption",
}
_RENAMED = {"CHILDID": "CHILD", "PL": "PLACE"}

Rows = dict[str, list[Row]]


def read(path: Path, report: Report) -> Rows:
    """All rows of a file, or of the files in a folder; what cannot be read is in the report."""
    rows: Rows = {name: [] for name in ("header", *_TABLES)}
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        try:
            _read_file(file, rows, report)
        except Unreadable as unreadable:
            report.refuse_file(file.name, str(unreadable))
    return rows


def _read_file(file: Path, rows: Rows, report: Report) -> None:
    match file.suffix.casefold():
        case ".csv":
            _read_table(table(file, str.upper), rows, report)
        case ".xml":
            _read_document(Document(file), rows, report)
        case _ if file.is_file():
            report.note(f"{file.name} is neither a .csv nor an .xml file and was left aside.")


def _read_table(read: Table, rows: Rows, report: Report) -> None:
    kind = next((name for name, columns in _TABLES.items() if columns <= set(read.columns)), None)
    if kind is None:
        raise Unreadable("The columns are those of no table of the SSDA903.")
    report.rows[read.name] += len(read.lines)
    for row in read.rows():
        if isinstance(row, Row):
            rows[kind].append(row)
        else:
            report.refuse_line(read.name, *row)


def _read_document(document: Document, rows: Rows, report: Report) -> None:
    if name(document.root) != _ROOT:
        raise Unreadable(f"The root element is '{name(document.root)}' and not '{_ROOT}'.")
    report.rows[document.file] += 0
    for child in children(document.root, "CHILD"):
        for kind, row in _child(document, child):
            report.rows[document.file] += 1
            rows[kind].append(row)
    for path in document.unseen():
        report.not_held[document.file, path] += 1


def _child(document: Document, child: etree._Element) -> Iterator[tuple[str, Row]]:
    identity: dict[str, str] = {}
    for header in children(child, "HEADER"):
        row = document.row(header)
        identity = {"CHILD": row.cells.get("CHILDID", "")}
        yield from _header(row, identity)
        for element in children(header, *_BELOW_HEADER):
            yield _BELOW_HEADER[name(element)], _row(document.row(element), identity)
    for element in children(child, "EPISODE"):
        yield "episodes", _row(document.row(element), identity)


def _header(row: Row, identity: dict[str, str]) -> Iterator[tuple[str, Row]]:
    apart = {column: table for table, columns in _WITHIN_HEADER.items() for column in columns}
    groups: dict[str, dict[str, str]] = {"header": {}}
    for column, cell in row.cells.items():
        if cell.strip():
            groups.setdefault(apart.get(column, "header"), {})[column] = cell
    for kind, cells in groups.items():
        yield kind, _row(Row(row.file, row.number, cells, row.place), identity)


def _row(row: Row, identity: dict[str, str]) -> Row:
    cells = {_RENAMED.get(column, column): cell for column, cell in row.cells.items()}
    return Row(row.file, row.number, {**identity, **cells}, row.place)
