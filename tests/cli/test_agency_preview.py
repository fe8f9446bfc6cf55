"""`childrecord agency preview`: other rights tried on what was really done."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from server.access.right import CHILDREN
from server.fhir.exchange import FhirRequest
from server.fhir.issue import Forbidden
from server.interaction.opening import as_agency, door
from server.interaction.router import respond
from server.settings import CannotStart, settings
from server.store.database import Database
from tests import make

SCHOOL = "ashbourne-primary"
Rights = dict[str, Any]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    data = str(tmp_path_factory.mktemp("data"))
    return {
        "CHILDRECORD_INDEX_KEY": "0f" * 32, "CHILDRECORD_DEMONSTRATION": "true", "CHILDRECORD_DATA": data,
    }  # fmt: skip


@pytest.fixture
def preview(
    childrecord: Callable[..., Result], environment: dict[str, str], database: Database, tmp_path: Path
) -> Callable[[Callable[[Rights], Any]], str]:
    """Tries the school's rights with a change: what is told. The school has read a child and its mark."""
    childrecord("settings", **environment)
    opened = door(settings(), database)
    suite, school = as_agency(opened, "conformance", "tests"), as_agency(opened, SCHOOL, "mis")
    id = make.word("previewed-")
    for resource in (
        make.organization(SCHOOL),
        make.child(id=id),
        make.episode(id, SCHOOL) | {"id": f"{id}-roll"},
        make.mark(id, SCHOOL) | {"id": f"{id}-mark"},
    ):
        path = f"{resource['resourceType']}/{resource['id']}"
        respond(FhirRequest("PUT", path, content=resource), opened, suite)
    for path in (f"Patient/{id}", f"Observation/{id}-mark", f"Immunization/{id}"):
        with suppress(Forbidden):
            respond(FhirRequest("GET", path), opened, school)

    def tried(change: Callable[[Rights], Any]) -> str:
        rights = json.loads((settings().access / f"{SCHOOL}.json").read_text())
        change(rights)
        file = tmp_path / "new.json"
        file.write_text(json.dumps(rights))
        done = childrecord("agency", "preview", str(file), **environment)
        assert done.exception is None or isinstance(done.exception, SystemExit | CannotStart)
        return f"{done.output}{done.exception or ''}"

    return tried


def test_the_same_rights_change_nothing(preview: Callable[[Callable[[Rights], Any]], str]) -> None:
    assert "everything would be answered as it was" in preview(lambda rights: None)


def test_it_says_who_would_see_less_of_what(preview: Callable[[Callable[[Rights], Any]], str]) -> None:
    def less(rights: Rights) -> None:
        for right in rights["rights"]:
            right["degree"] = "existence"

    told = preview(less)
    line = next(line for line in told.splitlines() if "Observation" in line and "resources" in line)
    assert line.split()[-3:] == ["content", "existence", line.split()[-1]]
    assert line.startswith("mis")


def test_it_says_what_would_be_refused(preview: Callable[[Callable[[Rights], Any]], str]) -> None:
    told = preview(lambda rights: rights.update(rights=rights["rights"][:1]))
    assert "refused" in told or "none" in told


def test_it_says_what_would_be_allowed(preview: Callable[[Callable[[Rights], Any]], str]) -> None:
    more = {"types": ["Immunization"], "interactions": "rs", "children": CHILDREN[0]}
    told = preview(lambda rights: rights["rights"].append(more))
    line = next(line for line in told.splitlines() if "Immunization" in line)
    assert line.split()[-3:-1] == ["refused", "allowed"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rights: rights.update(agency="nobody"), "no agency 'nobody'"),
        (lambda rights: rights.update(kind=7), "cannot be read"),
        (
            lambda rights: rights["rights"].append(
                {"types": ["Observation"], "interactions": "r", "criteria": ["nothing=1"]}
            ),
            "cannot be applied",
        ),
    ],
)
def test_a_file_that_could_not_be_applied_is_refused(
    preview: Callable[[Callable[[Rights], Any]], str], change: Callable[[Rights], Any], why: str
) -> None:
    assert why in preview(change)
