"""`childrecord retention` and `childrecord hold`: what is due, what is held, what goes."""

import json
import re
from collections.abc import Callable

import pytest
from click.testing import Result

from server.access.access import Access
from server.fhir.exchange import FhirRequest
from server.fhir.issue import FhirError
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.record.door import Door
from server.settings import settings
from server.store.database import Database
from tests import make

Command = Callable[..., Result]
AS = ("--as", "wexshire-council", "--reason", "As the schedule says")
TODAY = ("--as-of", "2026-11-22")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = str(tmp_path_factory.mktemp("data"))
    return {
        "CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true", "CHILDRECORD_DATA": data,
    }  # fmt: skip


@pytest.fixture
def command(childrecord: Command, environment: dict[str, str]) -> Command:
    return lambda *arguments: childrecord(*map(str, arguments), **environment)


@pytest.fixture
def opened(command: Command, database: Database) -> Door:
    command("settings")
    return door(settings(), database)


@pytest.fixture
def status(opened: Door) -> Callable[[str], int]:
    """The status of a read by who sees everything."""

    def asked(path: str) -> int:
        try:
            return respond(FhirRequest("GET", path), opened, suite(opened)).status
        except FhirError as error:
            return error.status

    return asked


def suite(opened: Door) -> Access:
    return as_agency(opened, "conformance", "tests")


@pytest.fixture
def child(opened: Door) -> str:
    """Born in 2010, with one mark of 2015 and one of this year, and an end of school in 2024."""
    id = make.word("kept-")
    school = "ashbourne-primary"
    roll = make.episode(id, school, start="2014-09-01") | {"id": f"{id}-roll", "status": "finished"}
    for resource in (
        make.organization(school),
        make.child(id=id) | {"birthDate": "2010-05-06"},
        roll | {"period": {"start": "2014-09-01", "end": "2016-07-20"}},
        make.mark(id, school, "2015-09-08") | {"id": f"{id}-old"},
        make.mark(id, school, "2026-09-08") | {"id": f"{id}-new"},
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite(opened))
    return id


def due(command: Command, child: str, *more: str) -> dict[str, str]:
    """By resource, the class because of which it is due."""
    done = command("retention", "preview", "--list", "--child", child, *(more or TODAY))
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in done.output.splitlines()]
    return {line["resource"]: line["class"] for line in lines}


def test_the_preview_names_what_is_due_and_changes_nothing(
    command: Command, child: str, status: Callable[[str], int]
) -> None:
    old, roll = f"Observation/{child}-old", f"EpisodeOfCare/{child}-roll"
    expected = {old: "attendance-register", roll: "admission-register"}
    assert due(command, child) == expected
    assert due(command, child, *TODAY, "--authority", "331") == {}
    # Of all that there is the child goes last.
    assert f"Patient/{child}" not in due(command, child, "--as-of", "2032-09-09")
    assert f"Patient/{child}" in due(command, child, "--as-of", "2035-05-07")
    assert status(old) == 200


def test_what_is_due_goes_and_the_rest_stays(
    command: Command, child: str, status: Callable[[str], int]
) -> None:
    refused = command("retention", "apply", *AS, "--child", child)
    assert refused.exit_code == 1
    assert status(f"Observation/{child}-old") == 200
    done = command("retention", "apply", *AS, "--child", child, "--yes")
    assert "2 resources of 1 children were taken out, 0 of them with everything" in done.output, done.output
    assert status(f"Observation/{child}-old") == status(f"EpisodeOfCare/{child}-roll") == 404
    assert status(f"Observation/{child}-new") == status(f"Patient/{child}") == 200
    assert due(command, child) == {}


def test_everything_goes_with_the_child_when_all_is_due(
    command: Command, opened: Door, status: Callable[[str], int]
) -> None:
    id = make.word("adult-")
    for resource in (
        make.child(id=id) | {"birthDate": "1980-05-06"},
        make.mark(id, "ashbourne-primary", "1990-09-08") | {"id": f"{id}-mark"},
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite(opened))
    done = command("retention", "apply", *AS, "--child", id, "--yes")
    assert "1 of them with everything" in done.output, done.output
    assert status(f"Patient/{id}") == status(f"Observation/{id}-mark") == 404


@pytest.mark.parametrize(
    ("on", "left"),
    [
        (["Patient/{}"], {"old", "roll"}),
        (["Observation/{}-old"], {"old"}),
        (["--class", "attendance-register"], {"old"}),
        (["--class", "attendance-register", "--authority", "331"], set()),
        (["--authority", "330"], {"old", "roll"}),
        ([], {"old", "roll"}),
    ],
)
def test_a_hold_keeps_what_it_lies_on(
    command: Command, child: str, status: Callable[[str], int], on: list[str], left: set[str]
) -> None:
    placed = command("hold", "place", *(each.format(child) for each in on), *AS)
    assert placed.exit_code == 0, placed.output
    name = re.search(r"Hold (\S+) lies", placed.output)
    assert name
    assert name[1] in command("hold", "list").output
    command("retention", "apply", *AS, "--child", child, "--yes")
    paths = {"old": f"Observation/{child}-old", "roll": f"EpisodeOfCare/{child}-roll"}
    assert {each for each, path in paths.items() if status(path) == 200} == left
    assert command("hold", "lift", name[1], *AS).exit_code == 0
    assert command("hold", "lift", name[1], *AS).exit_code == 1
    assert name[1] not in command("hold", "list").output
    assert name[1] in command("hold", "list", "--lifted").output
    command("retention", "apply", *AS, "--child", child, "--yes")
    assert not [each for each, path in paths.items() if status(path) == 200]


@pytest.mark.parametrize(
    "arguments",
    [
        ("hold", "place", "Patient/nobody", *AS),
        ("hold", "place", "Nothing/1", *AS),
        ("hold", "place", "Patient/x", "--class", "child", *AS),
        ("hold", "place", "--class", "nothing", *AS),
        ("hold", "place", "--as", "nobody", "--reason", "x"),
        ("hold", "place", "--as", "wexshire-council", "--reason", " "),
        ("retention", "apply", "--as", "nobody", "--reason", "x", "--yes"),
        ("retention", "apply", "--as", "wexshire-council", "--reason", " ", "--yes"),
    ],
)
def test_what_cannot_be_is_refused(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments).exit_code == 1


def test_the_classes_are_listed_with_their_law(command: Command) -> None:
    listed = command("retention", "classes").output
    assert "regulation 50" in listed
    assert "75 years" in listed
