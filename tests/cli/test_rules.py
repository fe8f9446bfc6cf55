"""`childrecord rules`: the list of them, the page made of it, and what breaks them now."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from server.child.rulebook import entries, page
from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import settings
from server.store.database import Database
from tests import make

Command = Callable[..., Result]

CHILD = "rules-child"


@pytest.fixture
def rules(childrecord: Command, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `childrecord rules …` where a child has a mark whose reason nobody has found."""
    environment = {"CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true"}
    environment["CHILDRECORD_DATA"] = str(tmp_path_factory.mktemp("data"))
    childrecord("settings", **environment)
    opened = door(settings(), database)
    suite = as_agency(opened, "conformance", "tests")
    school = make.organization("ashbourne-primary")
    for resource in (
        school,
        make.child(id=CHILD),
        make.episode(CHILD, "ashbourne-primary") | {"id": "rules-roll"},
        make.mark(CHILD, "ashbourne-primary", code="N") | {"id": "rules-mark"},
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite)
    return lambda *arguments: childrecord("rules", *map(str, arguments), **environment)


def test_every_rule_is_listed(childrecord: Command) -> None:
    listed = childrecord("rules", "list", COLUMNS="300")
    assert listed.exit_code == 0
    assert all(entry.key in listed.output for entry in entries())


def test_the_page_is_written(childrecord: Command, tmp_path: Path) -> None:
    target = tmp_path / "rules.md"
    assert childrecord("rules", "document", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8") == page()


def test_what_time_has_made_wrong_is_listed(rules: Command) -> None:
    told = rules("check", "--as", "ashbourne-primary", "--child", CHILD)
    assert told.exit_code == 1, told.output
    assert "Observation/rules-mark" in told.output
    assert "register-n" in told.output
    assert "0 errors and 1 warnings." in told.output


def test_it_is_listed_for_every_child_that_the_agency_sees_and_for_no_other(rules: Command) -> None:
    seen = rules("check", "--as", "ashbourne-primary", "--json")
    [line] = [json.loads(each) for each in seen.output.splitlines() if each.startswith("{")]
    assert line["resource"] == "Observation/rules-mark"
    assert [each["severity"] for each in line["outcome"]["issue"]] == ["warning"]
    assert rules("check", "--as", "fernhill-school").output.strip().endswith("0 errors and 0 warnings.")


def test_warnings_may_be_left_out(rules: Command) -> None:
    told = rules("check", "--as", "ashbourne-primary", "--errors")
    assert told.exit_code == 0
    assert "register-n" not in told.output
