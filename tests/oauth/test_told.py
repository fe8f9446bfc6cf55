"""Whatever is given or refused leaves a line in the audit, and no line holds a secret."""

import pytest
from sqlalchemy import select

from server.store import tables
from tests.oauth.flow import Browser, account_of, app_of, post

_told = tables.audit


@pytest.fixture
def browser(app):
    return Browser(app, account_of(app))


def lines(browser, client):
    query = select(_told).where(_told.c.client == client).order_by(_told.c.at, _told.c.id)
    with browser.database.begin() as connection:
        return connection.execute(query).all()


def test_a_token_that_is_given_is_told_of_with_its_user(app, browser):
    asking = app_of(app)
    given = browser.tokens(asking, browser.code(asking, scope="openid offline_access")).json
    browser.refresh(asking, given["refresh_token"])
    first, second = lines(browser, asking.id)
    for line in (first, second):
        assert (line.interaction, line.outcome) == ("token", 200)
        assert (line.account, line.person) == (browser.account.id, browser.account.fhir_user)
        assert line.query == "openid offline_access"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"grant_type": "authorization_code"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "guessed"}, "invalid_grant"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
    ],
)
def test_a_token_that_is_refused_is_told_of_with_the_reason(app, browser, form, reason):
    asking = app_of(app)
    assert post(browser.client, asking, **form).json["error"] == reason
    # Who could not prove to be the client is not told of as the client.
    name = "" if reason == "invalid_client" else asking.id
    line = lines(browser, name)[-1]
    assert (line.interaction, line.reason) == ("token-refused", reason)


def test_a_family_that_ends_is_told_of(app, browser):
    asking = app_of(app)
    code = browser.code(asking, scope="openid offline_access")
    given = browser.tokens(asking, code).json
    browser.tokens(asking, code)
    told = {line.interaction: line for line in lines(browser, asking.id)}
    assert told["revoke"].reason == "code used twice"
    for line in told.values():
        assert not {code, given["refresh_token"], given["access_token"]} & set(map(str, line))
