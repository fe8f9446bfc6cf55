"""What became of a file: counted by file and by kind, and every refusal with its row and the reason."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from server.child.intake.source import Refused, Row
from server.fhir import Json


class Fate(StrEnum):
    """What became of one resource that the file asks for."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


class Extent(StrEnum):
    """How much of a file a refusal covers."""

    CELL = "cell"
    ROW = "row"
    CHILD = "child"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where in which file something stands; `place` is the path of the element in an XML file."""

    file: str
    row: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something of a file that is not in the record, and why."""

    origin: Origin
    extent: Extent
    reason: str
    column: str | None = None


@dataclass(slots=True)
class Report:
    """Filled while a file is read and written; `rows` counts what was read, whatever became of it."""

    format: str
    agency: str
    rows: Counter[str] = field(default_factory=Counter)
    kinds: dict[str, Counter[Fate]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    not_held: Counter[tuple[str, str]] = field(default_factory=Counter)
    as_text: Counter[tuple[str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def refuse(self, row: Row, refused: Refused, extent: Extent = Extent.ROW) -> None:
        """Records that the row, or one cell of it, is not taken."""
        self.refusals.append(Refusal(origin(row), extent, refused.reason, refused.column))

    def refuse_line(self, file: str, number: int, refused: Refused) -> None:
        """Records that a line of the file is no row."""
        self.refusals.append(Refusal(Origin(file, number), Extent.ROW, refused.reason))

    def refuse_origins(self, origins: Sequence[Origin], extent: Extent, reason: str) -> None:
        """Records that what these rows led to was refused by the record itself."""
        known = {(refusal.origin, refusal.reason) for refusal in self.refusals}
        for at in origins:
            if (at, reason) not in known:
                self.refusals.append(Refusal(at, extent, reason))

    def refuse_file(self, name: str, reason: str) -> None:
        """Records that a whole file could not be read."""
        self.refusals.append(Refusal(Origin(name, 0), Extent.FILE, reason))

    def count(self, kind: str, fate: Fate) -> None:
        """One more resource of the kind, and what became of it."""
        self.kinds.setdefault(kind, Counter())[fate] += 1

    def hold_nothing_of(self, row: Row) -> None:
        """The filled cells of the row that nobody asked for have no place in the record."""
        for column in row.unread():
            self.not_held[row.file, column] += 1

    def note_text(self, row: Row, column: str) -> None:
        """A cell that is no code of its list is kept all the same, as text."""
        self.as_text[row.file, column] += 1

    def note(self, sentence: str) -> None:
        """Something the reader should know, said once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def total(self, fate: Fate) -> int:
        """Resources of every kind with this fate."""
        return sum(counter[fate] for counter in self.kinds.values())

    def refused_rows(self, file: str) -> int:
        """Rows of the file of which at least one thing other than the child was refused as a whole."""
        rows = {r.origin for r in self.refusals if r.origin.file == file and r.extent is not Extent.CELL}
        return len(rows)

    def json(self) -> Json:
        """The whole report as JSON that needs no FHIR to read."""
        return {
            "format": self.format,
            "agency": self.agency,
            "files": {
                name: {"read": read, "refused": self.refused_rows(name)} for name, read in self.rows.items()
            },
            "kinds": {
                kind: {"read": counter.total(), **{fate.value: counter[fate] for fate in Fate}}
                for kind, counter in self.kinds.items()
            },
            "refused": [_flat(refusal) for refusal in self.refusals],
            "keptAsText": _columns(self.as_text),
            "notHeld": _columns(self.not_held),
            "notes": self.notes,
        }


def origin(row: Row) -> Origin:
    """Where the row stands."""
    return Origin(row.file, row.number, row.place)


def _flat(refusal: Refusal) -> Json:
    fields = {**asdict(refusal.origin), "column": refusal.column, "extent": refusal.extent.value}
    return {name: value for name, value in fields.items() if value} | {"reason": refusal.reason}


def _columns(counter: Counter[tuple[str, str]]) -> list[Json]:
    return [{"file": file, "column": column, "cells": cells} for (file, column), cells in counter.items()]
