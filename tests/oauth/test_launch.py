import json

import pytest

from tests import make
from tests.caller import Caller, token
from tests.oauth.flow import Browser, account_of, app_of, told

SCOPES = "system/*.rs launch-context"


@pytest.fixture(scope="module")
def system(app):
    """The token of a system of the school that opens apps."""
    return token(app, "school", SCOPES)


def launch(app, token, body):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return app.test_client().post("/auth/launch", data=json.dumps(body), headers=headers)


def test_an_app_that_is_launched_knows_what_it_is_launched_for(app, system, child):
    browser, asking = Browser(app, account_of(app)), app_of(app, launch_url="https://app.example/launch?v=1")
    told_of = {
        "patient": child,
        "fhirContext": [{"reference": "Task/1", "role": "launch"}],
        "intent": "review",
        "need_patient_banner": False,
        "smart_style_url": "https://school.example/style.json",
        "tenant": "school",
    }
    made = launch(app, system, {"client_id": asking.id, **told_of})
    assert made.status_code == 201, made.json
    assert made.json["url"].startswith("https://app.example/launch?v=1&iss=")
    code = browser.code(asking, launch=made.json["launch"], scope="launch openid patient/*.rs")
    answer = browser.tokens(asking, code)
    assert {name: answer.json[name] for name in told_of} == told_of
    assert Caller(app, answer.json["access_token"]).get(f"Patient/{child}").id == child


def test_a_launch_leads_to_one_code(app, system, child):
    browser, asking = Browser(app, account_of(app)), app_of(app)
    id = launch(app, system, {"patient": child}).json["launch"]
    first, second = (
        browser.ask(asking, launch=id, scope="launch patient/*.rs", prompt="consent") for _ in range(2)
    )
    assert "code" in told(browser.go_on(first))
    assert told(browser.go_on(second))["error"] == "access_denied"
    assert told(browser.ask(asking, launch=id, scope="launch"))["error"] == "invalid_request"


def test_a_launch_is_for_the_app_and_the_user_that_it_names(app, system, child):
    browser, asking, other = Browser(app, account_of(app)), app_of(app), app_of(app)
    id = launch(app, system, {"patient": child, "client_id": asking.id}).json["launch"]
    assert told(browser.ask(other, launch=id, scope="launch"))["error"] == "invalid_request"
    body = {"patient": child, "user": account_of(app).username}
    id = launch(app, system, body).json["launch"]
    assert told(browser.ask(asking, launch=id, scope="launch"))["error"] == "access_denied"
    id = launch(app, system, {"patient": child, "user": browser.account.username}).json["launch"]
    assert "code" in told(browser.go_on(browser.ask(asking, launch=id, scope="launch")))


def test_an_app_of_another_agency_is_not_launched(app, system):
    browser = Browser(app, account_of(app, "health"))
    id = launch(app, system, {}).json["launch"]
    assert told(browser.ask(app_of(app, "health"), launch=id, scope="launch"))["error"] == "invalid_request"
    anybodys = app_of(app, agency="")
    assert told(browser.ask(anybodys, launch=id, scope="launch"))["error"] == "access_denied"


def test_nobody_learns_by_a_launch_of_a_child_they_may_not_see(app, suite, system):
    unseen = make.word("child-")
    assert suite.put(make.child(id=unseen)).status < 300
    nobody = launch(app, system, {"patient": "nobody"})
    hidden = launch(app, system, {"patient": unseen})
    assert nobody.status_code == hidden.status_code == 400
    assert nobody.text.replace("nobody", "x") == hidden.text.replace(unseen, "x")


@pytest.mark.parametrize(
    "body",
    [None, [], "x", {"patient": 7}, {"patient": "a b"}, {"colour": "red"}, {"client_id": "nobody"},
     {"user": "nobody"}, {"smart_style_url": "javascript:alert(1)"}, {"need_patient_banner": "no"},
     {"fhirContext": [{}]}, {"fhirContext": [{"reference": "Patient/1"}]}],
)  # fmt: skip
def test_what_is_no_launch_context_is_refused(app, system, body):
    answer = launch(app, system, body)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")
    assert "{'" not in answer.json["error_description"].removesuffix("{'patient': '123'}.")


def test_it_says_in_words_what_is_wrong_and_where(app, system):
    answer = launch(app, system, {"colour": "red", "fhirContext": [{}]})
    assert "colour: Unknown field." in answer.json["error_description"]
    assert "fhirContext[0]" in answer.json["error_description"]


def test_it_takes_a_scope_to_open_apps(app):
    answer = launch(app, token(app, "school", "system/*.rs"), {})
    assert (answer.status_code, answer.json["error"]) == (403, "insufficient_scope")
    assert launch(app, "x", {}).status_code == 401
