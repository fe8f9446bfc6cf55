"""A row of a file, which remembers the cells that were read so that none is lost unseen."""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

from server.child.intake import date

Value = TypeVar("Value")

_LINE_END = re.compile(r"\r\n|\n|\r")
_YES = frozenset({"1", "true", "yes", "y"})
_NO = frozenset({"0", "false", "no", "n"})


class Refused(Exception):
    """A row that cannot be taken as it stands: the column that is wrong, and why."""

    def __init__(self, reason: str, column: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.column = reason, column


class Unreadable(Exception):
    """A file that cannot be taken apart into rows."""


@dataclass(slots=True)
class Row:
    """The cells of one row by column.

    `number` is what a spreadsheet or an editor shows beside it; `place` is the path of the element in XML.
    """

    file: str
    number: int
    cells: Mapping[str, str]
    place: str = ""
    _read: set[str] = field(default_factory=set)

    def text(self, column: str) -> str | None:
        """The cell without surrounding blanks; None when it is empty or the file has no such column."""
        self._read.add(column)
        return self.peek(column)

    def required(self, column: str) -> str:
        """The cell, which must not be empty."""
        value = self.text(column)
        if value is None:
            raise Refused("The cell must not be empty.", column)
        return value

    def day(self, column: str) -> str | None:
        """The cell as a FHIR date that is complete."""
        return self._converted(column, date.day)

    def required_day(self, column: str) -> str:
        """The cell as a complete FHIR date, which must be there."""
        self.required(column)
        value = self.day(column)
        assert value is not None
        return value

    def partial_date(self, column: str) -> str | None:
        """The cell as a FHIR date of which the day or the month may be unknown."""
        return self._converted(column, date.partial)

    def whole(self, column: str) -> int | None:
        """The cell as a whole number; exports write 139 as 139.0 too."""
        found = self.decimal(column)
        if found is not None and found != found.to_integral_value():
            raise Refused(f"'{self.cells[column]}' is not a whole number.", column)
        return None if found is None else int(found)

    def positive(self, column: str) -> int | None:
        """The cell as a whole number that is not nought."""
        number = self.whole(column)
        if number == 0:
            raise Refused("The number must not be 0.", column)
        return number

    def quantity(self, column: str) -> int | Decimal | None:
        """The cell as a number: an int where it has no fraction, so that 7 and 7.0 are one value."""
        found = self.decimal(column)
        return int(found) if found is not None and found == found.to_integral_value() else found

    def decimal(self, column: str) -> Decimal | None:
        """The cell as a number that is not negative."""
        return self._converted(column, _number)

    def flag(self, column: str) -> bool | None:
        """The cell as yes or no."""
        return self._converted(column, _flag)

    def peek(self, column: str) -> str | None:
        """The cell as `text` gives it, for a use that does not keep it."""
        return self.cells.get(column, "").strip() or None

    def unread(self) -> list[str]:
        """The columns that hold something and were never asked for."""
        return [column for column, cell in self.cells.items() if cell.strip() and column not in self._read]

    def _converted(self, column: str, convert: Callable[[str], Value | None]) -> Value | None:
        text = self.text(column)
        if text is None:
            return None
        try:
            return convert(text)
        except ValueError as error:
            raise Refused(str(error), column) from None


def in_order(row: Row, start: str, end: str) -> tuple[str, str | None]:
    """The two dates of a period; the end may be open and must not lie before the start."""
    first, last = row.required_day(start), row.day(end)
    if last is not None and last < first:
        raise Refused(f"The end {last} lies before the start {first}.", end)
    return first, last


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: its columns, and each of its lines as a Row or as the reason why it is none."""

    name: str
    columns: tuple[str, ...]
    lines: tuple[tuple[int, str], ...]

    def rows(self) -> Iterator[Row | tuple[int, Refused]]:
        for number, line in self.lines:
            try:
                yield Row(self.name, number, self._cells(line))
            except Refused as refused:
                yield number, refused

    def _cells(self, line: str) -> dict[str, str]:
        cells = _split(line)
        if len(cells) != len(self.columns):
            raise Refused(f"The row has {len(cells)} cells where the first line names {len(self.columns)}.")
        return dict(zip(self.columns, cells, strict=True))


def table(path: Path, fold: Callable[[str], str]) -> Table:
    """A CSV file; `fold` is the case in which the format writes its column names."""
    # Line by line, for a stray quotation mark must cost its own row and not swallow those below it.
    lines = _LINE_END.split(_decoded(path.read_bytes()))
    numbered = tuple((number, line) for number, line in enumerate(lines, 1) if line.strip(' ,"\t'))
    if not numbered:
        raise Unreadable("The file is empty.")
    try:
        columns = tuple(fold(name.strip()) for name in _split(numbered[0][1]))
    except Refused as refused:
        raise Unreadable(refused.reason) from None
    for column in columns:
        if columns.count(column) > 1:
            raise Unreadable(f"The first line names the column '{column}' twice.")
    return Table(path.name, columns, numbered[1:])


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise Refused(f"The row is not CSV: {error}.") from None


def _decoded(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"'{text}' is not a number.") from None
    if not number.is_finite() or number < 0:
        raise ValueError(f"'{text}' is not a number that counts something.")
    return number


def _flag(text: str) -> bool:
    match text.casefold():
        case known if known in _YES:
            return True
        case known if known in _NO:
            return False
        case _:
            raise ValueError(f"'{text}' is neither yes nor no.")
