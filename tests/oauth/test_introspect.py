"""What is told of a token to those who have to do with it, and how one is given back."""

import pytest

from tests.caller import Caller, token
from tests.oauth.flow import Browser, account_of, app_of, post

SCOPE = "openid fhirUser launch/patient patient/*.rs offline_access"


@pytest.fixture(scope="module")
def browser(app):
    return Browser(app, account_of(app))


@pytest.fixture
def given(app, browser, child):
    asking = app_of(app, auth_method="client_secret_basic")
    return asking, browser.tokens(asking, browser.code(asking, child=child, scope=SCOPE)).json


@pytest.fixture(scope="module")
def school_system(app):
    return app_of(app, auth_method="client_secret_post", grant_types=("client_credentials",))


def introspect(browser, asking, token):
    return post(browser.client, asking, "/auth/introspect", token=token)


def revoke(browser, asking, token, **form):
    return post(browser.client, asking, "/auth/revoke", token=token, **form)


def test_a_token_is_told_of_with_what_the_app_was_told(browser, given, child):
    asking, tokens = given
    found = introspect(browser, asking, tokens["access_token"])
    assert found.status_code == 200
    assert found.headers["Cache-Control"] == "no-store"
    account = browser.account
    assert found.json["active"] is True
    assert found.json["scope"] == SCOPE
    assert found.json["client_id"] == asking.id
    assert found.json["patient"] == child
    assert found.json["sub"] == account.id
    assert found.json["fhirUser"] == f"{browser.aud}/{account.fhir_user}"
    assert found.json["iss"] == browser.issuer
    assert found.json["exp"] > found.json["iat"]


def test_a_refresh_token_is_told_of_as_well(browser, given):
    asking, tokens = given
    found = introspect(browser, asking, tokens["refresh_token"]).json
    assert (found["active"], found["client_id"], found["scope"]) == (True, asking.id, SCOPE)


def test_a_system_of_the_agency_may_ask_and_others_learn_nothing(app, browser, given, school_system):
    _, tokens = given
    assert introspect(browser, school_system, tokens["access_token"]).json["active"] is True
    for agency in ("health", ""):
        other = app_of(app, agency, auth_method="client_secret_basic")
        for each in (tokens["access_token"], tokens["refresh_token"]):
            assert introspect(browser, other, each).json == {"active": False}


def test_a_public_app_proves_nothing_and_is_told_nothing(app, browser, given):
    answer = introspect(browser, app_of(app), given[1]["access_token"])
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("text", ["x", "a.b.c", "é", "a\0b"])
def test_what_is_no_token_is_not_active(browser, given, text):
    assert introspect(browser, given[0], text).json == {"active": False}


def test_a_system_may_ask_about_its_own_token(app, browser, school_system):
    own = token(app, "school", "system/Patient.rs")
    found = introspect(browser, school_system, own).json
    assert (found["active"], found["scope"]) == (True, "system/Patient.rs")
    assert "fhirUser" not in found


def test_an_access_token_that_is_given_back_is_good_no_more_and_the_rest_is(app, browser, given, child):
    asking, tokens = given
    caller = Caller(app, tokens["access_token"])
    assert caller.get(f"Patient/{child}").status == 200
    assert revoke(browser, asking, tokens["access_token"]).status_code == 200
    assert caller.get(f"Patient/{child}").status == 401
    assert introspect(browser, asking, tokens["access_token"]).json == {"active": False}
    assert browser.tokens  # the grant itself stands
    assert (
        post(
            browser.client, asking, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
        ).status_code
        == 200
    )


def test_a_refresh_token_that_is_given_back_takes_everything_with_it(app, browser, given, child):
    asking, tokens = given
    assert (
        revoke(browser, asking, tokens["refresh_token"], token_type_hint="refresh_token").status_code == 200
    )
    assert Caller(app, tokens["access_token"]).get(f"Patient/{child}").status == 401
    assert introspect(browser, asking, tokens["refresh_token"]).json == {"active": False}


def test_nobody_gives_back_what_is_not_theirs(app, browser, given, child):
    _, tokens = given
    other = app_of(app)
    for each in (tokens["access_token"], tokens["refresh_token"], "x", "a\0b"):
        assert revoke(browser, other, each).status_code == 200
    assert Caller(app, tokens["access_token"]).get(f"Patient/{child}").status == 200


def test_a_token_that_is_missing_is_said_to_be(browser, given):
    for path in ("/auth/introspect", "/auth/revoke"):
        answer = post(browser.client, given[0], path)
        assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
