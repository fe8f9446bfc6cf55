import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from sqlalchemy import select, update

from server import clock
from server.store import tables
from tests.caller import Caller
from tests.oauth.flow import REDIRECT, VERIFIER, Browser, account_of, app_of, post, told

PAGES = {"/auth/sign-in", "/auth/choose", "/auth/consent"}


@pytest.fixture(scope="module")
def worker(app):
    return account_of(app)


@pytest.fixture
def browser(app, worker):
    return Browser(app, worker)


def claims(browser, answer):
    keys = KeySet.import_key_set(browser.client.get("/auth/jwks").json)
    return jwt.decode(answer.json["access_token"], keys).claims


@pytest.mark.parametrize("method", ["none", "client_secret_basic", "client_secret_post"])
def test_an_app_gets_tokens_for_the_child_that_its_user_chose(app, browser, child, method):
    asking = app_of(app, auth_method=method)
    answer = browser.tokens(asking, browser.code(asking, child=child))
    assert answer.status_code == 200, answer.json
    assert answer.json["patient"] == child
    assert answer.json["need_patient_banner"] is True
    assert answer.json["scope"] == "openid fhirUser launch/patient patient/*.rs"
    assert "refresh_token" not in answer.json
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_access_token_says_who_granted_what_to_whom(app, browser, worker, child):
    asking = app_of(app)
    found = claims(browser, browser.tokens(asking, browser.code(asking, child=child)))
    assert (found["sub"], found["client_id"], found["agency"]) == (worker.id, asking.id, "school")
    assert (found["fhirUser"], found["caseload"], found["patient"]) == (worker.fhir_user, "all", child)


def test_the_record_is_read_with_the_token(app, browser, child):
    asking = app_of(app)
    answer = browser.tokens(asking, browser.code(asking, child=child))
    caller = Caller(app, answer.json["access_token"])
    assert caller.get(f"Patient/{child}").id == child


def test_somebody_who_is_not_signed_in_signs_in_first_and_everything_else_comes_after(app, child):
    browser, asking = Browser(app), app_of(app)
    first = browser.ask(asking)
    assert first.headers["Location"].startswith("/auth/sign-in?request=")
    id = first.headers["Location"].partition("request=")[2]
    browser.sign_in(account_of(app))
    then = browser.client.get("/auth/authorize", query_string={"request": id})
    assert then.headers["Location"].startswith("/auth/choose?request=")
    assert "code" in told(browser.go_on(then, child=child))


def test_the_answer_has_the_state_as_it_was_and_says_who_answers(app, browser, child):
    asking = app_of(app)
    answer = told(browser.go_on(browser.ask(asking, state="a+b &=é\t"), child=child))
    assert answer["state"] == "a+b &=é\t"
    assert answer["iss"] == browser.issuer
    assert set(answer) == {"code", "state", "iss"}


def test_an_app_may_ask_by_a_form(app, browser):
    asking = app_of(app)
    sent = browser.ask(asking).request.args
    answer = browser.client.post("/auth/authorize", data=sent)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/auth/choose?request=")


def test_a_user_may_let_less_stand_than_was_asked_for(app, browser, child):
    asking = app_of(app)
    code = browser.code(asking, child=child, consented="patient/Observation.rs")
    answer = browser.tokens(asking, code)
    assert answer.json["scope"] == "patient/Observation.rs"
    assert "id_token" not in answer.json


def test_what_was_consented_to_once_is_not_asked_again_for_the_same(app, browser, child):
    asking = app_of(app)
    browser.code(asking, child=child, consented="patient/Observation.rs")
    again = browser.ask(asking, prompt="consent")
    assert "/auth/choose" in again.headers["Location"]
    then = browser.go_on(browser.ask(asking), child=child)
    assert "code" in told(then)


def test_a_user_who_refuses_is_believed(app, browser, child):
    from server.store import requests

    asking = app_of(app)
    first = browser.ask(asking, scope="openid")
    id = first.headers["Location"].partition("request=")[2]
    with browser.database.begin() as connection:
        requests.refuse(connection, id)
    answer = told(browser.client.get("/auth/authorize", query_string={"request": id}))
    assert answer["error"] == "access_denied"
    assert "code" not in answer


@pytest.mark.parametrize(
    ("signed_in", "scope", "error"),
    [
        (False, "openid", "login_required"),
        (True, "openid", "consent_required"),
        (True, "launch/patient patient/*.rs", "interaction_required"),
    ],
)
def test_an_app_that_wants_no_page_is_told_which_one_it_would_take(app, worker, signed_in, scope, error):
    browser = Browser(app, worker if signed_in else None)
    answer = told(browser.ask(app_of(app), prompt="none", scope=scope))
    assert (answer["error"], answer["state"]) == (error, "a state")


@pytest.mark.parametrize("wish", [{"prompt": "login"}, {"prompt": "select_account"}, {"max_age": "0"}])
def test_an_app_may_want_somebody_to_sign_in_again(app, browser, worker, wish):
    asking = app_of(app)
    first = browser.ask(asking, scope="openid", **wish)
    assert first.headers["Location"].startswith("/auth/sign-in?request=")
    id = first.headers["Location"].partition("request=")[2]
    again = browser.client.get("/auth/authorize", query_string={"request": id})
    assert again.headers["Location"].startswith("/auth/sign-in?request=")
    browser.sign_in(worker)
    then = browser.client.get("/auth/authorize", query_string={"request": id})
    assert then.headers["Location"].startswith("/auth/consent?request=")


