from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import update

from server import clock
from server.store import accounts, agencies, grants, liveness, tables
from tests.caller import Caller
from tests.oauth.flow import REDIRECT, VERIFIER, Browser, account_of, app_of, post

OFFLINE, ONLINE = "openid patient/*.rs offline_access", "openid patient/*.rs online_access"


@pytest.fixture
def browser(app):
    return Browser(app, account_of(app))


@pytest.fixture
def given(app, browser, child):
    """An app, and the tokens that it was given for as long as it likes."""
    asking = app_of(app)
    return asking, browser.tokens(asking, browser.code(asking, child=child, scope=OFFLINE)).json


def test_each_refresh_token_gives_the_next_and_the_context_stays(app, browser, given, child):
    asking, tokens = given
    token = tokens["refresh_token"]
    for _ in range(3):
        answer = browser.refresh(asking, token)
        assert answer.status_code == 200, answer.json
        assert (answer.json["scope"], answer.json["patient"]) == (OFFLINE, child)
        assert answer.json["refresh_token"] != token
        token = answer.json["refresh_token"]
    assert Caller(app, answer.json["access_token"]).get(f"Patient/{child}").id == child


def test_a_refresh_token_that_comes_twice_ends_the_whole_family(app, browser, given, child):
    asking, tokens = given
    later = browser.refresh(asking, tokens["refresh_token"]).json
    again = browser.refresh(asking, tokens["refresh_token"])
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert browser.refresh(asking, later["refresh_token"]).json["error"] == "invalid_grant"
    for each in (tokens, later):
        assert Caller(app, each["access_token"]).get(f"Patient/{child}").status == 401


def test_a_refresh_token_is_of_no_use_to_another_app_and_does_no_harm_there(app, browser, given):
    asking, tokens = given
    assert browser.refresh(app_of(app), tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert browser.refresh(asking, tokens["refresh_token"]).status_code == 200


def test_online_access_ends_with_the_session(app, browser, child):
    asking = app_of(app)
    tokens = browser.tokens(asking, browser.code(asking, child=child, scope=ONLINE)).json
    tokens = browser.refresh(asking, tokens["refresh_token"]).json
    caller = Caller(app, tokens["access_token"])
    assert caller.get(f"Patient/{child}").status == 200
    browser.sign_out()
    assert caller.get(f"Patient/{child}").status == 401
    assert browser.refresh(asking, tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_offline_access_goes_on_without_the_user(app, browser, given, child):
    asking, tokens = given
    browser.sign_out()
    answer = browser.refresh(asking, tokens["refresh_token"])
    assert Caller(app, answer.json["access_token"]).get(f"Patient/{child}").status == 200


def test_what_is_suspended_ends_at_once(app, browser, given, child):
    asking, tokens = given
    caller = Caller(app, tokens["access_token"])
    assert caller.get(f"Patient/{child}").status == 200
    with browser.database.begin() as connection:
        accounts.suspend(connection, browser.account.id)
    liveness.ended(browser.database)
    assert caller.get(f"Patient/{child}").status == 401
    assert browser.refresh(asking, tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_nobody_goes_on_with_an_app_for_an_agency_that_is_suspended(app, child):
    browser, asking = Browser(app, account_of(app)), app_of(app, "")
    tokens = browser.tokens(asking, browser.code(asking, child=child, scope=OFFLINE)).json
    code = browser.code(asking, child=child)

    def suspend(at):
        with browser.database.begin() as connection:
            assert agencies.suspend(connection, "school", at)
        liveness.ended(browser.database)

    suspend(clock.now())
    try:
        assert browser.refresh(asking, tokens["refresh_token"]).json["error"] == "invalid_grant"
        assert browser.tokens(asking, code).json["error"] == "invalid_grant"
    finally:
        suspend(None)
    # It was not used up by having been refused.
    assert browser.refresh(asking, tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("end", [grants.end_of_account, grants.end_of_client, grants.end_of_agency])
def test_what_is_taken_back_ends_at_once(app, child, end):
    browser = Browser(app, account_of(app))
    asking = app_of(app)
    tokens = browser.tokens(asking, browser.code(asking, child=child, scope=OFFLINE)).json
    caller = Caller(app, tokens["access_token"])
    assert caller.get(f"Patient/{child}").status == 200
    of_what = {
        grants.end_of_account: browser.account.id,
        grants.end_of_client: asking.id,
        grants.end_of_agency: "school",
    }
    with browser.database.begin() as connection:
        assert end(connection, of_what[end]) >= 1
    liveness.ended(browser.database)
    assert caller.get(f"Patient/{child}").status == 401


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("patient/*.rs", "patient/*.rs"),
        ("patient/Observation.rs", "patient/Observation.rs"),
        ("patient/Observation.read openid", "patient/Observation.rs openid"),
    ],
)
def test_less_may_be_asked_for(browser, given, asked, granted):
    asking, tokens = given
    answer = browser.refresh(asking, tokens["refresh_token"], scope=asked)
    assert answer.json["scope"] == granted
    # The next may have all of it again.
    assert browser.refresh(asking, answer.json["refresh_token"]).json["scope"] == OFFLINE


@pytest.mark.parametrize("asked", ["patient/*.cruds", "user/*.rs", "profile", "patient/Observation.c"])
def test_more_may_not(browser, given, asked):
    asking, tokens = given
    answer = browser.refresh(asking, tokens["refresh_token"], scope=asked)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    assert browser.refresh(asking, tokens["refresh_token"]).status_code == 200


@pytest.mark.parametrize("token", ["", "x", "x" * 1000, "a\0b"])
def test_what_is_no_refresh_token_gives_nothing(app, browser, token):
    assert browser.refresh(app_of(app), token).status_code == 400


def test_a_refresh_token_has_an_end(browser, given):
    asking, tokens = given
    with browser.database.begin() as connection:
        connection.execute(update(tables.refresh_token).values(expires=clock.now()))
    assert browser.refresh(asking, tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_an_app_that_is_not_registered_for_it_has_no_refresh_token(app, browser, child):
    asking = app_of(app, grant_types=("authorization_code",))
    tokens = browser.tokens(asking, browser.code(asking, child=child, scope=OFFLINE)).json
    assert "refresh_token" not in tokens
    assert browser.refresh(asking, "x").json["error"] == "unauthorized_client"


def _at_once(app, asking, **form):
    """The answers to four that ask for the same at once."""
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(post, app.test_client(), asking, **form) for _ in range(4)]
        return [each.result() for each in asked]


def test_of_several_that_refresh_at_once_none_keeps_anything(app, browser, given, child):
    asking, tokens = given
    token = tokens["refresh_token"]
    answers = _at_once(app, asking, grant_type="refresh_token", refresh_token=token)
    good = [each.json for each in answers if each.status_code == 200]
    assert len(good) <= 1
    for each in (tokens, *good):
        assert Caller(app, each["access_token"]).get(f"Patient/{child}").status == 401
        assert browser.refresh(asking, each["refresh_token"]).json["error"] == "invalid_grant"


def test_of_several_that_trade_a_code_in_at_once_none_keeps_anything(app, browser, child):
    asking = app_of(app)
    form = {"code": browser.code(asking, child=child), "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    answers = _at_once(app, asking, grant_type="authorization_code", **form)
    good = [each.json for each in answers if each.status_code == 200]
    assert len(good) <= 1
    for each in good:
        assert Caller(app, each["access_token"]).get(f"Patient/{child}").status == 401
