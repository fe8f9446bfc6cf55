"""The files of a release, wherever they lie: named one by one, in folders, in zip archives."""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from server.terminology.intake.release import Unreadable

Row = Mapping[str, str]

# Some definitions of dm+d and LOINC are longer than the module allows for.
csv.field_size_limit(10_000_000)


@dataclass(frozen=True, slots=True)
class Source:
    """One file. `within`: the archive that it is in."""

    path: str
    within: Path | None = None

    @property
    def name(self) -> str:
        """Without the folders."""
        return self.path.replace("\\", "/").rpartition("/")[2]

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes.

        Raises:
            Unreadable: it cannot be opened.
        """
        try:
            if self.within is None:
                with Path(self.path).open("rb") as file:
                    yield file
            else:
                with zipfile.ZipFile(self.within) as archive, archive.open(self.path) as file:
                    yield file
        except (OSError, zipfile.BadZipFile) as error:
            raise Unreadable(f"'{self.path}' cannot be read: {error}.") from error


def sources(paths: Iterable[Path]) -> list[Source]:
    """All files, in the order of their paths.

    Raises:
        Unreadable: an archive that is none.
    """
    return [each for path in paths for each in _in(path)]


def _in(path: Path) -> Iterator[Source]:
    if path.is_dir():
        for each in sorted(path.rglob("*")):
            if each.is_file():
                yield from _in(each)
    elif path.suffix.lower() == ".zip":
        try:
            with zipfile.ZipFile(path) as archive:
                names = sorted(each.filename for each in archive.infolist() if not each.is_dir())
        except (OSError, zipfile.BadZipFile) as error:
            raise Unreadable(f"'{path}' is not a zip archive: {error}.") from error
        yield from (Source(name, path) for name in names)
    else:
        yield Source(str(path))


def named(files: Iterable[Source], pattern: str) -> list[Source]:
    """Those whose name fits, whatever its case."""
    fitting = re.compile(pattern, re.IGNORECASE)
    return [each for each in files if fitting.fullmatch(each.name)]


def tab_separated(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a file without quotation marks, as SNOMED International and TRUD write them.

    Raises:
        Unreadable: a column is missing, or the text is no UTF-8.
    """
    return _rows(source, columns, delimiter="\t", quoting=csv.QUOTE_NONE)


def comma_separated(source: Source, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a CSV file, as spreadsheets write them.

    Raises:
        Unreadable: a column is missing, or the text is no UTF-8.
    """
    return _rows(source, columns, delimiter=",", quoting=csv.QUOTE_MINIMAL)


def _rows(source: Source, columns: Sequence[str], *, delimiter: str, quoting: Literal[0, 3]) -> Iterator[Row]:
    with source.open() as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        reader = csv.reader(text, delimiter=delimiter, quoting=quoting)
        try:
            names = [name.strip() for name in next(reader, [])]
            missing = [column for column in columns if column not in names]
            if missing:
                raise Unreadable(f"'{source.name}' has no column {', '.join(missing)}.")
            for cells in reader:
                yield dict(zip(names, cells, strict=False))
        except (UnicodeDecodeError, csv.Error) as error:
            raise Unreadable(f"'{source.name}' cannot be read in line {reader.line_num}: {error}.") from error