def test_a_request_goes_on_in_the_browser_that_brought_it_alone(app, browser, worker):
    first = browser.ask(app_of(app))
    id = first.headers["Location"].partition("request=")[2]
    stranger = Browser(app, worker)
    answer = stranger.client.get("/auth/authorize", query_string={"request": id})
    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_a_user_of_another_agency_cannot_use_an_agencys_app(app):
    browser = Browser(app, account_of(app, "health"))
    assert told(browser.ask(app_of(app, "school"), scope="openid"))["error"] == "access_denied"


def test_an_app_of_no_agency_is_everybodys(app):
    browser = Browser(app, account_of(app, "health"))
    asking = app_of(app, agency="")
    answer = browser.tokens(asking, browser.code(asking, scope="openid"))
    assert claims(browser, answer)["agency"] == "health"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://elsewhere.example/fhir"}, "invalid_request"),
        ({"resource": "https://elsewhere.example/fhir"}, "invalid_target"),
        ({"scope": "patient/Nothing.rs"}, "invalid_scope"),
        ({"scope": "system/Patient.rs"}, "invalid_scope"),
        ({"scope": "launch openid"}, "invalid_request"),
        ({"launch": "guessed", "scope": "openid"}, "invalid_scope"),
        ({"launch": "guessed", "scope": "launch openid"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "please"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "eyJ.a.b"}, "request_not_supported"),
        ({"request_uri": "urn:x"}, "request_uri_not_supported"),
        ({"state": "x" * 2001}, "invalid_request"),
        ({"nonce": "a\0b"}, "invalid_request"),
        ({"dpop_jkt": "x"}, "invalid_request"),
        ({"purpose_of_use": "because I say so"}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_request_the_app_is_told(app, browser, given, error):
    answer = told(browser.ask(app_of(app), **given))
    assert (answer["error"], answer["iss"]) == (error, browser.issuer)


@pytest.mark.parametrize(
    "given",
    [
        {"client_id": "nobody"},
        {"client_id": None},
        {"client_id": "a\0b"},
        {"redirect_uri": None},
        {"redirect_uri": "https://elsewhere.example/callback"},
        {"redirect_uri": REDIRECT + "/"},
        {"redirect_uri": REDIRECT + "?x=y"},
        {"redirect_uri": REDIRECT.upper()},
    ],
)
def test_nobody_is_sent_where_no_app_is_known_to_be(app, browser, given):
    answer = browser.ask(app_of(app), **given)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert answer.mimetype == "text/html"


def test_what_is_said_twice_is_refused(app, browser):
    sent = browser.ask(app_of(app)).request.query_string.decode()
    assert told(browser.client.get(f"/auth/authorize?{sent}&scope=openid"))["error"] == "invalid_request"


@pytest.mark.parametrize(
    "given",
    [
        {"code": "x" * 64},
        {"redirect_uri": "https://app.example/other"},
        {"redirect_uri": None, "code_verifier": VERIFIER},
        {"code_verifier": "w" * 50},
        {"code_verifier": None},
        {"code_verifier": "v"},
        {"resource": "https://elsewhere.example/fhir"},
    ],
)
def test_a_code_is_traded_for_what_it_was_given_for_alone(app, browser, given):
    asking = app_of(app)
    code = browser.code(asking, scope="openid")
    answer = browser.tokens(asking, given.pop("code", code), **given)
    assert answer.status_code == 400
    assert answer.json["error"] in ("invalid_grant", "invalid_request", "invalid_target")
    # It is still good for whom it was given to.
    assert browser.tokens(asking, code).status_code == 200


def test_a_code_is_of_no_use_to_another_app(app, browser):
    asking, other = app_of(app), app_of(app)
    code = browser.code(asking, scope="openid")
    answer = browser.tokens(other, code)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


def test_a_code_that_comes_twice_ends_all_that_it_gave(app, browser, child):
    asking = app_of(app)
    code = browser.code(asking, child=child, scope="launch/patient patient/*.rs offline_access")
    given = browser.tokens(asking, code).json
    caller = Caller(app, given["access_token"])
    assert caller.get(f"Patient/{child}").status == 200
    again = browser.tokens(asking, code)
    assert (again.status_code, again.json["error"]) == (400, "invalid_grant")
    assert caller.get(f"Patient/{child}").status == 401
    assert browser.refresh(asking, given["refresh_token"]).json["error"] == "invalid_grant"


def test_a_code_lasts_a_minute(app, browser):
    asking = app_of(app)
    code = browser.code(asking, scope="openid")
    with browser.database.begin() as connection:
        connection.execute(update(tables.authorization_code).values(expires=clock.now()))
    assert browser.tokens(asking, code).json["error"] == "invalid_grant"


def test_neither_code_nor_token_is_kept(app, browser):
    asking = app_of(app)
    code = browser.code(asking, scope="openid offline_access")
    token = browser.tokens(asking, code).json["refresh_token"]
    with browser.database.begin() as connection:
        for table in (tables.authorization_code, tables.refresh_token, tables.app_grant):
            assert not any(
                code in map(str, row) or token in map(str, row) for row in connection.execute(select(table))
            )


def test_a_client_proves_itself_in_one_way(app, browser):
    asking = app_of(app, auth_method="client_secret_basic")
    code = browser.code(asking, scope="openid")
    answer = browser.tokens(asking, code, client_secret="x")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    answer = post(browser.client, asking, grant_type="authorization_code", code=code, client_id="another")
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
