"""Which code system the files are of: each of its readers is asked."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from server.terminology.intake import claml, code_system, dmd, icd_10, loinc, snomed_ct
from server.terminology.intake.release import Progress, Release, Unreadable
from server.terminology.intake.source import Source, sources


class Reader(Protocol):
    """A module of this package."""

    def is_release(self, files: Sequence[Source]) -> bool: ...

    def read(self, files: Sequence[Source], progress: Progress, version: str | None = None) -> Release: ...


_READERS: tuple[Reader, ...] = (snomed_ct, dmd, loinc, icd_10, claml, code_system)


def read(paths: Iterable[Path], progress: Progress, version: str | None = None) -> Release:
    """The release that the files make up together.

    Raises:
        Unreadable: nobody knows them.
    """
    files = sources(paths)
    for reader in _READERS:
        if reader.is_release(files):
            return reader.read(files, progress, version)
    raise Unreadable(
        "These are files of no code system that can be loaded: SNOMED CT (RF2), dm+d (XML), LOINC (CSV), "
        "ICD-10 (ClaML, or the table of the NHS), or one CodeSystem as JSON."
    )
