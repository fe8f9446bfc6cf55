"""What the authorization server answers, field by field as SMART 2.2 wants it.

https://hl7.org/fhir/smart-app-launch/STU2.2/
"""

import re
from urllib.parse import urlsplit

import pytest

from tests import make
from tests.caller import Caller, token
from tests.oauth.flow import Browser, account_of, app_of, post, told

SCOPE = "openid fhirUser launch/patient patient/*.rs offline_access"
STRANGE = "https://some-app.example"


@pytest.fixture(scope="module")
def browser(app):
    return Browser(app, account_of(app))


@pytest.fixture(scope="module")
def asking(app):
    return app_of(app)


@pytest.fixture
def answer(browser, asking, child):
    return browser.tokens(asking, browser.code(asking, child=child, scope=SCOPE))


@pytest.fixture(scope="module")
def system(app):
    """The token of a system of the school that opens apps."""
    return token(app, "school", "system/*.rs launch-context")


def launched(app, browser, asking, system, scope="launch patient/*.rs", **context):
    headers = {"Authorization": f"Bearer {system}"}
    made = app.test_client().post("/auth/launch", json=context, headers=headers)
    assert made.status_code == 201, made.json
    return browser.tokens(asking, browser.code(asking, launch=made.json["launch"], scope=scope))


def test_a_token_answer_has_everything_that_has_to_be_there(answer):
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")
    found = answer.json
    # RFC 6750, section 2.1: what may stand in the header.
    assert re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", found["access_token"])
    assert found["token_type"].lower() == "bearer"
    assert 0 < found["expires_in"] <= 3600
    assert found["scope"] == SCOPE


def test_a_refreshed_answer_has_everything_that_has_to_be_there(browser, asking, answer):
    found = browser.refresh(asking, answer.json["refresh_token"])
    assert (found.headers["Cache-Control"], found.headers["Pragma"]) == ("no-store", "no-cache")
    assert found.json["token_type"].lower() == "bearer"
    assert 0 < found.json["expires_in"] <= 3600
    assert found.json["scope"] == SCOPE
    assert found.json["access_token"] != answer.json["access_token"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/fhir/.well-known/smart-configuration"),
        ("GET", "/fhir/metadata"),
        ("GET", "/auth/jwks"),
        ("GET", "/fhir/Patient/x"),
        ("POST", "/auth/token"),
    ],
)
def test_pages_of_any_origin_may_discover_and_ask(browser, method, path):
    found = browser.client.open(path, method=method, headers={"Origin": STRANGE})
    assert found.headers["Access-Control-Allow-Origin"] in ("*", STRANGE)
    asked = {"Origin": STRANGE, "Access-Control-Request-Method": method}
    preflight = browser.client.options(path, headers=asked)
    assert method in preflight.headers["Access-Control-Allow-Methods"]


@pytest.fixture
def configuration(browser):
    return browser.client.get("/fhir/.well-known/smart-configuration").json


@pytest.mark.parametrize("accept", ["application/json", "application/fhir+xml", "text/html", "*/*"])
def test_the_smart_configuration_is_json_with_absolute_urls_whatever_is_accepted(browser, accept):
    found = browser.client.get("/fhir/.well-known/smart-configuration", headers={"Accept": accept})
    assert (found.status_code, found.mimetype) == (200, "application/json")
    ends = ("_endpoint", "_uri", "issuer")
    urls = [value for name, value in found.json.items() if name.endswith(ends)]
    assert len(urls) >= 6
    assert all(urlsplit(each).scheme and urlsplit(each).netloc for each in urls)
    assert {"authorization_code", "client_credentials"} <= set(found.json["grant_types_supported"])
    assert found.json["code_challenge_methods_supported"] == ["S256"]
    assert found.json["capabilities"]


SETS = {
    "patient access for standalone apps": {
        "launch-standalone", "context-standalone-patient", "permission-patient",
    },
    "patient access for EHR launch": {"launch-ehr", "context-ehr-patient", "permission-patient"},
    "clinician access for standalone apps": {
        "launch-standalone", "permission-user", "permission-patient", "context-standalone-patient",
    },
    "clinician access for EHR launch": {
        "launch-ehr", "permission-user", "permission-patient", "context-ehr-patient",
    },
}  # fmt: skip
"""https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html#capability-sets"""


