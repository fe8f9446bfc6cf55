"""An import's report for people: what was read, what became of it, and each thing that did not go in."""

from collections import Counter
from collections.abc import Iterator

from rich.table import Table

from server.child.intake.report import Extent, Fate, Refusal, Report

_SHOWN = 40


def tables(report: Report) -> Iterator[Table]:
    """What became of the resources, and of the rows."""
    yield _kinds(report)
    yield _files(report)


def lines(report: Report) -> Iterator[str]:
    """What did not go in, or not as it was sent. The refusals are cut: the JSON form has them all."""
    if report.refusals:
        yield "Refused:"
        yield from map(_refusal, report.refusals[:_SHOWN])
    if (more := len(report.refusals) - _SHOWN) > 0:
        yield f"  and {more} more, which --report writes"
    yield from _columns("Kept as text, being no code of the list:", report.as_text)
    yield from _columns("Not held, for the record has no place for it (cells):", report.not_held)
    yield from report.notes


def _kinds(report: Report) -> Table:
    table = Table("Kind", "Read", "Created", "Updated", "Unchanged", "Refused", box=None)
    for kind, counter in report.kinds.items():
        table.add_row(kind, f"{counter.total():,}", *(f"{counter[fate]:,}" for fate in Fate))
    totals = [report.total(fate) for fate in Fate]
    table.add_row("all", f"{sum(totals):,}", *(f"{total:,}" for total in totals), style="bold")
    return table


def _files(report: Report) -> Table:
    table = Table("File", "Rows read", "Rows refused", box=None)
    for name, rows in report.rows.items():
        table.add_row(name, f"{rows:,}", f"{report.refused_rows(name):,}")
    return table


def _refusal(refusal: Refusal) -> str:
    at = refusal.origin
    row = "" if refusal.extent is Extent.FILE else f", row {at.row}"
    place = f" ({at.place})" if at.place else ""
    column = f", {refusal.column}" if refusal.column else ""
    what = {Extent.CELL: " (this cell only)", Extent.CHILD: " (the whole child)"}.get(refusal.extent, "")
    return f"  {at.file}{row}{place}{column}{what}: {refusal.reason}"


def _columns(title: str, counter: Counter[tuple[str, str]]) -> Iterator[str]:
    files: dict[str, list[str]] = {}
    for (file, column), cells in counter.items():
        files.setdefault(file, []).append(f"{column} ({cells})")
    if files:
        yield title
    for file, columns in files.items():
        yield f"  {file}: {', '.join(columns)}"
