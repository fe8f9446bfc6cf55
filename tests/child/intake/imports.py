"""Imports of the samples, or of files that a test writes, into a fake door."""

from collections.abc import Callable
from pathlib import Path

from server.child.intake import cin, school_census, ssda903
from server.child.intake.children import Importer, Intake
from server.child.intake.report import Report
from server.child.intake.write import write
from tests.child.intake.fake_door import FakeDoor

DATA = Path(__file__).parents[2] / "data"
IMPORTER = Importer("social-care", "330", {"reference": "Organization/social-care"})

Read = Callable[[Path, Importer, Report], Intake]
FORMATS: dict[str, tuple[Read, Path]] = {
    "ssda903": (ssda903.read, DATA / "ssda903"),
    "school-census": (school_census.read, DATA / "school_census"),
    "cin": (cin.read, DATA / "cin"),
}


def read(format: str, source: Path | None = None) -> Intake:
    """The intake of a sample, or of other files in its format."""
    reader, sample = FORMATS[format]
    return reader(source or sample, IMPORTER, Report(format, IMPORTER.agency))


def bring_in(format: str, door: FakeDoor, source: Path | None = None) -> Report:
    """The report on importing them."""
    intake = read(format, source)
    write(intake.finished(), intake.shared, door, intake.report)
    return intake.report


def files(folder: Path, **contents: str) -> Path:
    """A folder with CSV files of these names (dots for double underscores) and lines."""
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / name.replace("__", ".")).write_text(content, encoding="utf-8")
    return folder
