import json
from datetime import date

import pytest

from server.child.demonstration import stories
from server.child.demonstration.accounts import PASSWORD, family, people
from server.child.demonstration.agencies import AGENCIES
from server.child.demonstration.workers import directory
from server.definition.folder import profiles
from server.oauth import password

EVERYBODY = [*people(), *family()]


@pytest.fixture(scope="module")
def resources():
    """`Type/id` of everything in the directory, with the resource."""
    entries = (entry for _, bundle in directory() for entry in bundle["entry"])
    return {entry["request"]["url"]: entry["resource"] for entry in entries}


@pytest.mark.parametrize("person", [*people()], ids=lambda person: person.username)
def test_a_worker_with_an_account_is_in_the_directory_in_that_role_at_that_agency(resources, person):
    role = resources[person.reference.replace("Practitioner/", "PractitionerRole/")]
    assert role["practitioner"]["reference"] == person.reference
    assert role["organization"]["reference"] == f"Organization/{person.agency}"
    # What somebody may do beside the work of a team is a role in the rights alone.
    assert role["code"][0]["coding"][0]["code"] in (person.roles[0], "other")
    [name] = resources[person.reference]["name"]
    assert person.name == f"{name['given'][0]} {name['family']}"


@pytest.mark.parametrize("person", [*people()], ids=lambda person: person.username)
def test_what_a_worker_is_is_explained_in_the_rights_of_the_agency(person):
    rights = json.loads((profiles() / "access" / f"{person.agency}.json").read_text())
    assert set(person.roles) <= rights["roles"].keys()


@pytest.mark.parametrize("person", [*family()], ids=lambda person: person.username)
def test_a_family_with_an_account_is_one_of_the_stories(person):
    told = {child.story: child for child in stories.children(date(2026, 1, 15))}
    child = next(child for story, child in told.items() if f"Patient/{story}" in person.reference)
    names = {(each.given, each.family) for each in (child, *child.household.parents)}
    assert tuple(person.name.split()) in names
    assert child.setting.code == person.agency


def test_every_account_is_its_owners_and_of_an_agency():
    assert len({each.username for each in EVERYBODY}) == len(EVERYBODY)
    assert {each.agency for each in EVERYBODY} <= {each.code for each in AGENCIES}


def test_the_password_of_all_could_be_anybodys():
    assert password.fault(PASSWORD) is None