@pytest.mark.parametrize("name", SETS)
def test_every_capability_set_is_had_whole(configuration, name):
    had = set(configuration["capabilities"])
    assert had >= SETS[name]
    assert had & {"client-public", "client-confidential-symmetric"}


def test_asymmetric_keys_are_advertised(configuration):
    assert "client-confidential-asymmetric" in configuration["capabilities"]
    assert "private_key_jwt" in configuration["token_endpoint_auth_methods_supported"]
    algorithms = configuration["token_endpoint_auth_signing_alg_values_supported"]
    assert set(algorithms) & {"RS384", "ES384"}
    assert configuration["token_endpoint"]
    assert configuration["scopes_supported"]


@pytest.mark.parametrize(
    "scope",
    [
        "patient/*.read",
        "patient/Observation.read",
        "patient/*.*",
        "user/Patient.read",
        "patient/*.rs",
        "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs",
        "user/*.cruds",
        "user/Patient.rs",
    ],
)
def test_every_scope_form_of_both_versions_is_granted(app, browser, child, scope):
    asking = app_of(app, scope="launch/patient patient/*.cruds user/*.cruds")
    answer = browser.tokens(asking, browser.code(asking, child=child, scope=f"launch/patient {scope}"))
    # A scope of version 1 is answered in the words of version 2, which mean the same.
    of_v2 = scope.replace(".read", ".rs").replace(".*", ".cruds")
    assert answer.json["scope"].split()[1] in (scope, of_v2)


def test_introspection_tells_what_the_token_answer_told(app, browser, child, system):
    asking = app_of(app, auth_method="client_secret_post")
    given = launched(
        app, browser, asking, system, "launch openid fhirUser patient/*.rs", patient=child, intent="review"
    ).json
    found = post(browser.client, asking, "/auth/introspect", token=given["access_token"]).json
    assert found["active"] is True
    assert (found["scope"], found["client_id"]) == (given["scope"], asking.id)
    assert abs(found["exp"] - found["iat"] - given["expires_in"]) <= 1
    assert (found["patient"], found["intent"]) == (child, "review")
    assert (found["iss"], found["sub"]) == (browser.issuer, browser.account.id)


def test_each_part_of_a_launch_arrives_in_its_form(app, browser, asking, system, suite, child):
    visit = suite.post(make.encounter(child, "school")).id
    given = {
        "patient": child,
        "encounter": visit,
        "fhirContext": [{"reference": "DocumentReference/1"}],
        "need_patient_banner": False,
        "intent": "reconcile",
        "smart_style_url": "https://school.example/style.json",
        "tenant": "school",
    }
    found = launched(app, browser, asking, system, **given).json
    assert {name: found[name] for name in given} == given


@pytest.mark.parametrize(
    "context", [[{}], [{"role": "launch"}], [{"reference": "Task/1", "role": "own"}], {}, "x"]
)
def test_a_context_that_refers_to_nothing_is_no_context(app, system, child, context):
    headers = {"Authorization": f"Bearer {system}"}
    body = {"patient": child, "fhirContext": context}
    assert app.test_client().post("/auth/launch", json=body, headers=headers).status_code == 400


def test_whose_scopes_they_are_decides_what_is_seen(app, browser, suite, child):
    """The agency's system sees its children, a worker the same or fewer, nobody what the rights withhold."""
    asking = app_of(app)
    user = Caller(app, browser.tokens(asking, browser.code(asking, scope="user/*.rs")).json["access_token"])
    agency = Caller(app, token(app, "school", "system/*.rs"))
    vital = suite.post(make.observation(child, category="vital-signs")).id
    stranger = suite.post(make.child()).id
    for caller in (user, agency):
        assert caller.get(f"Patient/{child}").status == 200
        assert caller.get(f"Patient/{stranger}").status == 404
        assert caller.get(f"Observation/{vital}").status == 404


def test_an_update_scope_creates_under_an_id(app):
    caller = Caller(app, token(app, "suite", "system/Patient.u system/Patient.rs"))
    assert caller.put(make.patient(id=make.word("upsert-"))).status == 201


def test_a_refusal_is_told_to_the_app(browser, asking):
    assert told(browser.ask(asking, prompt="none"))["error"] == "interaction_required"
