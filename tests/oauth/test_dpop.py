import base64
import hashlib

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from server import clock
from tests.oauth.flow import Browser, account_of, app_of, post

EC, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
TOKEN = "http://127.0.0.1:8000/auth/token"
SCOPE = "openid patient/*.rs offline_access"


def now():
    return int(clock.now().timestamp())


def proof(method="POST", url=TOKEN, key=EC, header=None, algorithm="ES256", token=None, **differences):
    claims = {"htm": method, "htu": url, "iat": now(), "jti": clock.new_id()}
    if token:
        claims["ath"] = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
    claims = {name: value for name, value in {**claims, **differences}.items() if value is not ...}
    whole = {"typ": "dpop+jwt", "alg": algorithm, "jwk": key.as_dict(private=False), **(header or {})}
    return jwt.encode(whole, claims, key, algorithms=[algorithm])


@pytest.fixture(scope="module")
def browser(app):
    return Browser(app, account_of(app))


def bound(app, browser, child, sent=None, asking=None, **given):
    asking = asking or app_of(app)
    form = {
        "grant_type": "authorization_code",
        "code": browser.code(asking, child=child, scope=SCOPE, **given),
        "redirect_uri": "https://app.example/callback",
        "code_verifier": "v" * 50,
    }
    headers = {"DPoP": sent or proof()}
    return asking, post(browser.client, asking, headers=headers, **form)


def read(app, child, token, sent=None, scheme="DPoP", path=""):
    headers = {"Authorization": f"{scheme} {token}", **({"DPoP": sent} if sent else {})}
    return app.test_client().get(f"/fhir/Patient/{child}{path}", headers=headers)


def url(app, child):
    return f"{app.extensions['settings'].public_url}/Patient/{child}"


def test_a_token_that_was_bound_to_a_key_is_good_with_it_alone(app, browser, child):
    _, answer = bound(app, browser, child)
    assert answer.json["token_type"] == "DPoP"
    token = answer.json["access_token"]
    assert read(app, child, token, proof("GET", url(app, child), token=token)).status_code == 200
    refused = read(app, child, token, proof("GET", url(app, child), OTHER, token=token))
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith('DPoP realm="fhir", error="invalid_token"')


def test_the_query_is_no_part_of_the_url_of_a_proof(app, browser, child):
    _, answer = bound(app, browser, child)
    token = answer.json["access_token"]
    sent = proof("GET", url(app, child), token=token)
    assert read(app, child, token, sent, path="?_summary=true").status_code == 200


@pytest.mark.parametrize(
    "differences",
    [
        {"method": "POST"},
        {"url": "https://elsewhere.example/fhir/Patient"},
        {"ath": ...},
        {"ath": "x"},
        {"iat": now() - 3600},
        {"iat": now() + 3600},
        {"iat": ...},
        {"iat": True},
        {"jti": ...},
        {"jti": ""},
        {"jti": "x" * 300},
        {"header": {"typ": "jwt"}},
        {"header": {"jwk": EC.as_dict(private=True)}},
        {"header": {"jwk": OTHER.as_dict(private=False)}},
        {"header": {"jwk": {"kty": "oct", "k": "eA"}}},
    ],
)
def test_a_proof_of_something_else_proves_nothing(app, browser, child, differences):
    _, answer = bound(app, browser, child)
    token = answer.json["access_token"]
    sent = proof(**{"method": "GET", "url": url(app, child), "token": token, **differences})
    refused = read(app, child, token, sent)
    assert refused.status_code == 401
    assert 'error="invalid_dpop_proof"' in refused.headers["WWW-Authenticate"]


def test_a_proof_is_good_once(app, browser, child):
    _, answer = bound(app, browser, child)
    token = answer.json["access_token"]
    sent = proof("GET", url(app, child), token=token)
    assert read(app, child, token, sent).status_code == 200
    assert read(app, child, token, sent).status_code == 401


def test_a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound(app, browser, child):
    _, answer = bound(app, browser, child)
    token = answer.json["access_token"]
    assert read(app, child, token, scheme="Bearer").status_code == 401
    assert read(app, child, token).status_code == 401
    asking = app_of(app)
    plain = browser.tokens(asking, browser.code(asking, child=child, scope=SCOPE)).json["access_token"]
    assert read(app, child, plain, proof("GET", url(app, child), token=plain)).status_code == 401
    assert read(app, child, plain, scheme="Bearer").status_code == 200


def test_the_refresh_token_of_a_public_app_is_bound_as_well(app, browser, child):
    asking, answer = bound(app, browser, child)
    form = {"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}
    for headers in ({}, {"DPoP": proof(key=OTHER)}):
        refused = post(browser.client, asking, headers=headers, **form)
        assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")
    again = post(browser.client, asking, headers={"DPoP": proof()}, **form)
    assert (again.status_code, again.json["token_type"]) == (200, "DPoP")


def test_a_code_may_be_bound_before_it_is_given(app, browser, child):
    _, refused = bound(app, browser, child, proof(key=OTHER), dpop_jkt=EC.thumbprint())
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")
    _, answer = bound(app, browser, child, dpop_jkt=EC.thumbprint())
    assert answer.status_code == 200


def test_an_app_that_registered_for_it_needs_a_proof_always(app, browser, child):
    asking = app_of(app, dpop_bound=True)
    refused = browser.tokens(asking, browser.code(asking, child=child, scope=SCOPE))
    assert (refused.status_code, refused.json["error"]) == (400, "invalid_dpop_proof")


def test_a_key_may_be_of_another_kind(app, browser, child):
    key = RSAKey.generate_key(2048)
    _, answer = bound(app, browser, child, proof(key=key, algorithm="PS256"))
    assert answer.json["token_type"] == "DPoP"


@pytest.mark.parametrize("sent", ["", "x", "a.b.c", "é", "x" * 10_000])
def test_what_is_no_proof_is_refused(app, browser, child, sent):
    asking = app_of(app)
    form = {"grant_type": "authorization_code", "code": browser.code(asking, child=child, scope=SCOPE)}
    form |= {"redirect_uri": "https://app.example/callback", "code_verifier": "v" * 50}
    answer = post(browser.client, asking, headers={"DPoP": sent.encode().decode("latin-1")}, **form)
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")


def test_where_it_is_set_a_proof_hangs_on_a_nonce_of_ours(serving):
    auth = serving(CHILDRECORD_DPOP_NONCE="true")
    form = {"grant_type": "client_credentials"}
    from urllib.parse import quote_plus

    from tests.oauth.parties import SECRET

    def ask(**claims):
        headers = {"DPoP": proof(**claims)}
        return auth.post("/auth/token", data=form, headers=headers, auth=("school", quote_plus(SECRET)))

    first = ask()
    assert (first.status_code, first.json["error"]) == (400, "use_dpop_nonce")
    answer = ask(nonce=first.headers["DPoP-Nonce"])
    assert (answer.status_code, answer.json["token_type"]) == (200, "DPoP")
    assert ask(nonce="guessed").json["error"] == "use_dpop_nonce"
