"""An import's report for people: what was read, what became of it, and each thing that did not go in."""

from collections import Counter
from collections.abc import Iterator

from rich.table import Table

from server.child.intake.report import Extent, Fate, Refusal, Report

_SHOWN = 40


def tables(report: Report) -> Iterator[Table]:
    """The report in tables; the longest is cut, for the whole is in the JSON form."""
    yield _kinds(report)
    yield _files(report)
    if report.refusals:
        yield _refused(report)
    if report.as_text:
        yield _columns("No code of its list, kept as text", report.as_text)
    if report.not_held:
        yield _columns("Not held: the record has no place for it", report.not_held)


def _kinds(report: Report) -> Table:
    table = Table(
        "Kind", "Read", "Created", "Updated", "Unchanged", "Refused", title="Resources", title_justify="left"
    )
    for kind, counter in report.kinds.items():
        table.add_row(kind, str(counter.total()), *(str(counter[fate]) for fate in Fate))
    total = [sum(counter[fate] for counter in report.kinds.values()) for fate in Fate]
    table.add_section()
    table.add_row("all", str(sum(total)), *map(str, total))
    return table


def _files(report: Report) -> Table:
    table = Table("File", "Rows read", "Rows refused", title="Files", title_justify="left")
    for name, rows in report.rows.items():
        table.add_row(name, str(rows), str(report.refused_rows(name)))
    return table


def _refused(report: Report) -> Table:
    table = Table("File", "Row", "Column", "What", "Why", title="Refused", title_justify="left")
    for refusal in report.refusals[:_SHOWN]:
        what = refusal.extent.value
        table.add_row(refusal.origin.file, _row(refusal), refusal.column or "", what, refusal.reason)
    if more := len(report.refusals) - _SHOWN:
        table.caption = f"and {more} more, in the report that --report writes" if more > 0 else None
    return table


def _row(refusal: Refusal) -> str:
    at = refusal.origin
    number = "" if refusal.extent is Extent.FILE else str(at.row)
    return f"{number} {at.place}".strip()


def _columns(title: str, counter: Counter[tuple[str, str]]) -> Table:
    table = Table("File", "Column", "Cells", title=title, title_justify="left")
    for (file, column), cells in counter.items():
        table.add_row(file, column, str(cells))
    return table
