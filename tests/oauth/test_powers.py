from types import SimpleNamespace

import pytest

from server.access.scope import parse
from server.access.user import User
from server.fhir.issue import Forbidden
from server.oauth.powers import ADMINISTRATOR, Powers

OWN, OTHER = "school", "council"


def powers(scopes, *roles, user=False, reference="Practitioner/1"):
    who = User("1", reference, "Somebody", roles, "own") if roles or user else None
    held = tuple(map(parse, scopes.split()))
    return Powers.of(SimpleNamespace(scopes=held, user=who, agency=SimpleNamespace(code=OWN)))


@pytest.mark.parametrize(
    ("scopes", "roles", "agencies"),
    [
        ("system/admin.cruds", (), {OWN, OTHER, ""}),
        (f"system/admin.cruds?agency={OTHER}", (), {OTHER}),
        (f"system/admin.cruds?agency={OTHER} system/admin.u?agency={OWN}", (), {OWN, OTHER}),
        (f"system/admin.cruds?agency={OTHER}&agency={OWN}", (), set()),
        ("user/admin.cruds", (ADMINISTRATOR,), {OWN}),
        (f"user/admin.cruds?agency={OTHER}", (ADMINISTRATOR,), set()),
        ("user/admin.cruds", (ADMINISTRATOR, "teacher"), {OWN}),
        ("system/admin.rs", (), set()),
    ],
)
def test_an_administrator_changes_what_is_of_the_agencies_of_the_scopes(scopes, roles, agencies):
    held = powers(scopes, *roles)
    assert {each for each in (OWN, OTHER, "") if held.may("u", each)} == agencies


@pytest.mark.parametrize(
    ("scopes", "roles", "user"),
    [
        ("system/*.cruds", (), False),
        ("user/admin.cruds", ("teacher",), True),
        ("user/admin.cruds", (), True),
        ("user/admin.cruds", (), False),
        ("system/admin.cruds", (ADMINISTRATOR,), True),
        ("user/*.cruds", (ADMINISTRATOR,), True),
    ],
)
def test_anybody_else_administers_nothing(scopes, roles, user):
    with pytest.raises(Forbidden):
        powers(scopes, *roles, user=user)


@pytest.mark.parametrize("reference", ["RelatedPerson/1", "Patient/1"])
def test_whom_the_record_is_about_administers_nothing_whatever_a_claim_says(reference):
    with pytest.raises(Forbidden):
        powers("user/admin.cruds", ADMINISTRATOR, reference=reference)


@pytest.mark.parametrize(
    ("held", "wanted", "agency", "may"),
    [
        ("system/admin.cruds", "system/admin.cruds", OTHER, True),
        ("system/admin.rs", "system/admin.cruds", OWN, False),
        (f"system/admin.cruds?agency={OWN}", "system/*.cruds openid", OWN, True),
        (f"system/admin.cruds?agency={OWN}", "system/admin.cruds", OWN, False),
        (f"system/admin.cruds?agency={OWN}", f"system/admin.r?agency={OWN}", OWN, True),
        (f"system/admin.cruds?agency={OWN}", "user/admin.cruds", OWN, True),
        (f"system/admin.cruds?agency={OWN}", "user/admin.cruds", OTHER, False),
        (f"system/admin.cruds?agency={OWN}", "user/admin.cruds", "", False),
    ],
)
def test_nobody_gives_more_than_they_have(held, wanted, agency, may):
    if may:
        powers(held).require_all_of(wanted, agency)
    else:
        with pytest.raises(Forbidden):
            powers(held).require_all_of(wanted, agency)
