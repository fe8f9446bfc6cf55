"""What an app learns of its user: by the id token, and at the userinfo endpoint."""

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select

from server.oauth.session import key
from server.oauth.token import SIGNING
from server.store import keys, liveness, tables
from tests.caller import token
from tests.oauth.flow import Browser, account_of, app_of

WHO = "openid fhirUser profile offline_access"


@pytest.fixture(scope="module")
def browser(app):
    return Browser(app, account_of(app))


def sealing(app):
    return key(app.extensions["settings"], SIGNING)


def read(browser, text):
    published = KeySet.import_key_set(browser.client.get("/auth/jwks").json)
    return jwt.decode(text, published, algorithms=["RS256"])


def userinfo(app, token):
    return app.test_client().get("/auth/userinfo", headers={"Authorization": f"Bearer {token}"})


def test_an_id_token_says_who_signed_in_for_which_app(app, browser):
    asking = app_of(app)
    answer = browser.tokens(asking, browser.code(asking, scope=WHO, nonce="a nonce"))
    found = read(browser, answer.json["id_token"])
    assert found.header["alg"] == "RS256"
    account = browser.account
    assert found.claims["iss"] == browser.issuer
    assert found.claims["aud"] == asking.id
    assert found.claims["sub"] == account.id
    assert found.claims["nonce"] == "a nonce"
    assert found.claims["fhirUser"] == f"{browser.aud}/{account.fhir_user}"
    assert found.claims["name"] == account.name
    assert found.claims["auth_time"] == int(browser.session.authenticated.timestamp())
    again = browser.refresh(asking, answer.json["refresh_token"])
    refreshed = read(browser, again.json["id_token"]).claims
    assert refreshed["sub"] == account.id
    assert "nonce" not in refreshed


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("openid", set()),
        ("openid fhirUser", {"fhirUser"}),
        ("openid profile", {"fhirUser", "name", "profile"}),
    ],
)
def test_an_app_learns_what_its_scopes_let_it(app, browser, scope, told):
    asking = app_of(app)
    answer = browser.tokens(asking, browser.code(asking, scope=scope)).json
    found = userinfo(app, answer["access_token"])
    assert found.status_code == 200
    assert set(found.json) == {"sub", *told}
    assert told <= set(read(browser, answer["id_token"]).claims)


def test_without_openid_nobody_is_told_who_it_is(app, browser, child):
    asking = app_of(app)
    answer = browser.tokens(asking, browser.code(asking, child=child, scope="patient/*.rs")).json
    assert "id_token" not in answer
    assert userinfo(app, answer["access_token"]).status_code == 403
    assert userinfo(app, token(app, "school", "system/*.rs")).status_code == 403
    assert userinfo(app, "x").status_code == 401


def test_an_id_token_is_no_access_token(app, browser):
    asking = app_of(app)
    answer = browser.tokens(asking, browser.code(asking, scope=WHO)).json
    assert userinfo(app, answer["id_token"]).status_code == 401


def test_keys_are_changed_without_a_broken_token(app, browser, child):
    asking = app_of(app)
    before = browser.tokens(asking, browser.code(asking, scope=WHO)).json
    with browser.database.begin() as connection:
        made = keys.rotate(connection, sealing(app))
    liveness.ended(browser.database)
    after = browser.tokens(asking, browser.code(asking, scope=WHO)).json
    for each in (before, after):
        assert userinfo(app, each["access_token"]).status_code == 200
        read(browser, each["id_token"])
    used = {read(browser, after["id_token"]).header["kid"]}
    assert used <= set(made)
    assert read(browser, before["id_token"]).header["kid"] not in made


def test_a_private_key_is_not_in_the_database(app, browser):
    browser.client.get("/auth/jwks")
    with browser.database.begin() as connection:
        for [kept] in connection.execute(select(tables.signing_key.c.private_jwk)):
            assert set(kept) == {"public", "sealed"}
            assert "d" not in kept["public"]


def test_what_a_key_signed_that_others_know_is_refused_at_once(new_database, serve):
    # On its own: every token of the server ends.
    with new_database() as url:
        app = serve(url)
        check_refused_at_once(app, Browser(app, account_of(app)))
        app.extensions["database"].close()


def check_refused_at_once(app, browser):
    asking = app_of(app)
    before = browser.tokens(asking, browser.code(asking, scope=WHO)).json
    assert userinfo(app, before["access_token"]).status_code == 200
    with browser.database.begin() as connection:
        keys.rotate(connection, sealing(app), at_once=True)
    liveness.ended(browser.database)
    assert userinfo(app, before["access_token"]).status_code == 401
    after = browser.tokens(asking, browser.code(asking, scope=WHO)).json
    assert userinfo(app, after["access_token"]).status_code == 200
