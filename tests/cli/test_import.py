"""The import commands over the whole samples, through the real door."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import settings
from server.store.database import Database

DATA = Path(__file__).parents[1] / "data"
AGENCIES = ("wexshire-social-care", "wexshire-education")
SAMPLES = [
    ("ssda903", DATA / "ssda903", "wexshire-social-care", 545),
    ("school-census", DATA / "school_census", "wexshire-education", 384),
    ("cin", DATA / "cin", "wexshire-social-care", 32),
]

Import = Callable[..., Result]


@pytest.fixture
def import_(childrecord: Import, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Import:
    """Runs `childrecord import …` where the agencies have their Organizations."""
    environment = {"CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true"}
    environment["CHILDRECORD_DATA"] = str(tmp_path_factory.mktemp("data"))
    childrecord("settings", **environment)
    opened = door(settings(), database)
    suite = as_agency(opened, "conformance", "tests")
    for agency in AGENCIES:
        content = {"resourceType": "Organization", "id": agency, "name": agency}
        respond(FhirRequest("PUT", f"Organization/{agency}", content=content), opened, suite)
    return lambda *arguments: childrecord("import", *map(str, arguments), **environment)


def _imported(import_: Import, file: Path, *arguments: object) -> dict[str, dict[str, int]]:
    result = import_(*arguments, "--report", file)
    assert result.exit_code == 0, result.output
    kinds: dict[str, dict[str, int]] = json.loads(file.read_bytes())["kinds"]
    return kinds


@pytest.mark.parametrize(("format", "source", "agency", "children"), SAMPLES)
def test_a_sample_is_imported_once_however_often_it_is_imported(
    import_: Import, tmp_path: Path, format: str, source: Path, agency: str, children: int
) -> None:
    arguments = (format, source, "--as", agency)
    first = _imported(import_, tmp_path / "1.json", *arguments)
    assert first["Child"]["created"] == children
    again = _imported(import_, tmp_path / "2.json", *arguments)
    assert {(kind["created"], kind["updated"]) for kind in again.values()} == {(0, 0)}
    assert {kind: told["read"] - told["refused"] for kind, told in again.items()} == {
        kind: told["unchanged"] for kind, told in again.items()
    }


def test_a_changed_end_date_is_one_update_in_the_record(import_: Import, tmp_path: Path) -> None:
    rows = "CHILD,DECOM,RNE,LS,CIN,PLACE,DEC,REC\n7001,15/02/2016,S,C2,N3,U4,{end},X1\n"
    rows += "7001,14/08/2017,P,C2,N3,U4,,\n"
    folder = tmp_path / "return"
    folder.mkdir()
    arguments = ("ssda903", folder, "--as", "wexshire-social-care", "--year", 2018)
    for end, expected in (("14/08/2017", (2, 0)), ("13/08/2017", (0, 1))):
        (folder / "episodes.csv").write_text(rows.format(end=end))
        told = _imported(import_, tmp_path / "report.json", *arguments)["Placement"]
        assert (told["created"], told["updated"]) == expected


def test_what_was_refused_and_what_is_not_held_is_shown(import_: Import) -> None:
    output = import_("cin", DATA / "cin" / "CIN_Census_2024.xml", "--as", "wexshire-social-care").output
    assert "lies before" in output
    assert "Not held" in output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("cin", DATA / "cin", "--as", "nobody"), "There is no agency 'nobody'"),
        (("cin", DATA / "cin", "--as", "wexshire-police"), "does not hold Organization/wexshire-police"),
        (("school-census", DATA / "cin", "--as", "wexshire-education"), "The collection is not clear"),
        (("ssda903", DATA / "school_census", "--as", "wexshire-social-care"), "No file could be read"),
        (("cin", DATA / "none.xml", "--as", "wexshire-education"), "does not exist"),
        (("school-census", DATA / "school_census", "--as", "x", "--year", "2025"), "go together"),
    ],
)
def test_an_import_that_cannot_begin_says_why(import_: Import, arguments: tuple[str, ...], told: str) -> None:
    result = import_(*arguments)
    assert result.exit_code != 0
    assert told in " ".join(result.output.split())
