"""The children of the stories in a record of their own, and the agencies around them, each with its token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from server import clock
from server.child.demonstration.batches import batches
from server.cli import seed
from server.fhir import Json, json
from server.http.app import create
from server.record.door import Door
from server.settings import read
from tests.conftest import NewDatabase
from tests.story.agency import Agencies


@pytest.fixture(scope="session")
def story_database(new_database: NewDatabase) -> Iterator[str]:
    """One database for all stories: each is about other children."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def agencies(story_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agencies]:
    """`agencies["kingsmead-academy"]`: who reads and writes over HTTP with a token of its own."""
    folder: Path = tmp_path_factory.mktemp("data")
    app = create(
        read(
            {
                "DATABASE_URL": story_database,
                "CHILDRECORD_DATA": str(folder),
                "CHILDRECORD_DEMONSTRATION": "true",
            }
        )
    )
    door: Door = app.extensions["door"]
    seed.admit(door)
    for agency, bundle in batches(clock.now().date()):
        if _belongs(bundle):
            seed.writes_as(door, agency)(bundle)
    yield Agencies(app.test_client(), door)
    door.database.close()


def _belongs(bundle: Json) -> bool:
    """The directory, and what is written about the children of the stories."""
    return bundle["entry"][0]["resource"]["resourceType"] in _DIRECTORY or b'"story-' in json.encode(bundle)


_DIRECTORY = ("Organization", "Location", "HealthcareService", "Practitioner")
