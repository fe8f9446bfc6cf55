"""`childrecord alert`: which there are, and what a new one would have raised."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from server import clock
from server.child.alert.definition import alerts
from server.definition.folder import profiles
from server.fhir.exchange import FhirRequest
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import settings
from server.store.database import Database
from tests import make
from tests.child.alert.conftest import exclusion

Command = Callable[..., Result]

CHILD = "alert-child"


@pytest.fixture
def alert(childrecord: Command, database: Database, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `childrecord alert …` where a child of social care was suspended ten days ago."""
    environment = {"CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true"}
    environment["CHILDRECORD_DATA"] = str(tmp_path_factory.mktemp("data"))
    childrecord("settings", **environment)
    opened = door(settings(), database)
    suite = as_agency(opened, "conformance", "tests")
    day = f"{clock.now().date() - timedelta(days=10)}"
    suspended = exclusion(CHILD, day) | {"id": "alert-suspension"}
    suspended["performer"] = [make.reference("Organization/ashbourne-primary")]
    for resource in (
        make.organization("ashbourne-primary"),
        make.organization("wexshire-social-care"),
        make.child(id=CHILD),
        make.episode(CHILD, "wexshire-social-care", "child-in-need") | {"id": "alert-need"},
        suspended,
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite)
    return lambda *arguments: childrecord("alert", *map(str, arguments), **environment, COLUMNS="200")


def test_every_alert_is_listed(childrecord: Command) -> None:
    listed = childrecord("alert", "list", COLUMNS="300")
    assert listed.exit_code == 0, listed.output
    assert all(each.name in listed.output for each in alerts())


def test_a_new_alert_is_tried_on_the_past_year(alert: Command, tmp_path: Path) -> None:
    said = json.loads((profiles() / "alert" / "exclusion-in-care.json").read_text())
    file = tmp_path / "suspended-twice.json"
    file.write_text(json.dumps(said | {"name": "suspended-twice"}))
    tried = alert("try", file, "--children")
    assert tried.exit_code == 0, tried.output
    assert "would have been raised 1 times" in tried.output
    assert f"Patient/{CHILD}" in tried.output
    assert "Organization/wexshire-social-care" in tried.output
    [line] = [
        json.loads(each) for each in alert("try", file, "--json").output.splitlines() if each[:1] == "{"
    ]
    assert line["patient"] == f"Patient/{CHILD}"
    assert "0 times" in alert("try", file, "--days", "3").output


def test_what_is_no_alert_is_refused_in_words(alert: Command, tmp_path: Path) -> None:
    file = tmp_path / "wrong.json"
    file.write_text('{"name": "wrong"}')
    assert "cannot be understood" in str(alert("try", file).exception)
