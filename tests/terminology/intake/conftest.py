"""What is published, loaded into a database of the module's own."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from server.store import concept_load
from server.store.database import Database
from server.terminology import table
from server.terminology.intake.bring import bring
from server.terminology.intake.recognise import read
from server.terminology.intake.release import Release
from server.terminology.table import Tables
from tests.terminology.intake import published


def quiet(what: str, done: int, of: int | None) -> None:
    """Tells nobody."""


@pytest.fixture(scope="session", autouse=True)
def no_grace() -> Iterator[None]:
    """Nobody else looks at these databases."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(concept_load, "GRACE", 0)
        yield


@pytest.fixture(scope="module")
def load(database: Database) -> Callable[..., Release]:
    """Loads files: `load(path, …)`."""

    def loaded(*paths: Path, version: str | None = None) -> Release:
        release = read(paths, quiet, version)
        bring(database, release, quiet)
        return release

    return loaded


@pytest.fixture(scope="module")
def all_loaded(load: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every kind of release."""
    folder = tmp_path_factory.mktemp("published")
    resource = folder / "shapes.json"
    resource.write_text(json.dumps(published.CODE_SYSTEM), encoding="utf-8")
    for path in (
        published.rf2(folder / "rf2"),
        published.dmd(folder / "dmd"),
        published.claml(folder / "claml"),
        published.loinc(folder / "loinc"),
        resource,
    ):
        load(path)
    return


@pytest.fixture
def tables(database: Database) -> Tables:
    """The code systems of the database, held for the test."""
    found = Tables(database)
    table.hold(found)
    return found
