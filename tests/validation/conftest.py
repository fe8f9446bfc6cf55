"""HL7's own examples of R4 resources (tests/data/ORIGIN.md), one for each test that asks for an `example`."""

from pathlib import Path

import pytest

from server.fhir import Json
from server.fhir.json import decode

FOLDER = Path(__file__).parents[1] / "data" / "fhir-test-cases"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "example" in metafunc.fixturenames:
        paths = sorted(FOLDER.glob("*.json"))
        assert len(paths) >= 60
        metafunc.parametrize("example", paths, ids=lambda path: path.stem, indirect=True)


@pytest.fixture
def example(request: pytest.FixtureRequest) -> Json:
    return _read(request.param)


@pytest.fixture
def patient() -> Json:
    return _read(FOLDER / "patient-example.json")


def _read(path: Path) -> Json:
    resource: Json = decode(path.read_bytes())
    return resource
