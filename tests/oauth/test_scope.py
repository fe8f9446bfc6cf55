"""https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html"""

import pytest
from authlib.oauth2.rfc6749 import InvalidScopeError

from server.oauth import scope
from server.store.clients import CODE, CREDENTIALS

APP = "openid fhirUser launch/patient offline_access patient/*.rs user/Observation.cruds"


@pytest.mark.parametrize(
    ("requested", "given"),
    [
        (None, APP),
        ("", APP),
        ("openid fhirUser", "openid fhirUser"),
        ("launch/patient patient/Patient.read", "launch/patient patient/Patient.rs"),
        ("openid openid", "openid"),
        ("openid launch", "openid"),
        ("openid phone email", "openid"),
        ("user/*.*", "user/Observation.cruds"),
        ("patient/Observation.rs?date=ge2024", "patient/Observation.rs?date=ge2024"),
        ("patient/Observation.c openid", "openid"),
    ],
)
def test_a_token_has_what_was_asked_for_as_far_as_it_is_registered(requested, given):
    assert scope.granted(requested, APP) == given


@pytest.mark.parametrize(
    "requested",
    [
        "phone",
        "launch",
        "system/*.rs",
        "patient/Patient.cud",
        "openid patient/Patient.sr",
        "openid patient/Patient",
        "openid patient/Nothing.rs",
        "openid patient/*.rs?code=x",
        "openid patient/Observation.rs?nothing=x",
        "openid patient/Observation.rs?patient.name=x",
        "openid user/admin.rs?name=x",
        "openid patient/admin.rs",
        " ".join(f"patient/Observation.rs?code={n}" for n in range(201)),
        "openid " + "x" * 8000,
    ],
)
def test_what_is_wrong_or_not_registered_is_refused(requested):
    with pytest.raises(InvalidScopeError):
        scope.granted(requested, APP)


@pytest.mark.parametrize(
    ("grant_type", "kept"),
    [
        (CODE, "openid launch-context user/*.rs patient/*.rs"),
        (CREDENTIALS, "launch-context system/*.rs"),
    ],
)
def test_a_grant_type_gives_scopes_of_its_own(grant_type, kept):
    assert scope.of_grant("openid launch-context user/*.rs system/*.rs patient/*.rs", grant_type) == kept


def test_a_grant_type_with_none_of_its_scopes_is_refused():
    with pytest.raises(InvalidScopeError):
        scope.of_grant("openid user/*.rs", CREDENTIALS)


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (["openid", "patient/*.rs"], "openid patient/*.rs"),
        (["patient/Patient.rs"], "patient/Patient.rs"),
        (["patient/*.cruds", "launch"], "patient/*.rs"),
        (["system/*.cruds", "anything"], ""),
        ([], ""),
    ],
)
def test_a_user_narrows_and_never_widens(chosen, left):
    assert scope.narrowed(APP, chosen) == left


@pytest.mark.parametrize(
    ("text", "grant_types", "told"),
    [
        ("system/*.cruds", (CREDENTIALS,), None),
        ("system/admin.cruds?agency=x", (CREDENTIALS,), None),
        ("openid patient/*.rs", (CODE,), None),
        ("user/admin.rs", (CODE,), None),
        ("openid patient/*.rs system/*.rs", (CODE, CREDENTIALS), None),
        ("openid", (CREDENTIALS,), "client_credentials"),
        ("system/*.rs", (CODE,), "authorization_code"),
        ("phone", (CODE,), "none of this name"),
        ("user/Observation.rs?nothing=1", (CODE,), "not a scope"),
    ],
)
def test_a_scope_is_registered_for_the_grants_that_can_give_it(text, grant_types, told):
    found = scope.fault(text, grant_types)
    assert found is None if told is None else told in found


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("", "openid patient/*.cruds"),
        ("openid profile", "openid"),
        ("patient/*.rs system/*.rs patient/Patient.sr", "patient/*.rs"),
        ("system/*.rs", ""),
    ],
)
def test_who_registers_itself_has_no_more_than_the_terms_let_it(asked, given):
    assert scope.registrable(asked, "openid patient/*.cruds", (CODE,)) == given
